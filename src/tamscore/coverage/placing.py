"""From the role of every account to its person: within each one's hours, and within the limit on changes of owner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.coverage.names import likely
from tamscore.coverage.plans import options_of
from tamscore.coverage.refill import refill
from tamscore.coverage.touches import NONE, Touches, hours_of
from tamscore.errors import InputContractError
from tamscore.stages.assignment import NOBODY, Load, Team, assign
from tamscore.stages.coverage import Choice, Offer, choose, fitted
from tamscore.stages.hour_price import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.coverage.accounts import Accounts
    from tamscore.coverage.people import Owners, Person
    from tamscore.coverage.plans import TouchPlan


@dataclass(frozen=True)
class Task:
    """What is to be covered, how it may be, and by whom; roles by number, those without limit infinite.

    `hours` (o, m) of every plan for every account, `serves` (g, p) tells whose groups of accounts are whose.
    """

    accounts: Accounts
    plans: Sequence[TouchPlan]
    people: Sequence[Person]
    roles: tuple[str, ...]
    limits: Any
    serves: Any
    hours: Any

    @property
    def role_of_person(self) -> Any:
        """The role (p,) of every person by number."""
        return np.array([self.roles.index(person.role) for person in self.people], np.int64)

    @property
    def role_of_plan(self) -> Any:
        """The role (o,) of every plan by number."""
        return np.array([self.roles.index(plan.role) for plan in self.plans], np.int64)

    def is_open(self, owners: Owners) -> Any:
        """Which plans are open to each account (o, m): somebody of the role serves it; where locked, the owner does."""
        held = np.full(len(self.accounts), NOBODY)
        held[owners.locked] = self.role_of_person[owners.person[owners.locked]] if owners.locked.any() else held[:0]
        found = np.empty((len(self.plans), len(self.accounts)), bool)
        for o, role in enumerate(self.role_of_plan):
            served = self.serves[:, self.role_of_person == role].any(axis=1) | np.isinf(self.limits[role])
            found[o] = np.where(owners.locked, held == role, served[self.accounts.group])
        return found


@dataclass(frozen=True)
class Placement:
    """Plan (m,) and person (m,) of every account, -1 where none; the choice of roles that it began with.

    `before`: what it was expected to bring before hours left over were given out again.
    """

    plan: Any
    person: Any
    choice: Choice
    offer: Offer
    search: Search
    owners: Owners
    before: float

    @property
    def value(self) -> float:
        """What it is expected to bring."""
        return self.offer.worth(self.plan)


def place_all(backend: Backend, task: Task, owners: Owners, max_moves: int | None) -> Placement:
    """The best known plan and person of every account, with no more than `max_moves` changes of owner.

    Where too many would change, those who lose least by staying are bound to their owners, and all is chosen anew.
    Raises InputContractError where the owners' hours do not suffice for that.
    """
    bound = owners
    while True:
        found = place(backend, task, bound)
        rows = np.flatnonzero(moved(owners, found.person))
        excess = len(rows) - (len(rows) if max_moves is None else max_moves)
        if excess <= 0:
            return found
        stay = rows[np.argsort(loss_of_staying(task, found, rows), kind="stable")[:excess]]
        locked = bound.locked.copy()
        locked[stay] = True
        bound = replace(bound, locked=locked)


def moved(owners: Owners, person: Any) -> Any:
    """Which accounts (m,) have an owner, and get another one or nobody."""
    return (owners.person != NOBODY) & (owners.person != person)


def loss_of_staying(task: Task, found: Placement, rows: Any) -> Any:
    """What accounts would bring less by the best plan of their owner's role; those that he does not serve come last."""
    who = found.owners.person[rows]
    own = task.role_of_plan[:, None] == task.role_of_person[who]
    best = np.where(own, found.offer.value[:, rows], -np.inf).max(axis=0)
    loss = found.offer.value[found.plan[rows], rows] - best
    return np.where(task.serves[task.accounts.group[rows], who], loss, np.inf)


def place(backend: Backend, task: Task, owners: Owners) -> Placement:
    """The plan and person of every account, locks kept, whatever else changes owner."""
    options = options_of(backend, task.plans, task.roles, task.accounts, task.is_open(owners), task.hours)
    search = Search(backend, options, len(task.roles))
    choice = choose(backend, options, task.limits, search)
    value, hours = backend.get(options.value), backend.get(options.hours)
    offer = Offer(value, hours, task.role_of_plan, task.limits, task.roles)
    plan, person = choice.option.copy(), np.full(len(task.accounts), NOBODY)
    for role in np.flatnonzero(np.isfinite(task.limits)):
        place_role(task, offer, owners, int(role), plan, person)
    before = offer.worth(plan)
    refill(task, offer, owners, plan, person)
    return Placement(plan, person, choice, offer, search, owners, before)


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
    return Load(hours, value, market.potential[rows], market.group[rows], owner, owners.locked[rows])


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


def task_of(
    accounts: Accounts, plans: Sequence[TouchPlan], people: Sequence[Person], digital: str, touches: Touches = NONE
) -> Task:
    """What there is to do; InputContractError where somebody has a role without a plan."""
    roles = tuple(dict.fromkeys(plan.role for plan in plans))
    for person in people:
        if person.role not in roles or person.role == digital:
            raise InputContractError(
                f"{person.name!r}: role {person.role!r} has no touch plan that takes hours; expected one of "
                f"{', '.join(role for role in roles if role != digital)}{likely(person.role, roles)}"
            )
    serves = np.array([[one.serves(*group) for one in people] for group in accounts.groups], bool)
    hours = [sum(one.hours for one in people if one.role == role) for role in roles]
    limits = np.where([role == digital for role in roles], np.inf, hours)
    serves = serves.reshape(len(accounts.groups), len(people))
    return Task(accounts, plans, people, roles, limits, serves, hours_of(plans, len(accounts), touches))
