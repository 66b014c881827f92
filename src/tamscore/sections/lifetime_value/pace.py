"""How often customers order: the days between their order days, and how fast a customer's value fades without one."""

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
"""So many median gaps without an order leave a customer 1/e of its value."""
_USUAL_FADE = 180.0
"""Days that do so where fewer gaps are known."""


@dataclass(frozen=True)
class Pace:
    """How many `gaps` between order days of the same account are known, and the days `tau` of the factor of recency."""

    gaps: int
    tau: float


def gap_counts(gaps: Any) -> tuple[Any, Any]:
    """The different gaps (d,) in days, ascending, and how often each occurs (d,)."""
    return np.unique(gaps, return_counts=True)


def pace(parts: Sequence[tuple[Any, Any]]) -> Pace:
    """The pace of all gaps, counted part by part: tau is six times their median."""
    days, counts = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    order = np.argsort(days, kind="stable")
    days, until = days[order], np.cumsum(counts[order])
    known = int(until[-1]) if len(until) else 0
    if known < _FEWEST_GAPS:
        return Pace(known, _USUAL_FADE)
    median = days[np.searchsorted(until, nearest_rank(known, 0.5), side="right")]
    return Pace(known, _GAPS_A_FADE * float(median))


def covered_months(begins: int, today: int) -> float:
    """The months of the trailing twelve that orders since a day cover, one at least."""
    return min(max((today - begins + 1) / _DAYS_A_MONTH, 1.0), 12.0)


def held_out_months(begins: int, today: int, retention_months: int, horizon: int) -> int:
    """The months at the end of the orders that forms of the value are tried on, 0 where the orders are too short.

    What two windows of retention leave, one at least, and no more than a year or than the value looks ahead. Less than
    a window of retention and two months tell of nobody who stayed.
    """
    months = int((today - begins + 1) // _DAYS_A_MONTH)
    if months < retention_months + 2:
        return 0
    return min(max(months - 2 * retention_months, 1), horizon, 12)
