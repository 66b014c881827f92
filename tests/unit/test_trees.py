"""Trees as arrays say what scikit-learn's say, to the bit; what columns add comes to the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from tamscore.backend.host import HostBackend
from tamscore.sections.propensity import forest as forests
from tamscore.sections.propensity import trees
from tamscore.sections.propensity.boosting import boost, forest_of
from tamscore.sections.propensity.forest import LEAF, Forest, Nodes
from tamscore.sections.propensity.trees_on_host import MOST_LEAVES

COUNT = 12
NUMBERS = (0, 0, 0, 0)
"""The levels of four numbers."""
LEVELS = (0, 0, 70, 0, 9)
"""Three numbers and two categories among them."""


def grown(seed, rows=600, leaves=9, levels=NUMBERS):
    """Columns (n,) with gaps and ties, of which some are categories, and trees that were fitted on them.

    Of the levels of each category every seventh occurs in no row.
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal((len(levels), rows)).round(1)
    x[random.random(x.shape) < 0.1] = np.nan
    odds = np.nan_to_num(x[0], nan=1.0) + np.nan_to_num(x[1]) * np.nan_to_num(x[2])
    columns = list(x)
    for place in np.flatnonzero(levels):
        columns[place] = random.choice([level for level in range(levels[place]) if level % 7 != 3], rows)
        odds += 2.0 * random.standard_normal(levels[place])[columns[place]]
    label = random.random(rows) < 1 / (1 + np.exp(-odds))
    categories = np.flatnonzero(levels) if any(levels) else None
    fitted = HistGradientBoostingClassifier(
        max_iter=COUNT, max_leaf_nodes=leaves, early_stopping=False, categorical_features=categories
    )
    with threadpool_limits(1, "openmp"):
        return columns, fitted.fit(np.stack(columns, axis=1), label)


def margin(backend, forest, levels, columns):
    put = [backend.put(column) for column in columns]
    return backend.get(trees.explain(backend.xp, forest.trees(levels).on(backend), put)[0])


@pytest.fixture(scope="module")
def example():
    return grown(0, levels=LEVELS)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(2, MOST_LEAVES))
def test_scores_are_those_of_scikit_learn_to_the_bit(seed, leaves):
    x, fitted = grown(seed, leaves=leaves)
    found = margin(HostBackend(), forest_of(fitted, COUNT, NUMBERS), NUMBERS, x)
    assert np.array_equal(found, fitted.decision_function(np.stack(x, axis=1)))


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(2, MOST_LEAVES))
def test_scores_of_categories_are_those_of_scikit_learn_to_the_bit(seed, leaves):
    """Of levels that no row has been learned from, too."""
    x, fitted = grown(seed, leaves=leaves, levels=LEVELS)
    for place, count in ((2, 70), (4, 9)):
        x[place] = np.random.default_rng(seed + place).integers(0, count, len(x[place]))
    forest = forest_of(fitted, COUNT, LEVELS)
    assert forest.is_sound(LEVELS)
    assert {2, 4} & set(forest.nodes.feature)
    found = margin(HostBackend(), forest, LEVELS, x)
    assert np.array_equal(found, fitted.decision_function(np.stack(x, axis=1)))


def test_rare_levels_are_learned_from_as_one(rng):
    """Of 20 levels the last 10 have 20 rows each: whatever a tree asks, they go the same way, as a new level does."""
    code = rng.permutation(np.concatenate((rng.integers(0, 10, 5_800), np.repeat(np.arange(10, 20), 20))))
    label = (rng.random(len(code)) < np.where(code % 2, 0.3, 0.7)).astype(np.float64)
    forest = boost([rng.standard_normal(len(code)), code], (0, 21), label, COUNT)
    found = margin(HostBackend(), forest, (0, 21), [np.zeros(21), np.arange(21)])
    assert len(set(found[10:])) == 1
    assert len(set(found[:10])) > 2


def test_the_first_trees_are_those_of_a_shorter_fit(example):
    x, fitted = example
    staged = list(fitted.staged_predict_proba(np.stack(x, axis=1)))[4][:, 1]
    odds = margin(HostBackend(), forest_of(fitted, 5, LEVELS), LEVELS, x)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(staged, abs=1e-12)


def test_what_columns_add_to_the_mean_comes_to_the_score(backend, example):
    """Law: expected + sum of the parts = score; on every device."""
    x, fitted = example
    forest = forest_of(fitted, COUNT, LEVELS)
    put = [backend.put(one) for one in x]
    score, added = trees.explain(backend.xp, forest.trees(LEVELS).on(backend), put)
    score, added = backend.get(score), [backend.get(one) for one in added]
    assert score == pytest.approx(fitted.decision_function(np.stack(x, axis=1)), abs=1e-12)
    assert forest.expected + sum(added) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("rows", [1, 7, 600])
def test_wide_tables_in_many_blocks_add_the_same(rows, backend, monkeypatch):
    """More columns than stand in one group, more rows than are taken through the trees at once."""
    monkeypatch.setattr(forests, "GROUP", 3)
    x, fitted = grown(3, levels=(0,) * 8)
    x = [column[:rows] for column in x]
    ready = forest_of(fitted, COUNT - 1, (0,) * 8).trees((0,) * 8)
    assert len(ready.groups) > 1
    assert len(ready.pairs) == COUNT // 2, "the last pair has one tree"
    whole, added = trees.explain(np, ready, x)
    put = [backend.put(column) for column in x]
    score, parts = trees.explain(backend.xp, replace(ready.on(backend), block_rows=100), put)
    assert np.array_equal(backend.get(score), whole)
    for one, part in zip(added, parts, strict=True):
        assert np.array_equal(backend.get(part), one)


def test_the_expected_score_is_the_mean_over_the_rows_that_were_learned_from(example):
    x, fitted = example
    mean = fitted.decision_function(np.stack(x, axis=1)).mean()
    assert forest_of(fitted, COUNT, LEVELS).expected == pytest.approx(mean, abs=1e-9)


def test_a_column_without_a_split_adds_nothing_and_one_that_decides_adds_most():
    x, fitted = grown(0)
    forest = forest_of(fitted, COUNT, NUMBERS)
    _, added = trees.explain(np, forest.trees(NUMBERS), x)
    size = [float(np.abs(one).mean()) for one in added]
    assert size[0] == max(size)
    assert size[3] < size[0] / 3  # noise


def test_by_hand_the_step_of_a_split_goes_to_its_column():
    """Two leaves, -1 with 3 rows and 1 with 1: the mean is -0.5, so that being small adds -0.5 and large adds 1.5."""
    forest = Forest(
        0.25,
        np.array([0, 3]),
        Nodes(
            feature=np.array([1, LEAF, LEAF]),
            threshold=np.array([10.0, 0.0, 0.0]),
            missing_is_small=np.array([True, False, False]),
            left=np.array([1, 0, 0]),
            right=np.array([2, 0, 0]),
            value=np.array([0.0, -1.0, 1.0]),
            rows=np.array([4, 3, 1]),
            small_levels=np.zeros((3, 0), np.uint8),
        ),
    )
    assert forest.expected == -0.25
    rows = [np.zeros(3), np.array([10.0, 10.5, np.nan])]
    score, added = trees.explain(np, forest.trees((0, 0)), rows)
    assert score.tolist() == [-0.75, 1.25, -0.75]
    assert added[0].tolist() == [0.0] * 3
    assert added[1].tolist() == [-0.5, 1.5, -0.5]


def test_trees_that_do_not_fit_into_bits_are_refused():
    _, fitted = grown(0, rows=6000, leaves=80)
    assert max(int(stage[0].nodes["is_leaf"].sum()) for stage in fitted._predictors) > MOST_LEAVES
    with pytest.raises(AssertionError, match="too many leaves"):
        forest_of(fitted, COUNT, NUMBERS)


def test_a_tree_of_one_leaf_gives_everyone_its_score():
    nothing = np.array([0])
    nodes = Nodes(np.array([LEAF]), np.zeros(1), np.zeros(1, bool), nothing, nothing, np.array([0.5]),
                        np.array([7]), np.zeros((1, 0), np.uint8))  # fmt: skip
    forest = Forest(1.0, np.array([0, 1]), nodes)
    found = margin(HostBackend(), forest, (0,), [np.array([1.0, np.nan])])
    assert found.tolist() == [1.5, 1.5]


def test_trees_that_lead_back_or_astray_are_not_sound(example):
    """A stored model that was tampered with must not send anybody in circles."""
    _, fitted = example
    forest = forest_of(fitted, COUNT, LEVELS)
    assert forest.is_sound(LEVELS)
    assert not forest.is_sound(LEVELS[:2])
    assert not forest.is_sound((*LEVELS[:2], 73, *LEVELS[3:])), "a level that no set has a bit for"
    for name, place, value in [
        ("left", 0, 0),
        ("right", 0, 999),
        ("left", 0, -1),
        ("feature", 0, -7),
    ]:
        spoilt = getattr(forest.nodes, name).copy()
        spoilt[place] = value
        assert not replace(forest, nodes=replace(forest.nodes, **{name: spoilt})).is_sound(LEVELS), name
    starts = forest.starts.copy()
    starts[1] = 0
    assert not replace(forest, starts=starts).is_sound(LEVELS)
    assert not replace(forest, nodes=replace(forest.nodes, value=forest.nodes.value[:-1])).is_sound(LEVELS)
