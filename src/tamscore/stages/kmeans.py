"""Mini-batch k-means on whole numbers: seeding, mini-batch steps, Lloyd passes, assignment.

The loop does not know where rows live: it is handed an object that sums them up (`Rows`). Centers are whole numbers
too (see `grid`), so the statistics of a pass are exact and merge in any order to the same bytes.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.backend import kernels
from tamscore.stages.seeding import plus_plus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array, Backend, Sides
    from tamscore.stages.grid import Grid


@dataclass(frozen=True)
class BatchStats:
    """What a pass over rows tells: sums (k, d) and counts (k,) by label, and inertia, a whole number of any size."""

    sums: Any
    counts: Any
    inertia: int

    def merged(self, other: BatchStats) -> BatchStats:
        """The statistics of both sets of rows; exact, and so the same in any order."""
        return BatchStats(self.sums + other.sums, self.counts + other.counts, self.inertia + other.inertia)


@dataclass(frozen=True)
class Farthest:
    """The row (d,) that lies farthest from its center; among equals the one with the largest values."""

    sq_distance: float
    row: tuple[float, ...]

    def merged(self, other: Farthest) -> Farthest:
        """The farther of the two."""
        return max(self, other, key=lambda one: (one.sq_distance, one.row))


Span = tuple[int, int]
"""Draw numbers from the first, inclusive, to the last, exclusive: the rows of one batch."""


class Rows(Protocol):
    """Rows that can be summed up by their nearest center, wherever they live."""

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those whose draw number lies in the span."""

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""


@dataclass(frozen=True)
class DrawnBlock:
    """A block (d, m) whose rows are sorted by their draw numbers (m,) uint64, which stay on the host."""

    block: Array
    numbers: Any

    def within(self, span: Span) -> Array:
        """The part (d, b) of the block whose draw numbers lie in the span."""
        low = int(np.searchsorted(self.numbers, np.uint64(span[0]), side="left"))
        end = np.searchsorted(self.numbers, np.uint64(span[1]), side="left") if span[1] < 2**64 else len(self.numbers)
        return self.block[:, low : int(end)]


@dataclass
class LabelledBlock:
    """A block and the sides that its rows took in the last pass over it, which the next one may start from."""

    drawn: DrawnBlock
    sq_norms: Array
    sq_norm: int
    sides: Sides | None = None

    @classmethod
    def of(cls, backend: Backend, drawn: DrawnBlock) -> LabelledBlock:
        """A block that no pass has seen yet."""
        sq_norms = kernels.sq_norms(backend.xp, drawn.block)
        return cls(drawn, sq_norms, exact_sum(backend.xp, sq_norms))

    def relabel(self, backend: Backend, centers: Any) -> BatchStats:
        """The statistics of the block under the centers (k, d), after the rows have taken their sides anew."""
        self.sides = backend.sides(self.drawn.block, self.sq_norms, backend.put(centers), self.sides)
        return stats_of(backend, self.sides, self.sq_norm, centers)


def stats_of(backend: Backend, sides: Sides, sq_norm: int, centers: Any) -> BatchStats:
    """The statistics of rows that have taken sides, and whose squared norms add up to `sq_norm`."""
    sums, counts = backend.get(sides.sums), backend.get(sides.counts)
    return BatchStats(sums, counts, inertia_of(sq_norm, sums, counts, centers))


def batch_stats(backend: Backend, block: Array, centers: Any) -> BatchStats:
    """The statistics of rows that are seen once."""
    sq_norms = kernels.sq_norms(backend.xp, block)
    sides = backend.sides(block, sq_norms, backend.put(centers))
    return stats_of(backend, sides, exact_sum(backend.xp, sq_norms), centers)


def inertia_of(sq_norm: int, sums: Any, counts: Any, centers: Any) -> int:
    """The sum of squared distances to the centers (k, d), exactly: |x|^2 - 2 c.x + |c|^2 summed side by side."""
    own = centers.astype(np.int64)
    crossed = exact_dot(own, sums.astype(np.int64))
    return sq_norm - 2 * crossed + exact_dot(counts[:, None], np.einsum("ij,ij->i", own, own)[:, None])


def exact_dot(one: Any, other: Any) -> int:
    """The sum of the products of whole numbers (k, d) int64, exactly: high and low halves of `other` apart.

    Centers of a grid are shorter than 2^26 and sums lie below 2^53, so that a cluster's share of either half stays
    below 2^63; all clusters together, in Python's numbers, need not.
    """
    high, low = (np.einsum("ij,ij->i", one, half) for half in (other >> 26, other & (2**26 - 1)))
    return int(sum(high.tolist()) * 2**26 + sum(low.tolist()))


def exact_sum(xp: Any, whole: Array) -> int:
    """The sum of whole numbers (m,) below 2^52 in float64, exact for up to 2^26 of them: high and low halves apart."""
    high = xp.floor(whole * 2.0**-26)
    low = whole - high * 2.0**26
    return int(float(xp.sum(high))) * 2**26 + int(float(xp.sum(low)))


def farthest(backend: Backend, drawn: DrawnBlock, centers: Any) -> Farthest:
    """The row of one block that lies farthest from its nearest center."""
    near = backend.nearest(drawn.block, backend.put(centers))
    sq_distance = backend.get(near.sq_distance)
    at = np.flatnonzero(sq_distance == sq_distance.max(initial=0.0))
    if not len(at):
        return Farthest(0.0, ())
    rows = backend.get(backend.xp.take(drawn.block, backend.put(at), axis=1)).T
    return max((Farthest(float(sq_distance[at[0]]), tuple(map(float, row))) for row in rows), key=lambda f: f.row)


class BlockRows:
    """Blocks in one place: the plainest `Rows`. It remembers its last pass, so one loop at a time may use it."""

    def __init__(self, backend: Backend, blocks: Sequence[DrawnBlock]) -> None:
        self._backend = backend
        self._blocks = [LabelledBlock.of(backend, block) for block in blocks if block.block.shape[1]]

    def anew(self) -> BlockRows:
        """The same rows without the memory of a pass, for a loop of its own."""
        other = copy(self)
        other._blocks = [replace(block, sides=None) for block in self._blocks]  # noqa: SLF001 - one of us
        return other

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those in the span."""
        nothing = BatchStats(np.zeros(centers.shape), np.zeros(len(centers), np.int64), 0)
        if span is None:
            parts = (block.relabel(self._backend, centers) for block in self._blocks)
            return reduce(BatchStats.merged, parts, nothing)
        batch = (block.drawn.within(span) for block in self._blocks)
        return reduce(
            BatchStats.merged, (batch_stats(self._backend, rows, centers) for rows in batch if rows.shape[1]), nothing
        )

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""
        parts = (farthest(self._backend, block.drawn, centers) for block in self._blocks)
        return reduce(Farthest.merged, parts, Farthest(0.0, ()))


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


def start_centers(rows: Rows, block: Any, k: int, seed: int, restart: int, passes: int) -> Fit:
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


def mini_batch(rows: Rows, centers: Any, weights: Any, spans: Sequence[Span], patience: int = 10) -> tuple[Any, int]:
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


def lloyd(rows: Rows, centers: Any, max_passes: int, tolerance: float = 1e-6) -> Fit:
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
    return Fit(fit.centers[live], fit.counts[live], fit.inertia, fit.passes, fit.batches, fit.reseeded)


def by_size(fit: Fit) -> Fit:
    """The fit with its clusters in order of size, the largest first, so that numbers mean something."""
    order = np.lexsort((*fit.centers.T[::-1], -fit.counts))
    return Fit(fit.centers[order], fit.counts[order], fit.inertia, fit.passes, fit.batches, fit.reseeded)


def spans_of(rows: int, batch_rows: int, below: int = 2**64) -> list[Span]:
    """Spans that cut the draw numbers below a bound into batches of about `batch_rows` of `rows` rows."""
    batches = max(1, -(-rows // batch_rows))
    edges = [below * i // batches for i in range(batches + 1)]
    return list(pairwise(edges))


@dataclass(frozen=True)
class Assignment:
    """Per row: label (m,), distance and margin to the second center (m,), both in the clusters' units.

    `inertia` is the sum of squared distances in whole numbers.
    """

    label: Array
    distance: Array
    margin: Array
    inertia: int


def assign(backend: Backend, grid: Grid, block: Array, centers: Any) -> Assignment:
    """The cluster of every row of a block, its distance, and how much farther the second center is."""
    near = backend.nearest(block, backend.put(centers))
    xp = backend.xp
    distance = xp.sqrt(near.sq_distance) * grid.unit
    margin = xp.sqrt(near.second_sq_distance) * grid.unit - distance
    return Assignment(near.label, distance, margin, exact_sum(xp, near.sq_distance))


def sq_distances(backend: Backend, block: Array, rows: Any, centers: Any, label: Any) -> Any:
    """The squared distance (r,) of the rows of a block at the positions given to the centers of their labels (r,)."""
    xp = backend.xp
    at = xp.astype(xp.take(block, backend.put(rows), axis=1), xp.float64)
    away = at - xp.take(backend.put(centers), backend.put(label.astype(np.int64)), axis=0).T
    return backend.get(xp.sum(away * away, axis=0))
