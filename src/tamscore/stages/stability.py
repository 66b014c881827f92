"""Stability of clusters: bootstrap Jaccard similarity per cluster, and grades, after Hennig (2007)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans
from tamscore.stages.blocks import BlockRows

if TYPE_CHECKING:
    from tamscore.backend import Backend

_ROWS, _BOOTSTRAPS, _STARTS, _PASSES = 4_000, 20, 2, 10
"""Bounds of the work: rows of the sub-sample, bootstraps, cold starts of each, Lloyd passes of each start."""
_AGAIN_ROWS, _AGAIN_BOOTSTRAPS = 3_000, 5
"""Bounds of the work if a bootstrap starts from the given centers: rows of the sub-sample, bootstraps."""
_GRADES = ((0.85, "highly stable"), (0.75, "stable"), (0.60, "doubtful"), (0.0, "unstable"))


def grade(similarity: float) -> str:
    """Return the grade of a mean Jaccard similarity of a cluster."""
    return next(name for least, name in _GRADES if similarity >= least)


def find_again(backend: Backend, block: Any, centers: Any, seed: int) -> Any:
    """Return each cluster's mean Jaccard similarity (k,) with its best match in bootstraps of a block (d, m).

    Each bootstrap is clustered from cold starts, of which the best counts. Clusters that never had a row get NaN.
    """
    block = block[:, :_ROWS]

    def refit(drawn: Any, bootstrap: int) -> Any:
        rows, first = BlockRows.of(backend, drawn), _STARTS * bootstrap
        starts = [kmeans.start_centers(rows, drawn, len(centers), seed, first + i, _PASSES) for i in range(_STARTS)]
        return min(starts, key=lambda fit: fit.inertia).centers

    return _bootstrap(backend, block, centers, seed, _BOOTSTRAPS, refit)


def mean_similarity(backend: Backend, block: Any, centers: Any, seed: int) -> float:
    """Return the mean Jaccard similarity over rows, 0 to 1, if bootstraps start from the centers, as a refresh does."""
    block = block[:, :_AGAIN_ROWS]

    def refit(drawn: Any, _: int) -> Any:
        return kmeans.lloyd(BlockRows.of(backend, drawn), centers, _PASSES, kmeans.SEEDING_TOLERANCE).centers

    similarity = _bootstrap(backend, block, centers, seed, _AGAIN_BOOTSTRAPS, refit)
    rows = np.bincount(labels(backend, block, centers), minlength=len(centers))
    return float(np.nansum(similarity * rows) / rows.sum())


def _bootstrap(backend: Backend, block: Any, centers: Any, seed: int, bootstraps: int, refit: Any) -> Any:
    """Return each cluster's best Jaccard similarity (k,), averaged; `refit` makes centers of the drawn rows."""
    own = labels(backend, block, centers)
    items = []
    for bootstrap in range(bootstraps):
        random = np.random.default_rng([seed, bootstrap])
        places = random.integers(0, block.shape[1], block.shape[1])
        again = refit(np.ascontiguousarray(block[:, places]), bootstrap)
        seen = np.unique(places)
        items.append(similarity(own[seen], labels(backend, block[:, seen], again), len(centers), len(again)))
    there = np.isfinite(items)
    return np.where(there.any(axis=0), np.nansum(items, axis=0) / np.maximum(there.sum(axis=0), 1), np.nan)


def similarity(own: Any, other: Any, k: int, others: int) -> Any:
    """Return the Jaccard similarity (k,) of clusters of one labelling (m,) with their best match; NaN if empty."""
    both = np.bincount(own * others + other, minlength=k * others).reshape(k, others)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    best = np.max(both / np.maximum(either, 1), axis=1)
    return np.where(both.sum(axis=1) > 0, best, np.nan)


def labels(backend: Backend, block: Any, centers: Any) -> Any:
    """Return the label (m,) of every row of a host block, on the host."""
    return backend.get(backend.nearest(backend.put(block), backend.put(centers)).label)
