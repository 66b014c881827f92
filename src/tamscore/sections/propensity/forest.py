"""Boosted trees as they are learned and stored: arrays of nodes, which become `trees` that score rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.trees import MOST_LEAVES, LevelSplit, Split, Tree, Trees, first_leaves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAF = -1


@dataclass(frozen=True)
class Nodes:
    """Nodes of trees, root first.

    Of every node (n,): `feature` (LEAF for leaves), `threshold`, `missing_is_small`, the nodes `left` and `right`
    within its tree, `value` (the score of a leaf) and `rows` that it was learned from. `small_levels` (n, bytes) uint8
    has a bit for each level of a category, little end first, which is set where the level goes left.
    """

    feature: Any
    threshold: Any
    missing_is_small: Any
    left: Any
    right: Any
    value: Any
    rows: Any
    small_levels: Any

    @property
    def columns(self) -> dict[str, Any]:
        """The columns by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class Forest:
    """Trees one behind the other: `starts` (t + 1,) where each begins among the nodes, root first.

    `base` is the score without any tree.
    """

    base: float
    starts: Any
    nodes: Nodes

    def of(self, tree: int) -> Nodes:
        """The nodes of one tree."""
        at = slice(self.starts[tree], self.starts[tree + 1])
        return Nodes(**{name: column[at] for name, column in self.nodes.columns.items()})

    def is_sound(self, levels: Sequence[int]) -> bool:
        """Whether every split asks one of the columns, as `Design.levels`, and leads to nodes behind it in its tree."""
        size = np.diff(self.starts)
        lengths, feature = {len(one) for one in self.nodes.columns.values()}, self.nodes.feature
        if np.any(size < 1) or lengths != {int(self.starts[-1])} or self.starts[0]:
            return False
        if self.nodes.small_levels.ndim != 2 or 8 * self.nodes.small_levels.shape[1] < max(levels):
            return False
        place, end = np.arange(len(feature)) - np.repeat(self.starts[:-1], size), np.repeat(size, size)
        splits, two = feature != LEAF, np.stack([self.nodes.left, self.nodes.right])
        leads = np.all((two > place) & (two < end), axis=0) & (feature >= 0) & (feature < len(levels))
        return bool(np.all(leads[splits])) and int(size.max(initial=0)) < 2 * MOST_LEAVES

    @cached_property
    def means(self) -> Any:
        """The mean score of the rows in every node."""
        found = [means_of(self.of(tree)) for tree in range(len(self.starts) - 1)]
        return np.concatenate([np.empty(0), *found])

    @property
    def expected(self) -> float:
        """The mean score of the rows that were learned from: what the added parts start from."""
        return self.base + float(sum(self.means[start] for start in self.starts[:-1]))

    def trees(self, levels: Sequence[int]) -> Trees:
        """The trees ready to score rows of columns with so many levels, as `Design.levels`."""
        thresholds, found = self.thresholds(levels), []
        for tree in range(len(self.starts) - 1):
            means = self.means[self.starts[tree] : self.starts[tree + 1]]
            found.append(ready(self.of(tree), means, levels, thresholds))
        return Trees(self.base, tuple(found), thresholds, first_leaves())

    def thresholds(self, levels: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """By column the thresholds, ascending, that numbers are held against."""
        asked = {column: self.nodes.feature == column for column, count in enumerate(levels) if not count}
        return {column: tuple(np.unique(self.nodes.threshold[at]).tolist()) for column, at in asked.items() if at.any()}


def means_of(nodes: Nodes) -> Any:
    """The mean score of the rows in every node of a tree; children stand behind their parents."""
    means = nodes.value.astype(np.float64).copy()
    for node in reversed(range(len(nodes.feature))):
        if nodes.feature[node] != LEAF:
            two = [nodes.left[node], nodes.right[node]]
            means[node] = np.average(means[two], weights=nodes.rows[two])
    return means


def ready(nodes: Nodes, means: Any, levels: Sequence[int], thresholds: Mapping[int, tuple[float, ...]]) -> Tree:
    """One tree as sets of leaves, numbered from left to right, and what each column adds at each of them."""
    leaves, struck, paths = [], dict[int, int](), []

    def walk(node: int, path: dict[int, float]) -> int:
        """Take in the leaves below a node, and say which they are, as bits."""
        if nodes.feature[node] == LEAF:
            leaves.append(node)
            paths.append(path)
            return 1 << (len(leaves) - 1)
        column, children = int(nodes.feature[node]), (nodes.left[node], nodes.right[node])
        steps = [path.get(column, 0.0) + means[child] - means[node] for child in children]
        struck[node], large = (walk(child, path | {column: step}) for child, step in zip(children, steps, strict=True))
        return struck[node] | large

    walk(0, {})
    splits = tuple(split_of(nodes, node, levels, thresholds, bits) for node, bits in struck.items())
    named = sorted({column for path in paths for column in path})
    added = {column: np.array([path.get(column, 0.0) for path in paths]) for column in named}
    return Tree(splits, nodes.value[leaves].astype(np.float64), added)


def split_of(
    nodes: Nodes, node: int, levels: Sequence[int], thresholds: Mapping[int, tuple[float, ...]], struck: int
) -> Split | LevelSplit:
    """The question of a node, given the leaves that are struck out where it is answered with no."""
    column = int(nodes.feature[node])
    if not levels[column]:
        place = thresholds[column].index(float(nodes.threshold[node]))
        return Split(column, place, bool(nodes.missing_is_small[node]), struck)
    small = np.unpackbits(nodes.small_levels[node], count=levels[column], bitorder="little")
    return LevelSplit(column, np.where(small == 1, 0, struck).astype(np.uint16))
