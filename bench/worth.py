"""Lifetime value and next offers held against what two shops sold afterwards, beside other ways to foretell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.trials import prepare
from tamscore import job_file, pipeline
from tamscore.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

JOBS = prepare.HERE
BEST = 10
"""So many products are offered when hits are counted."""


@dataclass(frozen=True)
class Trial:
    """A shop: its job, the table of its customers, its orders, and the last day that is known."""

    job: str
    market: str
    orders: str
    split: date


TRIALS = {
    "cdnow": Trial("cdnow", "cdnow", "cdnow_orders", date(1997, 9, 30)),
    "online_retail": Trial("online_retail_worth", "online_retail_halves", "online_retail_orders", date(2011, 6, 5)),
}


def run(trial: Trial, tables: Path, output: Path, *changes: str) -> RunDirectory:
    """The run of a trial's job on prepared tables."""
    given = [f"input.path={tables / trial.market}.parquet", f"output.path={output}", 'device="cpu"']
    given.append(f"lifetime_value.orders={tables / trial.orders}.parquet")
    if trial.job.startswith("online_retail"):
        given.append(f"next_offer.path={tables / 'online_retail_products'}.parquet")
    return pipeline.run(job_file.load(JOBS / f"{trial.job}.toml", [*given, *changes]), Progress())


def realised(trial: Trial, tables: Path, ids: list[str]) -> Any:
    """What customers (m,) spent after the last day that is known."""
    orders = pq.read_table(tables / f"{trial.orders}.parquet")
    late = orders.filter(pc.greater(orders["date"], pa.scalar(trial.split)))
    spent = late.group_by("customer_id").aggregate([("amount", "sum")])
    by_id = dict(zip(spent["customer_id"].to_pylist(), spent["amount_sum"].to_pylist(), strict=True))
    return np.array([by_id.get(customer, 0.0) for customer in ids])


def lifetime_value(tables: Path, output: Path, peers: Path | None) -> Iterator[dict[str, Any]]:
    """How each way to value customers compares with what they spent; `peers` holds what other models expect."""
    for name, trial in TRIALS.items():
        done = run(trial, tables, output / name)
        scores, record = pq.read_table(done.scores), (done.manifest() or {})["extras"]["lifetime_value"]
        ids = scores["account_id"].to_pylist()
        ways = {
            f"lifetime value, form {record['form']}": scores["lifetime_value"].to_numpy(),
            "seed36": scores["lifetime_value_seed36"].to_numpy(),
            "sales so far": scores["trailing_sales"].to_numpy(),
        }
        if peers is not None:
            found = pq.read_table(peers / f"{name}_bgnbd.parquet").to_pydict()
            expected = dict(zip(found["customer_id"], found["expected"], strict=True))
            ways["BG/NBD x gamma-gamma"] = np.array([expected.get(customer, 0.0) for customer in ids])
        spent = realised(trial, tables, ids)
        for way, value in ways.items():
            yield {"table": name, "customers": len(ids), "way": way, **compared(np.nan_to_num(value), spent)}


def compared(value: Any, spent: Any) -> dict[str, float]:
    """What was foretold (m,) beside what was spent: total, errors, rank correlation, and what the best fifth spent."""
    best = np.argsort(-value, kind="stable")[: len(value) // 5]
    found = {
        "total_to_spent": value.sum() / spent.sum(),
        "mean_error": np.abs(value - spent).mean(),
        "root_mean_square_error": np.sqrt(((value - spent) ** 2).mean()),
        "rank_correlation": np.corrcoef(ranks(value), ranks(spent))[0, 1],
        "spent_by_best_fifth": spent[best].sum() / spent.sum(),
    }
    return {name: round(float(one), 4) for name, one in found.items()}


def ranks(values: Any) -> Any:
    """The rank (m,) of each value; equal ones share the middle of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def next_offer(tables: Path, output: Path) -> Iterator[dict[str, Any]]:
    """How many customers of the shop bought one of ten products offered, of those that bought something new."""
    trial = TRIALS["online_retail"]
    for owned in (0.4, 0.1, 0.05, 0.02):
        done = run(trial, tables, output / f"{owned}", f"next_offer.owned={owned}")
        scores = pq.read_table(done.scores)
        before, after = (baskets(tables / f"online_retail_products{later}.parquet") for later in ("", "_later"))
        cluster = dict(zip(scores["account_id"].to_pylist(), scores["cluster"].to_pylist(), strict=True))
        new = {one: bought for one in cluster if (bought := new_products(before.get(one, {}), after.get(one, {})))}
        offers = pq.read_table(done.tables / "next_offers.parquet").to_pylist()
        lists = {one: [row for row in offers if row["cluster"] == one] for one in set(cluster.values())}
        popular = most_owned(before, cluster)
        ways: dict[str, Any] = {
            "share in the cluster": {one: [row["product"] for row in rows] for one, rows in lists.items()},
            "share x cut line": {one: by_money(rows) for one, rows in lists.items()},
            "popularity": dict.fromkeys(lists, popular),
        }
        for way, products in ways.items():
            sold = np.array(
                [sold_of(products[cluster[one]], before.get(one, {}), bought) for one, bought in new.items()]
            )
            rates = {
                "hit_rate_at_10": round(float(np.mean(sold > 0)), 4),
                "sold_a_customer": round(float(sold.mean()), 2),
            }
            figures = {"owned": owned, "offers_a_cluster": round(len(offers) / len(lists), 1), "customers": len(new)}
            yield {"table": "online_retail", "way": way, **figures, **rates}


def by_money(rows: list[dict[str, Any]]) -> list[str]:
    """The products of a cluster's offers by what they may be expected to bring."""
    return [row["product"] for row in sorted(rows, key=lambda row: (-row["share"] * row["value"], row["product"]))]


def baskets(path: Path) -> dict[str, dict[str, float]]:
    """What each customer bought of each product, where it comes to more than 0."""
    found: dict[str, dict[str, float]] = {}
    for row in pq.read_table(path).to_pylist():
        if row["sales"] > 0:
            found.setdefault(row["customer_id"], {})[row["product"]] = row["sales"]
    return found


def new_products(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What was bought after that was not owned before."""
    return {product: sales for product, sales in after.items() if product not in before}


def most_owned(before: dict[str, dict[str, float]], customers: dict[str, str]) -> list[str]:
    """All products, those that most customers own first."""
    counts: dict[str, int] = {}
    for customer in customers:
        for product in before.get(customer, ()):
            counts[product] = counts.get(product, 0) + 1
    return sorted(counts, key=lambda product: (-counts[product], product))


def sold_of(products: list[str], owned: dict[str, float], bought: dict[str, float]) -> float:
    """What was sold of the best ten products that are not owned yet."""
    offered = [product for product in products if product not in owned][:BEST]
    return sum(bought.get(product, 0.0) for product in offered)
