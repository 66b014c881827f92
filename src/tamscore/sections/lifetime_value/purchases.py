"""What the accounts of a market have bought, from a table of order lines: read in bounded memory, exact to the unit.

Lines are read once, or as often as `order_lines.readings` tells, and summed up a range of id hashes at a time: so
memory goes to the accounts that have bought, and not to their orders.
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
"""Days that a table may begin late and still tell of a whole window."""


@dataclass(frozen=True)
class _Earlier:
    """What was known on an earlier day, that `windows` end with, and what has been spent in the `months` since."""

    held: HeldOut
    windows: Windows
    months: int
    pace: Pace


@dataclass(frozen=True)
class Purchases:
    """What accounts bought up to a day: `rows` tells what became of the lines, `begins` on which day the first lies.

    `earlier` is None where the orders are too short to hold any of them out. `notices` say which days lie far apart.
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
        """Return whether the table reaches back far enough to compare twelve months with the twelve before."""
        return self.begins <= self.windows.year_before + _COVERED

    @property
    def as_of(self) -> str:
        """The day it is looked at, as people write it."""
        return written(self.windows.today)

    @property
    def months(self) -> float:
        """The months of the trailing twelve that the orders cover."""
        return covered_months(self.begins, self.windows.today)


@dataclass(frozen=True)
class _RangePurchases:
    """What the accounts of a range bought, and the gaps between their orders by then and by the earlier day."""

    bought: Bought
    gaps: tuple[Any, Any]
    held: HeldOut | None
    earlier_gaps: tuple[Any, Any] | None


def _range_purchases(lines: Lines, windows: Windows, then: Windows | None) -> _RangePurchases:
    """Return what the accounts of ordered lines bought, `then` being the windows of the earlier day."""
    accounts = OrderedAccounts.of(lines)
    gaps = gap_counts(accounts.gaps(windows.today))
    if then is None:
        return _RangePurchases(bought(accounts, windows), gaps, None, None)
    held = held_out(accounts, then, windows.today)
    return _RangePurchases(bought(accounts, windows), gaps, held, gap_counts(accounts.gaps(then.today)))


def read_purchases(plan: Plan, rules: OrderRules, days: OrderDays, flow: Flow, progress: Progress) -> Purchases:
    """Return what every account of an orders table, whose lines lie on these days, has bought.

    Raises InputContractError where it holds no order, or more lines than allowed say neither who, when nor how much.
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
    """The windows that end so many months ago; None for none."""
    if not months:
        return None
    return Windows.until(EPOCH + timedelta(months_back(today, months)), retention_months)


def _earlier_purchases(parts: Sequence[_RangePurchases], then: Windows | None, months: int) -> _Earlier | None:
    """Return what the accounts of all ranges had bought by the earlier day."""
    if then is None:
        return None
    held = HeldOut.together([part.held for part in parts if part.held is not None])
    return _Earlier(held, then, months, pace([part.earlier_gaps for part in parts if part.earlier_gaps is not None]))


def _lines_by_range(
    plan: Plan, rules: OrderRules, today: int, flow: Flow, progress: Progress, rows: dict[str, int]
) -> Iterator[Lines]:
    """Yield the lines of each range of hashes, in order; `rows` gets how many were refused, by reason."""
    every = readings(plan.rows)
    with progress.stage("orders", plan.rows * len(every)) as done:
        for reading in every:
            rows |= dict.fromkeys(REFUSED, 0)
            parts = flow.map(read_lines, plan.partitions, rules.columns, today, reading)
            yield from range_by_range(_lines_of(part, rows, done) for part in parts)


def _lines_of(part: ReadLines, rows: dict[str, int], done: Callable[[int], None]) -> list[Lines]:
    """The lines of a partition by range; what was refused of it joins `rows`, and it is reported as done."""
    for name, count in zip(REFUSED, part.refused.tolist(), strict=True):
        rows[name] += count
    done(part.rows)
    return part.lines


def _without_copies(lines: Lines, rules: OrderRules, rows: dict[str, int]) -> Lines:
    """Ordered lines without copies, where the rules drop them; `rows` gets how many there were and were dropped."""
    copies = repeats(lines)
    rows["copies"] += int(np.count_nonzero(copies))
    if not rules.drop_copies:
        return lines
    rows["copies_dropped"] += int(np.count_nonzero(copies))
    return lines.at(~copies)


def _require_refused(rules: OrderRules, rows: dict[str, int]) -> None:
    """Raise InputContractError unless few enough lines are unusable, with the counts."""
    bad = unusable(rows)
    if sum(bad.values()) > rules.max_refused_share * rows["read"]:
        raise InputContractError(
            f"{rules.path}: {sum(bad.values()):,} of {rows['read']:,} order lines cannot be used ({as_counts(bad)}), "
            f"allowed are {rules.max_refused_share:.2%}; mend them, or raise rows.max_rejected_share"
        )
    if rows["read"] == sum(rows[name] for name in REFUSED):
        raise none_left(rules, rows["read"])


def unusable(rows: dict[str, int]) -> dict[str, int]:
    """Return how many lines say neither who, when nor how much, by reason."""
    return {name: rows[name] for name in REFUSED if name != "after_as_of" and rows[name]}


def as_counts(counts: dict[str, int]) -> str:
    """Counts by name in words."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def money(units: float) -> float:
    """An amount in units in the currency, to the cent."""
    return round(float(units) / UNITS, 2)
