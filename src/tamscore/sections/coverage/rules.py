"""What simple rules would bring with the same hours, to hold the optimum against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.by_kind import ByKind, first_of
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.texts import crossed_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tamscore.sections.coverage.offer import Offer
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task


_BLOCK = 2_048
"""So many accounts are looked at together; most of them find no hours left."""
_LARGE = 262_144
"""So many where all of them find a plan."""
_SOON = 16_384
"""So many are put in order first."""


@dataclass(frozen=True)
class RuleResult:
    """What a way to cover accounts is expected to bring, the hours it takes, and accounts with a person."""

    rule: str
    value: float
    hours: float
    accounts: int


def compare(task: Task, placement: Placement) -> list[RuleResult]:
    """The coverage found, then simple rules within the same hours by role; locks are kept by all.

    Rules do not look at people: each may share out the hours of a role as it likes, which favours them.
    """
    offer = placement.offer
    return [_result_of(name, offer, plan) for name, plan in _ways(task, placement)]


def _ways(task: Task, placement: Placement) -> Iterator[tuple[str, Any]]:
    """The coverage found, then every simple rule, with the plan (m,) of every account; one at a time, for memory."""
    market, offer = task.accounts, placement.offer
    anything, begun = ByKind(np.ones((1, len(task.plans)), bool), np.zeros(len(market), np.uint8)), _start(offer)
    yield "coverage", placement.plan
    yield "top by sales", _in_order(offer, begun, from_largest(market.sales), anything)
    yield "top by whitespace", _in_order(offer, begun, from_largest(market.whitespace), anything)
    yield "quadrant cut to capacity", _in_order(offer, begun, from_largest(market.whitespace), quadrant_plans(task))
    yield "all digital", begun


def from_largest(amount: Any) -> Iterator[Any]:
    """Yield the accounts in order of an amount (m,), the largest first, of equals the first; some thousands at a time.

    Most often the first of them take all hours: the others are not put in order before they are asked for.
    """
    many = len(amount)
    ends = many - np.arange(_SOON, many, _LARGE)
    cuts = np.partition(amount, ends)[ends] if len(ends) else ends
    for low, high in zip([*cuts, -np.inf], [np.inf, *cuts], strict=True):
        rows = np.flatnonzero((amount >= low) & (amount < high))
        yield rows[np.argsort(-amount[rows], kind="stable")]


def _result_of(name: str, offer: Offer, plan: Any) -> RuleResult:
    """Return what a plan for every account comes to."""
    limited = np.isfinite(offer.limits)
    return RuleResult(
        name,
        offer.worth(plan),
        float(offer.used(plan)[limited].sum()),
        int(np.count_nonzero(limited[offer.role[plan]])),
    )


def quadrant_plans(task: Task) -> ByKind:
    """Return which plans (o, m) are those of each account's quadrant."""
    accounts = task.accounts
    columns = [accounts.texts["role"], accounts.texts["service_level"], *task.limiting]
    kind = crossed_texts(columns)
    rows = first_of(kind)
    values = np.zeros((len(task.plans), len(rows)), bool)
    for o, plan in enumerate(task.plans):
        if plan.role != DIGITAL:
            here = [columns[0].alike(plan.role, rows), columns[1].alike(plan.service_level, rows)]
            values[o] = here[0] & here[1] & task.within(o, rows)
    return ByKind(values.T, kind)


def _in_order(offer: Offer, begun: Any, parts: Iterable[Any], allowed: ByKind) -> Any:
    """The plan (m,) of every account where one after the other takes what is best of what there are hours for.

    The accounts come in `parts`, in order. Before that each has the plan (m,) with which it has `begun`.
    """
    plan = begun.copy()
    free, least = offer.capacity(plan), np.where(offer.takes, offer.least, np.inf)
    wanted = np.isfinite(offer.limits[offer.role]) & allowed.table.any(axis=0)
    for rows in (part[begin : begin + _BLOCK] for part in parts for begin in range(0, len(part), _BLOCK)):
        if not (least <= free[offer.role])[wanted].any():
            break
        _serve(offer, allowed, plan, free, rows)
    return plan


def _serve(offer: Offer, allowed: ByKind, plan: Any, free: Any, rows: Any) -> None:
    """Give accounts (n,), one after the other, what is best of what the hours (r,) that are left allow; in place.

    The hours left never grow, so that an account without a gain has none later either.
    """
    own = offer.role[:, None] == offer.role[plan[rows]]
    back = own * offer.hours[plan[rows], rows]
    hours, gain = offer.hours[:, rows], offer.value[:, rows] - offer.value[plan[rows], rows]
    gain = np.where(allowed[:, rows] & (gain > 0), gain, -np.inf)
    for i in np.flatnonzero(((hours <= free[offer.role][:, None] + back) & (gain > 0)).any(axis=0)).tolist():
        row, fits = rows[i], hours[:, i] <= free[offer.role] + back[:, i]
        best = int(np.where(fits, gain[:, i], -np.inf).argmax())
        if fits[best] and gain[best, i] > 0:
            free[offer.role[plan[row]]] += offer.hours[plan[row], row]
            free[offer.role[best]] -= hours[best, i]
            plan[row] = best


def _start(offer: Offer) -> Any:
    """The best plan (m,) without limit, or of a locked account the one that takes the fewest hours."""
    free, accounts = np.flatnonzero(np.isinf(offer.limits[offer.role])), offer.value.shape[1]
    starts = range(0, accounts, _LARGE)
    parts = [_start_of(offer, free, np.arange(begin, min(begin + _LARGE, accounts))) for begin in starts]
    return np.concatenate(parts)


def _start_of(offer: Offer, free: Any, rows: Any) -> Any:
    """Return the same of some accounts, given the plans (f,) without limit."""
    value = offer.value[free[:, None], rows]
    best = free.astype(np.int16)[value.argmax(axis=0)]
    locked = ~np.isfinite(value).any(axis=0)
    hours = np.where(np.isfinite(offer.value[:, rows[locked]]), offer.hours[:, rows[locked]], np.inf)
    best[locked] = hours.argmin(axis=0)
    return best
