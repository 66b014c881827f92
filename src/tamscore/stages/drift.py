"""Drift: the distance of today's features from those that a model was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.backend import Array, Backend
    from tamscore.stages.prepare import Vocabulary

_BINS = 10
"""Bins of a numeric column, cut at its deciles: the usual number for the index."""
_FLOOR = 1e-4
"""Least share of a bin; an empty bin counts as this share."""
_WHOLE = 10_000
"""Numbers from here on are shown without decimals."""
SHIFTED, _STRONGLY_SHIFTED = 0.1, 0.25
"""The usual limits of the population stability index: the first asks for a check, the second for a new fit."""
REACH = 0.99
"""The share of a cluster's accounts that lie within its reach."""


@dataclass(frozen=True)
class Histogram:
    """Distribution of accounts over the bins of one feature.

    A numeric column has `edges` (e,): a bin up to each edge, a bin above, and a bin for missing numbers, so `counts`
    has the shape (e + 2,). A category has no edges and a bin for each of its levels.
    """

    column: str
    edges: Any
    counts: Any

    @property
    def shares(self) -> Any:
        """The share of accounts in every bin."""
        return self.counts / max(float(self.counts.sum()), 1.0)


def bin_edges(present: Any) -> Any:
    """Return the distinct deciles (e,) of sorted values (n,), all of them observed values; empty without values."""
    if not len(present):
        return np.empty(0)
    return np.unique([float(present[nearest_rank(len(present), i / _BINS)]) for i in range(1, _BINS)])


def number_histogram(backend: Backend, name: str, column: Array, edges: Any = None) -> Histogram:
    """Return the histogram of a numeric column (m,) with bins cut at the edges (e,), else at its own deciles."""
    present = backend.xp.sort(column[~backend.xp.isnan(column)])
    return sorted_histogram(backend, name, present, column.shape[0] - present.shape[0], edges)


def sorted_histogram(backend: Backend, name: str, present: Array, missing: int, edges: Any = None) -> Histogram:
    """Return the histogram of sorted values (n,), given how many values are missing."""
    xp = backend.xp
    edges = bin_edges(backend.get(present)) if edges is None else edges
    reached = backend.get(xp.searchsorted(present, xp.astype(backend.put(edges), present.dtype), side="right"))
    counts = np.diff(reached, prepend=0, append=present.shape[0])
    return Histogram(name, edges, np.append(counts, missing))


def level_histogram(vocabulary: Vocabulary, texts: Any) -> Histogram:
    """Return how many accounts have each level of a category."""
    counts = np.bincount(vocabulary.encode(texts), minlength=len(vocabulary.all_levels))
    return Histogram(vocabulary.column, np.empty(0), counts)


def stability_index(before: Histogram, now: Histogram) -> float:
    """Return the population stability index of one feature between two times (Lewis 1994); 0 without any change.

    It is the sum over bins of (now - before) * log(now / before), where shares are at least _FLOOR.
    """
    if not before.counts.sum() or not now.counts.sum():
        return 0.0
    then, today = (np.maximum(histogram.shares, _FLOOR) for histogram in (before, now))
    return float(np.sum((today - then) * np.log(today / then)))


def _chance(before: Histogram, now: Histogram) -> float:
    """Return the index that chance alone exceeds once in a hundred draws of other accounts (Yurdakul 2018).

    The index is then distributed as (1/n + 1/m) times chi-square with one degree of freedom less than there are bins;
    its quantile after Wilson & Hilferty (1931).
    """
    scale = sum(1 / max(int(histogram.counts.sum()), 1) for histogram in (before, now))
    freedom = len(before.counts) - 1
    width = 2 / (9 * freedom)
    return float(scale * freedom * (1 - width + NormalDist().inv_cdf(0.99) * width**0.5) ** 3)


def verdict(before: Histogram, now: Histogram) -> str:
    """Return the verdict: `steady`, `shifted` or `strongly shifted`; with few accounts, chance raises the limit."""
    index = stability_index(before, now)
    if index < max(SHIFTED, _chance(before, now)):
        return "steady"
    return "strongly shifted" if index >= _STRONGLY_SHIFTED else "shifted"


def reaches(places: Iterable[tuple[Any, Any]], k: int) -> Any:
    """Return the reach (k,) of every cluster: the distance within which REACH of its accounts lie; 0 for no accounts.

    `places` yields labels and distances (m,) of some accounts at a time.
    """
    items: list[list[Any]] = [[] for _ in range(k)]
    for label, distance in places:
        ordered = distance[np.argsort(label, kind="stable")]  # NumPy sorts short numbers by their digits
        ends = np.cumsum(np.bincount(label, minlength=k))
        for pieces, here in zip(items, np.split(ordered, ends[:-1]), strict=True):
            pieces.append(here)
    return np.array([_reach(np.concatenate(pieces)) for pieces in items])


def _reach(distance: Any) -> float:
    """Return the reach of a cluster whose accounts have these distances (m,)."""
    if not len(distance):
        return 0.0
    rank = nearest_rank(len(distance), REACH)
    return float(np.partition(distance, rank)[rank])


def _figure(value: float) -> str:
    """Return an edge as text, never with a power of ten."""
    return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:,.6g}"


def largest_move(before: Histogram, now: Histogram, levels: Sequence[str]) -> str:
    """Return the largest move as text: of the level that moved most, or of the share above the former median."""
    if levels:
        most = int(np.argmax(np.abs(now.shares - before.shares)))
        return f"{levels[most]}: {before.shares[most]:.1%} → {now.shares[most]:.1%}"
    missing = f"missing: {before.shares[-1]:.1%} → {now.shares[-1]:.1%}"
    if abs(now.shares[-1] - before.shares[-1]) >= SHIFTED or not len(before.edges):
        return missing
    middle = len(before.edges) // 2
    then, today = (
        histogram.counts[middle + 1 : -1].sum() / max(histogram.counts[:-1].sum(), 1) for histogram in (before, now)
    )
    return f"above {_figure(before.edges[middle])}: {then:.1%} → {today:.1%}"
