"""Hours that go to others, claimed for accounts that are owed a service level and were left out when people were named.

Afterwards nobody who serves such an account holds hours for accounts that are owed nothing, or come later, with which
the account could be served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.by_kind import first_of

if TYPE_CHECKING:
    from tamscore.sections.coverage.minimum import Owed
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.refill import Desk


def claim(desk: Desk, owners: Owners, owed: Owed, level: Any) -> int:
    """Give accounts (s,) what they are owed, in their order, by hours of those that come later; how many got it.

    `level` (o,) says how intense each plan is. Locked accounts keep their hours.
    """
    order = np.full(len(desk.plan), len(owed), np.int32)
    order[owed.account] = np.arange(len(owed))
    waits = np.flatnonzero(~owed.met(level, desk.plan) & ~owners.locked[owed.account])
    waiting = owed.of(waits)
    kind = waiting.kinds(desk.task, desk.offer.value.is_open)
    need = _hours_needed(desk, waiting.of(first_of(kind)), level)
    given, failed = 0, ~np.isfinite(need).any(axis=0)
    covered = np.flatnonzero((desk.person != NOBODY) & ~owners.locked)  # whoever is served from now on comes before
    for place in np.flatnonzero(~failed[kind]).tolist():
        row, i, hours = int(waiting.account[place]), int(kind[place]), need[:, kind[place]]
        if failed[i]:
            continue
        plans = np.argsort(hours, kind="stable")[: np.count_nonzero(np.isfinite(hours))]
        if _serve(desk, covered[order[covered] > order[row]], row, plans):
            given += 1
        else:
            failed[i] = True
    return given


def _hours_needed(desk: Desk, owed: Owed, level: Any) -> Any:
    """The hours (o, s) of the plans with hours by which accounts would get what they are owed; infinite for others."""
    offer = desk.offer
    is_open = np.isfinite(offer.value[:, owed.account]) & np.isfinite(offer.limits[offer.role])[:, None]
    return np.where(is_open & (level[:, None] >= owed.least), offer.hours[:, owed.account], np.inf)


def _serve(desk: Desk, later: Any, row: int, plans: Any) -> bool:
    """Serve an account by one of the plans where that costs least, in place; False where nobody has hours for it.

    Accounts that come `later` (n,) give their hours, those of them that still have a person.
    """
    task, offer = desk.task, desk.offer
    held = later[desk.person[later] != NOBODY]
    spent = offer.hours[desk.plan[held], held]
    free = desk.free_hours + np.bincount(desk.person[held], spent, len(desk.free_hours))
    if desk.person[row] != NOBODY:
        free[desk.person[row]] += offer.hours[desk.plan[row], row]
    may = task.serves[task.accounts.group_of(row)]
    for plan in plans.tolist():
        who = np.flatnonzero(may & (task.role_of_person == offer.role[plan]) & (free >= offer.hours[plan, row]))
        if len(who):
            desk.leave(row)
            costs = [_cost(desk, held[desk.person[held] == p], p, offer.hours[plan, row]) for p in who.tolist()]
            best = min(range(len(who)), key=lambda i: costs[i][0])
            for other in costs[best][1].tolist():
                desk.leave(other)
            desk.assign_plan(row, plan, int(who[best]))
            return True
    return False


def _cost(desk: Desk, held: Any, person: int, need: float) -> tuple[float, Any]:
    """What it costs to free hours of a person, and the accounts that leave: those that lose least an hour first."""
    short = need - desk.free_hours[person]
    if short <= 0:
        return 0.0, held[:0]
    offer = desk.offer
    hours = offer.hours[desk.plan[held], held]
    loss = offer.value[desk.plan[held], held] - offer.value[desk.without(held), held]
    by_hour = np.argsort(loss / hours, kind="stable")
    enough = int(np.searchsorted(np.cumsum(hours[by_hour]), short * (1 - 1e-12))) + 1
    leave = by_hour[:enough]
    return float(loss[leave].sum()), held[leave]
