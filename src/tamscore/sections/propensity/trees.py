"""Boosted trees as arrays: what they say of a row, and which columns made them say it.

A row is taken through all splits of a tree at once: each split that it fails strikes out the leaves it can no longer
reach, and the first leaf left is its own (QuickScorer: Lucchese et al. 2015). So there is no branch and no chasing of
pointers, and one text serves every device. Numbers are cut at all thresholds of their column once: then a value is a
cell, as a level of a category is, and each cell has one row of what it strikes out in every tree. Trees are asked two
at a time: their leaves together are one place in a table of what all columns add.

What a column adds to a score is the sum of the steps in the mean of the score along the row's path at splits on that
column (Saabas 2014): exact in sum, cheap, and for deep trees kinder to splits near the leaves than Shapley values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.trees_on_host import MOST_LEAVES, HostTables, explain_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tamscore.backend import Array, Backend

_LARGEST_BYTE = 255
GRAIN = 2.0**-40
"""What columns add at a leaf is a multiple of this, so that its sums are exact in whatever order."""
_BLOCK_ROWS = 2_048
_BLOCKS = 8
"""So many times fewer rows than in a block of the backend are taken through the trees at once: each has many leaves."""


@dataclass(frozen=True)
class Pair:
    """Two trees by the leaves (MOST_LEAVES ** 2,) that a row has in them: the score of each, and what columns add.

    `added` (MOST_LEAVES ** 2, columns) is there for the groups of columns that one of them asks, by their place.
    """

    scores: tuple[Any, Any]
    added: dict[int, Any]


@dataclass(frozen=True)
class ScoringTrees:
    """Trees ready to score rows, the score `base` without any, and by column the thresholds, ascending, of its numbers.

    `struck` has by column (cells, trees) uint16 the bits of the leaves that a cell cannot reach; the cells of a number
    are how many thresholds it exceeds, the last one is for missing ones. `firsts` (2 ** MOST_LEAVES,) uint8 has the
    first leaf that is in reach by the bits of those that are not. `groups` are the columns that stand together in what
    pairs add. `block_rows` rows are taken through the trees at once.
    """

    base: float
    pairs: tuple[Pair, ...]
    thresholds: dict[int, tuple[float, ...]]
    struck: dict[int, Any]
    groups: tuple[tuple[int, ...], ...]
    firsts: Any
    block_rows: int = _BLOCK_ROWS

    @cached_property
    def host_tables(self) -> HostTables:
        """What the trees say by leaf, on the host."""
        return HostTables.of(self)

    def on(self, backend: Backend) -> ScoringTrees:
        """The trees with their tables on the device."""
        put, rows = backend.put, max(backend.block_rows // _BLOCKS, 1)
        pairs = tuple(_pair_on(put, pair) for pair in self.pairs)
        struck = {column: put(table) for column, table in self.struck.items()}
        return replace(self, pairs=pairs, struck=struck, firsts=put(self.firsts), block_rows=rows)


def _pair_on(put: Callable[[Any], Array], pair: Pair) -> Pair:
    """Two trees with their tables on the device."""
    first, second = pair.scores
    return Pair((put(first), put(second)), {group: put(values) for group, values in pair.added.items()})


@cache
def first_leaves() -> Any:
    """The first leaf (2 ** MOST_LEAVES,) uint8 that is in reach, by the bits of those that are not."""
    values = np.zeros(1 << MOST_LEAVES, np.uint8)
    for leaf in reversed(range(MOST_LEAVES)):
        values[(np.arange(len(values)) >> leaf) & 1 == 0] = leaf
    return values


def _cells_of(xp: Any, trees: ScoringTrees, raw: Sequence[Array]) -> dict[int, Array]:
    """The cell (m,) int64 of every row in each column that trees ask: of numbers, and the codes of categories."""
    numbers = {column: _number_cells(xp, raw[column], known) for column, known in trees.thresholds.items()}
    return {column: numbers.get(column, raw[column]) for column in trees.struck}


def _number_cells(xp: Any, values: Array, thresholds: Sequence[float]) -> Array:
    """Return how many thresholds each number (m,) exceeds, one more than all of them where it is missing, as int64."""
    missing = len(thresholds) + 1
    kind = xp.uint8 if missing <= _LARGEST_BYTE else xp.uint16
    cell = xp.astype(xp.isnan(values), kind) * missing
    for threshold in thresholds:
        cell += xp.astype(values > threshold, kind)
    return xp.astype(cell, xp.int64)


def _leaves_of(xp: Any, trees: ScoringTrees, cells: Mapping[int, Array], rows: int) -> Array:
    """The leaves that so many rows with cells (m,) have in each pair of trees, as one place (pairs, m) int64."""
    struck = xp.zeros((rows, 2 * len(trees.pairs)), dtype=xp.uint16, device=trees.firsts.device)
    for column, table in trees.struck.items():
        struck |= xp.take(table, cells[column], axis=0)
    by_tree = xp.reshape(xp.permute_dims(struck, (1, 0)), (-1,))
    leaf = xp.reshape(xp.take(trees.firsts, xp.astype(by_tree, xp.int64)), (-1, rows))
    return xp.astype(leaf[0::2, :] * MOST_LEAVES + leaf[1::2, :], xp.int64)


def _blocks_of(trees: ScoringTrees, cells: Mapping[int, Array], rows: int) -> Iterator[tuple[dict[int, Array], int]]:
    """The cells of as many rows as are taken through the trees at once, and their number; one block at least."""
    for start in range(0, max(rows, 1), trees.block_rows):
        stop = min(start + trees.block_rows, rows)
        yield {column: cell[start:stop] for column, cell in cells.items()}, stop - start


def scores_after(xp: Any, trees: ScoringTrees, raw: Sequence[Array], counts: Sequence[int]) -> Array:
    """The scores (counts, m) of every row after so many trees; the counts are even."""
    items = []
    for cells, rows in _blocks_of(trees, _cells_of(xp, trees, raw), raw[0].shape[0]):
        total, leaves = _start_of(xp, trees, rows), _leaves_of(xp, trees, cells, rows)
        scores = []
        for place, pair in enumerate(trees.pairs, 1):
            _add_scores(xp, pair, leaves[place - 1, :], total)
            if 2 * place in counts:
                scores.append(xp.asarray(total, copy=True))
        items.append(xp.stack(scores))
    return xp.concat(items, axis=1)


def explain(xp: Any, trees: ScoringTrees, raw: Sequence[Array]) -> tuple[Array, list[Array]]:
    """The score (m,) of every row, and what each column adds to the mean score (m,)."""
    blocks = _blocks_of(trees, _cells_of(xp, trees, raw), raw[0].shape[0])
    parts = [_explained_block(xp, trees, cells, rows) for cells, rows in blocks]
    total = xp.concat([score for score, _ in parts])
    added = [xp.zeros_like(total) for _ in raw]
    for group, columns in enumerate(trees.groups):
        values = xp.concat([xp.permute_dims(items[group], (1, 0)) for _, items in parts], axis=1)
        for place, column in enumerate(columns):
            added[column] = values[place, :]
    return total, added


def _explained_block(xp: Any, trees: ScoringTrees, cells: Mapping[int, Array], rows: int) -> tuple[Array, list[Array]]:
    """The score (m,) of a few rows with cells (m,), and what the columns of each group add (m, columns)."""
    if xp is np and trees.pairs:
        return explain_rows(trees, trees.host_tables, cells, rows)
    shapes, where = [(rows, len(columns)) for columns in trees.groups], trees.firsts.device
    added = [xp.zeros(shape, dtype=xp.float64, device=where) for shape in shapes]
    total, leaves = _start_of(xp, trees, rows), _leaves_of(xp, trees, cells, rows)
    for place, pair in enumerate(trees.pairs):
        _add_scores(xp, pair, leaves[place, :], total)
        for group, values in pair.added.items():
            added[group] += xp.take(values, leaves[place, :], axis=0)
    return total, added


def _start_of(xp: Any, trees: ScoringTrees, rows: int) -> Array:
    """The score (m,) of so many rows without any tree."""
    return xp.full((rows,), trees.base, dtype=xp.float64, device=trees.firsts.device)


def _add_scores(xp: Any, pair: Pair, leaves: Array, total: Array) -> None:
    """Add the scores of two trees to those (m,) of the trees before, one after the other."""
    for score in pair.scores:
        total += xp.take(score, leaves)
