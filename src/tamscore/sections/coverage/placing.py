"""From the role of every account to its person, within people's hours and the limit on changes of owner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.books import balance as balance_books
from tamscore.sections.coverage.by_kind import ByKind, Values, of_accounts
from tamscore.sections.coverage.choice import OptionChoice, choose
from tamscore.sections.coverage.claims import claim
from tamscore.sections.coverage.hour_price import Options
from tamscore.sections.coverage.minimum import Owed, levels_of_plans, owed_by, with_penalty
from tamscore.sections.coverage.names import name_list
from tamscore.sections.coverage.naming import plans_and_people
from tamscore.sections.coverage.offer import Offer
from tamscore.sections.coverage.plans import values_of
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.reach import reach
from tamscore.sections.coverage.refill import Desk, refill, release

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.task import Task


@dataclass(frozen=True)
class Placement:
    """Plan (m,) and person (m,) of every account, -1 for nobody, and the choice of roles it is based on.

    `before` is the expected value before leftover hours were given out again. `owed` says which accounts are owed which
    service level. `within` are the owed accounts that the hours suffice for; all of them get their level. `free_bound`
    is an upper bound of the value of any coverage that must keep only locked owners.
    """

    plan: Any
    person: Any
    choice: OptionChoice
    offer: Offer
    search: Search
    owners: Owners
    before: float
    owed: Owed
    within: Owed
    free_bound: float = 0.0

    @property
    def value(self) -> float:
        """The expected value of the coverage, in money."""
        return float(self.worths.sum())

    @cached_property
    def worths(self) -> Any:
        """The expected value (m,) of every account under its plan, in money."""
        return of_accounts(self.offer.value, self.plan)


def place_all(
    backend: Backend, task: Task, owners: Owners, max_moves: int | None, balance: float | None = None
) -> Placement:
    """Return the best known plan and person of every account, with no more than `max_moves` changes of owner.

    With `balance`, people of a role get accounts and value for their hours within that bound, where that is possible.

    If too many accounts would change owner, those that lose least by staying are bound to their owners, and everything
    is chosen again. Raise InputContractError if the owners' hours do not suffice for that.
    """
    placement, bound = _place(backend, task, owners), owners
    free_bound = placement.choice.bound
    while (excess := _excess_of(owners, placement, max_moves)) > 0:
        bound, placement = _bound_more(backend, task, owners, bound, placement, excess)
    placement = replace(placement, free_bound=free_bound)
    return placement if balance is None else with_fair_books(task, placement, balance)


def _bound_more(
    backend: Backend, task: Task, owners: Owners, bound: Owners, placement: Placement, excess: int
) -> tuple[Owners, Placement]:
    """Return the owners with `excess` more accounts bound to them, and the placement under them.

    All accounts that stay are bound too, so that no other account leaves in exchange. If the hours do not suffice for
    that, only the `excess` accounts are bound.
    """
    price = placement.choice.price
    try:
        some = _staying(task, placement, owners, bound, excess, with_rest=True)
        return some, _place(backend, task, some, price)
    except InputContractError:
        some = _staying(task, placement, owners, bound, excess, with_rest=False)
        return some, _place(backend, task, some, price)


def _excess_of(owners: Owners, placement: Placement, max_moves: int | None) -> int:
    """Return by how many accounts the changes of owner exceed the limit."""
    return 0 if max_moves is None else int(np.count_nonzero(move(owners, placement.person))) - max_moves


def _staying(
    task: Task, placement: Placement, owners: Owners, bound: Owners, excess: int, *, with_rest: bool
) -> Owners:
    """Return the owners with `excess` more accounts bound to them, those that lose least by staying.

    With `with_rest`, all other accounts that stay are bound too.
    """
    rows = np.flatnonzero(move(owners, placement.person))
    locked = bound.locked.copy()
    locked[rows[np.argsort(loss_of_staying(task, placement, rows), kind="stable")[:excess]]] = True
    if with_rest:
        locked |= (owners.person != NOBODY) & ~move(owners, placement.person)
    return replace(bound, locked=locked)


def with_fair_books(task: Task, placement: Placement, bounds: float) -> Placement:
    """Return the placement after exchanges between people of a role; plans stay, and no account leaves its owner."""
    desk = Desk.of(task, placement.offer, placement.plan, placement.person.copy())
    balance_books(desk, placement.owners, bounds)
    return replace(placement, person=desk.person)


def move(owners: Owners, person: Any) -> Any:
    """Return which accounts (m,) have an owner and get another person or nobody."""
    return (owners.person != NOBODY) & (owners.person != person)


def loss_of_staying(task: Task, placement: Placement, rows: Any) -> Any:
    """Return the value (n,) that accounts lose by staying with their owner, inf if the owner does not serve them."""
    who = placement.owners.person[rows]
    own = task.role_of_plan[:, None] == task.role_of_person[who]
    best = np.where(own, placement.offer.value[:, rows], -np.inf).max(axis=0)
    loss = placement.offer.value[placement.plan[rows], rows] - best
    return np.where(task.serves[task.accounts.group_of(rows), who], loss, np.inf)


def _place(backend: Backend, task: Task, owners: Owners, known: Any = None) -> Placement:
    """Return the plan and person of every account, with locks kept and no limit on other changes of owner.

    `known` are prices of hours from a similar problem.
    """
    is_open, level, pools = task.is_open(owners), levels_of_plans(task.plans), task.pools
    owed = owed_by(task, task.minimum, is_open)
    within = owed.of(reach(task, owed, owners, is_open, level))
    true = Offer(values_of(task.plans, task.accounts, is_open), task.hours, task.role_of_plan, task.limits, task.roles)
    options = options_of(task, true.value, task.open_options(owners, is_open))
    search = search_of(backend, task, with_penalty(backend, options, level[pools.plan], within), known)
    choice = choose(backend, search.options, pools.hours, search)
    plan, person = plans_and_people(task, owners, search.options, choice)
    before, desk = true.worth(plan), Desk.of(task, true, plan, person)
    floor = owed.floor(level, len(plan))
    release(desk, owners, owed.account)
    refill(desk, owners, floor)
    while claim(desk, owners, owed, level):
        refill(desk, owners, floor)
    met = owed.met(level, plan)
    if not within.met(level, plan).all():  # hours left in small pieces serve no account
        within = owed.of(met)
        search = search_of(backend, task, with_penalty(backend, options, level[pools.plan], within), choice.price)
        choice = replace(choice, bound=search.bound(pools.hours).value)
    choice = replace(choice, value=true.worth(pools.plan[choice.option]))
    return Placement(plan, person, choice, true, search, owners, before, owed, within)


def options_of(task: Task, value: Values, is_open: ByKind) -> Options:
    """Return the options of every account: plans by pool, given the value of plans and which of them are open."""
    pools = task.pools
    names = ("expansion", "acquisition", "protection")
    wide = replace(value, **{name: getattr(value, name)[pools.plan] for name in names}, is_open=is_open)
    hours = ByKind(task.hours.table[:, pools.plan], task.hours.kind)
    return Options(wide, hours, tuple(pools.pool.tolist()), tuple(_name_of(task, k) for k in range(len(pools))))


def _name_of(task: Task, pool: int) -> str:
    """Return the name of a pool for messages: its role, with its people if the role has several pools."""
    pools, role = task.pools, int(task.pools.role[pool])
    if np.count_nonzero(pools.role == role) == 1:
        return task.roles[role]
    people = [task.people[p].name for p in np.flatnonzero(pools.of_person == pool).tolist()]
    return f"{task.roles[role]} ({name_list(people)})"


def search_of(backend: Backend, task: Task, options: Options, known: Any = None) -> Search:
    """Return the search for prices of the pools' hours, with accounts split by the pools that serve them."""
    part = task.pools.part
    parts = part.astype(np.min_scalar_type(len(part)))[task.accounts.group] if part.any() else None
    return Search(backend, options, len(task.pools), parts, known)
