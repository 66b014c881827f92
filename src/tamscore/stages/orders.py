"""From order lines to the purchases of each account, its first windows, and whether it stayed.

Amounts are whole units, ten-thousandths of the currency: sums of whole numbers are exact in float64, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.draw import id_hash
from tamscore.stages.keys import in_order, positions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import pyarrow as pa

UNITS = 10_000.0
"""Units in one of the currency."""
NEVER = np.iinfo(np.int32).max
FEW_LINES, _FAR_DAYS, _DAYS_BEFORE = 0.001, 31, 10
"""Limits of stray lines far after all others: largest share of the lines, least gap in days, fewest days before it.

A single line may always be stray. The gap must also be several times the largest gap before it.
"""


_THIN, _YEAR = 0.1, 365
"""Limits of a thin tail: its pace as a share of the pace before, and the days before that count."""


@dataclass(frozen=True)
class Lines:
    """Order lines (n,): two hashes of the account's id, uint64 each, day int32 since 1970, amount in units, float64."""

    key: Any
    check: Any
    day: Any
    units: Any

    def __len__(self) -> int:
        """The number of lines n."""
        return len(self.key)

    def at(self, rows: Any) -> Lines:
        """Return the lines at some places."""
        return Lines(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def together(cls, parts: Sequence[Lines]) -> Lines:
        """Return the lines of several parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def ordered(self) -> Lines:
        """Return the lines by account, day and amount; accounts that share a key are separated by their check."""
        rows = self.at(in_order(self.key, self.day, self.units))
        same = rows.key[1:] == rows.key[:-1]
        if (same & (rows.check[1:] != rows.check[:-1])).any():
            return rows.at(np.lexsort((rows.units, rows.day, rows.check, rows.key)))
        return rows


@dataclass(frozen=True)
class Windows:
    """The days that separate periods, each the last day of the period before it: today and earlier days.

    `last_year` and `year_before` separate the twelve months whose sales are compared. Customers that bought between
    `base` and `stayed` count for retention; they have stayed if they bought again between `stayed` and `today`.
    """

    today: int
    last_year: int
    year_before: int
    stayed: int
    base: int

    @classmethod
    def until(cls, today: date, retention_months: int) -> Windows:
        """Return the windows that end with a day, which belongs to them."""
        back = (0, 12, 24, retention_months, 2 * retention_months)
        return cls(*(months_back(today, months) for months in back))


def last_before_strays(days: Any, counts: Any, times: float) -> tuple[int, int] | None:
    """Return the last day before a few lines that lie far after all others, and their number; None if there are none.

    `days` (n,) are the different days of all lines in ascending order, `counts` (n,) their lines. Far means a gap of
    more than `times` the largest gap before it, except for gaps after a few lines at the beginning.
    """
    if len(days) <= _DAYS_BEFORE:
        return None
    few, until = max(FEW_LINES * counts.sum(), 1), np.cumsum(counts)[:-1]
    gap = np.diff(days)
    before = np.append(0, np.maximum.accumulate(np.where(until > few, gap, 0))[:-1])
    far = (gap > _FAR_DAYS) & (gap > times * before) & (np.arange(1, len(days)) >= _DAYS_BEFORE)
    values = np.flatnonzero(far & (counts.sum() - until <= few))
    return (int(days[values[0]]), int(counts.sum() - until[values[0]])) if len(values) else None


def last_before_thin_tail(days: Any, counts: Any) -> tuple[int, int] | None:
    """Return the last day before a tail with at most a tenth of the earlier pace, and its lines; None without a tail.

    The tail lasts more than _FAR_DAYS and to the last day; the pace is that of up to a year before it. `days` (n,) and
    `counts` (n,) as for `last_before_strays`. Of several days, the one with the sharpest drop is returned.
    """
    until = np.cumsum(counts)
    before = days - np.maximum(days - _YEAR, days[0] - 1)
    pace = (until - np.append(0, until)[np.searchsorted(days, days - before, side="right")]) / before
    tail, left = days[-1] - days, until[-1] - until
    share = np.where((tail > _FAR_DAYS) & (before > _FAR_DAYS), left / (pace * np.maximum(tail, 1)), 1.0)
    at = int(np.argmin(share))
    return (int(days[at]), int(left[at])) if until[-1] >= 1 / FEW_LINES and share[at] <= _THIN else None


def months_back(day: date, months: int) -> int:
    """Return the day so many months earlier, as days since 1970; the last day of a shorter month."""
    first = np.datetime64(day, "M") - np.timedelta64(months, "M")
    start, following = first.astype("M8[D]"), (first + np.timedelta64(1, "M")).astype("M8[D]")
    return int(min(start + np.timedelta64(day.day, "D"), following).astype(np.int64)) - 1


@dataclass(frozen=True)
class Bought:
    """Purchases of accounts (a,) in order of key and check; money in units, net of refunds.

    `sales` of the last twelve months, `before` of the twelve before those, `revenue` in all. `last` is the day of the
    last order (NEVER for refunds alone), `dates` the number of days with an order. `base` says whether the account
    counts for retention, `stayed` whether it has stayed.
    """

    key: Any
    check: Any
    sales: Any
    before: Any
    revenue: Any
    last: Any
    dates: Any
    base: Any
    stayed: Any

    def __len__(self) -> int:
        """The number of accounts a."""
        return len(self.key)

    @classmethod
    def together(cls, parts: Sequence[Bought]) -> Bought:
        """Return the accounts of all parts, whose keys must ascend from part to part."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def places(keys: Any, checks: Any, key: Any, check: Any) -> Any:
    """Return the place (m,) of each account among others (a,) in order of key, -1 for an account that is not there.

    Both hashes of 64 bits must agree: the second separates ids that share the first.
    """
    (place,) = positions(keys, key, "left")
    return _apart_by_check(keys, checks, place, key, check)


def _apart_by_check(keys: Any, checks: Any, place: Any, key: Any, check: Any) -> Any:
    """Return the same given where each key belongs among the others, place (m,)."""
    place, full, left = place.copy(), np.full(len(key), -1), np.arange(len(key))
    while len(left):  # more than once only if two ids share a key
        left = left[place[left] < len(keys)]
        left = left[keys[place[left]] == key[left]]
        same = checks[place[left]] == check[left]
        full[left[same]] = place[left[same]]
        left = left[~same]
        place[left] += 1
    return full


def places_of(known: Any, key: Any, ids_at: Callable[[Any], pa.Array]) -> Any:
    """Return the same given the first hash (m,) of the ids of accounts, among `known` ones in order of key and check.

    `ids_at` returns the ids at some positions: only ids whose first hash is there are hashed a second time.
    """
    (place,), full = positions(known.key, key, "left"), np.full(len(key), -1)
    at = np.flatnonzero(place < len(known.key))
    at = at[known.key[place[at]] == key[at]]
    if len(at):
        full[at] = _apart_by_check(known.key, known.check, place[at], key[at], id_hash(ids_at(at), 1))
    return full


def begins(*columns: Any) -> Any:
    """Return which rows (n,) bool of ordered columns differ from the row before; the first row does."""
    new = np.zeros(len(columns[0]), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return new


def repeats(lines: Lines) -> Any:
    """Return which of ordered lines (n,) bool repeat account, day and amount of the line before."""
    return ~begins(lines.key, lines.check, lines.day, lines.units)


@dataclass(frozen=True)
class HeldOut:
    """Purchases of the accounts (a,) of `Bought` up to an earlier day, and their spending since (`spent`), in units.

    `sales` of the twelve months before that day, `last` the day of the last order by then (NEVER for none), `base` and
    `stayed` as retention counted them then.
    """

    sales: Any
    last: Any
    base: Any
    stayed: Any
    spent: Any

    @classmethod
    def together(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """Return the accounts of several parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True)
class OrderedAccounts:
    """Ordered lines by account: the first line `starts` (a,) of each account, and each line's account `place` (n,)."""

    lines: Lines
    starts: Any
    place: Any

    @classmethod
    def of(cls, lines: Lines) -> OrderedAccounts:
        """Return the accounts of ordered lines."""
        new = begins(lines.key, lines.check)
        return cls(lines, np.flatnonzero(new), np.cumsum(new) - 1)

    def net(self, after: int, until: int) -> Any:
        """Return the net purchases (a,) of each account after one day until another, in units."""
        inside = (self.lines.day > after) & (self.lines.day <= until)
        return np.bincount(self.place[inside], weights=self.lines.units[inside], minlength=len(self.starts))

    def last(self, until: int) -> Any:
        """Return the day (a,) int32 of each account's last order until a day, NEVER for none."""
        order = (self.lines.units > 0) & (self.lines.day <= until)
        full = np.full(len(self.starts), -NEVER, np.int32)
        np.maximum.at(full, self.place[order], self.lines.day[order])
        return np.where(full == -NEVER, NEVER, full).astype(np.int32)

    @property
    def order_days(self) -> Any:
        """The lines (n,) bool that are the first order of their day; refunds are not orders."""
        lines, order = self.lines, self.lines.units > 0
        first = order.copy()  # orders of a day stand together, behind its refunds
        same = (self.place[1:] == self.place[:-1]) & (lines.day[1:] == lines.day[:-1])
        first[1:] &= ~(order[:-1] & same)
        return first

    def gaps(self, until: int) -> Any:
        """Return the days (g,) between consecutive order days of an account, both until a day."""
        rows = np.flatnonzero(self.order_days & (self.lines.day <= until))
        return np.diff(self.lines.day[rows].astype(np.int64))[np.diff(self.place[rows]) == 0]


def bought(accounts: OrderedAccounts, windows: Windows) -> Bought:
    """Return the purchases of the accounts of ordered lines, which must have no lines after today."""
    lines, count = accounts.lines, len(accounts.starts)
    return Bought(
        lines.key[accounts.starts],
        lines.check[accounts.starts],
        accounts.net(windows.last_year, windows.today),
        accounts.net(windows.year_before, windows.last_year),
        np.bincount(accounts.place, weights=lines.units, minlength=count),
        accounts.last(windows.today),
        np.bincount(accounts.place[accounts.order_days], minlength=count).astype(np.int32),
        accounts.net(windows.base, windows.stayed) > 0,
        accounts.net(windows.stayed, windows.today) > 0,
    )


def held_out(accounts: OrderedAccounts, then: Windows, today: int) -> HeldOut:
    """Return the accounts' purchases up to the last day of `then`, and their spending since, until today."""
    return HeldOut(
        accounts.net(then.last_year, then.today),
        accounts.last(then.today),
        accounts.net(then.base, then.stayed) > 0,
        accounts.net(then.stayed, then.today) > 0,
        accounts.net(then.today, today),
    )
