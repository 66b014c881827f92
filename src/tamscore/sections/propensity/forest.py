"""Boosted trees as they are learned and stored: arrays of nodes, which become `trees` that score rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.trees import GRAIN, Pair, ScoringTrees, first_leaves
from tamscore.sections.propensity.trees_on_host import MOST_LEAVES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAF = -1
GROUP = 32
"""So many columns stand together in what a pair of trees adds; those asked most often come first."""


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
        return {field.name: getattr(self, field.name) for field in fields(self)}


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
        lengths, feature = {len(column) for column in self.nodes.columns.values()}, self.nodes.feature
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
        items = [_means_of(self.of(tree)) for tree in range(len(self.starts) - 1)]
        return np.concatenate([np.empty(0), *items])

    @property
    def expected(self) -> float:
        """The mean score of the rows that were learned from: what the added parts start from."""
        return self.base + float(sum(self.means[start] for start in self.starts[:-1]))

    def trees(self, levels: Sequence[int]) -> ScoringTrees:
        """The trees ready to score rows of columns with so many levels, as `Design.levels`."""
        thresholds, count = self.thresholds(levels), len(self.starts) - 1
        by_leaf = [self.leaves(tree) for tree in range(count)]
        times = Counter(column for leaves in by_leaf for column in leaves.added)
        often = sorted(times, key=lambda column: (-times[column], column))
        groups = tuple(tuple(often[start : start + GROUP]) for start in range(0, len(often), GROUP))
        by_leaf += [_Leaves(np.zeros(1), {}, {})] * (count % 2)
        pairs = tuple(_pair_of(*two, groups) for two in zip(by_leaf[0::2], by_leaf[1::2], strict=True))
        struck = self.struck(levels, thresholds, by_leaf)
        return ScoringTrees(self.base, pairs, thresholds, struck, groups, first_leaves())

    def leaves(self, tree: int) -> _Leaves:
        """The leaves of one tree."""
        return _leaves_of(self.of(tree), self.means[self.starts[tree] : self.starts[tree + 1]])

    def struck(
        self, levels: Sequence[int], thresholds: Mapping[int, tuple[float, ...]], by_leaf: Sequence[_Leaves]
    ) -> dict[int, Any]:
        """By column that is asked, the bits of the leaves that each cell cannot reach (cells, trees) uint16."""
        asked = np.unique(self.nodes.feature[self.nodes.feature != LEAF]).tolist()
        cells = {column: levels[column] or len(thresholds[column]) + 2 for column in asked}
        record = {column: np.zeros((size, len(by_leaf)), np.uint16) for column, size in cells.items()}
        for tree, leaves in enumerate(by_leaf):
            for node, bits in leaves.struck.items():
                nodes, column = self.nodes, int(self.nodes.feature[self.starts[tree] + node])
                fails = _fails_at(nodes, int(self.starts[tree]) + node, thresholds.get(column), cells[column])
                record[column][fails, tree] |= np.uint16(bits)
        return record

    def thresholds(self, levels: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """By column the thresholds, ascending, that numbers are held against."""
        asked = {column: self.nodes.feature == column for column, count in enumerate(levels) if not count}
        return {column: tuple(np.unique(self.nodes.threshold[at]).tolist()) for column, at in asked.items() if at.any()}


def _means_of(nodes: Nodes) -> Any:
    """The mean score of the rows in every node of a tree; children stand behind their parents."""
    means = nodes.value.astype(np.float64).copy()
    for node in reversed(range(len(nodes.feature))):
        if nodes.feature[node] != LEAF:
            two = [nodes.left[node], nodes.right[node]]
            means[node] = np.average(means[two], weights=nodes.rows[two])
    return means


@dataclass(frozen=True)
class _Leaves:
    """The leaves of a tree, from left to right: their scores (leaves,), and what each column adds there (leaves,).

    `struck` has by split the leaves, as bits, that are out of reach where it is answered with no.
    """

    score: Any
    added: dict[int, Any]
    struck: dict[int, int]


def _leaves_of(nodes: Nodes, means: Any) -> _Leaves:
    """The leaves of a tree, given the mean score of the rows in every node (n,)."""
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
    named = sorted({column for path in paths for column in path})
    added = {column: np.array([path.get(column, 0.0) for path in paths]) for column in named}
    return _Leaves(nodes.value[leaves].astype(np.float64), added, struck)


def _fails_at(nodes: Nodes, node: int, thresholds: Sequence[float] | None, cells: int) -> Any:
    """Whether each cell (cells,) of the column that a node asks fails its question; levels where it has no thresholds.

    A missing value counts as small or as large.
    """
    if thresholds is None:
        return np.unpackbits(nodes.small_levels[node], count=cells, bitorder="little") == 0
    fails = np.arange(cells) > thresholds.index(float(nodes.threshold[node]))
    fails[-1] = not nodes.missing_is_small[node]
    return fails


def _pair_of(first: _Leaves, second: _Leaves, groups: Sequence[Sequence[int]]) -> Pair:
    """Two trees by the leaves that a row has in both."""
    array, two = np.divmod(np.arange(MOST_LEAVES**2), MOST_LEAVES)

    def table(values: Any, leaf: Any) -> Any:
        return values[np.minimum(leaf, len(values) - 1)]

    added = {}
    for place, columns in enumerate(groups):
        if not (first.added.keys() | second.added.keys()).isdisjoint(columns):
            made = np.zeros((MOST_LEAVES**2, len(columns)))
            for tree, leaf in ((first, array), (second, two)):
                for at, column in enumerate(columns):
                    if column in tree.added:
                        made[:, at] += np.round(table(tree.added[column], leaf) / GRAIN) * GRAIN
            added[place] = made
    return Pair((table(first.score, array), table(second.score, two)), added)
