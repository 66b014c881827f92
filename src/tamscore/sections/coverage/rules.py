"""What simple rules would bring with the same hours, to hold the optimum against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.plans import DIGITAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.sections.coverage.offer import Offer
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task


BLOCK = 2_048
"""So many accounts are looked at together; most of them find no hours left."""


@dataclass(frozen=True)
class RuleResult:
    """What a way to cover accounts is expected to bring, the hours it takes, and accounts with a person."""

    rule: str
    value: float
    hours: float
    accounts: int


def compare(task: Task, found: Placement) -> list[RuleResult]:
    """The coverage found, then simple rules within the same hours by role; locks are kept by all.

    Rules do not look at people: each may share out the hours of a role as it likes, which favours them.
    """
    offer = found.offer
    return [result_of(name, offer, plan) for name, plan in ways(task, found)]


def ways(task: Task, found: Placement) -> Iterator[tuple[str, Any]]:
    """The coverage found, then every simple rule, with the plan (m,) of every account; one at a time, for memory."""
    market, offer = task.accounts, found.offer
    anything = np.ones((len(task.plans), 1), bool)
    yield "coverage", found.plan
    yield "top by sales", in_order(offer, np.argsort(-market.sales, kind="stable"), anything)
    by_whitespace = np.argsort(-market.whitespace, kind="stable")
    yield "top by whitespace", in_order(offer, by_whitespace, anything)
    yield "quadrant cut to capacity", in_order(offer, by_whitespace, quadrant_plans(task))
    yield "all digital", start(offer)


def result_of(name: str, offer: Offer, plan: Any) -> RuleResult:
    """What a plan for every account comes to."""
    limited = np.isfinite(offer.limits)
    return RuleResult(
        name,
        offer.worth(plan),
        float(offer.used(plan)[limited].sum()),
        int(np.count_nonzero(limited[offer.role[plan]])),
    )


def quadrant_plans(task: Task) -> Any:
    """The plans (o, m) that are those of each account's quadrant."""
    texts = task.accounts.texts
    same = [texts["role"].equal(one.role) & texts["service_level"].equal(one.service_level) for one in task.plans]
    return np.array([mask & task.within(o) & (task.plans[o].role != DIGITAL) for o, mask in enumerate(same)])


def in_order(offer: Offer, order: Any, allowed: Any) -> Any:
    """The plan (m,) of every account where one after the other takes what is best of what there are hours for."""
    plan, allowed = start(offer), np.broadcast_to(allowed, offer.value.shape)
    room = offer.room(plan)
    least = np.array([hours[hours > 0].min(initial=np.inf) for hours in offer.hours])
    for begin in range(0, len(order), BLOCK):
        if not (least <= room[offer.role])[np.isfinite(offer.limits[offer.role])].any():
            break
        rows = order[begin : begin + BLOCK]
        for row in rows[np.isfinite(gains(offer, allowed, plan, rows, room)).any(axis=0)]:
            gain = gains(offer, allowed, plan, row, room)
            best = int(gain.argmax())
            if gain[best] > 0:
                room[offer.role[plan[row]]] += offer.hours[plan[row], row]
                room[offer.role[best]] -= offer.hours[best, row]
                plan[row] = best
    return plan


def gains(offer: Offer, allowed: Any, plan: Any, rows: Any, room: Any) -> Any:
    """What each plan would bring more (o, ...) to one account or to several, -inf where it has no hours or no use.

    The hours left never grow, so that an account without a gain has none later either.
    """
    own = offer.role.reshape(-1, *[1] * np.ndim(rows)) == offer.role[plan[rows]]
    free = room[offer.role].reshape(-1, *[1] * np.ndim(rows)) + own * offer.hours[plan[rows], rows]
    gain = offer.value[:, rows] - offer.value[plan[rows], rows]
    return np.where(allowed[:, rows] & (offer.hours[:, rows] <= free) & (gain > 0), gain, -np.inf)


def start(offer: Offer) -> Any:
    """The best plan (m,) without limit, or of a locked account the one that takes the fewest hours."""
    free = np.flatnonzero(np.isinf(offer.limits[offer.role]))
    best = free.astype(np.int16)[offer.value[free].argmax(axis=0)]
    locked = np.flatnonzero(~np.isfinite(offer.value[free]).any(axis=0))
    hours = np.where(np.isfinite(offer.value[:, locked]), offer.hours[:, locked], np.inf)
    best[locked] = hours.argmin(axis=0)
    return best
