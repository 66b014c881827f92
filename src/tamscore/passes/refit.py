"""The centers of a party type, warmed up from an earlier model: exact Lloyd passes, few clusters rearranged."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.passes.sample import drawn_blocks
from tamscore.stages import kmeans
from tamscore.stages.kmeans import BlockRows

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.passes.fit import Recipe
    from tamscore.passes.sources import KeptRows
    from tamscore.stages.kmeans import Fit

GAIN = 1e-3
"""Clusters are rearranged where that lowers inertia by more than this part: else they stay as people know them."""
HALVINGS = 3
"""So many starts seek the two halves of a cluster."""
PASSES = 20


def refit(rows: KeptRows, start: Any, seeds: Any, recipe: Recipe) -> Fit:
    """The centers that Lloyd passes lead to from the centers given (k', d), with k clusters in the end.

    Lloyd passes alone cannot take a center from where it is no longer needed to where one is missing. So one cluster
    is halved and two are joined as long as that pays (Kaukoranta, Fränti & Nevalainen 1998 split and merge so); both
    are sought on the seed rows (d, s).
    """
    fit = kmeans.lloyd(rows, resized(seeds, start, recipe), recipe.max_passes)
    for _ in range(recipe.k):
        moved = rearranged(seeds, fit.centers, recipe)
        if moved is None:
            break
        tried = kmeans.lloyd(rows, moved, recipe.max_passes)
        if tried.inertia >= (1 - GAIN) * fit.inertia:
            break
        fit = tried
    return kmeans.without_empty(fit)


def means(backend: Backend, blocks: list[Any], label: Any, k: int) -> Any:
    """The mean (k, d) in whole numbers of the rows of each label (m,), NaN for labels that no row has."""
    sums, counts, start = 0.0, np.zeros(k), 0
    for block in blocks:
        here = backend.put(label[start : start + block.shape[1]].astype(np.int64))
        sums = sums + backend.get(backend.segment_sum(block, here, k))
        counts = counts + backend.get(backend.segment_count(here, k))
        start += block.shape[1]
    return np.where(counts[:, None] > 0, np.rint(sums / np.maximum(counts, 1)[:, None]), np.nan)


def resized(seeds: Any, centers: Any, recipe: Recipe) -> Any:
    """The centers with so many halved, or joined, that k are left."""
    while len(centers) < recipe.k:
        halves = best_halving(seeds, centers, recipe)
        if halves is None:
            break
        place, pair, _ = halves
        centers = np.concatenate((np.delete(centers, place, axis=0), pair))
    while len(centers) > recipe.k:
        centers = joined(seeds, centers, *cheapest_joining(seeds, centers)[:2])
    return centers


def rearranged(seeds: Any, centers: Any, recipe: Recipe) -> Any | None:
    """The centers with one halved and two others joined, where that promises a lower inertia; else None."""
    halves = best_halving(seeds, centers, recipe)
    if halves is None or len(centers) < 3:
        return None
    place, pair, gain = halves
    others = np.delete(centers, place, axis=0)
    a, b, cost = cheapest_joining(seeds, others)
    if gain - cost <= GAIN * inertia_of(seeds, centers):
        return None
    return np.concatenate((joined(seeds, others, a, b), pair))


def labels_of(seeds: Any, centers: Any) -> Any:
    """The nearest center (s,) of every seed row."""
    return HostBackend().nearest(seeds, centers).label


def inertia_of(seeds: Any, centers: Any) -> float:
    """The sum of squared distances of the seed rows."""
    return float(HostBackend().nearest(seeds, centers).sq_distance.sum())


def best_halving(seeds: Any, centers: Any, recipe: Recipe) -> tuple[int, Any, float] | None:
    """The cluster that is best halved, its two centers (2, d), and how much inertia that saves; None without one."""
    label = labels_of(seeds, centers)
    found = [(c, *halved(seeds[:, label == c], recipe)) for c in range(len(centers)) if np.sum(label == c) > 1]
    return max(found, key=lambda one: one[2]) if found else None


def halved(block: Any, recipe: Recipe) -> tuple[Any, float]:
    """Two centers (2, d) for the rows of a cluster (d, m), and how much lower their inertia is than that of one."""
    rows = BlockRows(HostBackend(), drawn_blocks([block], np.zeros(block.shape[1], np.uint64), block.shape[1]))
    host_rows = np.ascontiguousarray(block.T, dtype=np.float64)
    whole = rows.accumulate(np.rint(host_rows.mean(axis=0))[None, :]).inertia
    if not whole:
        return np.repeat(np.rint(host_rows[:1]), 2, axis=0), 0.0
    fits = [kmeans.start_centers(rows, host_rows, 2, recipe.seed, restart, PASSES) for restart in range(HALVINGS)]
    best = min(fits, key=lambda fit: fit.inertia)
    return best.centers, float(whole - best.inertia)


def cheapest_joining(seeds: Any, centers: Any) -> tuple[int, int, float]:
    """The two clusters that are joined at the lowest price in inertia, and the price (Ward 1963)."""
    counts = np.bincount(labels_of(seeds, centers), minlength=len(centers))

    def price(pair: tuple[int, int]) -> float:
        a, b = pair
        weight = counts[a] * counts[b] / max(counts[a] + counts[b], 1)
        return float(weight * np.sum((centers[a] - centers[b]) ** 2))

    a, b = min(combinations(range(len(centers)), 2), key=price)
    return a, b, price((a, b))


def joined(seeds: Any, centers: Any, a: int, b: int) -> Any:
    """The centers with two of them joined at their weighted mean, in the place of the first."""
    counts = np.maximum(np.bincount(labels_of(seeds, centers), minlength=len(centers)), 1)
    centers = centers.copy()
    centers[a] = np.rint((counts[a] * centers[a] + counts[b] * centers[b]) / (counts[a] + counts[b]))
    return np.delete(centers, b, axis=0)
