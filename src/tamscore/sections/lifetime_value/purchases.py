"""The purchases of the accounts of a market, from a table of order lines: read in bounded memory, exact to the unit.

Lines are read once, or as often as `order_lines.readings` says, and summed up a range of id hashes at a time. So memory
grows with the accounts that have bought, and not with their orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.joining.order_lines import REFUSED, range_by_range, read_lines, readings
from tamscore.sections.lifetime_value.order_days import EPOCH, none_left, written
from tamscore.sections.lifetime_value.pace import Pace, covered_months, gap_counts, held_out_months, pace
from tamscore.stages.orders import (
    UNITS,
    Bought,
    HeldOut,
    Lines,
    OrderedAccounts,
    Windows,
    bought,
    held_out,
    months_back,
    repeats,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from tamscore.engine.flow import Flow
    from tamscore.progress import Progress
    from tamscore.scoring.joining.order_lines import ReadLines
    from tamscore.sections.lifetime_value.order_days import OrderDays, OrderRules
    from tamscore.store.partitions import Plan

_COVERED = 31
"""Days by which a table may begin after a window and still count as covering it."""


@dataclass(frozen=True)
class _Earlier:
    """Purchases known on an earlier day, the end of `windows`, and the later spending in the following `months`."""

    held: HeldOut
    windows: Windows
    months: int
    pace: Pace


@dataclass(frozen=True)
class Purchases:
    """Purchases of accounts up to a day: `rows` counts order lines by what happened to them, `begins` is the first day.

    `earlier` is None if the orders are too short to hold any of them out. `notices` say which days lie far apart.
    """

    bought: Bought
    windows: Windows
    begins: int
    rows: dict[str, int]
    pace: Pace
    earlier: _Earlier | None
    notices: tuple[str, ...] = ()

    @property
    def knows_before(self) -> bool:
        """Whether the table reaches back far enough to compare twelve months with the twelve months before."""
        return self.begins <= self.windows.year_before + _COVERED

    @property
    def as_of(self) -> str:
        """The last day that counts, as an ISO date."""
        return written(self.windows.today)

    @property
    def months(self) -> float:
        """The months of the trailing twelve that the orders cover."""
        return covered_months(self.begins, self.windows.today)


@dataclass(frozen=True)
class _RangePurchases:
    """Purchases of the accounts of a range, and the gaps between their orders, up to now and up to the earlier day."""

    bought: Bought
    gaps: tuple[Any, Any]
    held: HeldOut | None
    earlier_gaps: tuple[Any, Any] | None


def _range_purchases(lines: Lines, windows: Windows, then: Windows | None) -> _RangePurchases:
    """Return the purchases of the accounts of ordered lines; `then` are the windows that end on the earlier day."""
    accounts = OrderedAccounts.of(lines)
    gaps = gap_counts(accounts.gaps(windows.today))
    if then is None:
        return _RangePurchases(bought(accounts, windows), gaps, None, None)
    held = held_out(accounts, then, windows.today)
    return _RangePurchases(bought(accounts, windows), gaps, held, gap_counts(accounts.gaps(then.today)))


def read_purchases(plan: Plan, rules: OrderRules, days: OrderDays, flow: Flow, progress: Progress) -> Purchases:
    """Return the purchases of every account from an orders table whose lines lie on these days.

    Raise InputContractError if it holds no order, or more lines than allowed lack an account, a date or an amount.
    """
    begins, ends = int(days.days[0]), int(days.days[-1])
    today = rules.as_of or EPOCH + timedelta(ends)
    windows = Windows.until(today, rules.retention_months)
    months = held_out_months(begins, windows.today, rules.retention_months, rules.horizon)
    then = _earlier_windows(today, months, rules.retention_months)
    rows = {"read": plan.rows, "copies": 0, "copies_dropped": 0}
    every = _lines_by_range(plan, rules, windows.today, flow, progress, rows)
    parts = [_range_purchases(_without_copies(lines, rules, rows), windows, then) for lines in every]
    _require_refused(rules, rows)
    now = Bought.together([part.bought for part in parts]), windows, begins, rows, pace([part.gaps for part in parts])
    return Purchases(*now, _earlier_purchases(parts, then, months), days.notices)


def _earlier_windows(today: date, months: int, retention_months: int) -> Windows | None:
    """Return the windows that end so many months ago; None for 0 months."""
    if not months:
        return None
    return Windows.until(EPOCH + timedelta(months_back(today, months)), retention_months)


def _earlier_purchases(parts: Sequence[_RangePurchases], then: Windows | None, months: int) -> _Earlier | None:
    """Return the purchases of the accounts of all ranges up to the earlier day."""
    if then is None:
        return None
    held = HeldOut.together([part.held for part in parts if part.held is not None])
    return _Earlier(held, then, months, pace([part.earlier_gaps for part in parts if part.earlier_gaps is not None]))


def _lines_by_range(
    plan: Plan, rules: OrderRules, today: int, flow: Flow, progress: Progress, rows: dict[str, int]
) -> Iterator[Lines]:
    """Yield the lines of each range of hashes, in order; adds to `rows` how many lines were refused, by reason."""
    every = readings(plan.rows)
    with progress.stage("orders", plan.rows * len(every)) as done:
        for reading in every:
            rows |= dict.fromkeys(REFUSED, 0)
            parts = flow.map(read_lines, plan.partitions, rules.columns, today, reading)
            yield from range_by_range(_lines_of(part, rows, done) for part in parts)


def _lines_of(part: ReadLines, rows: dict[str, int], done: Callable[[int], None]) -> list[Lines]:
    """Return the lines of a partition by range; adds its refused lines to `rows` and reports its rows as done."""
    for name, count in zip(REFUSED, part.refused.tolist(), strict=True):
        rows[name] += count
    done(part.rows)
    return part.lines


def _without_copies(lines: Lines, rules: OrderRules, rows: dict[str, int]) -> Lines:
    """Return ordered lines, without copies if the rules drop them; adds the counts of copies to `rows`."""
    copies = repeats(lines)
    rows["copies"] += int(np.count_nonzero(copies))
    if not rules.drop_copies:
        return lines
    rows["copies_dropped"] += int(np.count_nonzero(copies))
    return lines.at(~copies)


def _require_refused(rules: OrderRules, rows: dict[str, int]) -> None:
    """Raise InputContractError, with the counts, if too many lines are unusable or none is left."""
    bad = unusable(rows)
    if sum(bad.values()) > rules.max_refused_share * rows["read"]:
        raise InputContractError(
            f"{rules.path}: {sum(bad.values()):,} of {rows['read']:,} order lines cannot be used ({as_counts(bad)}), "
            f"allowed are {rules.max_refused_share:.2%}; fix them, or raise rows.max_rejected_share"
        )
    if rows["read"] == sum(rows[name] for name in REFUSED):
        raise none_left(rules, rows["read"])


def unusable(rows: dict[str, int]) -> dict[str, int]:
    """Return how many lines lack an account, a date or an amount, by reason."""
    return {name: rows[name] for name in REFUSED if name != "after_as_of" and rows[name]}


def as_counts(counts: dict[str, int]) -> str:
    """Return counts by name as text."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def money(units: float) -> float:
    """Return an amount in units as currency, to the cent."""
    return round(float(units) / UNITS, 2)
