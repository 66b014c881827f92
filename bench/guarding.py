"""The leakage guard on a table of any kind: four leaks of four makes planted beside its own features, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamscore.schema import PARTY_TYPES
from tamscore.stages import leakage, prepare

if TYPE_CHECKING:
    from tamscore.config import Job

FEWEST_PROSPECTS = 100
"""With fewer the guard warns only, and nothing is counted."""


def guard(job: Job) -> dict[str, Any]:
    """Count planted leaks caught, and the job's own features suspected beside the leaks and without any."""
    table = pq.read_table(job.input.path)
    sales = numbers(table, job.columns.sales)
    rows = leakage.chosen_rows(sales[party_of(table, job)])
    here = np.flatnonzero(party_of(table, job))[rows]
    views, sales = views_of(job, table, here), sales[here]
    if np.count_nonzero(sales <= 0) < FEWEST_PROSPECTS:
        return {"prospects": int(np.count_nonzero(sales <= 0))}
    own = suspects(views, sales)
    caught: dict[str, list[int]] = {}
    blamed: set[str] = set()
    for make, planted in leaks(sales).items():
        found = [suspects(views | {"planted": leakage.numeric_views(leak)}, sales) for leak in planted]
        caught[make] = [sum("planted" in names for names in found), len(found)]
        blamed |= {name for names in found for name in names} - {"planted", *own}
    honest = [name for name in views if name not in job.features.allow]
    return {
        "prospects": int(np.count_nonzero(sales <= 0)),
        "caught": caught,
        "honest": len(honest),
        "suspected": sorted(set(own) & set(honest)),
        "allowed_and_suspected": sorted(set(own) - set(honest)),
        "blamed_for_a_leak": sorted(blamed),
    }


def leaks(sales: Any) -> dict[str, list[Any]]:
    """Return columns (m,) made of sales: plain, carried by 20 and by 30 % of prospects, and with a floor."""
    random = np.random.default_rng(20)
    bought = np.maximum(np.nan_to_num(sales), 0.0)
    buyers = bought[bought > 0]
    typical, prospect = float(np.median(buyers)), bought == 0

    def shapes(base: Any) -> list[Any]:
        noise = np.exp(0.4 * random.standard_normal(len(base)))
        return [0.07 * base, np.log1p(base), base * noise, random.poisson(3.0 * base / typical).astype(np.float64)]

    made = {"plain": shapes(bought)}
    for share in (0.2, 0.3):
        lapsed = prospect & (random.random(len(bought)) < share)
        made[f"carried by {share:.0%}"] = shapes(np.where(lapsed, random.choice(buyers, len(bought)), bought))
    made["floor at 0.3 of the median"] = shapes(np.maximum(bought, 0.3 * typical))
    return made


def suspects(views: dict[str, Any], sales: Any) -> list[str]:
    """Return the features, given as views (v, m), that the guard suspects."""
    limits = leakage.LeakageLimits()
    return [name for name, found in leakage.evidence(views, sales, limits).items() if limits.suspects(found)]


def views_of(job: Job, table: pa.Table, rows: Any) -> dict[str, Any]:
    """Return every feature of a job as views (v, m) of some rows."""
    views = {name: leakage.numeric_views(numbers(table, name)[rows]) for name in job.features.numeric}
    for name in job.features.categorical:
        text = table[name].combine_chunks().cast(pa.string()).take(pa.array(rows))
        levels = prepare.Vocabulary(name, tuple(sorted(set(text.unique().to_pylist()) - {None})))
        views[name] = leakage.level_views(levels.encode(text))
    return views


def numbers(table: pa.Table, name: str) -> Any:
    """Return a column (n,) as float64 with NaN for missing."""
    return table[name].combine_chunks().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def party_of(table: pa.Table, job: Job) -> Any:
    """Return which rows (n,) bool are of the first party type; all where the job has none."""
    if job.columns.party_type is None:
        return np.ones(table.num_rows, bool)
    return np.array(table[job.columns.party_type].to_pylist()) == PARTY_TYPES[0]


def ranks(values: Any) -> Any:
    """Return the ranks (n,) of values, ties at their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def area(values: Any, positive: Any) -> float:
    """Return the area under the ROC curve of values (n,) for positives (n,) bool."""
    there = int(positive.sum())
    absent = len(positive) - there
    if not there or not absent:
        return float("nan")
    return float((ranks(values)[positive].sum() - there * (there + 1) / 2) / (there * absent))
