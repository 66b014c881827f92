"""The days on which orders lie: what a table of order lines must hold, looked at before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.joining.order_lines import OrderColumns, count_days
from tamscore.stages.orders import FEW_LINES, last_before_strays, last_before_thin_tail

if TYPE_CHECKING:
    from tamscore.scoring.context import Run
    from tamscore.sections.lifetime_value.settings import LifetimeValue

EARLY, TABLE = "lifetime_value.days", "lifetime_value.orders"
EPOCH = date(1970, 1, 1)
_LAST = (date.max - EPOCH).days
_FAR, _TOO_FAR = 3, 10
"""So many times the largest gap between two days of orders is far from all others, and too far to be right."""


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


def rules_of(run: Run, settings: LifetimeValue) -> OrderRules | None:
    """Return how the orders of a run are read; None without orders."""
    if settings.orders is None:
        return None
    account_id = settings.order_account or run.columns.account_id
    return OrderRules(
        settings.orders,
        OrderColumns(account_id, settings.order_date, settings.order_amount, run.columns.id_form),
        settings.as_of,
        settings.copies == "drop",
        settings.retention_months,
        settings.months,
        run.job.rows.max_rejected_share,
    )


@dataclass(frozen=True)
class OrderDays:
    """The different days (n,) of an orders table in ascending order; `notices` say which of them lie far apart."""

    days: Any
    notices: tuple[str, ...]


def require_early(run: Run, settings: LifetimeValue) -> None:
    """Raise InputContractError if there are orders and their days are none, or cannot be right.

    The days are kept for after the fit.
    """
    if rules := rules_of(run, settings):
        run.early[EARLY] = read_days(run, rules)


def read_days(run: Run, rules: OrderRules) -> OrderDays:
    """Return the days of the orders.

    Raise InputContractError if there are none until the last day that counts, or if a few lines far after all others
    would be that day.
    """
    days, counts = _days_of_orders(run, rules)
    if rules.as_of and days[0] > (rules.as_of - EPOCH).days:
        raise none_left(rules, run.plan.tables[TABLE].rows)
    return OrderDays(days, (*_late_strays(rules, days, counts), *_early_strays(days, counts)))


def none_left(rules: OrderRules, lines: int) -> InputContractError:
    """Return the error about a table of so many lines of which none counts."""
    return InputContractError(f"{rules.path}: no order is left of {lines:,} lines; is as_of too early?")


def _days_of_orders(run: Run, rules: OrderRules) -> tuple[Any, Any]:
    """Return the different days (n,) of an orders table in ascending order, and how many lines (n,) have each."""
    items = list(run.flow.map(count_days, run.plan.tables[TABLE].partitions, rules.columns.date))
    values, lines = (np.concatenate([part[i] for part in items]) for i in (0, 1))
    if not len(values):
        raise InputContractError(f"{rules.path}: column {rules.columns.date!r} holds no date; expected those of orders")
    days, place = np.unique(values, return_inverse=True)
    if days[-1] > _LAST:
        raise InputContractError(
            f"{rules.path}: column {rules.columns.date!r}: expected days up to {date.max}, got {written(days[-1])}; "
            "correct the date"
        )
    return days, np.bincount(place, lines).astype(np.int64)


def _late_strays(rules: OrderRules, days: Any, counts: Any) -> list[str]:
    """Return what to say of a few lines far after all others; none where the job says which day is the last.

    Raise InputContractError if they lie so far from so many others that their dates must be wrong.
    """
    parts = None if rules.as_of else last_before_strays(days, counts, _FAR)
    if parts is None:
        return [] if rules.as_of else _thin_tail(days, counts)
    (day, lines), total, last = parts, int(counts.sum()), written(days[-1])
    text = (
        f"{lines:,} of {total:,} order lines are dated after {written(day)}, far after all others, and move the last "
        f"day that counts to {last}; set lifetime_value.as_of = {written(day)} to pass over them, or {last} if they "
        "are right"
    )
    if lines <= FEW_LINES * total and last_before_strays(days, counts, _TOO_FAR):
        raise InputContractError(f"{rules.path}: column {rules.columns.date!r}: {text}")
    return [text]


def _thin_tail(days: Any, counts: Any) -> list[str]:
    """Return what to say of a table that ends with few lines over a long time, as planned deliveries do."""
    parts = last_before_thin_tail(days, counts)
    if parts is None:
        return []
    day, last = written(parts[0]), written(days[-1])
    text = (
        f"after {day}, order lines come at less than a tenth of their pace: {parts[1]:,} until {last}, the last day "
        f"that counts; if these are in the future, set lifetime_value.as_of = {day}"
    )
    return [text]


def _early_strays(days: Any, counts: Any) -> list[str]:
    """Return what to say of a few lines far before all others, which make the orders seem to reach back farther."""
    parts = last_before_strays(-days[::-1], counts[::-1], _FAR)
    if parts is None:
        return []
    text = (
        f"{parts[1]:,} of {counts.sum():,} order lines are dated before {written(-parts[0])}, far before all others: "
        f"the orders count as beginning on {written(days[0])}; remove lines whose dates are placeholders"
    )
    return [text]


def written(day: int) -> str:
    """A day since 1970 as people write it."""
    return str(np.datetime64(int(day), "D"))
