"""Boosted trees as scikit-learn learns them, with categories as they are: which levels go left is part of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.propensity.forest import LEAF, Forest, Nodes
from tamscore.sections.propensity.trees_on_host import MOST_LEAVES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RARE, _RARE_SHARE = 400, 1 / 30
"""Levels with fewer rows than this, and than this share of the rows, are learned from as one: their sets fit chance."""


def boost(columns: Sequence[Any], levels: Sequence[int], label: Any, count: int) -> Forest:
    """Return so many trees fitted to labels (n,) by columns (n,) with so many levels each, 0 for numbers.

    On one thread, since the order of sums must not depend on the machine.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    standing = {place: _standing_for(columns[place], count) for place, count in enumerate(levels) if count}
    merged = [standing[place][column] if place in standing else column for place, column in enumerate(columns)]
    rows = np.stack(merged, axis=1).astype(np.float64, copy=False)
    with threadpool_limits(1):
        fitted = HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=count,
            max_leaf_nodes=16,
            min_samples_leaf=min(40, max(len(label) // 50, 5)),
            l2_regularization=1.0,
            categorical_features=list(standing) or None,
            early_stopping=False,
            random_state=0,
        ).fit(rows, label)
    return forest_of(fitted, count, levels, standing)


def _standing_for(codes: Any, levels: int) -> Any:
    """For each level the one (levels,) that it is learned from as: itself, or the first of the rare ones."""
    rare = np.flatnonzero(np.bincount(codes, minlength=levels) < min(_RARE, len(codes) * _RARE_SHARE))
    values = np.arange(levels)
    values[rare] = rare[:1]
    return values


def forest_of(boosted: Any, trees: int, levels: Sequence[int], standing: Mapping[int, Any] | None = None) -> Forest:
    """The first trees of a fitted HistGradientBoostingClassifier of two classes, whose columns have so many levels.

    `standing` has by column, as `_standing_for`, which levels were learned from as others.
    """
    grown = [stage[0] for stage in boosted._predictors[:trees]]  # noqa: SLF001 - there is no public way
    nodes = np.concatenate([item.nodes for item in grown])
    starts = np.concatenate(([0], np.cumsum([len(item.nodes) for item in grown]))).astype(np.int64)
    leaf = nodes["is_leaf"].astype(bool)
    if max(item.get_n_leaf_nodes() for item in grown) > MOST_LEAVES:
        raise AssertionError("trees with too many leaves")
    column = np.argsort(np.equal(levels, 0), kind="stable")[nodes["feature_idx"]]  # scikit-learn puts categories first
    return Forest(
        float(np.ravel(boosted._baseline_prediction)[0]),  # noqa: SLF001
        starts,
        Nodes(
            feature=np.where(leaf, LEAF, column).astype(np.int64),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
            missing_is_small=nodes["missing_go_to_left"].astype(bool),
            left=np.where(leaf, 0, nodes["left"]).astype(np.int64),
            right=np.where(leaf, 0, nodes["right"]).astype(np.int64),
            value=np.where(leaf, nodes["value"], 0.0),
            rows=nodes["count"].astype(np.int64),
            small_levels=_small_levels(boosted, grown, column, levels, standing or {}),
        ),
    )


def _small_levels(
    boosted: Any, grown: Sequence[Any], column: Any, levels: Sequence[int], standing: Mapping[int, Any]
) -> Any:
    """The levels that go left at every node (n, bytes), as bits; those never learned from go where missing ones do.

    `column` (n,) is the one that a node asks.
    """
    nodes = np.concatenate([item.nodes for item in grown])
    sets = np.concatenate([item.raw_left_cat_bitsets for item in grown]).astype("<u4").view(np.uint8)
    starts = np.cumsum([0, *(len(item.raw_left_cat_bitsets) for item in grown)])[:-1]
    place = nodes["bitset_idx"] + np.repeat(starts, [len(item.nodes) for item in grown])
    values = np.zeros((len(nodes), max(levels)), bool)
    for category, known in zip(np.flatnonzero(levels).tolist(), _categories_of(boosted), strict=True):
        at, every = np.flatnonzero(nodes["is_categorical"].astype(bool) & (column == category)), range(levels[category])
        left = np.repeat(nodes["missing_go_to_left"].astype(bool)[at, None], levels[category], axis=1)
        left[:, known] = np.unpackbits(sets[place[at]], axis=1, count=len(known), bitorder="little")
        values[at, : levels[category]] = left[:, standing.get(category, every)]
    return np.packbits(values, axis=1, bitorder="little")


def _categories_of(boosted: Any) -> list[Any]:
    """The codes, ascending, that each category had among the rows learned from."""
    if boosted.is_categorical_ is None:
        return []
    encoder = boosted._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - it numbers what it has seen
    return [item.astype(np.int64) for item in encoder.categories_]
