"""The task of a coverage: the accounts, the plans that may cover them, and the people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.by_kind import ByKind, cross, first_of
from tamscore.sections.coverage.pools import pools_of
from tamscore.sections.coverage.texts import crossed_texts
from tamscore.sections.coverage.touches import NONE, AccountTouches, hours_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.people import Owners, Person
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.pools import Pools
    from tamscore.sections.coverage.texts import Texts


@dataclass(frozen=True)
class Task:
    """Accounts to cover, the plans that may cover them, and people; `limits` are hours by role, inf without a limit.

    `hours` (o, m) are the hours of every plan for every account. `serves` (g, p) says which groups of accounts a person
    serves. `minimum` is the lowest service level by quadrant and tier.
    """

    accounts: CoverageAccounts
    plans: Sequence[TouchPlan]
    people: Sequence[Person]
    roles: tuple[str, ...]
    limits: Any
    serves: Any
    hours: ByKind
    minimum: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def role_of_person(self) -> Any:
        """The role (p,) of every person, by number."""
        return np.array([self.roles.index(person.role) for person in self.people], np.int64)

    @cached_property
    def hours_of_people(self) -> Any:
        """The hours (p,) of every person."""
        return np.array([person.hours for person in self.people], np.float64)

    @cached_property
    def role_of_plan(self) -> Any:
        """The role (o,) of every plan, by number."""
        return np.array([self.roles.index(plan.role) for plan in self.plans], np.int64)

    @cached_property
    def is_wanted(self) -> Any:
        """Which plans (o,) take hours of a role that no person has."""
        has = np.bincount(self.role_of_person, minlength=len(self.roles)) > 0
        return ~has[self.role_of_plan] & (self.hours.extremes[0] > 0)

    @cached_property
    def pools(self) -> Pools:
        """The people by pool, and the options that plans and the pools' hours make."""
        return pools_of(self)

    def is_open(self, owners: Owners) -> ByKind:
        """Return which plans are open to each account (o, m): it is within the plan's limits, and the role serves it.

        For a locked account, the role is that of its owner. A role without people serves all accounts with no hours, to
        show what a new person would bring. A last resort is open only to accounts that have no other plan without
        limit.
        """
        kind = self.kinds(owners)
        first = first_of(kind)
        return ByKind(self.open_to(owners, first).T, kind)

    def kinds(self, owners: Owners) -> Any:
        """Return kinds (m,) of accounts; accounts of a kind have the same plans of the same people open to them."""
        region, skill, pools = self.accounts.region, self.accounts.skill, self.pools
        kind = crossed_texts([region, skill, *self.limiting])
        if not owners.locked.any():
            return kind
        held = np.where(owners.locked, pools.of_person[owners.person] + 1, 0)
        return cross(kind, len(pools) + 1, held)

    @property
    def limiting(self) -> list[Texts]:
        """The columns by which plans are limited."""
        columns = dict.fromkeys(column for plan in self.plans for column, _ in plan.limits)
        return [self.accounts.column(column) for column in columns]

    def open_to(self, owners: Owners, rows: Any) -> Any:
        """Return which plans are open to some accounts (o, n)."""
        locked, group = owners.locked[rows], self.accounts.group_of(rows)
        role_of_owner = np.append(self.role_of_person, NOBODY)[owners.person[rows]]
        empty = np.empty((len(self.plans), len(rows)), bool)
        for o, role in enumerate(self.role_of_plan):
            served = self.serves[:, self.role_of_person == role].any(axis=1)
            served |= np.isinf(self.limits[role]) | self.is_wanted[o]
            empty[o] = np.where(locked, role_of_owner == role, served[group] & self.within(o, rows))
        last = np.array([plan.last_resort for plan in self.plans])
        free = ~last & np.isinf(self.limits[self.role_of_plan])
        empty[last] &= ~empty[free].any(axis=0)
        return empty

    def open_options(self, owners: Owners, is_open: ByKind) -> ByKind:
        """Return which options are open to each account (w, m): open plans with hours of a pool that serves it."""
        pools, rows = self.pools, first_of(is_open.kind)
        served = pools.serves[self.accounts.group_of(rows)]
        own = np.append(pools.of_person, NOBODY)[owners.person[rows]]
        served = np.where(owners.locked[rows, None], own[:, None] == np.arange(len(pools)), served)
        return ByKind(is_open.table[:, pools.plan] & served[:, pools.pool], is_open.kind)

    def with_limits(self, limits: Any) -> Task:
        """Return the task with other hours (r,) of the roles."""
        return replace(self, limits=limits)

    def within(self, plan: int, rows: Any = slice(None)) -> Any:
        """Return which accounts, all (m,) or some, are within the limits of a plan, given by number."""
        return self.accounts.within(self.plans[plan].limits, rows)


def task_of(
    accounts: CoverageAccounts,
    plans: Sequence[TouchPlan],
    people: Sequence[Person],
    digital: str,
    touches: AccountTouches = NONE,
) -> Task:
    """Return the task of a coverage; each person's role must have a plan that takes hours."""
    roles = tuple(dict.fromkeys(plan.role for plan in plans))
    serves = np.array([[person.serves(*group) for person in people] for group in accounts.groups], bool)
    hours = [sum(person.hours for person in people if person.role == role) for role in roles]
    limits = np.where([role == digital for role in roles], np.inf, hours)
    serves = serves.reshape(len(accounts.groups), len(people))
    return Task(accounts, plans, people, roles, limits, serves, hours_of(plans, len(accounts), touches))
