"""The pace of orders: the days between an account's orders, and how fast its value fades without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAYS_A_MONTH = 365.25 / 12
_FEWEST_GAPS = 100
_GAPS_A_FADE = 6.0
"""Median gaps without an order after which a customer has 1/e of its value."""
_USUAL_FADE = 180.0
"""Days without an order after which a customer has 1/e of its value if too few gaps are known."""


@dataclass(frozen=True)
class Pace:
    """The number of `gaps` known between order days of an account, and `tau`, the time constant of recency in days."""

    gaps: int
    tau: float


def gap_counts(gaps: Any) -> tuple[Any, Any]:
    """Return the different gaps (d,) in days, ascending, and how often each occurs (d,)."""
    return np.unique(gaps, return_counts=True)


def pace(parts: Sequence[tuple[Any, Any]]) -> Pace:
    """Return the pace of all gaps, counted part by part: `tau` is six times their median."""
    days, counts = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    order = np.argsort(days, kind="stable")
    days, until = days[order], np.cumsum(counts[order])
    known = int(until[-1]) if len(until) else 0
    if known < _FEWEST_GAPS:
        return Pace(known, _USUAL_FADE)
    median = days[np.searchsorted(until, nearest_rank(known, 0.5), side="right")]
    return Pace(known, _GAPS_A_FADE * float(median))


def covered_months(begins: int, today: int) -> float:
    """Return the months of the trailing twelve that orders since a day cover, at least 1."""
    return min(max((today - begins + 1) / _DAYS_A_MONTH, 1.0), 12.0)


def held_out_months(begins: int, today: int, retention_months: int, horizon: int) -> int:
    """Return the number of last months held out to compare forms of the value, 0 if the orders are too short.

    The number is what two windows of retention leave, at least one month. It is at most a year and at most the months
    that the value looks ahead. With less than a window of retention and two months, no account is known to have stayed.
    """
    months = int((today - begins + 1) // _DAYS_A_MONTH)
    if months < retention_months + 2:
        return 0
    return min(max(months - 2 * retention_months, 1), horizon, 12)
