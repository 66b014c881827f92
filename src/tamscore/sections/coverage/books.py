"""Fair books: people of a role have about as many accounts and as much expected value for their hours as one another.

People exchange accounts that take the same hours, or hand over what another has hours left for. Plans, and with them
the value of the coverage, stay; nobody gets an account that he does not serve, and no account leaves its owner.
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
"""By how much an exchange must bring people nearer at the least."""


@dataclass
class _Books:
    """What people (p,) of a role hold: their numbers `who`, accounts, value, and what each would have of either.

    Those `shares` (2, p) are accounts and value of the whole role in proportion to everybody's hours.
    """

    who: Any
    held: Any
    shares: Any

    @classmethod
    def of(cls, desk: Desk, who: Any) -> _Books:
        """The books of people (p,) by number."""
        rows, count = np.flatnonzero(desk.person != NOBODY), len(desk.task.people)
        accounts = np.bincount(desk.person[rows], minlength=count)
        held = np.stack([accounts, np.bincount(desk.person[rows], desk.worth(rows), count)])[:, who].astype(np.float64)
        hours = desk.task.hours_of_people[who]
        return cls(who, held, held.sum(axis=1)[:, None] * hours / max(float(hours.sum()), 1e-12))

    @property
    def ratio(self) -> Any:
        """Accounts and value (2, p) against each one's share; 1 where the role has none."""
        return np.divide(self.held, self.shares, out=np.ones(self.held.shape), where=self.shares > 0)

    def within(self, bounds: float) -> Any:
        """Return which people (p,) have accounts and value within bounds, such as 0.2 for a fifth more or less."""
        return within(self.ratio, bounds)

    def apart(self, place: int, more: Any) -> Any:
        """How far (w,) the person at a place is from its share, with so many accounts and so much value (2, w) more."""
        share = self.shares[:, place, None]
        held = self.held[:, place, None] + more
        return (np.where(share > 0, held / np.where(share > 0, share, 1.0) - 1, 0.0) ** 2).sum(axis=0)


def within(ratio: Any, bounds: float) -> Any:
    """Return which people (p,) have accounts and value against their shares (2, p) within bounds."""
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
    """Let those two people exchange accounts who lie farthest apart and can, in place; False where no two can."""
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
    """Let two people by their places exchange what brings both nearest to their shares, in place; False without."""
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
    """Return how much value should go over for two people to have as much for their shares."""
    value, share = books.held[1, [giver, taker]], np.maximum(books.shares[1, [giver, taker]], 1e-12)
    return float((value[0] / share[0] - value[1] / share[1]) / (1 / share[0] + 1 / share[1]))


def _ways(desk: Desk, owners: Owners, giver: int, taker: int, value: float) -> tuple[Any, Any]:
    """Accounts (w,) that may go from one person to another, and those (w,) that come back for them, -1 for none.

    What comes back takes the same hours, and is worth nearest to what goes less the value that should go over.
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
    """The place (w,) of the number nearest to each value (w,) among numbers (n,) in order; of equals the first."""
    middle = (ordered[1:] + ordered[:-1]) / 2
    return np.searchsorted(middle, values)


def _free_to_go(desk: Desk, owners: Owners, giver: int, taker: int) -> Any:
    """The accounts (n,) of a person that another one serves, and that are neither locked nor the giver's own."""
    rows = np.flatnonzero((desk.person == giver) & ~owners.locked & (owners.person != giver))
    return rows[desk.task.serves[desk.task.accounts.group_of(rows), taker]]


def _hand_over(desk: Desk, out: int, back: int, taker: int, giver: int) -> None:
    """Give an account to another person of the role, and one back unless it is -1, with the plans they have."""
    moves = [(row, int(desk.plan[row]), to) for row, to in ((out, taker), (back, giver)) if row != NOBODY]
    for row, _, _ in moves:
        desk.leave(row)
    for row, plan, to in moves:
        desk.assign_plan(row, plan, to)


def ratios(desk: Desk) -> Any:
    """Accounts and value (2, p) of every person against its share in its role; 1 for those without hours."""
    role, values = desk.task.role_of_person, np.ones((2, len(desk.task.people)))
    for number in range(len(desk.task.roles)):
        who = np.flatnonzero((role == number) & (desk.task.hours_of_people > 0))
        values[:, who] = _Books.of(desk, who).ratio
    return values
