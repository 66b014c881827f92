"""Families that are covered whole: one unit with one owner for each family, in place of its accounts.

A unit has the money of all accounts of a family and takes the hours of one. Its id, region and skill are those of its
head: the top account, or the first by priority if the top account is not scored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.coverage.accounts import OPEN_PRODUCT
from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.held_out import HOLDOUT
from tamscore.sections.coverage.minimum import ORDER
from tamscore.sections.coverage.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.sections.coverage.accounts import CoverageAccounts, Family
    from tamscore.sections.coverage.people import Former, Owners, Person
    from tamscore.sections.coverage.touches import AccountTouches


@dataclass(frozen=True)
class _Units:
    """The unit (m,) int32 of each account, and the head (u,) int64 of each unit, in order of the ids of heads."""

    of: Any
    head: Any

    def __len__(self) -> int:
        """Return the number of units u."""
        return len(self.head)

    def add_up(self, amount: Any) -> Any:
        """Return the sums (u,) by unit of an amount (m,) of accounts."""
        return np.bincount(self.of, amount, len(self))

    def least(self, number: Any) -> Any:
        """Return the least number (u,) of each unit, given numbers (m,) of accounts."""
        full = np.full(len(self), np.iinfo(np.int64).max)
        np.minimum.at(full, self.of, number)
        return full


@dataclass(frozen=True)
class Whole:
    """The units that are covered whole, their accounts, and the owners of the accounts."""

    units: _Units
    accounts: CoverageAccounts
    owners: Owners

    @property
    def record(self) -> dict[str, int]:
        """Return the numbers of accounts, of units, and of units with several accounts."""
        size = np.bincount(self.units.of, minlength=len(self.units))
        return {"accounts": len(self.accounts), "units": len(self.units), "families": int(np.count_nonzero(size > 1))}


def units_of(accounts: CoverageAccounts, family: Family) -> _Units:
    """Return the units of accounts."""
    order = np.lexsort((accounts.priority, ~family.is_top, family.code))
    first = np.flatnonzero(np.diff(family.code[order], prepend=-1))
    heads, code = order[first], family.code[order[first]]
    by_place = np.argsort(heads, kind="stable")
    number = np.empty(int(code.max(initial=-1)) + 1, np.int32)
    number[code[by_place]] = np.arange(len(heads), dtype=np.int32)
    return _Units(number[family.code], heads[by_place])


def as_units(accounts: CoverageAccounts, units: _Units, tier: Texts) -> CoverageAccounts:
    """Return one account for each unit, in order of id; `tier` is that of the family of each account.

    A unit is a customer if any of its accounts is one. Its quadrant is the first in ORDER among those of its accounts.
    """
    head, names = units.head, accounts.texts.keys() - {OPEN_PRODUCT}  # accounts have their own
    sales = np.maximum(accounts.sales, 0.0)
    buys = accounts.sales > 0
    bought = units.add_up(sales)
    prospects = units.add_up(np.where(buys, 0.0, accounts.promise))
    customers = units.add_up(np.where(buys, accounts.promise, 0.0))
    texts = {name: Texts(column.levels, column.code[head]) for name, column in accounts.texts.items() if name in names}
    texts["quadrant"] = _first_level(accounts.texts["quadrant"], units, ORDER)
    texts["kind"] = _first_level(accounts.texts["kind"], units, ("expansion", "acquisition"))
    texts["tier"] = Texts(tier.levels, tier.code[head])
    if HOLDOUT in texts:
        texts[HOLDOUT] = _first_level(accounts.texts[HOLDOUT], units, accounts.texts[HOLDOUT].levels[1:])
    return replace(
        accounts,
        ids=accounts.ids.take(head),
        sales=bought,
        potential=units.add_up(accounts.potential[:]),
        whitespace=units.add_up(accounts.whitespace),
        promise=np.where(bought > 0, customers, prospects),
        others=np.where(bought > 0, prospects, 0.0),
        priority=units.least(accounts.priority),
        texts=texts,
        region=Texts(accounts.region.levels, accounts.region.code[head]),
        skill=Texts(accounts.skill.levels, accounts.skill.code[head]),
        family=None,
        place=None,
    )


def _first_level(column: Texts, units: _Units, order: tuple[str, ...]) -> Texts:
    """Return for each unit the first level of its accounts in an order; levels that are not in it come last."""
    rank = [order.index(level) if level in order else len(order) + at for at, level in enumerate(column.levels)]
    by_rank = np.argsort(rank, kind="stable")
    place = np.empty(len(rank), np.int64)
    place[by_rank] = np.arange(len(rank))
    return Texts(column.levels, by_rank[units.least(place[column.code])].astype(column.code.dtype))


def owners_of_units(owners: Owners, units: _Units, accounts: CoverageAccounts, people: Sequence[Person]) -> Owners:
    """Return the owner of each unit: that of a locked account, else that of its head, else that of its first account.

    Raise InputContractError that names the accounts if accounts of one family are locked to two people.
    """
    _require_one_lock(owners, units, accounts, people)
    is_head = np.zeros(len(accounts), bool)
    is_head[units.head] = True
    owned = np.flatnonzero(owners.person != NOBODY)
    order = owned[np.lexsort((accounts.priority[owned], ~is_head[owned], ~owners.locked[owned], units.of[owned]))]
    first = order[np.flatnonzero(np.diff(units.of[order], prepend=-1))]
    person = np.full(len(units), NOBODY, owners.person.dtype)
    person[units.of[first]] = owners.person[first]
    locked = np.zeros(len(units), bool)
    locked[units.of[owners.locked]] = True
    return replace(owners, person=person, locked=locked, former=_former_of_units(owners.former, units, person))


def _former_of_units(former: Former, units: _Units, person: Any) -> Former:
    """Return units without an owner in `person` (u,) that had a former one, by their first such account."""
    unit, first = np.unique(units.of[former.account], return_index=True)
    free = person[unit] == NOBODY
    return replace(former, account=unit[free].astype(np.int64), who=former.who[first[free]])


def _require_one_lock(owners: Owners, units: _Units, accounts: CoverageAccounts, people: Sequence[Person]) -> None:
    """Raise InputContractError if accounts of one family are locked to two people."""
    rows = np.flatnonzero(owners.locked)
    rows = rows[np.argsort(units.of[rows], kind="stable")]
    same = units.of[rows][1:] == units.of[rows][:-1]
    differs = np.flatnonzero(same & (owners.person[rows][1:] != owners.person[rows][:-1]))
    if not len(differs):
        return
    here = rows[units.of[rows] == units.of[rows[differs[0]]]]
    items = [f"{accounts.ids[int(row)].as_py()!r} ({people[int(owners.person[row])].name})" for row in here[:5]]
    count = len(np.unique(units.of[rows[differs]]))
    more = f"; so are those of {count - 1:,} more families" if count > 1 else ""
    head = accounts.ids[int(units.head[units.of[here[0]]])].as_py()
    raise InputContractError(
        f"coverage.owners: accounts of the family of {head!r} are locked to several people: {', '.join(items)}{more}; "
        'lock them to one person, or set coverage.families = "free"'
    )


def touches_of_units(touches: AccountTouches, units: _Units) -> AccountTouches:
    """Return the given hours of accounts as hours of their units: the sum if several accounts of a unit have hours."""
    if not len(touches.account):
        return touches
    pairs, place = np.unique(np.stack([units.of[touches.account], touches.plan]), axis=1, return_inverse=True)
    hours = np.bincount(place.ravel(), touches.hours)
    return replace(touches, account=pairs[0].astype(np.int64), plan=pairs[1], hours=hours)
