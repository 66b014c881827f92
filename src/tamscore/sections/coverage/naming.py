"""People named for accounts whose options are chosen: of each kind of people, within each one's hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY, Load, Team, assign
from tamscore.sections.coverage.offer import Offer, fit_option
from tamscore.sections.coverage.people import numbers_of

if TYPE_CHECKING:
    from tamscore.sections.coverage.choice import OptionChoice
    from tamscore.sections.coverage.hour_price import Options
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.task import Task


def plans_and_people(task: Task, owners: Owners, options: Options, choice: OptionChoice) -> tuple[Any, Any]:
    """The plan (m,) and person (m,) of every account, given the option that each has."""
    pools, option = task.pools, choice.option.copy()
    offer = Offer(options.value, options.hours, pools.pool, pools.hours, options.names)
    person = np.full(len(task.accounts), NOBODY, numbers_of(task.people))
    for pool in np.flatnonzero(np.isfinite(pools.hours)).tolist():
        _place_pool(task, offer, owners, pool, option, person)
    return pools.plan.astype(np.int16)[option], person


def _place_pool(task: Task, offer: Offer, owners: Owners, pool: int, option: Any, person: Any) -> None:
    """Place the accounts of a pool with its people, in place.

    Those that fit nowhere get a smaller plan of the pool; those that fit nowhere then either, the best one without
    limit.
    """
    who = np.flatnonzero(task.pools.of_person == pool)
    for p in who.tolist():
        _shrink_locked(task, offer, owners, p, option)
    capacity = task.hours_of_people[who]
    rows = np.flatnonzero((offer.role == pool)[option])
    while len(rows):
        result = assign(Team(capacity, task.serves[:, who]), _load_of(task, offer, owners, rows, who, option))
        has = result != NOBODY
        person[rows[has]] = who[result[has]]
        capacity = capacity - np.bincount(result[has], offer.hours[option[rows[has]], rows[has]], len(capacity))
        rows = _smaller(offer, pool, rows[~has], option)


def _load_of(task: Task, offer: Offer, owners: Owners, rows: Any, who: Any, option: Any) -> Load:
    """Accounts as their people's hours see them; owners by their place among the people `who` of the role."""
    place = np.full(len(task.people) + 1, NOBODY)
    place[who] = np.arange(len(who))
    value, hours = offer.value[option[rows], rows], offer.hours[option[rows], rows]
    market = task.accounts
    owner = place[owners.person[rows]]  # the last place is that of nobody
    return Load(hours, value, market.potential[rows], market.group_of(rows), owner, owners.locked[rows])


def _smaller(offer: Offer, pool: int, rows: Any, option: Any) -> Any:
    """Move accounts to the next smaller plan of their pool, or to the best without limit, in place; those to place."""
    hours = offer.hours[option[rows], rows]
    within = (offer.role == pool)[:, None] & (offer.hours[:, rows] < hours)
    value = offer.value[:, rows]
    free = np.where(np.isinf(offer.limits[offer.role])[:, None], value, -np.inf)
    less = np.where(within & (value > free.max(axis=0)), value, -np.inf)
    has_less = np.isfinite(less.max(axis=0))
    option[rows] = np.where(has_less, less.argmax(axis=0), free.argmax(axis=0))
    return rows[has_less]


def _shrink_locked(task: Task, offer: Offer, owners: Owners, person: int, option: Any) -> None:
    """Give the accounts locked to a person smaller plans until they fit into his hours, in place."""
    rows = np.flatnonzero(owners.locked & (owners.person == person))
    if not len(rows):
        return
    item = task.people[person]
    limits = np.where(np.arange(len(task.pools)) == task.pools.of_person[person], item.hours, 0.0)
    names = tuple(item.name for _ in limits)
    option[rows] = fit_option(
        Offer(offer.value[:, rows], offer.hours[:, rows], offer.role, limits, names), option[rows]
    )
