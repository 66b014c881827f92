"""A market with orders and products: what accounts bought and when, for the tests of lifetime value and its kin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = date(2026, 6, 30)
PRODUCTS = ("anvil", "bellows", "chisel", "drill", "etcher")
OWNED = (0.7, 0.5, 0.4, 0.2, 0.02)


def orders_of(table: pa.Table, seed: int = 0) -> pa.Table:
    """Two years of orders that come to the sales of each customer in the last one; some came back, a few are new."""
    random = np.random.default_rng([seed, 7])
    rows: list[tuple[str, date, float]] = []
    for account, sales in zip(table["account_id"].to_pylist(), table["sales"].to_pylist(), strict=True):
        count = int(random.integers(1, 6))
        back = random.integers(0, 365, count)
        if (sales or 0) > 0:
            rows += [(account, AS_OF - timedelta(int(day)), round(sales / count, 2)) for day in back]
        if ((sales or 0) > 0 and random.random() < 0.8) or random.random() < 0.1:
            rows += [(account, AS_OF - timedelta(366 + int(day) % 360), 50.0) for day in back]
    order = random.permutation(len(rows))
    names = ("account_id", "date", "amount")
    return pa.table({name: [rows[i][at] for i in order] for at, name in enumerate(names)})


def products_of(table: pa.Table, seed: int = 0) -> pa.Table:
    """What each customer bought of each product."""
    random = np.random.default_rng([seed, 8])
    rows = []
    for account, sales in zip(table["account_id"].to_pylist(), table["sales"].to_pylist(), strict=True):
        chance = random.random(len(PRODUCTS))
        if (sales or 0) > 0:
            rows += [
                (account, name, round(10 + 90 * c, 2))
                for name, c, share in zip(PRODUCTS, chance, OWNED, strict=True)
                if c < share
            ]
    return pa.table({name: [row[at] for row in rows] for at, name in enumerate(("account_id", "product", "sales"))})


def build(folder: Path, rows: int = 1200, seed: int = 0, **layout: Any) -> dict[str, Any]:
    """The market with its orders and products in a folder, and the changes to its job that ask for everything."""
    table = market.accounts(rows, seed)
    market.write(table, folder / "market", **layout)
    for name, made in (("orders", orders_of(table, seed)), ("products", products_of(table, seed))):
        pq.write_table(made, folder / f"{name}.parquet", row_group_size=500)
    return {
        "lifetime_value": {
            "orders": str(folder / "orders.parquet"),
            "as_of": str(AS_OF),
            "margin": 0.3,
            "seed36": True,
        },
        "alerts": {"drop": 0.3},
        "segments": {},
        "next_offer": {"path": str(folder / "products.parquet"), "by": "share", "owned": 0.4},
    }
