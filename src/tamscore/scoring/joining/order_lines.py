"""Order lines and product lines of one partition, by a hash of the account's id.

A table is read as often as its lines fit what may be held at a time, and ordered a smaller range of hashes at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column
from tamscore.errors import InputContractError
from tamscore.scoring.census.partition import unusable_ids
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import UNITS, Lines
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from tamscore.schema import Partition
    from tamscore.stages.folding import IdForm

_LARGEST = 2.0**53 / UNITS
"""Amounts from here on are no longer exact to a ten-thousandth."""
HELD_ROWS = 4_000_000
"""So many lines, of 28 bytes each, are held at a time: what a table has beyond them takes another reading."""
RANGE_ROWS = 500_000
"""So many of them are ordered at a time, which takes a few times as much memory as they do."""
_MOST_READINGS = 16
"""So often a table is read at the most; a larger one takes more memory instead."""
REFUSED = ("missing_id", "missing_date", "missing_amount", "after_as_of")
"""Why a line does not count, in the order in which reasons are looked for."""


@dataclass(frozen=True)
class OrderColumns:
    """Where an orders table has the account, the date and the amount."""

    account_id: str
    date: str
    amount: str
    id_form: IdForm = "text"


@dataclass(frozen=True)
class Range:
    """The hashes from `low` to `high`, both of them in it."""

    low: int
    high: int

    def holds(self, key: Any) -> Any:
        """Return which hashes (m,) bool lie in it."""
        return (key >= np.uint64(self.low)) & (key <= np.uint64(self.high))


def ranges(rows: int, most: int) -> list[Range]:
    """All hashes in ranges of equal size, each of which about `most` of so many rows fall into."""
    count = max(-(-rows // most), 1)
    edges = [(i << 64) // count for i in range(count + 1)]
    return [Range(low, high - 1) for low, high in pairwise(edges)]


@dataclass(frozen=True)
class Reading:
    """Neighbouring ranges of hashes, ascending, whose lines one reading of a table brings."""

    ranges: tuple[Range, ...]

    def holds(self, key: Any) -> Any:
        """Return which hashes (m,) bool lie in one of its ranges."""
        return Range(self.ranges[0].low, self.ranges[-1].high).holds(key)

    def split(self, lines: Lines) -> list[Lines]:
        """The lines of each range, of lines that all lie in one of them."""
        lows = np.array([item.low for item in self.ranges], np.uint64)
        place = (np.searchsorted(lows, lines.key, side="right") - 1).astype(np.uint16)  # short numbers sort quickly
        stops = np.cumsum(np.bincount(place, minlength=len(lows)))
        order = np.argsort(place, kind="stable")
        return [lines.at(rows) for rows in np.split(order, stops[:-1])]


def readings(rows: int) -> list[Reading]:
    """The readings of a table of so many rows, each of which about HELD_ROWS fall into; MOST_READINGS at most."""
    count = min(max(-(-rows // HELD_ROWS), 1), _MOST_READINGS)
    every = ranges(rows, RANGE_ROWS)
    return [Reading(tuple(part)) for part in _part(every, count)]


def _part(every: Sequence[Range], count: int) -> Iterator[Sequence[Range]]:
    """Yield groups of neighbouring ranges, `count` groups of about equal size, or fewer if there are fewer ranges."""
    count = min(count, len(every))
    for low, high in pairwise(len(every) * i // count for i in range(count + 1)):
        yield every[low:high]


def range_by_range(parts: Iterable[Sequence[Lines]]) -> Iterator[Lines]:
    """Yield the ordered lines of each range, given those of each partition by range; they are let go as they come."""
    held = [list(pieces) for pieces in zip(*parts, strict=True)][::-1]
    while held:
        yield Lines.together(held.pop()).ordered()


@dataclass(frozen=True)
class ReadLines:
    """The lines of a partition by range, how many were refused, in the order of REFUSED, and how many `rows` it has."""

    lines: list[Lines]
    refused: Any
    rows: int


def days_of(column: pa.ChunkedArray, where: str) -> tuple[Any, Any]:
    """A column of dates as days (m,) int32 since 1970, 0 for null, and which of them are null.

    Raises InputContractError where the column is of another type: text and numbers have too many readings.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        raise InputContractError(
            f"{where} is {column.type}, expected dates or timestamps; cast it, or convert the CSV with "
            "'tamscore import --type COLUMN=date'"
        )
    days = pc.cast(column, pa.date32(), safe=False).cast(pa.int32())
    return pc.fill_null(days, 0).to_numpy(), column.is_null().to_numpy()


def count_days(partition: Partition, column: str) -> tuple[Any, Any]:
    """Return the different days (n,) of a partition's dates in ascending order, and how many lines (n,) have each."""
    days, missing = days_of(tables.read(partition, [column])[column], f"{partition.where}: column {column!r}")
    return np.unique(days[~missing], return_counts=True)


def read_lines(partition: Partition, columns: OrderColumns, today: int, reading: Reading) -> ReadLines:
    """The order lines of a partition that count and fall into the ranges of a reading; its ids were matched before."""
    account_id = columns.account_id
    table = tables.read(partition, [account_id, columns.date, columns.amount], seen=[account_id])
    ids = tables.account_ids(table[account_id], columns.id_form)
    days, no_day = days_of(table[columns.date], f"{partition.where}: column {columns.date!r}")
    amount = amounts(table[columns.amount], f"{partition.where}: column {columns.amount!r}")
    reasons = (unusable_ids(ids), no_day, np.isnan(amount), days > today)
    why = np.select(reasons, range(len(reasons)), len(reasons))
    key = id_hash(ids)
    rows = np.flatnonzero((why == len(reasons)) & reading.holds(key))
    lines = Lines(key[rows], id_hash(ids.take(rows), 1), days[rows], amount[rows])
    return ReadLines(reading.split(lines), np.bincount(why, minlength=len(reasons))[: len(reasons)], partition.rows)


def amounts(column: pa.ChunkedArray, where: str) -> Any:
    """A column of amounts in units (m,), NaN where there is none; InputContractError for one too large to be exact."""
    values = float_column(column)
    values = np.where(np.isfinite(values), values, np.nan)
    if (np.abs(values) >= _LARGEST).any():
        raise InputContractError(
            f"{where}: {np.nanmax(np.abs(values)):.3g} is too large to be added up exactly; remove it if it "
            "is a placeholder, else take amounts in thousands"
        )
    return np.rint(values * UNITS)
