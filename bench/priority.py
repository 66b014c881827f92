"""Priority held against what is known to come: the money of those who are called first, and what is expected of them.

`python -m bench priority` makes synthetic markets, whose truth says what every account would buy and how likely, and
scores each three times: by who looks like customers, with labels of who bought in a window, at level account.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.synthetic import write_market

FIRST = 500
"""So many prospects are called."""
WINDOW = (
    'propensity.label="bought"',
    "propensity.feature_cutoff=2025-12-31",
    "propensity.label_start=2026-01-01",
    "propensity.label_end=2026-03-31",
)
WAYS: dict[str, tuple[str, ...]] = {
    "look_alike": (),
    "labels": WINDOW,
    "labels, level account": (*WINDOW, 'potential.level="account"'),
}


def case(rows: int, seed: int) -> dict[str, Any]:
    """One market: money by order of whitespace and of priority, and what came of the best tenth, for each way."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write_market(folder, rows, seed)
        truth = pl.read_parquet(folder / "truth" / "*.parquet").with_columns(pl.col("account_id").cast(pl.String))
        found = {}
        for way, changes in WAYS.items():
            label = [f'propensity.label_table="{folder / "truth"}"'] if changes else []
            given = [*changes, *label, f'output.path="{folder / "scores"}"', 'device="cpu"']
            done = pipeline.run(job_file.load(folder / "job.toml", given), Progress())
            scores = pl.concat([pl.read_parquet(str(path)) for path in done.parts()])
            found[way] = judged(scores.with_columns(pl.col("account_id").cast(pl.String)).join(truth, on="account_id"))
    return {"case": "synthetic", "rows": rows, "seed": seed, **found}


def judged(accounts: pl.DataFrame) -> dict[str, Any]:
    """Money that may truly be expected of the first prospects, in two orders, and of the tenth that promises most.

    The most there is stands beside it: the first by the truth itself, which no order by features can beat. A new
    customer gives us the share of its wallet that customers of its segment give.
    """
    buys = accounts.filter(pl.col("kind") == "expansion")
    share = buys.group_by("segment").agg((pl.col("sales").sum() / pl.col("wallet").sum()).alias("share"))
    prospects = accounts.filter((pl.col("kind") == "acquisition") & (pl.col("party_type") == "end_user"))
    prospects = prospects.join(share, on="segment").with_columns((pl.col("wallet") * pl.col("share")).alias("worth"))
    first = {order: prospects.sort([order, "account_id"]).head(FIRST) for order in ("rank", "priority")}
    promised = prospects["worth"] * prospects["chance"]
    money = {order: float((one["worth"] * one["chance"]).sum()) for order, one in first.items()}
    most = float(promised.sort(descending=True).head(FIRST).sum())
    best = prospects.sort("expected_value", descending=True).head(len(prospects) // 10)
    expected, came = float(best["expected_value"].sum()), float((best["worth"] * best["bought"]).sum())
    return {
        "basis": first["priority"]["p_basis"].cast(pl.String).mode()[0],
        "by_whitespace": round(money["rank"]),
        "by_priority": round(money["priority"]),
        "ratio": round(money["priority"] / money["rank"], 3),
        "most_there_is": round(most),
        "share_of_most": round(money["priority"] / most, 3),
        "best_tenth": {"expected": round(expected), "came": round(came)},
        "expected_over_came": round(expected / came, 3),
        "places_shared": len(accounts) - accounts.select("party_type", "priority").unique().height,
    }


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst and the mean ratio of every way, and how far expectations lie off."""
    found = {}
    for way in WAYS:
        ratios = [one[way]["ratio"] for one in results]
        off = [one[way]["expected_over_came"] for one in results]
        found[way] = {
            "least": min(ratios), "mean": round(float(np.mean(ratios)), 3), "expected_over_came": [min(off), max(off)],
        }  # fmt: skip
    return {"case": "summary", "seeds": len(results), **found}
