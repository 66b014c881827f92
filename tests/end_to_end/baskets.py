"""What the accounts of a market buy of each product, by customer jobs that are planted: for the tests of [jobs]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS = ("anvil", "bellows", "chisel", "drill", "etcher", "file", "gauge", "hammer", "inlay")
JOBS = 3
LEADING = (("anvil", "bellows"), ("drill", "etcher"), ("gauge", "hammer"))
"""The products that lead in each planted job."""


def planted(rows: int, seed: int = 0) -> Any:
    """The job (rows,) that each account of `market.accounts` has, or would have: mostly that of its peer group."""
    random = np.random.default_rng([seed, 21])
    own = random.random(rows) < 0.85
    return np.where(own, market.peer_group(rows, seed) % JOBS, random.integers(0, JOBS, rows))


def products_of(table: pa.Table, seed: int = 0) -> pa.Table:
    """What each customer bought of each product; a few returns, so that lines of a pair are added up."""
    random, jobs = np.random.default_rng([seed, 22]), planted(table.num_rows, seed)
    rows: list[tuple[str, str, float]] = []
    for account, sales, job in zip(table["account_id"].to_pylist(), table["sales"].to_pylist(), jobs, strict=True):
        if (sales or 0) <= 0:
            continue
        mix = np.full(len(PRODUCTS), 0.02)
        mix[3 * job : 3 * job + 3] += (0.45, 0.25, 0.12)
        units = random.multinomial(random.integers(6, 20), random.dirichlet(40 * mix))
        rows += [(account, PRODUCTS[at], 10.0 * int(count)) for at, count in enumerate(units) if count]
        rows += [(account, PRODUCTS[0], 5.0), (account, PRODUCTS[0], -5.0)]
    order = random.permutation(len(rows))
    return pa.table({name: [rows[i][at] for i in order] for at, name in enumerate(("account_id", "product", "sales"))})


def build(folder: Path, rows: int = 1500, seed: int = 0, **layout: Any) -> dict[str, Any]:
    """The market and its products in a folder, and the changes to its job that ask for customer jobs."""
    table = market.accounts(rows, seed)
    market.write(table, folder / "market", **layout)
    pq.write_table(products_of(table, seed), folder / "products.parquet", row_group_size=700)
    return changes(folder)


def changes(folder: Path, **jobs: Any) -> dict[str, Any]:
    """The changes to a job that ask for customer jobs by the products in a folder."""
    return {"next_offer": {"path": str(folder / "products.parquet")}, "jobs": jobs}


def true_jobs(rows: int, seed: int = 0) -> dict[str, int]:
    """The planted job of each account by its id."""
    ids = market.accounts(rows, seed)["account_id"].to_pylist()
    return dict(zip(ids, planted(rows, seed).tolist(), strict=True))
