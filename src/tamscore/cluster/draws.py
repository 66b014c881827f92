"""Rows in the order in which they are drawn: by a hash of what they hold, or of their ids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.blocks import BlockRows, DrawnBlock
from tamscore.stages.draw import content_hash, copies_apart, draw_number, id_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Array, Backend
    from tamscore.cluster.matrix import Matrix
    from tamscore.stages.lattice import Lattice


@dataclass(frozen=True)
class RowDraws:
    """How rows are drawn: the seed, how often each row counts (n,) int64, the hash (n,) of its id; None: once, none."""

    seed: int
    weights: Any | None
    id_hashes: Any | None

    def counted_rows(self, matrix: Matrix) -> tuple[Matrix, RowDraws]:
        """The rows that count at all, and their draws."""
        if self.weights is None or self.weights.all():
            return matrix, self
        there = np.flatnonzero(self.weights)
        hashes = None if self.id_hashes is None else self.id_hashes[there]
        return matrix.taken(there), RowDraws(self.seed, self.weights[there], hashes)


def draw(matrix: Matrix, lattice: Lattice, backend: Backend, draws: RowDraws) -> list[DrawnBlock]:
    """The rows as blocks, in the order of their draw numbers: of a hash of their ids, or of what they hold."""
    xp = backend.xp
    whole = xp.concat([lattice.whole(backend, chunk) for chunk in chunks(matrix, backend)], axis=1)
    hashes = content_hash(backend.get(whole)) if draws.id_hashes is None else draws.id_hashes
    rows = np.arange(len(matrix)) if draws.weights is None else np.repeat(np.arange(len(matrix)), draws.weights)
    numbers = draw_number(copies_apart(hashes[rows]), draws.seed)
    order = np.argsort(numbers, kind="stable")
    pieces = (order[start:stop] for start, stop in _bounds(len(rows), backend.block_rows))
    return [DrawnBlock(xp.take(whole, backend.put(rows[piece]), axis=1), numbers[piece]) for piece in pieces]


def seed_rows(drawn: list[DrawnBlock], turn: int, size: int, backend: Backend) -> Any:
    """The rows (d, size) that a fit starts from, on the host: each turn the next ones, all where there are fewer."""
    total = sum(len(block.numbers) for block in drawn)
    skipped, taken, wanted = min(turn * size, max(total - size, 0)), [], size
    for block in drawn:
        piece = block.block[:, min(skipped, len(block.numbers)) : min(skipped + wanted, len(block.numbers))]
        taken.append(backend.get(piece))
        skipped, wanted = max(skipped - len(block.numbers), 0), wanted - piece.shape[1]
    return np.concatenate(taken, axis=1)


def deal_blocks(blocks: list[DrawnBlock], backend: Backend, workers: int) -> list[BlockRows]:
    """The blocks dealt out to the workers; a GPU works for all of them at once."""
    hands = min(workers, len(blocks)) if backend.name != "cuda" else 1
    return [BlockRows(backend, blocks[hand::hands]) for hand in range(hands)]


def hashes_of_ids(ids: Any, rows: int) -> Any:
    """The hash (n,) uint64 of each id; ValueError unless there is one for each row, each once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(ids).cast(pa.large_string())
    if len(texts) != rows or texts.null_count:
        raise ValueError(f"ids: expected one id for each of {rows} rows, got {len(texts) - texts.null_count}")
    hashes = id_hash(texts)
    if len(np.unique(hashes)) < rows:
        counts = texts.value_counts()
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        raise ValueError(f"ids: expected each id once, got {twice[0].as_py()!r} more than once")
    return hashes


def chunks(matrix: Matrix, backend: Backend) -> Iterator[Array]:
    """The rows a few at a time on the device that computes: (m, d) each, at most `backend.block_rows` rows."""
    for start, stop in _bounds(len(matrix), backend.block_rows):
        chunk = matrix.values[start:stop, :]
        yield chunk if matrix.home is not None else backend.put(chunk)


def _bounds(rows: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Return where stretches of so many rows begin and end."""
    return ((start, min(start + at_once, rows)) for start in range(0, rows, at_once))


def weighed_sum(backend: Backend, sq_distance: Array, weights: Any | None) -> float:
    """The sum of squared distances (n,), each as often as its weight says; rounded once, so in any order the same."""
    host = backend.get(sq_distance)
    return math.fsum((host if weights is None else host * weights).tolist())
