"""Orders of a synthetic market: two years of lines whose sums are the sales of each customer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PRODUCTS = tuple(f"product {letter}" for letter in "ABCDEFGHIJKL")
AS_OF = date(2024, 12, 31)
"""The last day of the year of the market's sales."""
_MOST_LINES = 8
_STAYED, _LAPSED = 0.85, 0.03
"""Share of customers that bought the year before, too, and share of prospects that did."""
_EPOCH = date(1970, 1, 1)


def order_lines(market: pa.Table, truth: pa.Table, seed: int, chunk: int) -> tuple[NDArray[np.int64], pa.Table]:
    """Return the order lines of one chunk of a market, and the row (n,) of each line's account, ascending.

    Lines of the last year add up to the account's sales, to the cent; returns are lines below 0.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3, chunk))))
    sales = np.nan_to_num(market["sales"].to_numpy())
    chance, growth = random.random(len(sales)), np.exp(0.3 * random.standard_normal(len(sales)))
    typical = float(np.median(sales[sales > 0])) if (sales > 0).any() else 0.0
    before = np.where(sales > 0, sales * (chance < _STAYED), typical * (chance < _LAPSED)) / growth
    segment = truth["segment"].to_numpy()
    years = [_year_of(np.round(100 * money).astype(np.int64), random) for money in (sales, before)]
    rows = np.concatenate([account for account, _ in years])
    cents = np.concatenate([amount for _, amount in years])
    back = random.integers(0, 365, len(rows)) + np.repeat([0, 366], [len(account) for account, _ in years])
    order = np.lexsort((-back, rows))
    taste = (random.integers(0, len(_PRODUCTS), len(rows)) * random.random(len(rows))).astype(np.int64)
    product = (taste + 5 * segment[rows]) % len(_PRODUCTS)  # each segment prefers a few other products
    columns: dict[str, Any] = {
        "account_id": market["account_id"].combine_chunks().take(pa.array(rows[order])),
        "date": pa.array(((AS_OF - _EPOCH).days - back[order]).astype(np.int32)).cast(pa.date32()),
        "product": pa.array(_PRODUCTS).take(pa.array(product[order])),
        "amount": pa.array(cents[order] / 100),
    }
    return rows[order], pa.table(columns)


def _year_of(cents: NDArray[np.int64], random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the account (n,) and the cents (n,) of the lines of a year, which add up to `cents` (m,) by account."""
    lines = np.where(cents != 0, random.integers(1, _MOST_LINES + 1, len(cents)), 0)
    account = np.repeat(np.arange(len(cents)), lines)
    weight = random.random(len(account)) + 0.1
    whole = np.bincount(account, weights=weight, minlength=len(cents))
    amount = np.trunc(cents[account] * weight / whole[account]).astype(np.int64)
    last = np.cumsum(lines)[lines > 0] - 1
    given = np.bincount(account, weights=amount, minlength=len(cents)).astype(np.int64)
    amount[last] += (cents - given)[lines > 0]
    return account, amount
