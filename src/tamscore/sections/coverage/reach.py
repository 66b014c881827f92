"""How many of the accounts that are owed a service level the hours reach, one after the other in their order.

An account is served if all before it that are served can be served beside it, each by the plan of its level with the
fewest hours. Accounts of one kind have the same plans, hours, region and skill; so a small linear program over kinds of
accounts and kinds of people decides, and where a kind finds no hours its later accounts find none either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.by_kind import first_of

if TYPE_CHECKING:
    from tamscore.sections.coverage.by_kind import ByKind
    from tamscore.sections.coverage.minimum import Owed
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.task import Task

_SLACK = 1e-9


@dataclass(frozen=True)
class Kinds:
    """Kinds (k,) of accounts and kinds (t,) of people: `need` (k, t) hours of one for another, infinite where none.

    `free_hours` (t,) are the hours there are.
    """

    need: Any
    free_hours: Any

    def fits(self, count: Any) -> bool:
        """Return whether so many accounts (k,) of each kind can be served."""
        from scipy.optimize import linprog

        here = count > 0
        pair = np.argwhere(np.isfinite(self.need) & here[:, None])
        if len(np.unique(pair[:, 0])) < np.count_nonzero(here):
            return False
        if not len(pair):
            return True
        of, by = pair.T
        hours = np.zeros((len(self.free_hours), len(pair)))
        hours[by, np.arange(len(pair))] = self.need[of, by]
        whole = (np.flatnonzero(here)[:, None] == of).astype(np.float64)
        scale = np.maximum(self.free_hours, 1.0)
        result = linprog(
            np.zeros(len(pair)),
            hours / scale[:, None],
            self.free_hours / scale + _SLACK,
            whole,
            count[here],
            method="highs",
        )
        return bool(result.status == 0)


def reach(task: Task, owed: Owed, owners: Owners, is_open: ByKind, level: Any) -> Any:
    """Return which accounts (s,) that are owed a level the hours reach.

    `is_open` (o, m) says which plans each account may have, `level` (o,) how intense each plan is. `task.limits` are
    the hours (r,) there are. A locked account takes hours of its owner before all others.
    """
    if not len(owed):
        return np.zeros(0, bool)
    alike = owed.kinds(task, is_open)
    first, locked = owed.of(first_of(alike)), owners.locked[owed.account]
    serves = level[:, None] >= first.least[None, :]
    need = np.where(serves & is_open[:, first.account], task.hours[:, first.account], np.inf)
    by_role = np.stack([need[task.role_of_plan == r].min(axis=0, initial=np.inf) for r in range(len(task.roles))])
    key, kind = np.unique(np.vstack([by_role, task.accounts.group_of(first.account)]).T, axis=0, return_inverse=True)
    served = np.isfinite(by_role).any(axis=0)[alike] & locked
    kinds = _kinds_of(task, key, _bound_hours(task, owners, is_open))
    served[~locked] = in_order(kinds, kind.ravel()[alike[~locked]])
    return served


def _bound_hours(task: Task, owners: Owners, is_open: ByKind) -> Any:
    """The hours (p,) that the accounts locked to each person take at the least."""
    rows = np.flatnonzero(owners.locked)
    least = np.where(is_open[:, rows], task.hours[:, rows], np.inf).min(axis=0, initial=np.inf)
    return np.bincount(owners.person[rows], np.where(np.isfinite(least), least, 0.0), len(task.people))


def _kinds_of(task: Task, key: Any, taken: Any) -> Kinds:
    """Kinds of accounts, given hours by role and group (k, r + 1) of each, and people alike; `taken` hours (p,)."""
    by_role, group = key[:, :-1], key[:, -1].astype(np.int64)
    role = task.role_of_person
    if not len(role):
        return Kinds(np.full((len(key), 1), np.inf), np.zeros(1))
    alike, kind = np.unique(np.column_stack([role, task.serves.T]), axis=0, return_inverse=True)
    wanted = _limits_by_person(task)
    capacity = np.array([_whole(hours, by_role[:, r]) for hours, r in zip(wanted - taken, role, strict=True)])
    need = np.where(alike[:, 1:].T[group].astype(bool), by_role[:, alike[:, 0]], np.inf)
    return Kinds(need, np.bincount(kind.ravel(), np.maximum(capacity, 0.0), len(alike)))


def _limits_by_person(task: Task) -> Any:
    """The hours (p,) of each person, where the limits of the roles are other than theirs in the same proportion."""
    hours = task.hours_of_people
    whole = np.bincount(task.role_of_person, hours, len(task.roles))
    return hours * (task.limits / np.maximum(whole, 1e-12))[task.role_of_person]


def _whole(capacity: float, need: Any) -> float:
    """The part of somebody's hours that accounts of these hours (k,) can fill, where all of them need the same."""
    values = np.unique(need[np.isfinite(need)])
    return (
        float(np.floor(capacity / values[0] * (1 + _SLACK)) * values[0])
        if len(values) == 1 and values[0] > 0
        else float(capacity)
    )


def in_order(kinds: Kinds, kind: Any) -> Any:
    """Return which accounts (s,) of these kinds (s,) are served, one after the other."""
    served, count = np.zeros(len(kind), bool), np.zeros(len(kinds.need), np.int64)
    blocked, rows = ~np.isfinite(kinds.need).any(axis=1), np.arange(len(kind))
    while len(rows := rows[~blocked[kind[rows]]]):
        reach = _longest(kinds, count, kind[rows])
        served[rows[:reach]] = True
        count = count + np.bincount(kind[rows[:reach]], minlength=len(count))
        rows = rows[reach:]
        for other in np.unique(kind[rows]).tolist():
            blocked[other] = not kinds.fits(count + (np.arange(len(count)) == other))
    return served


def _longest(kinds: Kinds, count: Any, kind: Any) -> int:
    """Return how many accounts of these kinds (n,) in order can be served beside so many (k,) of each kind."""
    low, high, tried = 0, len(kind) + 1, len(kind)
    while high - low > 1:
        if kinds.fits(count + np.bincount(kind[:tried], minlength=len(count))):
            low = tried
        else:
            high = tried
        tried = (low + high) // 2
    return low
