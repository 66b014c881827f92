"""Assignment of accounts to people: within hours, to people who serve the account, with current owners preferred.

Few accounts are assigned by an integer program, many by a greedy rule with repair. The greedy rule places locked
accounts first, then accounts that stay with their owner, then the largest of the others. Each goes to the person who
serves it and has the least potential for the hours they work, which balances potential. An account that fits nowhere
takes the place of another account that also fits elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_SMALL = 600
"""Most pairs of account and person for an integer program, which is solved if the greedy rule leaves an account out."""
NOBODY = -1
_REPAIRS = 200
"""Most accounts that fit nowhere for which the greedy rule moves another account."""


@dataclass(frozen=True)
class Team:
    """Named people: hours (p,) of each, and which groups of accounts they serve (g, p)."""

    hours: Any
    serves: Any


@dataclass(frozen=True)
class Load:
    """Accounts that need a person: hours, value and potential (n,), their group (n,), owner (n,) or -1, locked (n,)."""

    hours: Any
    value: Any
    potential: Any
    group: Any
    owner: Any
    locked: Any


def assign(team: Team, load: Load, small: int = _SMALL) -> Any:
    """Return the person (n,) int64 of every account, -1 if nobody who serves it has the hours for it.

    Nobody exceeds their hours. Accounts stand in order of id; among equal accounts the first comes first. Locks are
    kept whatever groups a person serves: the locked accounts of a person must fit into that person's hours.
    """
    person = greedy(team, load)
    left_out = (person == NOBODY) & able(team, load).any(axis=1)
    if left_out.any() and len(person) * len(team.hours) <= small:
        best = exact(team, load)
        return best if best is not None and place(load, best) > place(load, person) else person
    return person


def able(team: Team, load: Load) -> Any:
    """Return who may have which account (n, p): people who serve its group; for a locked account only its owner."""
    people = np.arange(len(team.hours))
    return np.where(load.locked[:, None], people == load.owner[:, None], team.serves[load.group])


def place(load: Load, person: Any) -> float:
    """Return the value of the accounts that have a person."""
    return float(load.value[person != NOBODY].sum())


def greedy(team: Team, load: Load) -> Any:
    """Return the person (n,) of every account by the greedy rule with repair.

    Placing large accounts first packs best if all fit, placing valuable ones first if not: the better result is
    returned.
    """
    worth = load.value / np.maximum(load.hours, 1e-12)
    orders = (np.lexsort((-load.potential, -load.hours)), np.argsort(-worth, kind="stable"))
    return max((_in_order(team, load, worth, order) for order in orders), key=lambda person: place(load, person))


def _in_order(team: Team, load: Load, worth: Any, order: Any) -> Any:
    """Return the person (n,) of every account: locks, owners by value an hour, others in `order`, repair."""
    person, free, held = np.full(len(load.hours), NOBODY), team.hours.astype(np.float64), np.zeros(len(team.hours))
    may, capacity = able(team, load), np.maximum(team.hours, 1e-12)

    def put(row: int, who: int) -> None:
        person[row], free[who], held[who] = who, free[who] - load.hours[row], held[who] + load.potential[row]

    owned = (load.owner != NOBODY) & may[np.arange(len(person)), np.maximum(load.owner, 0)]
    for row in np.lexsort((-worth, ~load.locked)):
        if owned[row] and load.hours[row] <= free[load.owner[row]]:
            put(int(row), int(load.owner[row]))
    for row in order[person[order] == NOBODY]:
        fits = may[row] & (load.hours[row] <= free)
        if fits.any():
            put(int(row), int(np.argmin(np.where(fits, held / capacity, np.inf))))
    for row in np.flatnonzero((person == NOBODY) & may.any(axis=1))[:_REPAIRS]:
        _free_capacity(int(row), load, may, person, free)
    return person


def _free_capacity(row: int, load: Load, may: Any, person: Any, capacity: Any) -> None:
    """Place an account by moving another account elsewhere, in place; without such a pair nothing changes."""
    for who in np.flatnonzero(may[row]):
        lacking = load.hours[row] - capacity[who]
        others = np.flatnonzero((person == who) & ~load.locked & (load.owner != who) & (load.hours >= lacking))
        elsewhere = may[others] & (capacity >= load.hours[others, None])
        elsewhere[:, who] = False
        if elsewhere.any():
            moved = others[np.flatnonzero(elsewhere.any(axis=1))[0]]
            to = int(
                np.flatnonzero(may[moved] & (capacity >= load.hours[moved]) & (np.arange(len(capacity)) != who))[0]
            )
            capacity[who] += load.hours[moved] - load.hours[row]
            capacity[to] -= load.hours[moved]
            person[moved], person[row] = to, who
            return


def exact(team: Team, load: Load) -> Any | None:
    """Return the assignment (n,) of greatest value by an integer program (HiGHS); None if it has no solution.

    Among assignments of equal value, those that keep owners come first.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, p = len(load.hours), len(team.hours)
    stays = 1e-6 * (np.arange(p) == load.owner[:, None])
    cells = np.arange(n * p).reshape(n, p)
    once, hours = np.zeros((n, n * p)), np.zeros((p, n * p))
    once[np.arange(n)[:, None], cells] = 1.0
    hours[np.arange(p), cells] = load.hours[:, None]
    result = milp(
        -(load.value[:, None] * (1 + stays)).ravel(),
        integrality=np.ones(n * p),
        bounds=Bounds(0, able(team, load).ravel().astype(np.float64)),
        constraints=[
            LinearConstraint(once, load.locked.astype(np.float64), 1.0),
            LinearConstraint(hours, ub=team.hours),
        ],
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        return None
    taken = result.x.reshape(n, p)
    return np.where(taken.max(axis=1) > 0.5, taken.argmax(axis=1), NOBODY)
