"""The life of clusters from one fit to the next: which of them goes on under its id, and what became of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.stages.identity import cluster_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

_Kind = Literal["kept", "split", "merged", "new", "retired"]
SAME = 1 / 3
"""A cluster goes on where its Jaccard index with its successor is at least this: then the accounts that both have are
at least half as many as those that only one of them has. One of two even halves has 1/2, of three even parts this."""
_MOST = 0.5
"""A cluster comes from, or goes into, the one that has at least this share of its accounts."""
_GONE = 0.25
"""A cluster has died out, rather than joined another, below this part of the share of accounts that it once had."""


@dataclass(frozen=True)
class Overlap:
    """How the accounts of today lie in old and new clusters of a party type.

    `shared` (old, new) counts accounts by the old cluster that they belonged to and the new one; `newcomers` (new,)
    those that belonged to none; `once` (old,) is the share of accounts that the old clusters had at their fit.
    """

    shared: Any
    newcomers: Any
    once: Any

    @property
    def old(self) -> Any:
        """The accounts of the old clusters today (old,)."""
        return self.shared.sum(axis=1)

    @property
    def new(self) -> Any:
        """The accounts of the new clusters (new,)."""
        return self.shared.sum(axis=0) + self.newcomers

    @property
    def jaccard(self) -> Any:
        """Accounts that two clusters share, by those that either has (old, new)."""
        return self.shared / np.maximum(self.old[:, None] + self.new[None, :] - self.shared, 1)


@dataclass(frozen=True)
class Event:
    """What became of one cluster: `related` are the clusters that it split into, joined, or comes from.

    `before` counts the accounts of today that belonged to it, `now` those that do now, `shared` those that did and do.
    """

    kind: _Kind
    cluster: str
    related: tuple[str, ...]
    before: int
    now: int
    shared: int


def heirs(overlap: Overlap) -> Any:
    """The new cluster (old,) that each old one goes on as, -1 where it does not.

    Clusters are paired so that as many accounts as possible stay (Kuhn 1955: the Hungarian method); a pair that shares
    too little is none.
    """
    from scipy.optimize import linear_sum_assignment

    full = np.full(len(overlap.shared), -1)
    old, new = linear_sum_assignment(-overlap.shared)
    same = overlap.jaccard[old, new] >= SAME
    full[old[same]] = new[same]
    return full


def successors(heir: Any, sizes: Any) -> Any:
    """The new clusters in order (new,): those that go on as their forerunners stood, then the others by size."""
    others = np.setdiff1d(np.arange(len(sizes)), heir)
    return np.concatenate((heir[heir >= 0], others[np.argsort(-sizes[others], kind="stable")]))


def succeed(party: str, old_ids: Sequence[str], heir: Any, k: int, named: int) -> tuple[tuple[str, ...], int]:
    """The ids of k clusters in the order of `successors`, and how many ids have been given now: none is given twice."""
    items = [name for name, j in zip(old_ids, heir, strict=True) if j >= 0]
    total = named + k - len(items)
    return (*items, *cluster_ids(party, total)[named:]), total


def events(overlap: Overlap, heir: Any, old_ids: Sequence[str], new_ids: Sequence[str]) -> list[Event]:
    """Return what became of every old cluster, then where every new one comes from; `new_ids` stand as in `overlap`."""
    born = [j for j in range(len(new_ids)) if j not in heir]
    comes_from = {j: _source(overlap, j) for j in born}
    goes_into = {i: _target(overlap, i) for i in range(len(old_ids)) if heir[i] < 0}
    items = []
    for i, name in enumerate(old_ids):
        children = tuple(new_ids[j] for j in born if comes_from[j] == i)
        j, into = int(heir[i]), goes_into.get(i, -1)
        joined = tuple(old_ids[o] for o, there in goes_into.items() if there == j >= 0)
        into_id = (new_ids[into],) if into >= 0 and not children else ()
        kind: _Kind = "split" if children else "kept" if j >= 0 else "merged" if into_id else "retired"
        now, shared = (int(overlap.new[j]), int(overlap.shared[i, j])) if j >= 0 else (0, 0)
        items.append(Event(kind, name, (*children, *joined, *into_id), int(overlap.old[i]), now, shared))
    for j, i in comes_from.items():
        kind, parent = ("split", (old_ids[i],)) if i >= 0 else ("new", ())
        items.append(Event(kind, new_ids[j], parent, 0, int(overlap.new[j]), 0))
    return items


def _source(overlap: Overlap, j: int) -> int:
    """The old cluster that most accounts of a new one come from; -1 where there is none."""
    i = int(np.argmax(overlap.shared[:, j]))
    return i if overlap.shared[i, j] >= _MOST * max(overlap.new[j], 1) else -1


def _target(overlap: Overlap, i: int) -> int:
    """The new cluster that most accounts of an old one go into; -1 where there is none, or where it has died out."""
    everyone = overlap.shared.sum() + overlap.newcomers.sum()
    j = int(np.argmax(overlap.shared[i]))
    gone = overlap.old[i] < _GONE * overlap.once[i] * everyone
    return -1 if gone or overlap.shared[i, j] < _MOST * overlap.old[i] else j
