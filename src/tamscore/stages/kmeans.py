"""Mini-batch k-means on whole numbers: seeding, mini-batch steps, Lloyd passes, assignment.

The loop does not know where rows live: it is handed an object that sums them up (`SummableRows`). Centers are whole
numbers too (see `grid`), so the statistics of a pass are exact and merge in any order to the same bytes (see `blocks`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.backend.coded import dense, rows_at
from tamscore.stages.blocks import exact_sum
from tamscore.stages.seeding import plus_plus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array, Backend
    from tamscore.backend.coded import Block
    from tamscore.stages.blocks import BatchStats, Farthest, Span
    from tamscore.stages.grid import Grid
    from tamscore.stages.shares import Shares


class SummableRows(Protocol):
    """Rows that can be summed up by their nearest center, wherever they live."""

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those whose draw number lies in the span."""

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""

    def shares(self, centers: Any) -> Shares:
        """Return what each of the centers, two at least, has to do with the inertia."""


@dataclass(frozen=True)
class Fit:
    """Fitted centers (k, d) in whole numbers, rows of the fit per cluster (k,), inertia, and how it was reached."""

    centers: Any
    counts: Any
    inertia: int
    passes: int
    batches: int
    reseeded: int = 0


SEEDING_TOLERANCE = 1e-4


def start_centers(rows: SummableRows, block: Any, k: int, seed: int, restart: int, passes: int) -> Fit:
    """One k-means++ start on a host block (d, s), refined by a few Lloyd passes."""
    start = plus_plus(block, k, np.random.default_rng([seed, restart]))
    return lloyd(rows, start, passes, SEEDING_TOLERANCE)


def batch_update(centers: Any, weights: Any, stats: BatchStats) -> tuple[Any, Any]:
    """Centers (k, d) and weights (k,) after one mini-batch: each center moves to the mean of all rows it has seen.

    Sculley (2010), with the rows of a batch taken together, as scikit-learn's `MiniBatchKMeans.partial_fit` does.
    """
    total = weights + stats.counts
    seen = np.maximum(total, 1.0)[:, None]
    moved = np.rint((centers * weights[:, None] + stats.sums) / seen)
    return np.where(stats.counts[:, None] > 0, moved, centers), total


def mini_batch(
    rows: SummableRows, centers: Any, weights: Any, spans: Sequence[Span], patience: int = 10
) -> tuple[Any, int]:
    """Centers after mini-batch steps over the spans, until the smoothed inertia settles, and the number of steps.

    Inertia per row is smoothed exponentially over about half a round; without a new low in `patience` steps it ends.
    """
    smooth, lowest, waited = None, np.inf, 0
    alpha = min(1.0, 4.0 / (len(spans) + 1))
    for step, span in enumerate(spans):
        stats = rows.accumulate(centers, span)
        size = int(stats.counts.sum())
        if size == 0:
            continue
        centers, weights = batch_update(centers, weights, stats)
        per_row = stats.inertia / size
        smooth = per_row if smooth is None else smooth * (1 - alpha) + per_row * alpha
        waited = 0 if smooth < lowest else waited + 1
        lowest = min(lowest, smooth)
        if waited >= patience:
            return centers, step + 1
    return centers, len(spans)


def lloyd(rows: SummableRows, centers: Any, max_passes: int, tolerance: float = 1e-6) -> Fit:
    """Lloyd passes from the centers until they stand still, or inertia falls by less than `tolerance` of itself.

    A cluster that loses all its rows takes the row farthest from its center, one cluster a pass. The inertia returned
    is that of the returned centers as seen by their last pass.
    """
    reseeded, inertia = 0, np.inf
    stats = rows.accumulate(centers)
    for done in range(1, max_passes + 1):
        empty = np.flatnonzero(stats.counts == 0)
        moved = np.where(stats.counts[:, None] > 0, np.rint(stats.sums / np.maximum(stats.counts, 1)[:, None]), centers)
        far = rows.farthest(centers) if len(empty) else None
        if far is not None and far.sq_distance > 0:
            moved[empty[0]] = far.row
            reseeded += 1
        settled = inertia - stats.inertia <= tolerance * stats.inertia and (far is None or far.sq_distance == 0)
        if settled or np.array_equal(moved, centers):
            return Fit(centers, stats.counts, stats.inertia, done, 0, reseeded)
        centers, inertia = moved, stats.inertia
        stats = rows.accumulate(centers)
    return Fit(centers, stats.counts, stats.inertia, max_passes, 0, reseeded)


def without_empty(fit: Fit) -> Fit:
    """The fit without clusters that no row belongs to: fewer than k where there are fewer distinct rows."""
    live = fit.counts > 0
    return replace(fit, centers=fit.centers[live], counts=fit.counts[live])


def by_size(fit: Fit) -> Fit:
    """The fit with its clusters in order of size, the largest first, so that numbers mean something."""
    order = np.lexsort((*fit.centers.T[::-1], -fit.counts))
    return replace(fit, centers=fit.centers[order], counts=fit.counts[order])


@dataclass(frozen=True)
class _Assignment:
    """Per row: label (m,), distance and margin to the second center (m,), both in the clusters' units.

    `inertia` is the sum of squared distances in whole numbers.
    """

    label: Array
    distance: Array
    margin: Array
    inertia: int


def assign(backend: Backend, grid: Grid, block: Block, centers: Any) -> _Assignment:
    """The cluster of every row of a block, its distance, and how much farther the second center is."""
    near = backend.nearest(block, backend.put(centers))
    xp = backend.xp
    distance = xp.sqrt(near.sq_distance) * grid.unit
    margin = xp.sqrt(near.second_sq_distance) * grid.unit - distance
    return _Assignment(near.label, distance, margin, exact_sum(xp, near.sq_distance))


def sq_distances(backend: Backend, block: Block, rows: Any, centers: Any, label: Any) -> Any:
    """The squared distance (r,) of the rows of a block at the positions given to the centers of their labels (r,)."""
    xp = backend.xp
    at = xp.astype(dense(xp, rows_at(xp, block, backend.put(rows))), xp.float64)
    away = at - xp.take(backend.put(centers), backend.put(label.astype(np.int64)), axis=0).T
    return backend.get(xp.sum(away * away, axis=0))
