"""People alike, of one role, who serve the same regions and skills: their hours are one amount, which has a price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.sections.coverage.task import Task

_MOST = 64
"""With more kinds of people than that hours are counted by role, whatever regions and skills people serve."""


@dataclass(frozen=True)
class Pools:
    """Kinds (k,) of people: their role, and the groups of accounts that somebody of them serves (g, k).

    `hours` (k,) are all of a pool, infinite where its role has no limit; `share` (k,) is its part of those of its role,
    `of_person` (p,) the pool of each person. An option is a plan with the hours of a pool of its role: `plan` (w,) and
    `pool` (w,). `part` (g,) is the same number for groups that the same pools serve.
    """

    role: Any
    serves: Any
    hours: Any
    share: Any
    of_person: Any
    plan: Any
    pool: Any
    part: Any

    def __len__(self) -> int:
        """The number of pools k."""
        return len(self.role)

    def hours_at(self, limits: Any) -> Any:
        """The hours (k,) of the pools where those of the roles are `limits` (r,), shared as those there are."""
        alone = np.bincount(self.role)[self.role] == 1
        return np.where(alone, limits[self.role], limits[self.role] * self.share)

    def price_of_role(self, price: Any, role: int) -> float:
        """The price of an hour of a role, given those of the pools (k,): the mean over its hours."""
        here = self.role == role
        return float(price[here][0]) if here.sum() == 1 else float((price * self.share)[here].sum())


def pools_of(task: Task) -> Pools:
    """The pools of a task: one for each kind of people, or one for each role where there would be too many."""
    role, serves = task.role_of_person, task.serves
    keys = [(int(r), serves[:, p].tobytes()) for p, r in enumerate(role.tolist())]
    if len(set(keys)) > _MOST:
        keys = [(r, b"") for r, _ in keys]
    order = sorted(dict.fromkeys(keys), key=lambda key: key[0])
    empty = [(r, b"") for r in range(len(task.roles)) if r not in set(role.tolist())]
    order = sorted([*order, *empty], key=lambda key: key[0])  # of a role in the order of the first persons
    place = {key: k for k, key in enumerate(order)}
    of_person = np.array([place[key] for key in keys], np.int64)
    of_role = np.array([r for r, _ in order], np.int64)
    served = np.zeros((len(serves), len(order)), bool)
    for p, k in enumerate(of_person.tolist()):
        served[:, k] |= serves[:, p]
    served[:, np.isinf(task.limits)[of_role]] = True
    served[:, [place[key] for key in empty]] = True
    option = [(o, k) for o, r in enumerate(task.role_of_plan.tolist()) for k in np.flatnonzero(of_role == r).tolist()]
    plan, pool = np.array(option, np.int64).reshape(-1, 2).T
    part = np.unique(served, axis=0, return_inverse=True)[1].ravel()
    share = _shares(of_role, np.bincount(of_person, task.hours_of_people, len(order)))
    pools = Pools(of_role, served, np.zeros(len(order)), share, of_person, plan, pool, part)
    return replace(pools, hours=pools.hours_at(task.limits))


def _shares(role: Any, hours: Any) -> Any:
    """The share (k,) that each pool has in the hours of its role; where there are none all have the same."""
    whole, count = np.bincount(role, hours)[role], np.bincount(role)[role]
    return np.where(whole > 0, hours / np.where(whole > 0, whole, 1.0), 1.0 / count)
