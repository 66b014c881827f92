"""What simple rules would bring with the same hours, to hold the optimum against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.coverage.plans import DIGITAL

if TYPE_CHECKING:
    from tamscore.coverage.placing import Placement, Task
    from tamscore.stages.coverage import Offer


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
    market, offer = task.accounts, found.offer
    by_sales, by_whitespace = (np.argsort(-money, kind="stable") for money in (market.sales, market.whitespace))
    anything = np.ones(offer.value.shape, bool)
    ways = {
        "coverage": found.plan,
        "top by sales": in_order(offer, by_sales, anything),
        "top by whitespace": in_order(offer, by_whitespace, anything),
        "quadrant cut to capacity": in_order(offer, by_whitespace, quadrant_plans(task)),
        "all digital": in_order(offer, by_sales[:0], anything),
    }
    return [result_of(name, offer, plan) for name, plan in ways.items()]


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
    return np.array([mask & (plan.role != DIGITAL) for plan, mask in zip(task.plans, same, strict=True)])


def in_order(offer: Offer, order: Any, allowed: Any) -> Any:
    """The plan (m,) of every account where one after the other takes what is best of what there are hours for."""
    plan = start(offer)
    room = offer.room(plan)
    least = np.where(offer.hours > 0, offer.hours, np.inf).min(axis=1)
    for row in order:
        if not (least <= room[offer.role])[np.isfinite(offer.limits[offer.role])].any():
            break
        free = room + (np.arange(len(room)) == offer.role[plan[row]]) * offer.hours[plan[row], row]
        fits = allowed[:, row] & (offer.hours[:, row] <= free[offer.role])
        gain = np.where(fits, offer.value[:, row] - offer.value[plan[row], row], -np.inf)
        best = int(gain.argmax())
        if gain[best] > 0:
            room[offer.role[plan[row]]] += offer.hours[plan[row], row]
            room[offer.role[best]] -= offer.hours[best, row]
            plan[row] = best
    return plan


def start(offer: Offer) -> Any:
    """The best plan (m,) without limit, or of a locked account the one that takes the fewest hours."""
    free = np.where(np.isinf(offer.limits[offer.role])[:, None], offer.value, -np.inf)
    fewest = np.where(np.isfinite(offer.value), offer.hours, np.inf).argmin(axis=0)
    return np.where(np.isfinite(free).any(axis=0), free.argmax(axis=0), fewest)
