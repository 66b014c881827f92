"""Boosted trees as arrays: what they say of a row, and which columns made them say it.

A row is taken through all splits of a tree at once: each split that it fails strikes out the leaves it can no longer
reach, and the first leaf left is its own (QuickScorer: Lucchese et al. 2015). So there is no branch and no chasing of
pointers, and one text serves every device. Numbers are cut at all thresholds of their column once; then a split
compares bytes.

What a column adds to a score is the sum of the steps in the mean of the score along the row's path at splits on that
column (Saabas 2014): exact in sum, cheap, and for deep trees kinder to splits near the leaves than Shapley values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tamscore.backend import Array, Backend

MOST_LEAVES = 16
"""Sets of leaves fit into the bits of a short number."""
LARGEST_BYTE = 255


@dataclass(frozen=True)
class Split:
    """One question of a tree: whether a number is at most its column's threshold at `place`.

    `struck` has the bits of the leaves that are out of reach where it is not; a missing value counts as small or as
    large.
    """

    column: int
    place: int
    missing_is_small: bool
    struck: int


@dataclass(frozen=True)
class LevelSplit:
    """One question of a tree to a category: `struck` (levels,) has the bits of the leaves that a level cannot reach."""

    column: int
    struck: Any


@dataclass(frozen=True)
class Tree:
    """Its splits, the score of each leaf (leaves,), and what each column adds there: (leaves,) by column."""

    splits: tuple[Split | LevelSplit, ...]
    score: Any
    added: dict[int, Any]


@dataclass(frozen=True)
class Trees:
    """Trees ready to score rows, the score `base` without any, and by column the thresholds, ascending, of its numbers.

    `firsts` (2 ** MOST_LEAVES,) has the first leaf that is in reach by the bits of those that are not.
    """

    base: float
    trees: tuple[Tree, ...]
    thresholds: dict[int, tuple[float, ...]]
    firsts: Any

    def on(self, backend: Backend) -> Trees:
        """The trees with their tables on the device."""
        put = backend.put
        return Trees(self.base, tuple(tree_on(put, one) for one in self.trees), self.thresholds, put(self.firsts))


def tree_on(put: Callable[[Any], Array], tree: Tree) -> Tree:
    """A tree with its tables on the device."""
    added = {column: put(values) for column, values in tree.added.items()}
    splits = (replace(one, struck=put(one.struck)) if isinstance(one, LevelSplit) else one for one in tree.splits)
    return Tree(tuple(splits), put(tree.score), added)


@cache
def first_leaves() -> Any:
    """The first leaf (2 ** MOST_LEAVES,) int64 that is in reach, by the bits of those that are not."""
    found = np.zeros(1 << MOST_LEAVES, np.int64)
    for leaf in reversed(range(MOST_LEAVES)):
        found[(np.arange(len(found)) >> leaf) & 1 == 0] = leaf
    return found


def cells_of(xp: Any, trees: Trees, raw: Sequence[Array]) -> dict[tuple[int, bool], Array]:
    """How many thresholds of its column each number (m,) exceeds, by column and whether missing ones count as small."""
    found = {}
    for column, thresholds in trees.thresholds.items():
        kind = xp.uint8 if len(thresholds) <= LARGEST_BYTE else xp.uint16
        cell = xp.zeros(raw[column].shape, dtype=kind, device=raw[column].device)
        for threshold in thresholds:
            cell = cell + xp.astype(raw[column] > threshold, kind)
        found[column, True] = cell
        found[column, False] = cell + xp.astype(xp.isnan(raw[column]), kind) * len(thresholds)
    return found


def leaf_of(xp: Any, trees: Trees, tree: Tree, cells: Mapping[tuple[int, bool], Array], raw: Sequence[Array]) -> Array:
    """The leaf (m,) int64 of every row, given the cells of its numbers and the codes of its categories (m,) int64."""
    struck = xp.zeros(raw[0].shape, dtype=xp.uint16, device=raw[0].device)
    for split in tree.splits:
        if isinstance(split, LevelSplit):
            struck = struck | xp.take(split.struck, raw[split.column])
        else:
            fails = cells[split.column, split.missing_is_small] > split.place
            struck = struck | xp.astype(fails, xp.uint16) * split.struck
    return xp.take(trees.firsts, struck)


def explained(xp: Any, trees: Trees, raw: Sequence[Array]) -> tuple[Array, list[Array]]:
    """The score (m,) of every row, and what each column adds to the mean score (m,)."""
    total = xp.full(raw[0].shape, trees.base, dtype=xp.float64, device=raw[0].device)
    added = [xp.zeros_like(total) for _ in raw]
    cells = cells_of(xp, trees, raw)
    for tree in trees.trees:
        leaf = leaf_of(xp, trees, tree, cells, raw)
        total = total + xp.take(tree.score, leaf)
        for column, values in tree.added.items():
            added[column] = added[column] + xp.take(values, leaf)
    return total, added
