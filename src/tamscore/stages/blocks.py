"""Blocks of whole numbers, summed up by their nearest center: exactly, and so to the same bytes in any order.

What the loops of `kmeans` are handed where rows lie in memory; see `grid` for the whole numbers.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import coded, kernels
from tamscore.stages.shares import Shares, shares_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array, Backend, Sides
    from tamscore.backend.coded import Block


@dataclass(frozen=True)
class BatchStats:
    """The result of a pass over rows with centers (k, d): sums (k, d) and counts (k,) of the rows by label.

    `sq_norm` is the sum of the rows' squared norms, a whole number of any size.
    """

    centers: Any
    sums: Any
    counts: Any
    sq_norm: int

    def merge(self, other: BatchStats) -> BatchStats:
        """The statistics of both sets of rows; exact, and so the same in any order."""
        sums, counts = self.sums + other.sums, self.counts + other.counts
        return BatchStats(self.centers, sums, counts, self.sq_norm + other.sq_norm)

    @cached_property
    def inertia(self) -> int:
        """The sum of squared distances to the centers, exactly: |x|^2 - 2 c.x + |c|^2 summed cluster by cluster."""
        own = self.centers.astype(np.int64)
        crossed = _exact_dot(own, self.sums.astype(np.int64))
        return self.sq_norm - 2 * crossed + _exact_dot(self.counts[:, None], np.einsum("ij,ij->i", own, own)[:, None])


@dataclass(frozen=True)
class Farthest:
    """The row (d,) that lies farthest from its center; among equals the one with the largest values."""

    sq_distance: float
    row: tuple[float, ...]

    def merge(self, other: Farthest) -> Farthest:
        """The farther of the two."""
        return max(self, other, key=lambda item: (item.sq_distance, item.row))


Span = tuple[int, int]
"""Draw numbers from the first, inclusive, to the last, exclusive: the rows of one batch."""


def spans_of(rows: int, batch_rows: int, below: int = 2**64) -> list[Span]:
    """Spans that cut the draw numbers below a bound into batches of about `batch_rows` of `rows` rows."""
    batches = max(1, -(-rows // batch_rows))
    edges = [below * i // batches for i in range(batches + 1)]
    return list(pairwise(edges))


@dataclass(frozen=True)
class DrawnBlock:
    """A block (d, m) whose rows are sorted by their draw numbers (m,) uint64, which stay on the host."""

    block: Block
    numbers: Any

    def __sizeof__(self) -> int:
        """The bytes of host memory that it takes; what lies on a GPU is in no process's memory."""
        block = self.block.nbytes if isinstance(coded.numbers_of(self.block), np.ndarray) else 0
        return object.__sizeof__(self) + block + int(self.numbers.nbytes)

    def within(self, span: Span) -> Block:
        """The part (d, b) of the block whose draw numbers lie in the span."""
        low = int(np.searchsorted(self.numbers, np.uint64(span[0]), side="left"))
        end = np.searchsorted(self.numbers, np.uint64(span[1]), side="left") if span[1] < 2**64 else len(self.numbers)
        return coded.part(self.block, slice(low, int(end)))


@dataclass
class _LabelledBlock:
    """A block and the sides that its rows took in the last pass over it, which the next one may start from."""

    drawn: DrawnBlock
    sq_norms: Array
    sq_norm: int
    sides: Sides | None = None

    def __sizeof__(self) -> int:
        """The bytes of host memory that it takes."""
        sides = self.sides
        of_rows = (self.sq_norms, sides and sides.label, sides and sides.gaps and sides.gaps.least)
        return self.drawn.__sizeof__() + sum(array.nbytes for array in of_rows if isinstance(array, np.ndarray))

    @classmethod
    def of(cls, backend: Backend, drawn: DrawnBlock) -> _LabelledBlock:
        """A block that no pass has seen yet."""
        sq_norms = kernels.sq_norms(backend.xp, drawn.block)
        return cls(drawn, sq_norms, exact_sum(backend.xp, sq_norms))

    def relabel(self, backend: Backend, centers: Any) -> BatchStats:
        """The statistics of the block under the centers (k, d), after the rows have taken their sides anew."""
        self.sides = backend.sides(self.drawn.block, self.sq_norms, backend.put(centers), self.sides)
        return BatchStats(centers, backend.get(self.sides.sums), backend.get(self.sides.counts), self.sq_norm)


def _batch_stats(backend: Backend, block: Block, centers: Any) -> BatchStats:
    """The statistics of rows that are seen once."""
    sq_norms = kernels.sq_norms(backend.xp, block)
    sides = backend.sides(block, sq_norms, backend.put(centers))
    return BatchStats(centers, backend.get(sides.sums), backend.get(sides.counts), exact_sum(backend.xp, sq_norms))


def _exact_dot(item: Any, other: Any) -> int:
    """The sum of the products of whole numbers (k, d) int64, exactly: high and low halves of `other` apart.

    Centers of a grid are shorter than 2^26 and sums lie below 2^53, so that a cluster's share of either half stays
    below 2^63; all clusters together, in Python's numbers, need not.
    """
    high, low = (np.einsum("ij,ij->i", item, half) for half in (other >> 26, other & (2**26 - 1)))
    return int(sum(high.tolist()) * 2**26 + sum(low.tolist()))


def exact_sum(xp: Any, whole: Array) -> int:
    """The sum of whole numbers (m,) below 2^52 in float64, exact for up to 2^26 of them: high and low halves apart."""
    high = xp.floor(whole * 2.0**-26)
    low = whole - high * 2.0**26
    return int(float(xp.sum(high))) * 2**26 + int(float(xp.sum(low)))


def _farthest(backend: Backend, drawn: DrawnBlock, centers: Any) -> Farthest:
    """The row of one block that lies farthest from its nearest center."""
    near = backend.nearest(drawn.block, backend.put(centers))
    sq_distance = backend.get(near.sq_distance)
    at = np.flatnonzero(sq_distance == sq_distance.max(initial=0.0))
    if not len(at):
        return Farthest(0.0, ())
    rows = backend.get(coded.dense(backend.xp, coded.rows_at(backend.xp, drawn.block, backend.put(at)))).T
    return max((Farthest(float(sq_distance[at[0]]), tuple(map(float, row))) for row in rows), key=lambda f: f.row)


def _join_blocks(backend: Backend, blocks: Sequence[DrawnBlock]) -> DrawnBlock:
    """The rows of several blocks as one, sorted by their draw numbers."""
    xp, numbers = backend.xp, np.concatenate([block.numbers for block in blocks])
    order = np.argsort(numbers, kind="stable")
    whole = coded.join(xp, [block.block for block in blocks])
    return DrawnBlock(coded.rows_at(xp, whole, backend.put(order)), numbers[order])


class BlockRows:
    """Blocks in one place: the plainest `Rows`. It remembers its last pass, so one loop at a time may use it."""

    def __init__(self, backend: Backend, blocks: Sequence[DrawnBlock]) -> None:
        self._backend = backend
        self._blocks = [_LabelledBlock.of(backend, block) for block in blocks if block.block.shape[1]]

    @classmethod
    def of(cls, backend: Backend, block: Any) -> BlockRows:
        """The rows of one host block (d, m), none of them drawn before another."""
        return cls(backend, [DrawnBlock(backend.put(block), np.zeros(block.shape[1], np.uint64))])

    def __sizeof__(self) -> int:
        """The bytes of host memory that it takes: Dask asks for it before it moves or spills anything."""
        return object.__sizeof__(self) + sum(block.__sizeof__() for block in self._blocks)

    @property
    def drawn(self) -> list[DrawnBlock]:
        """The blocks."""
        return [block.drawn for block in self._blocks]

    @property
    def rows(self) -> int:
        """The number of rows of all blocks."""
        return sum(len(block.numbers) for block in self.drawn)

    def anew(self) -> BlockRows:
        """Return the same rows without the memory of a pass, for a loop of its own."""
        other = copy(self)
        other._blocks = [replace(block, sides=None) for block in self._blocks]  # noqa: SLF001 - one of us
        return other

    def accumulate(self, centers: Any, span: Span | None = None) -> BatchStats:
        """The statistics of all rows, or of those in the span."""
        nothing = BatchStats(centers, np.zeros(centers.shape), np.zeros(len(centers), np.int64), 0)
        if span is None:
            parts = (block.relabel(self._backend, centers) for block in self._blocks)
            return reduce(BatchStats.merge, parts, nothing)
        batch = (block.drawn.within(span) for block in self._blocks)
        return reduce(
            BatchStats.merge, (_batch_stats(self._backend, rows, centers) for rows in batch if rows.shape[1]), nothing
        )

    def farthest(self, centers: Any) -> Farthest:
        """The row that lies farthest from its nearest center."""
        parts = (_farthest(self._backend, block.drawn, centers) for block in self._blocks)
        return reduce(Farthest.merge, parts, Farthest(0.0, ()))

    def shares(self, centers: Any) -> Shares:
        """Return what each of the centers, two at least, has to do with the inertia."""
        return reduce(Shares.merge, (shares_of(self._backend, block.drawn.block, centers) for block in self._blocks))


def gather_blocks(backend: Backend, handles: Sequence[Any]) -> list[Any]:
    """Handles of kept rows, of which neighbours in this process that fit a block of the backend together are one.

    Each pass asks a GPU for several kernels a block and waits for its sums, which takes longer than the kernels do
    where blocks are short.
    """
    groups: list[list[Any]] = []
    for handle in handles:
        last = groups[-1] if groups else []
        fits = isinstance(handle, BlockRows) and all(isinstance(item, BlockRows) for item in last)
        if fits and last and sum(item.rows for item in (*last, handle)) <= backend.block_rows:
            last.append(handle)
        else:
            groups.append([handle])
    return [_gather(backend, group) for group in groups]


def _gather(backend: Backend, group: list[Any]) -> Any:
    """One handle of a group of neighbours."""
    blocks = [block for handle in group for block in handle.drawn] if len(group) > 1 else []
    return BlockRows(backend, [_join_blocks(backend, blocks)]) if blocks else group[0]
