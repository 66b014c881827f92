"""What the accounts of a market have bought, from a table of order lines: read in bounded memory, exact to the unit.

Lines are read once, or as often as `order_lines.readings` tells, and summed up a range of id hashes at a time: so
memory goes to the accounts that have bought, and not to their orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.joining.order_lines import REFUSED, OrderColumns, count_days, range_by_range, read_lines, readings
from tamscore.sections.lifetime_value.pace import Pace, covered_months, gap_counts, held_out_months, pace
from tamscore.stages.orders import (
    FEW_LINES,
    UNITS,
    Accounts,
    Bought,
    HeldOut,
    Lines,
    Windows,
    bought,
    held_out,
    last_before_strays,
    last_before_thin_tail,
    months_back,
    repeated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tamscore.engine.flow import Flow
    from tamscore.progress import Progress
    from tamscore.scoring.joining.order_lines import ReadLines
    from tamscore.store.partitions import Plan

EPOCH = date(1970, 1, 1)
LAST = (date.max - EPOCH).days
FAR, TOO_FAR = 3, 10
"""So many times the largest gap between two days of orders is far from all others, and too far to be right."""
COVERED = 31
"""Days that a table may begin late and still tell of a whole window."""


@dataclass(frozen=True)
class OrderRules:
    """How an orders table is read: its columns, the day it is looked at (None: its last), what to do about copies.

    `horizon` is how many months lifetime values look ahead.
    """

    path: str
    columns: OrderColumns
    as_of: date | None
    drop_copies: bool
    retention_months: int
    horizon: int
    max_refused_share: float


@dataclass(frozen=True)
class Earlier:
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
    earlier: Earlier | None
    notices: tuple[str, ...] = ()

    @property
    def knows_before(self) -> bool:
        """Whether the table reaches back far enough to compare twelve months with the twelve before."""
        return self.begins <= self.windows.year_before + COVERED

    @property
    def as_of(self) -> str:
        """The day it is looked at, as people write it."""
        return written(self.windows.today)

    @property
    def months(self) -> float:
        """The months of the trailing twelve that the orders cover."""
        return covered_months(self.begins, self.windows.today)


@dataclass(frozen=True)
class RangePurchases:
    """What the accounts of a range bought, and the gaps between their orders by then and by the earlier day."""

    bought: Bought
    gaps: tuple[Any, Any]
    held: HeldOut | None
    earlier_gaps: tuple[Any, Any] | None


def range_purchases(lines: Lines, windows: Windows, then: Windows | None) -> RangePurchases:
    """What the accounts of ordered lines bought, `then` being the windows of the earlier day."""
    accounts = Accounts.of(lines)
    gaps = gap_counts(accounts.gaps(windows.today))
    if then is None:
        return RangePurchases(bought(accounts, windows), gaps, None, None)
    held = held_out(accounts, then, windows.today)
    return RangePurchases(bought(accounts, windows), gaps, held, gap_counts(accounts.gaps(then.today)))


def read_purchases(plan: Plan, rules: OrderRules, flow: Flow, progress: Progress) -> Purchases:
    """What every account of an orders table has bought.

    Raises InputContractError where it holds no order, more lines than allowed say neither who, when nor how much, or
    a few lines far after all others would be its last day.
    """
    days, counts = days_of_orders(plan, rules, flow)
    notices = (*late_strays(rules, days, counts), *early_strays(days, counts))
    begins, ends = int(days[0]), int(days[-1])
    today = rules.as_of or EPOCH + timedelta(ends)
    windows = Windows.until(today, rules.retention_months)
    months = held_out_months(begins, windows.today, rules.retention_months, rules.horizon)
    then = earlier_windows(today, months, rules.retention_months)
    rows = {"read": plan.rows, "copies": 0, "copies_dropped": 0}
    every = lines_by_range(plan, rules, windows.today, flow, progress, rows)
    parts = [range_purchases(without_copies(lines, rules, rows), windows, then) for lines in every]
    check_refused(rules, rows)
    now = Bought.together([part.bought for part in parts]), windows, begins, rows, pace([part.gaps for part in parts])
    return Purchases(*now, earlier_purchases(parts, then, months), notices)


def days_of_orders(plan: Plan, rules: OrderRules, flow: Flow) -> tuple[Any, Any]:
    """Return the different days (n,) of an orders table in ascending order, and how many lines (n,) have each."""
    found = list(flow.map(count_days, plan.partitions, rules.columns.date))
    each, lines = (np.concatenate([part[i] for part in found]) for i in (0, 1))
    if not len(each):
        raise InputContractError(f"{rules.path}: column {rules.columns.date!r} holds no date; expected those of orders")
    days, place = np.unique(each, return_inverse=True)
    if days[-1] > LAST:
        raise InputContractError(
            f"{rules.path}: column {rules.columns.date!r}: expected days up to {date.max}, got {written(days[-1])}; "
            "correct the date"
        )
    return days, np.bincount(place, lines).astype(np.int64)


def late_strays(rules: OrderRules, days: Any, counts: Any) -> list[str]:
    """Return what to say of a few lines far after all others; none where the job says which day is the last.

    Raise InputContractError if they lie so far from so many others that their dates must be wrong.
    """
    found = None if rules.as_of else last_before_strays(days, counts, FAR)
    if found is None:
        return [] if rules.as_of else thin_tail(days, counts)
    (day, lines), total, last = found, int(counts.sum()), written(days[-1])
    text = (
        f"{lines:,} of {total:,} order lines are dated after {written(day)}, far after all others, and move the last "
        f"day that counts to {last}; set lifetime_value.as_of = {written(day)} to pass over them, or {last} if they "
        "are right"
    )
    if lines <= FEW_LINES * total and last_before_strays(days, counts, TOO_FAR):
        raise InputContractError(f"{rules.path}: column {rules.columns.date!r}: {text}")
    return [text]


def thin_tail(days: Any, counts: Any) -> list[str]:
    """Return what to say of a table that ends with few lines over a long time, as planned deliveries do."""
    found = last_before_thin_tail(days, counts)
    if found is None:
        return []
    day, last = written(found[0]), written(days[-1])
    text = (
        f"after {day}, order lines come at less than a tenth of their pace: {found[1]:,} until {last}, the last day "
        f"that counts; if these are in the future, set lifetime_value.as_of = {day}"
    )
    return [text]


def early_strays(days: Any, counts: Any) -> list[str]:
    """Return what to say of a few lines far before all others, which make the orders seem to reach back farther."""
    found = last_before_strays(-days[::-1], counts[::-1], FAR)
    if found is None:
        return []
    text = (
        f"{found[1]:,} of {counts.sum():,} order lines are dated before {written(-found[0])}, far before all others: "
        f"the orders count as beginning on {written(days[0])}; remove lines whose dates are placeholders"
    )
    return [text]


def earlier_windows(today: date, months: int, retention_months: int) -> Windows | None:
    """The windows that end so many months ago; None for none."""
    if not months:
        return None
    return Windows.until(EPOCH + timedelta(months_back(today, months)), retention_months)


def earlier_purchases(parts: Sequence[RangePurchases], then: Windows | None, months: int) -> Earlier | None:
    """What the accounts of all ranges had bought by the earlier day."""
    if then is None:
        return None
    held = HeldOut.together([part.held for part in parts if part.held is not None])
    return Earlier(held, then, months, pace([part.earlier_gaps for part in parts if part.earlier_gaps is not None]))


def lines_by_range(
    plan: Plan, rules: OrderRules, today: int, flow: Flow, progress: Progress, rows: dict[str, int]
) -> Iterator[Lines]:
    """Yield the lines of each range of hashes, in order; `rows` gets how many were refused, by reason."""
    every = readings(plan.rows)
    with progress.stage("orders", plan.rows * len(every)) as done:
        for reading in every:
            rows |= dict.fromkeys(REFUSED, 0)
            parts = flow.map(read_lines, plan.partitions, rules.columns, today, reading)
            yield from range_by_range(lines_of(part, rows, done) for part in parts)


def lines_of(part: ReadLines, rows: dict[str, int], done: Callable[[int], None]) -> list[Lines]:
    """The lines of a partition by range; what was refused of it joins `rows`, and it is reported as done."""
    for name, count in zip(REFUSED, part.refused.tolist(), strict=True):
        rows[name] += count
    done(part.rows)
    return part.lines


def without_copies(lines: Lines, rules: OrderRules, rows: dict[str, int]) -> Lines:
    """Ordered lines without copies, where the rules drop them; `rows` gets how many there were and were dropped."""
    copies = repeated(lines)
    rows["copies"] += int(np.count_nonzero(copies))
    if not rules.drop_copies:
        return lines
    rows["copies_dropped"] += int(np.count_nonzero(copies))
    return lines.at(~copies)


def check_refused(rules: OrderRules, rows: dict[str, int]) -> None:
    """Nothing, where few enough lines are unusable; InputContractError with the counts else."""
    bad = unusable(rows)
    if sum(bad.values()) > rules.max_refused_share * rows["read"]:
        raise InputContractError(
            f"{rules.path}: {sum(bad.values()):,} of {rows['read']:,} order lines cannot be used ({as_counts(bad)}), "
            f"allowed are {rules.max_refused_share:.2%}; mend them, or raise rows.max_rejected_share"
        )
    if rows["read"] == sum(rows[name] for name in REFUSED):
        raise InputContractError(f"{rules.path}: no order is left of {rows['read']:,} lines; is as_of too early?")


def unusable(rows: dict[str, int]) -> dict[str, int]:
    """How many lines say neither who, when nor how much, by reason."""
    return {name: rows[name] for name in REFUSED if name != "after_as_of" and rows[name]}


def as_counts(counts: dict[str, int]) -> str:
    """Counts by name in words."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def written(day: int) -> str:
    """A day since 1970 as people write it."""
    return str(np.datetime64(int(day), "D"))


def money(units: float) -> float:
    """An amount in units in the currency, to the cent."""
    return round(float(units) / UNITS, 2)
