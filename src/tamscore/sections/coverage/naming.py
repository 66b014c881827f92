"""People for accounts whose options are chosen: pool by pool, within each person's hours."""

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
    """Return the plan (m,) and person (m,) of every account, given the option of each account."""
    pools, option = task.pools, choice.option.copy()
    offer = Offer(options.value, options.hours, pools.pool, pools.hours, options.names)
    person = np.full(len(task.accounts), NOBODY, numbers_of(task.people))
    for pool in np.flatnonzero(np.isfinite(pools.hours)).tolist():
        _place_pool(task, offer, owners, pool, option, person)
    return pools.plan.astype(np.int16)[option], person


def _place_pool(task: Task, offer: Offer, owners: Owners, pool: int, option: Any, person: Any) -> None:
    """Assign the accounts of a pool to its people, in place.

    An account that fits nowhere gets a smaller plan of the pool. If it still fits nowhere, it gets the best plan
    without limit.
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
    """Return accounts as a load on people's hours; owners are numbered by their place among the people `who`."""
    place = np.full(len(task.people) + 1, NOBODY)
    place[who] = np.arange(len(who))
    value, hours = offer.value[option[rows], rows], offer.hours[option[rows], rows]
    market = task.accounts
    owner = place[owners.person[rows]]  # the last place is that of nobody
    return Load(hours, value, market.potential[rows], market.group_of(rows), owner, owners.locked[rows])


def _smaller(offer: Offer, pool: int, rows: Any, option: Any) -> Any:
    """Move accounts to a smaller plan of their pool, or to the best plan without limit, in place.

    Return the rows that still need a person.
    """
    hours = offer.hours[option[rows], rows]
    within = (offer.role == pool)[:, None] & (offer.hours[:, rows] < hours)
    value = offer.value[:, rows]
    free = np.where(np.isinf(offer.limits[offer.role])[:, None], value, -np.inf)
    less = np.where(within & (value > free.max(axis=0)), value, -np.inf)
    has_less = np.isfinite(less.max(axis=0))
    option[rows] = np.where(has_less, less.argmax(axis=0), free.argmax(axis=0))
    return rows[has_less]


def _shrink_locked(task: Task, offer: Offer, owners: Owners, person: int, option: Any) -> None:
    """Give the accounts locked to a person smaller plans until they fit into that person's hours, in place."""
    rows = np.flatnonzero(owners.locked & (owners.person == person))
    if not len(rows):
        return
    item = task.people[person]
    limits = np.where(np.arange(len(task.pools)) == task.pools.of_person[person], item.hours, 0.0)
    names = tuple(item.name for _ in limits)
    option[rows] = fit_option(
        Offer(offer.value[:, rows], offer.hours[:, rows], offer.role, limits, names), option[rows]
    )
