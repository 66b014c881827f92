"""From the role of every account to its person: within each one's hours, and within the limit on changes of owner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY, Load, Team, assign
from tamscore.sections.coverage.books import balance as balance_books
from tamscore.sections.coverage.choice import Choice, choose
from tamscore.sections.coverage.claims import claim
from tamscore.sections.coverage.hour_price import Options
from tamscore.sections.coverage.minimum import Owed, levels_of_plans, owed_by, with_penalty
from tamscore.sections.coverage.offer import Offer, fitted
from tamscore.sections.coverage.plans import options_of
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.reach import reached
from tamscore.sections.coverage.refill import Desk, refill

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.task import Task


@dataclass(frozen=True)
class Placement:
    """Plan (m,) and person (m,) of every account, -1 where none; the choice of roles that it began with.

    `before`: what it was expected to bring before hours left over were given out again. `owed`: who is owed what
    service level, `within`: whom of them the hours reach, and all of these get it.
    """

    plan: Any
    person: Any
    choice: Choice
    offer: Offer
    search: Search
    owners: Owners
    before: float
    owed: Owed
    within: Owed

    @property
    def value(self) -> float:
        """What it is expected to bring."""
        return self.offer.worth(self.plan)

    def options(self, backend: Backend) -> Options:
        """What each account may be covered by, without penalties."""
        return Options(backend.put(self.offer.value), backend.put(self.offer.hours), self.search.options.role)


def place_all(
    backend: Backend, task: Task, owners: Owners, max_moves: int | None, balance: float | None = None
) -> Placement:
    """The best known plan and person of every account, with no more than `max_moves` changes of owner.

    With `balance` people of a role have accounts and value for their hours within that bound, where they can.

    Where too many would change, those who lose least by staying are bound to their owners, and all is chosen anew.
    Raises InputContractError where the owners' hours do not suffice for that.
    """
    bound = owners
    while True:
        found = place(backend, task, bound)
        rows = np.flatnonzero(moved(owners, found.person))
        excess = len(rows) - (len(rows) if max_moves is None else max_moves)
        if excess <= 0:
            return found if balance is None else with_fair_books(task, found, balance)
        stay = rows[np.argsort(loss_of_staying(task, found, rows), kind="stable")[:excess]]
        locked = bound.locked.copy()
        locked[stay] = True
        bound = replace(bound, locked=locked)


def with_fair_books(task: Task, found: Placement, bounds: float) -> Placement:
    """The placement with accounts exchanged between people of a role; plans stay, and no account leaves its owner."""
    desk = Desk.of(task, found.offer, found.plan, found.person.copy())
    balance_books(desk, found.owners, bounds)
    return replace(found, person=desk.person)


def moved(owners: Owners, person: Any) -> Any:
    """Which accounts (m,) have an owner, and get another one or nobody."""
    return (owners.person != NOBODY) & (owners.person != person)


def loss_of_staying(task: Task, found: Placement, rows: Any) -> Any:
    """What accounts would bring less by the best plan of their owner's role; those that he does not serve come last."""
    who = found.owners.person[rows]
    own = task.role_of_plan[:, None] == task.role_of_person[who]
    best = np.where(own, found.offer.value[:, rows], -np.inf).max(axis=0)
    loss = found.offer.value[found.plan[rows], rows] - best
    return np.where(task.serves[task.accounts.group_of(rows), who], loss, np.inf)


def place(backend: Backend, task: Task, owners: Owners) -> Placement:
    """The plan and person of every account, locks kept, whatever else changes owner."""
    is_open, level = task.is_open(owners), levels_of_plans(task.plans)
    options = options_of(backend, task.plans, task.roles, task.accounts, is_open, task.hours)
    owed = owed_by(task, task.minimum, is_open)
    within = owed.of(reached(task, owed, owners, is_open, level, backend.get(options.hours)))
    bound_by = with_penalty(backend, options, level, within)
    search = Search(backend, bound_by, len(task.roles))
    choice = choose(backend, bound_by, task.limits, search)
    offer = Offer(backend.get(bound_by.value), backend.get(options.hours), task.role_of_plan, task.limits, task.roles)
    plan, person = choice.option.copy(), np.full(len(task.accounts), NOBODY)
    for role in np.flatnonzero(np.isfinite(task.limits)):
        place_role(task, offer, owners, int(role), plan, person)
    true = replace(offer, value=backend.get(options.value))
    before, desk = true.worth(plan), Desk.of(task, offer, plan, person)
    refill(desk, owners)
    while claim(desk, owners, owed, level):
        refill(desk, owners)
    met = owed.met(level, plan)
    if not within.met(level, plan).all():  # hours that are left in small pieces serve nobody
        within = owed.of(met)
        search = Search(backend, with_penalty(backend, options, level, within), len(task.roles))
        choice = replace(choice, bound=search.bound(task.limits).value)
    choice = replace(choice, value=true.worth(choice.option))
    return Placement(plan, person, choice, true, search, owners, before, owed, within)


def place_role(task: Task, offer: Offer, owners: Owners, role: int, plan: Any, person: Any) -> None:
    """Place the accounts of a role with its people, in place.

    Those that fit nowhere get a smaller plan of the role; those that fit nowhere then either, the best one without
    limit.
    """
    who = np.flatnonzero(task.role_of_person == role)
    for p in who.tolist():
        shrink_locked(task, offer, owners, p, plan)
    room = np.array([task.people[p].hours for p in who.tolist()])
    rows = np.flatnonzero(task.role_of_plan[plan] == role)
    while len(rows):
        found = assign(Team(room, task.serves[:, who]), load_of(task, offer, owners, rows, who, plan))
        has = found != NOBODY
        person[rows[has]] = who[found[has]]
        room = room - np.bincount(found[has], offer.hours[plan[rows[has]], rows[has]], len(room))
        rows = smaller(offer, role, rows[~has], plan)


def load_of(task: Task, offer: Offer, owners: Owners, rows: Any, who: Any, plan: Any) -> Load:
    """Accounts as their people's hours see them; owners by their place among the people `who` of the role."""
    place = np.full(len(task.people) + 1, NOBODY)
    place[who] = np.arange(len(who))
    value, hours = offer.value[plan[rows], rows], offer.hours[plan[rows], rows]
    market = task.accounts
    owner = place[owners.person[rows]]  # the last place is that of nobody
    return Load(hours, value, market.potential[rows], market.group_of(rows), owner, owners.locked[rows])


def smaller(offer: Offer, role: int, rows: Any, plan: Any) -> Any:
    """Move accounts to the next smaller plan of their role, or to the best without limit, in place; those to place."""
    hours = offer.hours[plan[rows], rows]
    within = (offer.role == role)[:, None] & (offer.hours[:, rows] < hours)
    value = offer.value[:, rows]
    free = np.where(np.isinf(offer.limits[offer.role])[:, None], value, -np.inf)
    less = np.where(within & (value > free.max(axis=0)), value, -np.inf)
    has_less = np.isfinite(less.max(axis=0))
    plan[rows] = np.where(has_less, less.argmax(axis=0), free.argmax(axis=0))
    return rows[has_less]


def shrink_locked(task: Task, offer: Offer, owners: Owners, person: int, plan: Any) -> None:
    """Give the accounts locked to a person smaller plans until they fit into his hours, in place."""
    rows = np.flatnonzero(owners.locked & (owners.person == person))
    if not len(rows):
        return
    one = task.people[person]
    limits = np.where(np.arange(len(task.roles)) == task.roles.index(one.role), one.hours, 0.0)
    names = tuple(one.name for _ in task.roles)
    plan[rows] = fitted(Offer(offer.value[:, rows], offer.hours[:, rows], offer.role, limits, names), plan[rows])
