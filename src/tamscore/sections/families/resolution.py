"""From links to families: who stands at the top of each account's tree, with what is wrong with links on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Reason
from tamscore.sections.families.forest import FamilyTrees, climb, leads
from tamscore.sections.families.links import NONE
from tamscore.stages.hash_index import HashIndex, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.sections.families.links import PartLinks


@dataclass(frozen=True)
class MarketRows:
    """The rows of the market as accounts: the hash (n,) of the id of each, and the row of each account.

    `at` (n,) int32 is that row, by place of its hash among all: of several rows the one that is scored. The `doubles`
    (a,) are all other rows of such ids: they name no parent.
    """

    hashes: Any
    at: Any
    doubles: Any

    def __len__(self) -> int:
        """The number of rows n."""
        return len(self.hashes)

    def links(self, parts: Sequence[PartLinks] | None, named: Strangers, own: Any) -> Any:
        """Return who stands above each account (c,) int32 by a column of parents: `own` (c,) where nobody does.

        Accounts from n on are those that are `named` and have no row.
        """
        link = own.copy()
        if parts is None:
            return link
        place = np.concatenate([part.place for part in parts])
        link[: len(self)] = np.where(place == NONE, own[: len(self)], self.at[place])
        if len(named.hashes):
            link[_rows_named(parts)] = len(self) + np.searchsorted(named.hashes, _hashes_named(parts))
        link[self.doubles] = self.doubles
        return link

    def given(self, parts: Sequence[PartLinks] | None, count: int) -> Any:
        """Return which of so many accounts (c,) bool have a link to an account, be it to themselves."""
        values = np.zeros(count, bool)
        if parts is not None:
            values[: len(self)] = np.concatenate([part.place for part in parts]) != NONE
            values[self.doubles] = False
        return values


def rows_of(parts: Sequence[PartRows]) -> tuple[MarketRows, HashIndex]:
    """Return the rows of all partitions as accounts, and the index of the hashes of their ids."""
    hashes = np.concatenate([part.hashes for part in parts])
    order = order_of(hashes)
    index = HashIndex.of(hashes[order])
    same = index.hashes[1:] == index.hashes[:-1]
    if not same.any():
        return MarketRows(hashes, order, order[:0]), index
    reason = np.concatenate([part.reason for part in parts])
    first = np.flatnonzero(np.append(True, ~same))
    place = np.repeat(first, np.diff(np.append(first, len(order))))
    shared = np.append(same, False) | np.append(False, same)
    is_scored = shared & (reason[order] == Reason.SCORED)
    at = order.copy()
    at[place] = order
    at[place[is_scored]] = order[is_scored]
    return MarketRows(hashes, at, np.sort(order[shared & ~is_scored])), index


def _rows_named(parts: Sequence[PartLinks]) -> Any:
    """Return the rows (s,) whose parent is no account."""
    starts = np.cumsum([0, *(len(part.place) for part in parts)])
    return np.concatenate([np.empty(0, np.int64), *(s + part.rows for s, part in zip(starts, parts, strict=False))])


def _hashes_named(parts: Sequence[PartLinks]) -> Any:
    """Return the hashes (s,) uint64 of the ids that these name."""
    return np.concatenate([np.empty(0, np.uint64), *(part.hashes for part in parts)])


@dataclass(frozen=True)
class Strangers:
    """Ids that are no accounts: their sorted hashes (u,) uint64, how many rows name each (u,), and a row (u,) of these.

    That is the row whose own id has the lowest hash.
    """

    hashes: Any
    rows: Any
    named_by: Any

    @classmethod
    def of(cls, parts: Sequence[PartLinks] | None, rows: MarketRows) -> Strangers:
        """Return the strangers that links name."""
        named, at = _hashes_named(parts or ()), _rows_named(parts or ())
        order = np.lexsort((rows.hashes[at], named))
        different, first, count = np.unique(named[order], return_index=True, return_counts=True)
        return cls(different, at[order][first], count)


@dataclass(frozen=True)
class Resolved:
    """The families of the market.

    `family` (n,) int32 is the family of each row by number, `depth` (n,) int32 how many links its account stands below
    the top. Of each family `top_row` (f,) is the row of its top, or that of an account that names it where
    `is_named` (f,) says that the top has none. Rows of accounts: `own_parent` (a,) name themselves, `lead` (a,) lead
    the circles of all accounts that stand in one, `split` (a,) have another family than their parent.
    """

    family: Any
    depth: Any
    top_row: Any
    is_named: Any
    own_parent: Any
    lead: Any
    split: Any


def resolve(
    rows: MarketRows,
    parent: Sequence[PartLinks] | None,
    ultimate: Sequence[PartLinks] | None,
    scored: Any,
    rank: Callable[[Any], Any],
) -> Resolved:
    """Return the families of rows, given the links to parents and to ultimate parents; None for a column not there.

    A link to an ultimate parent counts before one to a parent. Families are those of the rows that are `scored` (n,)
    bool. `rank` gives the alphabetical order (a,) of the ids of some rows; the first of a circle is its top.
    """
    named = Strangers.of(ultimate, rows)
    own = np.arange(len(rows) + len(named.hashes), dtype=np.int32)
    link = by_parent = rows.links(parent, _NOBODY, own)
    if ultimate is not None:
        by_ultimate = rows.links(ultimate, named, own)
        is_last = rows.given(ultimate, len(own)) | (by_ultimate != own)
        link = np.where(is_last, by_ultimate, by_parent)
    trees, lead = _without_circles(link, rank)
    depth, split = trees.depth, np.empty(0, np.int64)
    if parent is not None and ultimate is not None:
        depth = _without_circles(np.where(by_parent != own, by_parent, by_ultimate), rank)[0].depth
        split = np.flatnonzero(trees.top[by_parent] != trees.top)
    there = np.zeros(len(own), bool)
    there[trees.top[: len(rows)][scored]] = True
    tops = np.flatnonzero(there)
    self_named = np.flatnonzero(rows.given(parent, len(own)) & (by_parent == own))
    return Resolved(
        (np.cumsum(there, dtype=np.int32) - 1)[trees.top[: len(rows)]],
        depth[: len(rows)],
        np.where(tops < len(rows), tops, np.append(named.rows, 0)[np.maximum(tops - len(rows), 0)]),
        tops >= len(rows),
        *(_in_order(values, rows) for values in (self_named, lead, split)),
    )


_NOBODY = Strangers(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
"""No strangers: an id in the column of parents that is no account leads nowhere."""


def _in_order(result: Any, rows: MarketRows) -> Any:
    """Return rows (a,) in order of the hashes of their ids."""
    return result[np.argsort(rows.hashes[result], kind="stable")]


def _without_circles(link: Any, rank: Callable[[Any], Any]) -> tuple[FamilyTrees, Any]:
    """Return the trees that links (c,) make once circles are cut, and of each account in one who leads it (a,).

    Who leads a circle has no link any more.
    """
    trees = climb(link)
    if not len(trees.circle):
        return trees, trees.circle
    lead = leads(link, trees.circle, rank(trees.circle))
    link = link.copy()
    link[lead] = lead
    return climb(link), lead
