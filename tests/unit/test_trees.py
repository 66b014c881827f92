"""Trees as arrays say what scikit-learn's say, to the bit; what columns add comes to the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from tamscore.backend.host import HostBackend
from tamscore.sections.propensity import trees
from tamscore.sections.propensity.forest import LEAF, Forest, Nodes, forest_of

COUNT = 12


def grown(seed, rows=600, columns=4, leaves=9):
    """Rows (d, n) with gaps and ties, and trees that were fitted on them."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((columns, rows)).round(1)
    x[random.random(x.shape) < 0.1] = np.nan
    odds = np.nan_to_num(x[0], nan=1.0) + np.nan_to_num(x[1]) * np.nan_to_num(x[2])
    label = random.random(rows) < 1 / (1 + np.exp(-odds))
    fitted = HistGradientBoostingClassifier(max_iter=COUNT, max_leaf_nodes=leaves, early_stopping=False)
    return x, fitted.fit(x.T, label)


def margin(xp, base, ready, rows):
    return trees.explained(xp, base, ready, rows, len(rows))[0]


@pytest.fixture(scope="module")
def example():
    return grown(0)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_scores_are_those_of_scikit_learn_to_the_bit(seed, leaves):
    x, fitted = grown(seed, leaves=leaves)
    forest = forest_of(fitted, COUNT)
    found = margin(np, forest.base, forest.trees(range(4)), list(x))
    assert np.array_equal(found, fitted.decision_function(x.T))


def test_the_first_trees_are_those_of_a_shorter_fit(example):
    x, fitted = example
    forest = forest_of(fitted, 5)
    staged = list(fitted.staged_predict_proba(x.T))[4][:, 1]
    odds = margin(np, forest.base, forest.trees(range(4)), list(x))
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(staged, abs=1e-12)


def test_what_columns_add_to_the_mean_comes_to_the_score(backend, example):
    """Law: expected + sum of the parts = score; on every device."""
    x, fitted = example
    forest = forest_of(fitted, COUNT)
    sources = (0, 1, 1, 0)
    ready = [trees.put(backend, tree) for tree in forest.trees(sources)]
    score, added = trees.explained(backend.xp, forest.base, ready, [backend.put(row) for row in x], 2)
    score, added = backend.get(score), [backend.get(one) for one in added]
    assert score == pytest.approx(fitted.decision_function(x.T), abs=1e-12)
    assert forest.expected + sum(added) == pytest.approx(score, abs=1e-9)


def test_the_expected_score_is_the_mean_over_the_rows_that_were_learned_from(example):
    x, fitted = example
    assert forest_of(fitted, COUNT).expected == pytest.approx(fitted.decision_function(x.T).mean(), abs=1e-9)


def test_a_column_without_a_split_adds_nothing_and_one_that_decides_adds_most(example):
    x, fitted = example
    forest = forest_of(fitted, COUNT)
    _, added = trees.explained(np, forest.base, forest.trees(range(4)), list(x), 4)
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
        ),
    )
    assert forest.expected == -0.25
    rows = [np.zeros(3), np.array([10.0, 10.5, np.nan])]
    score, added = trees.explained(np, forest.base, forest.trees((0, 1)), rows, 2)
    assert score.tolist() == [-0.75, 1.25, -0.75]
    assert added[0].tolist() == [0.0] * 3
    assert added[1].tolist() == [-0.5, 1.5, -0.5]


def test_trees_that_do_not_fit_into_bits_are_refused():
    _, fitted = grown(0, rows=6000, leaves=80)
    assert max(int(stage[0].nodes["is_leaf"].sum()) for stage in fitted._predictors) > trees.MOST_LEAVES
    with pytest.raises(AssertionError, match="too many leaves"):
        forest_of(fitted, COUNT)


def test_a_tree_of_one_leaf_gives_everyone_its_score():
    nothing = np.array([0])
    nodes = Nodes(np.array([LEAF]), np.zeros(1), np.zeros(1, bool), nothing, nothing, np.array([0.5]),
                        np.array([7]))  # fmt: skip
    forest = Forest(1.0, np.array([0, 1]), nodes)
    found = margin(HostBackend().xp, forest.base, forest.trees((0,)), [np.array([1.0, np.nan])])
    assert found.tolist() == [1.5, 1.5]


def test_trees_that_lead_back_or_astray_are_not_sound(example):
    """A stored model that was tampered with must not send anybody in circles."""
    _, fitted = example
    forest = forest_of(fitted, COUNT)
    assert forest.is_sound(4)
    assert not forest.is_sound(2)
    for name, place, value in [
        ("left", 0, 0),
        ("right", 0, 999),
        ("left", 0, -1),
        ("feature", 0, -7),
    ]:
        spoilt = getattr(forest.nodes, name).copy()
        spoilt[place] = value
        assert not replace(forest, nodes=replace(forest.nodes, **{name: spoilt})).is_sound(4), name
    starts = forest.starts.copy()
    starts[1] = 0
    assert not replace(forest, starts=starts).is_sound(4)
    assert not replace(forest, nodes=replace(forest.nodes, value=forest.nodes.value[:-1])).is_sound(4)
