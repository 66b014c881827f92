"""Boosted trees as arrays: what they say of a row, and which columns made them say it.

A row is taken through all splits of a tree at once: each split that it fails strikes out the leaves it can no longer
reach, and the first leaf left is its own (QuickScorer: Lucchese et al. 2015). So there is no branch and no chasing of
pointers, and one text serves every device.

What a column adds to a score is the sum of the steps in the mean of the score along the row's path at splits on that
column (Saabas 2014): exact in sum, cheap, and for deep trees kinder to splits near the leaves than Shapley values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array

FEW_LEAVES, MOST_LEAVES = 30, 62
"""Sets of leaves fit into the bits of a signed number of 32, or of 64 bits."""


@dataclass(frozen=True)
class Split:
    """One question of a tree: whether a number is at most `threshold`.

    `kept` has the bits of the leaves that are left where it is not; a missing value counts as small or as large.
    """

    feature: int
    threshold: float
    missing_is_small: bool
    kept: int


@dataclass(frozen=True)
class LevelSplit:
    """One question of a tree to a category: `kept` (levels,) has the bits of the leaves that each level leaves."""

    feature: int
    kept: Any


@dataclass(frozen=True)
class Tree:
    """Its splits, the score of each leaf (leaves,), and what each source column adds there: (leaves,) by column."""

    splits: tuple[Split | LevelSplit, ...]
    score: Any
    added: dict[int, Any]


def leaf_of(xp: Any, tree: Tree, raw: Sequence[Array]) -> Array:
    """The leaf (m,) int64 of every row, given its numbers (m,) and codes of categories (m,) int64."""
    bits = xp.int32 if tree.score.shape[0] <= FEW_LEAVES else xp.int64  # short numbers are half as far to carry
    left = xp.full(raw[0].shape, -1, dtype=bits, device=raw[0].device)
    for split in tree.splits:
        column = raw[split.feature]
        if isinstance(split, LevelSplit):
            left = left & xp.take(split.kept, column)
            continue
        fails = column > split.threshold if split.missing_is_small else ~(column <= split.threshold)
        left = xp.where(fails, left & split.kept, left)
    first = xp.astype(left & -left, xp.float32)  # a power of two
    return xp.astype(xp.round(xp.log2(first)), xp.int64)


def put(backend: Any, tree: Tree) -> Tree:
    """The tree with its tables on the device."""
    added = {source: backend.put(values) for source, values in tree.added.items()}
    splits = (replace(one, kept=backend.put(one.kept)) if isinstance(one, LevelSplit) else one for one in tree.splits)
    return Tree(tuple(splits), backend.put(tree.score), added)


def explained(
    xp: Any, base: float, trees: Sequence[Tree], raw: Sequence[Array], sources: int
) -> tuple[Array, list[Array]]:
    """The score (m,) of every row, and what each of so many columns adds to the mean score (m,)."""
    total = xp.full(raw[0].shape, base, dtype=xp.float64, device=raw[0].device)
    added = [xp.zeros_like(total) for _ in range(sources)]
    for tree in trees:
        leaf = leaf_of(xp, tree, raw)
        total = total + xp.take(tree.score, leaf)
        for source, values in tree.added.items():
            added[source] = added[source] + xp.take(values, leaf)
    return total, added
