"""Boosted trees as they are learned and stored: arrays of nodes, which become `trees` that score rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.trees import MOST_LEAVES, Split, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAF = -1


@dataclass(frozen=True)
class Nodes:
    """Nodes of trees, root first.

    Of every node (n,): `feature` (LEAF for leaves), `threshold`, `missing_is_small`, the nodes `left` and `right`
    within its tree, `value` (the score of a leaf) and `rows` that it was learned from.
    """

    feature: Any
    threshold: Any
    missing_is_small: Any
    left: Any
    right: Any
    value: Any
    rows: Any

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

    def is_sound(self, columns: int) -> bool:
        """Whether every split asks one of so many columns, and leads to nodes behind it in its own tree."""
        size = np.diff(self.starts)
        lengths, feature = {len(one) for one in self.nodes.columns.values()}, self.nodes.feature
        if np.any(size < 1) or lengths != {int(self.starts[-1])} or self.starts[0]:
            return False
        place, end = np.arange(len(feature)) - np.repeat(self.starts[:-1], size), np.repeat(size, size)
        splits, two = feature != LEAF, np.stack([self.nodes.left, self.nodes.right])
        leads = np.all((two > place) & (two < end), axis=0) & (feature >= 0) & (feature < columns)
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

    def trees(self, sources: Sequence[int]) -> tuple[Tree, ...]:
        """The trees ready to score rows; `sources` says which column each row of the design comes from."""
        found = []
        for tree in range(len(self.starts) - 1):
            means = self.means[self.starts[tree] : self.starts[tree + 1]]
            found.append(ready(self.of(tree), means, sources))
        return tuple(found)


def means_of(nodes: Nodes) -> Any:
    """The mean score of the rows in every node of a tree; children stand behind their parents."""
    means = nodes.value.astype(np.float64).copy()
    for node in reversed(range(len(nodes.feature))):
        if nodes.feature[node] != LEAF:
            two = [nodes.left[node], nodes.right[node]]
            means[node] = np.average(means[two], weights=nodes.rows[two])
    return means


def ready(nodes: Nodes, means: Any, sources: Sequence[int]) -> Tree:
    """One tree as sets of leaves, numbered from left to right, and what each column adds at each of them."""
    leaves, splits, paths = [], [], []

    def walk(node: int, path: dict[int, float]) -> int:
        """Take in the leaves below a node, and say which they are, as bits."""
        if nodes.feature[node] == LEAF:
            leaves.append(node)
            paths.append(path)
            return 1 << (len(leaves) - 1)
        below = []
        for child in (nodes.left[node], nodes.right[node]):
            source = sources[nodes.feature[node]]
            below.append(walk(child, path | {source: path.get(source, 0.0) + means[child] - means[node]}))
        small = bool(nodes.missing_is_small[node])
        splits.append(Split(int(nodes.feature[node]), float(nodes.threshold[node]), small, ~below[0]))
        return below[0] | below[1]

    walk(0, {})
    named = sorted({source for path in paths for source in path})
    added = {source: np.array([path.get(source, 0.0) for path in paths]) for source in named}
    return Tree(tuple(splits), nodes.value[leaves].astype(np.float64), added)


def forest_of(boosted: Any, trees: int) -> Forest:
    """The first trees of a fitted HistGradientBoostingClassifier of two classes without categorical columns."""
    grown = [stage[0].nodes for stage in boosted._predictors[:trees]]  # noqa: SLF001 - there is no public way
    nodes = np.concatenate(grown) if grown else np.empty(0, [("is_leaf", "?")])
    starts = np.concatenate(([0], np.cumsum([len(one) for one in grown]))).astype(np.int64)
    leaf = nodes["is_leaf"].astype(bool)
    if nodes["is_categorical"].any() or max(int(one["is_leaf"].sum()) for one in grown) > MOST_LEAVES:
        raise AssertionError("trees with categories or too many leaves")
    return Forest(
        float(np.ravel(boosted._baseline_prediction)[0]),  # noqa: SLF001
        starts,
        Nodes(
            feature=np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int64),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
            missing_is_small=nodes["missing_go_to_left"].astype(bool),
            left=np.where(leaf, 0, nodes["left"]).astype(np.int64),
            right=np.where(leaf, 0, nodes["right"]).astype(np.int64),
            value=np.where(leaf, nodes["value"], 0.0),
            rows=nodes["count"].astype(np.int64),
        ),
    )
