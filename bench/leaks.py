"""The leakage guard on markets with known truth: ten planted leaks, ten honest features that follow size, wallets."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import clock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

OF_THE_MARKET = ("employees", "revenue", "assets", "payroll", "it_spend", "devices")
"""Honest features of size that the market has already."""
LEAK_WEIGHT = 50.0
"""Leaks rule the distances, as unscaled money would: the harm at its worst. The guard does not see weights."""


def leaks(market: pa.Table, seed: int) -> dict[str, Any]:
    """Ten columns (m,) made of sales."""
    random = np.random.default_rng([seed, 10])
    sales = np.nan_to_num(market["sales"].to_numpy())
    typical = float(np.median(sales[sales > 0]))
    fifths = np.quantile(sales[sales > 0], (0.2, 0.4, 0.6, 0.8))
    employees, it_spend, revenue, exports = (
        filled(market, name) for name in ("employees", "it_spend", "revenue", "export_share")
    )
    return {
        "leak_scaled": 0.07 * sales,
        "leak_logged": np.log1p(np.maximum(sales, 0.0)),
        "leak_noised": sales * np.exp(0.4 * random.standard_normal(len(sales))),
        "leak_noised_for_all": sales + 0.5 * typical * random.standard_normal(len(sales)),
        "leak_binned": np.where(sales > 0, 1.0 + np.searchsorted(fifths, sales), 0.0),
        "leak_orders": random.poisson(3.0 * np.maximum(sales, 0.0) / typical).astype(np.float64),
        "leak_product": sales * employees,
        "leak_product_of_share": sales * exports,
        "leak_sum": sales + 0.01 * it_spend,
        "leak_sum_of_three": 3.0 * sales + 0.005 * revenue + 0.02 * it_spend,
    }


def honest(market: pa.Table, wallet: Any, seed: int) -> dict[str, Any]:
    """Four columns (m,) that follow the wallet, and with it sales, of customers and prospects alike."""
    random = np.random.default_rng([seed, 11])
    noise = random.standard_normal((3, len(wallet)))
    return {
        "honest_budget": wallet.copy(),
        "honest_estimate": wallet * np.exp(0.3 * noise[0]),
        "honest_guess": wallet * np.exp(0.8 * noise[1]),
        "honest_index": np.sqrt(wallet * np.maximum(filled(market, "employees"), 1.0)) * np.exp(0.3 * noise[2]),
    }


def filled(market: pa.Table, name: str) -> Any:
    """A numeric column (m,) with the median for what is missing."""
    column = market[name].to_numpy().astype(np.float64)
    return np.where(np.isnan(column), np.nanmedian(column), column)


def plant(market: Path, folder: Path, seed: int) -> Path:
    """The folder of a market with leaks and honest features beside its own columns; its job file stays as it is."""
    table, truth = pq.read_table(market / "market"), pq.read_table(market / "truth")
    made = leaks(table, seed) | honest(table, truth["wallet"].to_numpy(), seed)
    for name, column in made.items():
        table = table.append_column(name, pa.array(column))
    (folder / "market").mkdir(parents=True)
    pq.write_table(table, folder / "market" / "part-00000.parquet", row_group_size=20_000)
    (folder / "job.toml").write_text((market / "job.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def run(market: Path, output: Path, names: Iterable[str]) -> tuple[RunDirectory, dict[str, str]]:
    """A run on some numeric features that only warns, and the verdicts: suspect where any party type says so."""
    from tamscore import job_file, pipeline
    from tamscore.progress import Progress

    tables = tomllib.loads((market / "job.toml").read_text(encoding="utf-8"))
    numeric = {name: {"weight": LEAK_WEIGHT if name.startswith("leak_") else 1.0} for name in names}
    tables["features"] |= {"numeric": numeric, "categorical": ["industry", "technology"]}
    tables |= {"output": {"path": str(output)}, "leakage": {"action": "warn"}}
    tables["clusters"]["restarts"] = 5
    del tables["columns"]["market_segment"]  # whose ladders would stand in where a cluster has no customers
    done = pipeline.run(job_file.parse(tables, folder=market), Progress())
    rows = pq.read_table(done.tables / "leakage.parquet").to_pylist()
    suspects = {row["feature"] for row in rows if row["verdict"] == "suspect"}
    return done, {row["feature"]: "suspect" if row["feature"] in suspects else "clear" for row in rows}


def wallet_correlation(done: RunDirectory, truth: Path) -> float:
    """The rank correlation of prospects' potential with their true wallet."""
    from tamscore.stages.separation import rank_correlation

    scores = pq.read_table(done.scores, columns=["account_id", "kind", "potential"])
    both = scores.join(pq.read_table(truth), "account_id").filter(pa.compute.field("kind") == "acquisition")
    return rank_correlation(both["potential"].to_numpy(), both["wallet"].to_numpy())


def guard(market: Path, work: Path, seed: int) -> dict[str, Any]:
    """How many leaks are caught and honest features kept, together and one leak at a time; and what the guard saves."""
    planted = plant(market, work / "planted", seed)
    added = pq.read_schema(planted / "market" / "part-00000.parquet").names
    bad = [name for name in added if name.startswith("leak_")]
    good = [name for name in added if name.startswith("honest_")]
    with clock() as spent:
        leaking, found = run(planted, work / "leaking", [*OF_THE_MARKET, *bad])
    left = [name for name in bad if found[name] == "clear"]
    cured, _ = run(planted, work / "cured", [*OF_THE_MARKET, *left])
    _, verdicts = run(planted, work / "together", [*OF_THE_MARKET, *bad, *good])
    suspects = [name for name, verdict in verdicts.items() if verdict == "suspect"]
    alone = {}
    for name in bad:
        _, found = run(planted, work / f"alone-{name}", [*OF_THE_MARKET, *good, name])
        alone[name] = [one for one, verdict in found.items() if verdict == "suspect"]
    return {
        "rows": pq.read_table(market / "truth", columns=["wallet"]).num_rows,
        "caught_together": sum(name in suspects for name in bad),
        "caught_alone": sum(name in alone[name] for name in bad),
        "leaks": len(bad),
        "kept_together": sum(name not in suspects for name in (*OF_THE_MARKET, *good)),
        "honest": len(OF_THE_MARKET) + len(good),
        "blamed_wrongly": sorted({one for found in (suspects, *alone.values()) for one in found} - set(bad)),
        "missed": sorted({name for name in bad if name not in suspects or name not in alone[name]}),
        "wallet_correlation_with_leaks": wallet_correlation(leaking, market / "truth"),
        "wallet_correlation_after_the_guard": wallet_correlation(cured, market / "truth"),
        "cpu_seconds_of_the_leaking_run": spent["cpu_seconds"],
    }
