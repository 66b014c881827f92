"""`k = "auto"` on markets with known wallets, against the k of other criteria; and what choosing costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from bench.leaks import wallet_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

RIVALS = {"elbow": max, "calinski_harabasz": max, "silhouette": max, "davies_bouldin": min}
"""What else could choose, and whether its largest or its smallest value does."""


def run(market: Path, output: Path, k: str) -> tuple[RunDirectory, float]:
    """A run with this k, as TOML writes it, and the CPU seconds of its fit; the guard and bootstraps are left out."""
    from tamscore import job_file, pipeline
    from tamscore.progress import Progress

    changes = [f'output.path="{output}"', f"clusters.k={k}", 'leakage.action="off"', "clusters.stability=false"]
    progress = Progress()
    done = pipeline.run(job_file.load(market / "job.toml", changes), progress)
    return done, next(time.cpu_seconds for time in progress.times if time.stage == "fit")


def by_party(k: Mapping[str, int]) -> str:
    """The number of clusters of each party type as TOML writes it."""
    return f"{{ {', '.join(f'{party} = {count}' for party, count in k.items())} }}"


def choice_of_k(market: Path, work: Path) -> dict[str, Any]:
    """The rank correlation of prospects' potential with their true wallet, by who chose k; and the cost of choosing."""
    auto, choosing = run(market, work / "auto", "auto")
    rows = pq.read_table(auto.tables / "choice_of_k.parquet").to_pylist()
    parties = list(dict.fromkeys(row["party_type"] for row in rows))
    chosen = {row["party_type"]: row["k"] for row in rows if row["chosen"]}
    _, fixed = run(market, work / "fixed", by_party(chosen))
    k, correlation = {"auto": chosen}, {"auto": wallet_correlation(auto, market / "truth")}
    for name, best in RIVALS.items():
        k[name] = {
            party: best((row for row in rows if row["party_type"] == party), key=lambda row: row[name])["k"]
            for party in parties
        }
        done, _ = run(market, work / name, by_party(k[name]))
        correlation[name] = wallet_correlation(done, market / "truth")
    return {
        "rows": pq.read_table(market / "truth", columns=["wallet"]).num_rows,
        "k": k,
        "wallet_correlation": correlation,
        "cpu_seconds_of_the_fit": {"auto": choosing, "fixed": fixed},
        "cost": choosing / fixed,
    }
