"""What is to be covered, how it may be, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.touches import NONE, Touches, hours_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.sections.coverage.accounts import Accounts
    from tamscore.sections.coverage.people import Owners, Person
    from tamscore.sections.coverage.plans import TouchPlan


@dataclass(frozen=True)
class Task:
    """What is to be covered, how it may be, and by whom; roles by number, those without limit infinite.

    `hours` (o, m) of every plan for every account, `serves` (g, p) tells whose groups of accounts are whose. `minimum`
    is the least service level by quadrant and tier.
    """

    accounts: Accounts
    plans: Sequence[TouchPlan]
    people: Sequence[Person]
    roles: tuple[str, ...]
    limits: Any
    serves: Any
    hours: Any
    minimum: Mapping[str, str] = field(default_factory=dict)

    @property
    def role_of_person(self) -> Any:
        """The role (p,) of every person by number."""
        return np.array([self.roles.index(person.role) for person in self.people], np.int64)

    @property
    def hours_of_people(self) -> Any:
        """The hours (p,) of every person."""
        return np.array([person.hours for person in self.people], np.float64)

    @property
    def role_of_plan(self) -> Any:
        """The role (o,) of every plan by number."""
        return np.array([self.roles.index(plan.role) for plan in self.plans], np.int64)

    def is_open(self, owners: Owners) -> Any:
        """Which plans are open to each account (o, m): it is within their limits, and somebody of the role serves it.

        Where it is locked its owner does. A last resort is open to those alone who have no other plan without limit.
        """
        held = np.full(len(self.accounts), NOBODY)
        held[owners.locked] = self.role_of_person[owners.person[owners.locked]] if owners.locked.any() else held[:0]
        found = np.empty((len(self.plans), len(self.accounts)), bool)
        for o, role in enumerate(self.role_of_plan):
            served = self.serves[:, self.role_of_person == role].any(axis=1) | np.isinf(self.limits[role])
            found[o] = np.where(owners.locked, held == role, served[self.accounts.group] & self.within(o))
        last = np.array([plan.last_resort for plan in self.plans])
        free = ~last & np.isinf(self.limits[self.role_of_plan])
        found[last] &= ~found[free].any(axis=0)
        return found

    def with_limits(self, limits: Any) -> Task:
        """Return the task with other hours (r,) of the roles."""
        return replace(self, limits=limits)

    def within(self, plan: int) -> Any:
        """Which accounts (m,) are within the limits of a plan by number."""
        return self.accounts.within(self.plans[plan].limits)


def task_of(
    accounts: Accounts, plans: Sequence[TouchPlan], people: Sequence[Person], digital: str, touches: Touches = NONE
) -> Task:
    """What there is to do, given people whose roles all have a plan that takes hours."""
    roles = tuple(dict.fromkeys(plan.role for plan in plans))
    serves = np.array([[one.serves(*group) for one in people] for group in accounts.groups], bool)
    hours = [sum(one.hours for one in people if one.role == role) for role in roles]
    limits = np.where([role == digital for role in roles], np.inf, hours)
    serves = serves.reshape(len(accounts.groups), len(people))
    return Task(accounts, plans, people, roles, limits, serves, hours_of(plans, len(accounts), touches))
