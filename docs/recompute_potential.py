"""Recompute accounts' potentials from the scores of a run, by the definition and without tamscore.

    python docs/recompute_potential.py scores/versions/3fa9c0d1e2b34a56 --accounts 1000

Everything is read from the run's own files: peers and what customers spend from scores/, the rules from manifest.json.
Ladders that lean on others, or are frozen from an earlier run, are taken from tables/potential.parquet; every other one
is made anew. Exits with 1 where a potential differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PRESETS = {"p85": (0.85, 0.90, 0.95), "p80": (0.80, 0.85, 0.90, 0.95)}
CAPS = {"p99": 0.99, "p99.5": 0.995}


def shares(rules: dict) -> list[float]:
    """The shares of customers at which the steps of a ladder are taken, the top step last."""
    lines = rules["cut_lines"] or PRESETS[rules["preset"]]
    top = {"max": 1.0, "next_step": (1.0 + lines[-1]) / 2, **CAPS}[rules["top_step"]]
    return [*lines, max(top, lines[-1])]


def ladder(sales: np.ndarray, rules: dict) -> np.ndarray:
    """The values of the steps: nearest rank, so each of them is what some customer spends."""
    return np.quantile(sales, shares(rules), method="inverted_cdf")


def potential(sold: float | None, steps: np.ndarray, rules: dict) -> float | None:
    """The lowest step that sales do not exceed (or lie below); above a capped top the sales themselves."""
    sold = sold or 0.0
    if np.isnan(steps).any():
        return None
    strictly = rules["boundary"] == "strictly_below" and sold > 0
    reached = [step for step in steps[:-1] if (step > sold if strictly else step >= sold)]
    return max(reached[0] if reached else steps[-1], sold)


def read(run: Path) -> pa.Table:
    """The scores of a run: what its potentials follow from."""
    columns = ["account_id", "cluster", "sales", "potential"]
    parts = sorted((run / "scores").glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(part, columns=columns) for part in parts]).unify_dictionaries()


def ladders(run: Path, scores: pa.Table, rules: dict, *, frozen: bool) -> dict[str, np.ndarray]:
    """The ladder of every cluster: made anew from its customers; as stored where it leans on others or is frozen."""
    told = {row["cluster"]: row for row in pq.read_table(run / "tables" / "potential.parquet").to_pylist()}
    cluster, sales = np.array(scores["cluster"].to_pylist()), scores["sales"].to_numpy()
    names = [*(f"p{share * 100:g}" for share in shares(rules)[:-1]), "top"]
    found = {}
    for name, row in told.items():
        if row["basis"] == "cluster" and not frozen:
            found[name] = ladder(sales[(cluster == name) & (sales > 0)], rules)
        else:
            found[name] = np.array([row[step] for step in names], float)
    return found


def main() -> int:
    """Recompute, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of one version of an output")
    parser.add_argument("--accounts", type=int, default=1000, help="how many accounts, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    manifest = json.loads((asked.run / "manifest.json").read_text(encoding="utf-8"))
    rules, frozen = manifest["job"]["potential"], manifest["model"].get("ladders") == "frozen"
    scores = read(asked.run)
    steps = ladders(asked.run, scores, rules, frozen=frozen)
    drawn = np.random.default_rng(asked.seed).permutation(scores.num_rows)[: asked.accounts]
    wrong = 0
    for row in scores.take(np.sort(drawn)).to_pylist():
        found = potential(row["sales"], steps[row["cluster"]], rules)
        if found != row["potential"]:
            wrong += 1
            print(f"{row['account_id']}: stored {row['potential']}, recomputed {found}")
    print(f"{len(drawn) - wrong} of {len(drawn)} potentials are what their definition gives")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
