"""Quadrants: potential high or low against sales high or low, and the play that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.stages.whitespace import weighted_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array
    from tamscore.stages.whitespace import PartyStanding

Threshold = Literal["percentile", "median", "absolute", "capacity"]


@dataclass(frozen=True)
class _Play:
    """The play for accounts of a quadrant, and the role and service level that it needs."""

    quadrant: str
    potential: str
    sales: str
    play: str
    role: str
    service_level: str


PLAYS = (
    _Play("grey", "low", "low", "deprioritise", "digital", "digital"),
    _Play("orange", "low", "high", "protect", "account_manager", "pooled"),
    _Play("yellow", "high", "low", "land_and_adopt", "hunter", "high_touch"),
    _Play("blue", "high", "high", "expand", "account_manager", "high_touch"),
    _Play("teal", "low", "low", "deprioritise", "digital", "digital"),
)
"""The plays by quadrant code, `2 * high potential + high sales`; teal is the second grey of the cluster level."""

ACCOUNT_PLAYS = (*dict.fromkeys(play.play for play in PLAYS), "win_back", "renew")
"""The plays that an account may have: that of its quadrant, or one of the two for accounts that left or must renew."""
_OF_PROSPECT = (0, 0, 2, 2, 4)
"""The position in PLAYS of the play for a prospect, by quadrant code: the one for low sales at the same potential."""


@dataclass(frozen=True)
class QuadrantLimits:
    """The limits at or above which potential and sales count as high; infinite if nothing does."""

    potential: float
    sales: float


def account_limits(
    standing: PartyStanding, customer_sales: Any, kind: Threshold, potential: float, sales: float, capacity: int
) -> QuadrantLimits:
    """Return the limits for accounts, from shares (`percentile`), money (`absolute`) or a number (`capacity`)."""
    values, counts = accounts_by_potential(standing)
    if kind == "capacity":
        return QuadrantLimits(last_place([(values, counts)], capacity), _limits_of_sales(customer_sales, sales))
    return limits(values, counts, customer_sales, np.ones(len(customer_sales)), kind, potential, sales, capacity)


def accounts_by_potential(standing: PartyStanding) -> tuple[Any, Any]:
    """Return potentials (n,) and the number of accounts (n,) with each: customers one by one, prospects by cluster."""
    values = np.append(standing.customer_potential, standing.prospect_potential)
    return values, np.append(np.ones(len(standing.customer_potential)), standing.prospects)


def last_place(groups: Sequence[tuple[Any, Any]], capacity: int) -> float:
    """Return the potential of the last of the `capacity` accounts with the most, over pairs of potentials and counts.

    Return infinity if no potential is known. More accounts may share that potential than places are left: priority then
    decides which of them are high.
    """
    values, counts = (np.concatenate(parts) for parts in zip(*groups, strict=True))
    there = (counts > 0) & ~np.isnan(values)
    if not there.any():
        return np.inf
    order = np.argsort(-values[there], kind="stable")
    last = np.searchsorted(np.cumsum(counts[there][order]), capacity)
    return float(values[there][order][min(last, len(order) - 1)])


def _limits_of_sales(customer_sales: Any, share: float) -> float:
    """Return the quantile of customers' sales (n,) from which sales are high; infinity without customers."""
    value = weighted_quantile(customer_sales, np.ones(len(customer_sales)), share)
    return np.inf if np.isnan(value) else value


def limits(
    values: Any,
    counts: Any,
    sales_values: Any,
    sales_counts: Any,
    kind: Threshold,
    potential: float,
    sales: float,
    capacity: int,
) -> QuadrantLimits:
    """Return the limits over potentials `values` of `counts` accounts each and sales of customers, counted likewise."""
    if kind == "absolute":
        return QuadrantLimits(potential, sales)
    sales_limit = weighted_quantile(sales_values, sales_counts, sales)
    limit = (
        by_capacity(values, counts, capacity) if kind == "capacity" else weighted_quantile(values, counts, potential)
    )
    return QuadrantLimits(*(np.inf if np.isnan(bound) else bound for bound in (limit, sales_limit)))


def by_capacity(values: Any, counts: Any, capacity: int) -> float:
    """Return the lowest potential with at most `capacity` accounts at or above it; infinity if there is none."""
    distinct, place = np.unique(values[~np.isnan(values)], return_inverse=True)
    held = np.bincount(place, weights=counts[~np.isnan(values)], minlength=len(distinct))
    at_or_above = np.cumsum(held[::-1])[::-1]
    fits = distinct[at_or_above <= capacity]
    return float(fits[0]) if len(fits) else np.inf


def quadrant_codes(xp: Any, potential: Array, sales: Array, bound: QuadrantLimits) -> Array:
    """Return the position (m,) int64 in PLAYS of every account; missing potential or sales count as low."""
    high_potential = xp.astype(potential >= bound.potential, xp.int64)
    return 2 * high_potential + xp.astype(sales >= bound.sales, xp.int64)


def play_codes(code: Any, buys: Any) -> Any:
    """Return the position (m,) in PLAYS of each account's play, given its quadrant `code` (m,) and `buys` (m,).

    A prospect in a quadrant of high sales, as whole clusters may be, gets the play for low sales.
    """
    return np.where(buys, code, np.take(_OF_PROSPECT, code))


def cluster_codes(mean_potential: Any, mean_sales: Any, bound: QuadrantLimits) -> Any:
    """Return the position (k,) in PLAYS of every cluster; low/low clusters of above-median potential are teal."""
    codes = quadrant_codes(np, mean_potential, mean_sales, bound)
    low = codes == 0
    if np.count_nonzero(low) > 1:
        codes[low & (mean_potential > np.median(mean_potential[low]))] = len(PLAYS) - 1
    return codes
