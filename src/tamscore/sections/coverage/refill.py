"""Hours left after people are named, given to the accounts that gain most an hour.

An account that no person of its role could take becomes digital, while people of other regions or skills have hours
left. Hours that a forced change of owner frees are left, too. They go to the accounts that gain most, and no person
exceeds their hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.sections.coverage.minimum import Floor
    from tamscore.sections.coverage.offer import Offer
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.task import Task

_ROUNDS = 50
"""Most passes over the accounts that wait."""
_BLOCK = 262_144
"""Accounts examined in one block."""
_FIRST = 20_000
"""Most waiting accounts examined in a pass, those that gain most an hour."""


@dataclass
class Desk:
    """State of giving out hours: plan (m,), person (m,), `free_hours` hours left (p,) and potential held (p,)."""

    task: Task
    offer: Offer
    plan: Any
    person: Any
    free_hours: Any
    held: Any

    @classmethod
    def of(cls, task: Task, offer: Offer, plan: Any, person: Any) -> Desk:
        """Return the state of people and accounts; `plan` and `person` are changed in place as hours are given."""
        has = np.flatnonzero(person != NOBODY)
        count = len(task.people)
        used = np.bincount(person[has], offer.hours[plan[has], has], count)
        held = np.bincount(person[has], task.accounts.potential[has], count)
        return cls(task, offer, plan, person, task.hours_of_people - used, held)

    def leave(self, row: int) -> None:
        """Take an account from its person, if it has one, and give it the best plan without limit."""
        who = self.person[row]
        if who != NOBODY:
            self.free_hours[who] += self.offer.hours[self.plan[row], row]
            self.held[who] -= self.task.accounts.potential[row]
            self.plan[row], self.person[row] = self.without(row), NOBODY

    def worth(self, rows: Any) -> Any:
        """Return the value of accounts (n,) under their current plans."""
        return self.offer.value[self.plan[rows], rows]

    def without(self, rows: Any) -> Any:
        """Return the best plan without limit for some accounts."""
        free = np.flatnonzero(np.isinf(self.offer.limits[self.offer.role]))
        of = free.reshape(-1, *[1] * np.ndim(rows))
        return free[self.offer.value[of, rows].argmax(axis=0)]

    def assign_plan(self, row: int, plan: int, who: int) -> None:
        """Assign an account to a person under a plan."""
        if self.person[row] == NOBODY:
            self.held[who] += self.task.accounts.potential[row]
        else:
            self.free_hours[who] += self.offer.hours[self.plan[row], row]
        self.free_hours[who] -= self.offer.hours[plan, row]
        self.plan[row], self.person[row] = plan, who


def release(desk: Desk, owners: Owners, owed: Any) -> None:
    """Take accounts from people if they bring no more value than without a person, in place.

    Accounts (s,) that are owed a service level stay, and so do accounts with their owner.
    """
    may = (desk.person != NOBODY) & (desk.person != owners.person)
    may[owed] = False
    rows = np.flatnonzero(may)
    for row in rows[desk.offer.value[desk.without(rows), rows] >= desk.worth(rows)].tolist():
        desk.leave(row)


def refill(desk: Desk, owners: Owners, floor: Floor) -> None:
    """Give leftover hours to accounts without a person, and to accounts whose own person can do more, in place.

    Among equal accounts the first ids come first. No account leaves its person, so that no further owner changes. No
    account falls below the service level it is owed: others would have to give the level back, without end.
    """
    offer, plan = desk.offer, desk.plan
    for _ in range(_ROUNDS):
        rows, plans = _waiting(desk, floor)
        given = 0
        for row, option in zip(rows.tolist(), plans.tolist(), strict=True):
            who = _taker(desk, owners, row, option)
            gains = offer.value[option, row] > offer.value[plan[row], row]
            if who is not None and gains and not floor.breaks(plan[row], option, row):
                desk.assign_plan(row, option, who)
                given += 1
        if not given:
            return


def _waiting(desk: Desk, floor: Floor) -> tuple[Any, Any]:
    """Return accounts (n,) and plans (n,) for which a person has hours now, those that gain most an hour first."""
    items = [np.zeros((3, 0))]
    for option in np.flatnonzero(np.isfinite(desk.offer.limits[desk.offer.role])):
        rows, worth = _gaining(desk, floor, int(option))
        items.append(np.stack([rows, np.full(len(rows), option), worth]))
    rows, plans, worth = np.concatenate(items, axis=1)
    order = np.lexsort((plans, rows, -worth))[:_FIRST]
    return rows[order].astype(np.int64), plans[order].astype(np.int64)


def _gaining(desk: Desk, floor: Floor, option: int) -> tuple[Any, Any]:
    """Return accounts (n,) that would gain by a plan for which a person has hours, and their gain an hour."""
    parts = [*_free_to_gain(desk, option), *_own_to_gain(desk, floor, option)]
    rows, worth = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, worth


def _free_to_gain(desk: Desk, option: int) -> Iterator[tuple[Any, Any]]:
    """Yield accounts (n,) without a person that would gain by a plan, and their gain an hour, block by block."""
    task, offer = desk.task, desk.offer
    who = np.flatnonzero(task.role_of_person == offer.role[option])
    most = np.where(task.serves[:, who], desk.free_hours[who], -np.inf).max(axis=1, initial=-np.inf)
    starts = range(0, len(desk.plan), _BLOCK) if most.max(initial=-np.inf) >= offer.least[option] else ()
    for start in starts:
        rows = start + np.flatnonzero(desk.person[start : start + _BLOCK] == NOBODY)
        need = offer.hours[option, rows]
        fits = need <= most[task.accounts.group_of(rows)]
        yield _gain_an_hour(desk, option, rows[fits], need[fits])


def _own_to_gain(desk: Desk, floor: Floor, option: int) -> Iterator[tuple[Any, Any]]:
    """Yield accounts (n,) that gain by another plan within their own person's hours, and their gain an hour."""
    offer = desk.offer
    same = (offer.role == offer.role[option]) & (np.arange(len(offer.role)) != option)
    rows = np.flatnonzero(same[desk.plan] & (desk.person != NOBODY))
    more = offer.hours[option, rows] - offer.hours[desk.plan[rows], rows]
    fits = (more <= desk.free_hours[desk.person[rows]]) & ~floor.breaks(desk.plan[rows], option, rows)
    yield _gain_an_hour(desk, option, rows[fits], more[fits])


def _gain_an_hour(desk: Desk, option: int, rows: Any, need: Any) -> tuple[Any, Any]:
    """Return those of some accounts (n,) that gain by a plan for `need` (n,) more hours, and their gain an hour."""
    gain = desk.offer.value[option, rows] - desk.worth(rows)
    better = gain > 0
    return rows[better], gain[better] / np.maximum(need[better], 1e-9)


def _taker(desk: Desk, owners: Owners, row: int, option: int) -> int | None:
    """Return who covers an account: its person, else its owner, else who has least potential; None if nobody."""
    task, need = desk.task, desk.offer.hours[option, row]
    now, owner = int(desk.person[row]), int(owners.person[row])
    if now != NOBODY:
        more = need - desk.offer.hours[desk.plan[row], row]
        return now if task.role_of_person[now] == desk.offer.role[option] and more <= desk.free_hours[now] else None
    may = (
        task.serves[task.accounts.group_of(row)]
        & (task.role_of_person == desk.offer.role[option])
        & (need <= desk.free_hours)
    )
    if not may.any():
        return None
    if owner != NOBODY and may[owner]:
        return owner
    return int(np.argmin(np.where(may, desk.held / np.maximum(task.hours_of_people, 1e-12), np.inf)))
