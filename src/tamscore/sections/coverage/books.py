"""Balanced books: people of a role have similar numbers of accounts and expected value for their hours.

People exchange accounts that take the same hours, or give an account to a person who has hours left for it. Plans, and
with them the value of the coverage, stay. Nobody gets an account that they do not serve, and owners keep theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY

if TYPE_CHECKING:
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.refill import Desk

_EXCHANGES = 5_000
"""Most exchanges in one role."""
_BETTER = 1e-9
"""Least improvement of an exchange."""


@dataclass
class _Books:
    """The books of people (p,) of a role: their numbers `who`, and the accounts and value `held` (2, p) by each.

    `shares` (2, p) are accounts and value of the whole role in proportion to each person's hours.
    """

    who: Any
    held: Any
    shares: Any

    @classmethod
    def of(cls, desk: Desk, who: Any) -> _Books:
        """Return the books of people (p,), given their numbers."""
        rows, count = np.flatnonzero(desk.person != NOBODY), len(desk.task.people)
        accounts = np.bincount(desk.person[rows], minlength=count)
        held = np.stack([accounts, np.bincount(desk.person[rows], desk.worth(rows), count)])[:, who].astype(np.float64)
        hours = desk.task.hours_of_people[who]
        return cls(who, held, held.sum(axis=1)[:, None] * hours / max(float(hours.sum()), 1e-12))

    @property
    def ratio(self) -> Any:
        """Accounts and value (2, p) divided by each person's share; 1 if the role has none."""
        return np.divide(self.held, self.shares, out=np.ones(self.held.shape), where=self.shares > 0)

    def within(self, bounds: float) -> Any:
        """Return which people (p,) have accounts and value within bounds, such as 0.2 for a fifth more or less."""
        return within(self.ratio, bounds)

    def apart(self, place: int, more: Any) -> Any:
        """Return the squared distance (w,) of a person from their share, after changes of accounts and value (2, w)."""
        share = self.shares[:, place, None]
        held = self.held[:, place, None] + more
        return (np.where(share > 0, held / np.where(share > 0, share, 1.0) - 1, 0.0) ** 2).sum(axis=0)


def within(ratio: Any, bounds: float) -> Any:
    """Return which people (p,) have accounts and value, divided by their shares (2, p), within bounds."""
    return (np.abs(ratio - 1) <= bounds + _BETTER).all(axis=0)


def balance(desk: Desk, owners: Owners, bounds: float) -> None:
    """Let people of each role exchange accounts until all are within the bounds, or no exchange helps; in place."""
    hours = desk.task.hours_of_people
    for role in range(len(desk.task.roles)):
        who = np.flatnonzero((desk.task.role_of_person == role) & (hours > 0))
        books = _Books.of(desk, who)
        for _ in range(_EXCHANGES if len(who) > 1 else 0):
            if books.within(bounds).all() or not _exchange(desk, owners, books):
                break


def _exchange(desk: Desk, owners: Owners, books: _Books) -> bool:
    """Exchange accounts of the two people farthest apart that can exchange, in place; return False if no two can."""
    ratio = books.ratio
    pairs = [
        (ratio[measure, giver] - ratio[measure, taker], giver, taker)
        for measure in (1, 0)
        for giver in range(len(books.who))
        for taker in range(len(books.who))
        if ratio[measure, giver] > ratio[measure, taker] + _BETTER
    ]
    pairs.sort(key=lambda pair: -pair[0])
    return any(_between(desk, owners, books, giver, taker) for _, giver, taker in pairs)


def _between(desk: Desk, owners: Owners, books: _Books, giver: int, taker: int) -> bool:
    """Make the exchange that brings two people nearest to their shares, in place; return False if none helps."""
    gives, takes = (int(books.who[place]) for place in (giver, taker))
    out, back = _ways(desk, owners, gives, takes, _requests(books, giver, taker))
    if not len(out):
        return False
    is_swap = back != NOBODY
    value = desk.worth(out) - np.where(is_swap, desk.worth(np.where(is_swap, back, 0)), 0.0)
    more = np.stack([np.where(is_swap, 0.0, 1.0), value])
    apart = books.apart(giver, -more) + books.apart(taker, more)
    best = int(np.argmin(apart))
    if apart[best] >= float((books.apart(giver, 0.0) + books.apart(taker, 0.0))[0]) - _BETTER:
        return False
    _hand_over(desk, int(out[best]), int(back[best]), takes, gives)
    books.held[:, giver] -= more[:, best]
    books.held[:, taker] += more[:, best]
    return True


def _requests(books: _Books, giver: int, taker: int) -> float:
    """Return the value that the giver should hand over so that both have equal value for their shares."""
    value, share = books.held[1, [giver, taker]], np.maximum(books.shares[1, [giver, taker]], 1e-12)
    return float((value[0] / share[0] - value[1] / share[1]) / (1 / share[0] + 1 / share[1]))


def _ways(desk: Desk, owners: Owners, giver: int, taker: int, value: float) -> tuple[Any, Any]:
    """Return accounts (w,) that may go from one person to another, and accounts (w,) in exchange, -1 for none.

    The account in exchange takes the same hours. Its value is nearest to that of the first account minus `value`.
    """
    given, taken = _free_to_go(desk, owners, giver, taker), _free_to_go(desk, owners, taker, giver)
    hours, back_hours = (desk.offer.hours[desk.plan[rows], rows] for rows in (given, taken))
    alone = given[hours <= desk.free_hours[taker]]
    out, back = [alone], [np.full(len(alone), NOBODY)]
    for need in np.unique(hours).tolist():
        partners = taken[back_hours == need]
        if len(partners):
            partners = partners[np.argsort(desk.worth(partners), kind="stable")]
            rows = given[hours == need]
            out.append(rows)
            back.append(partners[_nearest(desk.worth(partners), desk.worth(rows) - value)])
    return np.concatenate(out), np.concatenate(back)


def _nearest(ordered: Any, values: Any) -> Any:
    """Return the index (w,) of the number nearest to each value (w,) in sorted numbers (n,); the first of a tie."""
    middle = (ordered[1:] + ordered[:-1]) / 2
    return np.searchsorted(middle, values)


def _free_to_go(desk: Desk, owners: Owners, giver: int, taker: int) -> Any:
    """Return accounts (n,) of the giver that the taker serves, and that are neither locked nor the giver's own."""
    rows = np.flatnonzero((desk.person == giver) & ~owners.locked & (owners.person != giver))
    return rows[desk.task.serves[desk.task.accounts.group_of(rows), taker]]


def _hand_over(desk: Desk, out: int, back: int, taker: int, giver: int) -> None:
    """Give an account to another person of the role, and `back` in exchange unless it is -1; plans stay."""
    moves = [(row, int(desk.plan[row]), to) for row, to in ((out, taker), (back, giver)) if row != NOBODY]
    for row, _, _ in moves:
        desk.leave(row)
    for row, plan, to in moves:
        desk.assign_plan(row, plan, to)


def ratios(desk: Desk) -> Any:
    """Return accounts and value (2, p) of every person divided by their share in the role; 1 without hours."""
    role, values = desk.task.role_of_person, np.ones((2, len(desk.task.people)))
    for number in range(len(desk.task.roles)):
        who = np.flatnonzero((role == number) & (desk.task.hours_of_people > 0))
        values[:, who] = _Books.of(desk, who).ratio
    return values
