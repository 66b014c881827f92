"""The lifecycle of clusters from fit to fit: which cluster continues under its id, and events of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.stages.identity import cluster_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

_Kind = Literal["kept", "split", "merged", "new", "retired"]
SAME = 1 / 3
"""Least Jaccard index of a cluster with its successor.

Their shared accounts are then at least half as many as those that only one of them has. One of two even halves has 1/2,
one of three even parts has this value.
"""
_MOST = 0.5
"""Least share of a cluster's accounts that come from, or go into, the cluster that it is related to."""
_GONE = 0.25
"""Fraction of a cluster's share of accounts at its fit, below which it has died out rather than joined another."""


@dataclass(frozen=True)
class Overlap:
    """Counts of present accounts in old and new clusters of a party type.

    `shared` (old, new) counts accounts by their old and their new cluster; `newcomers` (new,) those without an old
    cluster. `once` (old,) is the share of accounts that the old clusters had at their fit.
    """

    shared: Any
    newcomers: Any
    once: Any

    @property
    def old(self) -> Any:
        """The present accounts of the old clusters (old,)."""
        return self.shared.sum(axis=1)

    @property
    def new(self) -> Any:
        """The accounts of the new clusters (new,)."""
        return self.shared.sum(axis=0) + self.newcomers

    @property
    def jaccard(self) -> Any:
        """The accounts that two clusters share, over those that either has (old, new)."""
        return self.shared / np.maximum(self.old[:, None] + self.new[None, :] - self.shared, 1)


@dataclass(frozen=True)
class Event:
    """The event of one cluster: `related` are the clusters that it split into, joined, or comes from.

    `before` counts the present accounts that belonged to it, `now` those that belong to it, `shared` those with both.
    """

    kind: _Kind
    cluster: str
    related: tuple[str, ...]
    before: int
    now: int
    shared: int


def heirs(overlap: Overlap) -> Any:
    """Return the new cluster (old,) that each old one continues as, -1 for none.

    Clusters are paired so that as many accounts as possible stay (Kuhn 1955: the Hungarian method); a pair that shares
    too little does not count.
    """
    from scipy.optimize import linear_sum_assignment

    full = np.full(len(overlap.shared), -1)
    old, new = linear_sum_assignment(-overlap.shared)
    same = overlap.jaccard[old, new] >= SAME
    full[old[same]] = new[same]
    return full


def successors(heir: Any, sizes: Any) -> Any:
    """Return the new clusters in order (new,): those that continue old ones as these stood, then others by size."""
    others = np.setdiff1d(np.arange(len(sizes)), heir)
    return np.concatenate((heir[heir >= 0], others[np.argsort(-sizes[others], kind="stable")]))


def succeed(party: str, old_ids: Sequence[str], heir: Any, k: int, named: int) -> tuple[tuple[str, ...], int]:
    """Return the ids of k clusters in the order of `successors`, and the number of ids given; none is given twice."""
    items = [name for name, j in zip(old_ids, heir, strict=True) if j >= 0]
    total = named + k - len(items)
    return (*items, *cluster_ids(party, total)[named:]), total


def events(overlap: Overlap, heir: Any, old_ids: Sequence[str], new_ids: Sequence[str]) -> list[Event]:
    """Return the event of every old cluster, then the origin of every new one; `new_ids` are ordered as `overlap`."""
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
    """Return the old cluster that most accounts of a new one come from; -1 if there is none."""
    i = int(np.argmax(overlap.shared[:, j]))
    return i if overlap.shared[i, j] >= _MOST * max(overlap.new[j], 1) else -1


def _target(overlap: Overlap, i: int) -> int:
    """Return the new cluster that most accounts of an old one go into; -1 if there is none, or it has died out."""
    everyone = overlap.shared.sum() + overlap.newcomers.sum()
    j = int(np.argmax(overlap.shared[i]))
    gone = overlap.old[i] < _GONE * overlap.once[i] * everyone
    return -1 if gone or overlap.shared[i, j] < _MOST * overlap.old[i] else j
