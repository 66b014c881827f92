"""Tests of a segment and the action that follows. The answers are yes, no or unknown, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

_YES, _NO, _UNKNOWN = "yes", "no", "unknown"
_IDENTIFIABLE = 0.7
"""Least F1 of the rule at which a segment counts as identifiable."""
TERMS = ("lifetime_value", "acquisition_cost", "network_effect")
_SIGNS = (1.0, -1.0, 1.0)


@dataclass(frozen=True)
class SegmentFacts:
    """Facts about the clusters of a party type, all (k,) float64, NaN if not known.

    `f1` of the rule; total `margin`; sales `now` and `before` of accounts with both known; and, per account, `sales`,
    `potential` and `whitespace`.
    """

    f1: Any
    margin: Any
    now: Any
    before: Any
    sales: Any
    potential: Any
    whitespace: Any


@dataclass(frozen=True)
class Verdicts:
    """The tests of each cluster (k,): `yes`, `no` or `unknown`; `open` (k,) bool; the action that follows."""

    identifiable: tuple[str, ...]
    profitable: tuple[str, ...]
    growing: tuple[str, ...]
    meaningful: tuple[str, ...]
    open: tuple[bool, ...]
    action: tuple[str, ...]


def assess(facts: SegmentFacts) -> Verdicts:
    """Return the verdicts on the clusters of a party type; high and low mean above and below their median."""
    identifiable = _answers(facts.f1, facts.f1 >= _IDENTIFIABLE)
    profitable = _answers(facts.margin, facts.margin > 0)
    growing = _answers(facts.now - facts.before, facts.now > facts.before)
    tests = list(zip(identifiable, profitable, growing, strict=True))
    sells = _at_least_median(facts.sales)
    is_open = facts.whitespace > _median(facts.whitespace)
    is_low = ~_at_least_median(facts.potential)
    loses = facts.margin < 0
    action = tuple(
        action_of(*test[1:], *rest) for test, *rest in zip(tests, sells, is_open, is_low, loses, strict=True)
    )
    return Verdicts(identifiable, profitable, growing, tuple(map(_all_of, tests)), tuple(is_open.tolist()), action)


def _answers(known: Any, holds: Any) -> tuple[str, ...]:
    """Return the answer (k,) to a question: unknown if `known` is NaN."""
    return tuple(np.where(np.isnan(known), _UNKNOWN, np.where(holds, _YES, _NO)).tolist())


def _all_of(tests: tuple[str, ...]) -> str:
    """Return no if one test fails, else unknown if one is unknown, else yes."""
    return _NO if _NO in tests else _UNKNOWN if _UNKNOWN in tests else _YES


def _median(values: Any) -> float:
    """Return the median of the known values (k,), NaN if none is known."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _at_least_median(values: Any) -> Any:
    """Return which values (k,) lie at or above the median of the known ones; unknown values do not."""
    return values >= _median(values)


def action_of(profitable: str, growing: str, sells: bool, is_open: bool, is_low: bool, loses: bool) -> str:  # noqa: FBT001
    """Return the first action that fits: invest in growth that may earn, protect what earns, let go of losses."""
    if growing == _YES and is_open and profitable != _NO:
        return "invest"
    if profitable == _YES and sells:
        return "protect"
    if loses and growing == _NO and is_low:
        return "migrate"
    return "maintain"


def priority(terms: Any, weights: tuple[float, float, float]) -> tuple[Any, list[tuple[str, ...]]]:
    """Return w1 · lifetime value - w2 · acquisition cost + w3 · network effect (k,), and each cluster's missing terms.

    `terms` (3, k) are in the order of TERMS, NaN if missing. If a term with a weight is missing, the priority is NaN:
    leaving the term out would count it as 0.
    """
    asked = np.array(weights) != 0
    value = np.array(weights) * _SIGNS @ np.where(asked[:, None], terms, 0.0)
    gaps = [
        tuple(term for term, gap, is_asked in zip(TERMS, column, asked, strict=True) if gap and is_asked)
        for column in np.isnan(terms).T
    ]
    return value, gaps


FLAGS = ("declining_big", "small_high_potential", "resource_heavy", "advocate")


@dataclass(frozen=True)
class AccountFacts:
    """Figures of accounts for flags, (m,) float64 each, NaN if not known.

    `margin` is the margin of twelve months, `cost` the cost of serving the account in twelve months.
    """

    sales: Array
    before: Array
    potential: Array
    margin: Array
    size: Array
    cost: Array
    advocate: Array


@dataclass(frozen=True)
class FlagLimits:
    """Limits of flags: high sales, high potential, size below which an account is small, share of a decline."""

    sales: float
    potential: float
    small: float
    drop: float


def account_flags(xp: Any, facts: AccountFacts, limits: FlagLimits) -> Array:
    """Return the flags (m,) int64 of accounts, one bit each in the order of FLAGS; unknown figures raise no flag.

    The flags: accounts with high sales before that have fallen and still buy; small accounts with high potential;
    accounts that cost more to serve than their margin; advocates.
    """
    raised = (
        (facts.before >= limits.sales) & (facts.sales > 0.0) & (facts.sales < (1.0 - limits.drop) * facts.before),
        (facts.size < limits.small) & (facts.potential >= limits.potential),
        facts.cost > facts.margin,
        facts.advocate > 0.0,
    )
    value = xp.zeros(facts.sales.shape, dtype=xp.int64, device=facts.sales.device)
    for bit, where in enumerate(raised):
        value = value + xp.astype(where, xp.int64) * 2**bit
    return value


def flag_texts() -> list[str]:
    """Return the text of every combination of flags, at the position of its value; '' for no flag."""
    return ["|".join(name for bit, name in enumerate(FLAGS) if value >> bit & 1) for value in range(1 << len(FLAGS))]
