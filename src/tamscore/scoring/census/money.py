"""Sales of the scored rows of a partition: the sum, the largest accounts, and the currencies of the amounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tamscore.arrow import as_dictionary, texts_by_code
from tamscore.schema import Reason
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa


TOP = 20
"""So many of the accounts with the largest sales are remembered."""
MOST_CURRENCIES = 500
"""A column with more different words names no currencies."""


@dataclass(frozen=True)
class CurrencyCount:
    """Rows of one currency: how many, how many of them with sales, the sum of these, and how many without a rate."""

    rows: int
    selling: int
    sales: float
    unrated: int = 0

    def plus(self, other: CurrencyCount) -> CurrencyCount:
        """Return both together."""
        return CurrencyCount(
            self.rows + other.rows, self.selling + other.selling, self.sales + other.sales, self.unrated + other.unrated
        )


Counts: TypeAlias = dict[str | None, CurrencyCount]
"""Rows by currency, those without one under None."""


@dataclass(frozen=True)
class PartitionSales:
    """Sales of the scored rows of a partition: customers, net sum, and the places and sales (t,) of the largest.

    `currencies` counts rows by currency, for each column that names them; None where a column names too many things.
    """

    customers: int = 0
    total: float = 0.0
    rows: Any = field(default_factory=lambda: np.empty(0, np.int64))
    largest: Any = field(default_factory=lambda: np.empty(0))
    currencies: dict[str, Counts | None] = field(default_factory=dict)


def money_of(reason: Any, sales: Any, currencies: Mapping[str, pa.ChunkedArray]) -> PartitionSales:
    """Return what rows with these reasons (m,) and sales (m,), NaN where missing, come to; currencies by column."""
    scored = reason == Reason.SCORED
    buys = np.flatnonzero(scored & (sales > 0))
    amounts = sales[buys]
    top = np.argpartition(-amounts, TOP - 1)[:TOP] if len(buys) > TOP else np.arange(len(buys))
    total = float(np.where(scored, np.nan_to_num(sales), 0.0).sum())
    counts = {name: currency_counts(column, scored, sales) for name, column in currencies.items()}
    return PartitionSales(len(buys), total, buys[top], amounts[top], counts)


def currency_counts(column: pa.ChunkedArray, scored: Any, sales: Any) -> Counts | None:
    """Count the scored rows by the words of a column, with and without sales; None where there are too many words.

    Infinite sales are those whose currency has no rate.
    """
    encoded = as_dictionary(column)
    if len(encoded.dictionary) > MOST_CURRENCIES:
        return None
    names: list[str | None] = [*encoded.dictionary.to_pylist(), None]
    code = texts_by_code(encoded, range(len(names) - 1), len(names) - 1)
    sells, lost = scored & np.isfinite(sales) & (sales != 0), np.isinf(sales)
    rows, selling, unrated = (np.bincount(code[which], minlength=len(names)) for which in (scored, sells, lost))
    sums = np.bincount(code[sells], weights=sales[sells], minlength=len(names))
    item = zip(names, rows.tolist(), selling.tolist(), sums.tolist(), unrated.tolist(), strict=True)
    counts: Counts = {}
    for name, *numbers in item:
        if numbers[0] or numbers[3]:
            _add_count(counts, name, CurrencyCount(*numbers))
    return counts


def _add_count(counts: Counts, name: str | None, count: CurrencyCount) -> None:
    """Add the rows of one currency to those counted so far; spellings that differ in capitals or blanks are one."""
    folded = (name or "").strip()
    known = next((count for count in counts if count is not None and fold_word(count) == fold_word(folded)), None)
    key = (known or folded) if folded else None
    counts[key] = counts[key].plus(count) if key in counts else count


def merge(parts: Iterable[Counts | None]) -> Counts | None:
    """Counts of several partitions taken together, in the order of the alphabet; None where there are too many."""
    total: Counts = {}
    for counts in parts:
        if counts is None:
            return None
        for name, count in counts.items():
            _add_count(total, name, count)
    return dict(sorted(total.items(), key=lambda pair: pair[0] or "")) if len(total) <= MOST_CURRENCIES else None
