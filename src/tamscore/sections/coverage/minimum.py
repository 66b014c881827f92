"""Least service: which accounts a plan owes more than digital, in which order, and how many of them the hours reach.

An account that is owed a service level and would get less costs a penalty beyond anything that its hours bring
elsewhere. So prices, rounding and people all serve those first whom the hours reach; see `reach`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.by_kind import Debt, cross, extremes
from tamscore.sections.coverage.held_out import is_control
from tamscore.sections.coverage.hour_price import dearest
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.backend import Backend
    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.by_kind import ByKind
    from tamscore.sections.coverage.hour_price import Options
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.task import Task

LEVELS = ("digital", "pooled", "high_touch")
"""Service levels from the least to the most intense; a plan with hours and another level counts as pooled."""
ORDER = ("blue", "A", "orange", "B", "yellow", "C", "grey", "teal", "D")
"""Quadrants and tiers in the order in which their accounts are served where hours do not reach all."""
BY_PLANS = "plans"
"""The rule for accounts to which no plan without hours is open, but for the last resort; it comes first."""
_ABOVE = 2.0
"""The penalty is so many times what the hours of any plan can bring elsewhere."""


@dataclass(frozen=True)
class Owed:
    """Accounts (s,) that are owed a service level, in the order in which they are served.

    `least` (s,) is the level as a place in LEVELS, `rule` (s,) a place in `rules`, the quadrants and tiers with the
    plans first.
    """

    account: Any
    least: Any
    rule: Any
    rules: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of accounts s."""
        return len(self.account)

    def met(self, level: Any, plan: Any) -> Any:
        """Which of the accounts (s,) get what they are owed under a plan (m,), given the level (o,) of each plan."""
        return level[plan[self.account]] >= self.least

    def floor(self, level: Any, accounts: int) -> Floor:
        """Return what each of so many accounts must keep once it has it, given the level (o,) of each plan."""
        least = np.zeros(accounts, np.int8)
        least[self.account] = self.least
        return Floor(level, least)

    def kinds(self, task: Task, is_open: ByKind) -> Any:
        """Kinds (s,) of the accounts that are owed as much, and by the same plans, hours, regions and skills."""
        result = cross(is_open.kind[self.account], len(task.hours.table), task.hours.kind[self.account])
        result = cross(result, len(LEVELS), self.least)
        group = np.unique(task.accounts.group_of(self.account), return_inverse=True)[1]
        return cross(result, int(group.max(initial=0)) + 1, group)

    def of(self, here: Any) -> Owed:
        """Return the entries at a mask (s,) or at some positions."""
        return Owed(self.account[here], self.least[here], self.rule[here], self.rules)


@dataclass(frozen=True)
class Floor:
    """The level (o,) of each plan, and the level that each account (m,) is owed, 0 for nothing."""

    level: Any
    least: Any

    def breaks(self, plan: Any, option: Any, rows: Any) -> Any:
        """Return whether accounts (n,) that have what they are owed by a plan (n,) would have less by another one."""
        least = self.least[rows]
        return (self.level[plan] >= least) & (self.level[option] < least)


def owed_by(task: Task, minimum: Mapping[str, str], is_open: ByKind) -> Owed:
    """Who is owed which service level, by rule and then by priority; an account goes by the first rule that it meets.

    Accounts of the first rule, that of the plans, are in the order of the other rules that they meet.
    `is_open` (o, m) says which plans are open to each account. Accounts that no plan of their level is open to stay;
    controls of a holdout are owed nothing.
    """
    accounts = task.accounts
    rules = (BY_PLANS, *(name for name in ORDER if LEVELS.index(minimum.get(name, DIGITAL)) > 0))
    rule = np.full(len(accounts), len(rules), np.int8)
    for place in range(len(rules) - 1, 0, -1):
        rule[_members(accounts, rules[place])] = place
    standing = rule.copy()
    last = np.array([plan.last_resort for plan in task.plans])
    if last.any():
        rule[is_open.table[:, last].any(axis=1)[is_open.kind]] = 0
    account = np.flatnonzero((rule < len(rules)) & ~is_control(accounts))
    account = account[np.lexsort((accounts.priority[account], standing[account], rule[account]))]
    least = np.array([1, *(LEVELS.index(minimum[name]) for name in rules[1:])], np.int8)
    return Owed(account, least[rule[account]], rule[account], rules)


def _members(accounts: CoverageAccounts, name: str) -> Any:
    """Return which accounts (m,) are of a quadrant or tier; a tier is named by a capital letter."""
    return accounts.texts["tier" if name.isupper() else "quadrant"].equal(name)


def levels_of_plans(plans: Sequence[TouchPlan]) -> Any:
    """The service level (o,) of each plan as a place in LEVELS."""
    return np.array(
        [0 if plan.role == DIGITAL else 1 + (plain_word(plan.service_level) == plain_word(LEVELS[2])) for plan in plans]
    )


def with_penalty(backend: Backend, options: Options, level: Any, owed: Owed) -> Options:
    """The options with a penalty on those that give accounts less than they are owed, given each one's level (o,)."""
    if not len(owed):
        return options
    least = np.zeros(options.accounts, np.int8)
    least[owed.account] = owed.least
    debt = Debt(least, level, _penalty(backend, options))
    return replace(options, value=replace(options.value, debt=debt))


def _penalty(backend: Backend, options: Options) -> float:
    """More than the hours of any option can bring elsewhere."""
    best = float(dearest(backend, options, max(options.role) + 1).max())
    return _ABOVE * max(best * float(extremes(options.hours)[1].max()), 1.0)
