"""Is a segment worth being one, and what should be done about it? Yes, no, or not known; never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

_YES, _NO, _UNKNOWN = "yes", "no", "unknown"
_IDENTIFIABLE = 0.7
"""F1 from which on a rule tells who belongs to a segment."""
TERMS = ("lifetime_value", "acquisition_cost", "network_effect")
_SIGNS = (1.0, -1.0, 1.0)


@dataclass(frozen=True)
class SegmentFacts:
    """What is known about the clusters of a party type, all (k,) float64, NaN where it is not.

    `f1` of the rule, total `margin`, sales `now` and `before` of the accounts known then, and per account `sales`,
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
    """The tests of each cluster (k,), `yes`, `no` or `unknown`; `open` (k,) bool; the action that follows."""

    identifiable: tuple[str, ...]
    profitable: tuple[str, ...]
    growing: tuple[str, ...]
    meaningful: tuple[str, ...]
    open: tuple[bool, ...]
    action: tuple[str, ...]


def judge(facts: SegmentFacts) -> Verdicts:
    """The verdicts on the clusters of a party type; high and low are told by the median of its clusters."""
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
    """The answer (k,) to a question: unknown where the numbers `known` are NaN."""
    return tuple(np.where(np.isnan(known), _UNKNOWN, np.where(holds, _YES, _NO)).tolist())


def _all_of(tests: tuple[str, ...]) -> str:
    """No where one test fails, else unknown where one is unknown."""
    return _NO if _NO in tests else _UNKNOWN if _UNKNOWN in tests else _YES


def _median(values: Any) -> float:
    """The median of the values (k,) known, NaN where none is."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _at_least_median(values: Any) -> Any:
    """Return which values (k,) lie at or above the median of those known; none that is unknown."""
    return values >= _median(values)


def action_of(profitable: str, growing: str, sells: bool, is_open: bool, is_low: bool, loses: bool) -> str:  # noqa: FBT001
    """The first action that fits: invest where it grows and may earn, protect what earns, let go what loses."""
    if growing == _YES and is_open and profitable != _NO:
        return "invest"
    if profitable == _YES and sells:
        return "protect"
    if loses and growing == _NO and is_low:
        return "migrate"
    return "maintain"


def priority(terms: Any, weights: tuple[float, float, float]) -> tuple[Any, list[tuple[str, ...]]]:
    """w1 · lifetime value - w2 · acquisition cost + w3 · network effect (k,), and the terms missing in each cluster.

    `terms` (3, k) in the order of TERMS, NaN for missing. Where a term that has a weight is missing there is no
    priority: leaving it out would count it as 0.
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
    """What flags look at, (m,) float64 each, NaN where it is not known: money now and before.

    `margin` is what it brings in twelve months, `cost` what it takes to serve it.
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
    """Sales and potential that are high, the size up to which an account is small, the drop that is a decline."""

    sales: float
    potential: float
    small: float
    drop: float


def account_flags(xp: Any, facts: AccountFacts, limits: FlagLimits) -> Array:
    """The flags (m,) int64 of accounts, one bit each in the order of FLAGS; what is unknown raises none.

    Accounts with high sales before that have fallen and still buy; small ones with high potential; those that cost
    more to serve than their margin brings; those that speak for us.
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
    """The text of every combination of flags, at the position of its value; '' where there is none."""
    return ["|".join(name for bit, name in enumerate(FLAGS) if value >> bit & 1) for value in range(1 << len(FLAGS))]
