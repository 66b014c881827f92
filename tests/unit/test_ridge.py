"""Logistic regression with a ridge, held against another implementation and its own equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from tamscore.stages import ridge


def rows(seed, count=400, terms=4):
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(terms, count))
    odds = np.array([0.5, -1.0, 2.0, 0.0])[:terms] @ drawn - 1.0
    label = random.random(count) < 1 / (1 + np.exp(-odds))
    return np.concatenate((np.ones((1, count)), drawn)), label, random.uniform(0.2, 2.0, count)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 50.0])
def test_coefficients_are_those_of_another_implementation(penalty):
    terms, label, weight = rows(1)
    other = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(terms[1:].T, label, weight)
    found = ridge.fit_logistic(terms, label, weight, penalty)
    assert found[1:] == pytest.approx(other.coef_[0], abs=2e-4)
    assert found[0] == pytest.approx(other.intercept_[0], abs=2e-4)


@given(seed=st.integers(0, 50), penalty=st.floats(0.5, 100))
def test_the_slope_of_the_loss_is_nothing_where_the_steps_end(seed, penalty):
    terms, label, weight = rows(seed, count=120)
    found = ridge.fit_logistic(terms, label, weight, penalty)
    held = np.concatenate(([0.0], found[1:] * penalty))
    assert np.abs(terms @ (weight * (label - ridge.probability(found @ terms))) - held).max() < 0.02


def test_labels_that_a_term_tells_apart_still_have_an_end():
    terms = np.stack((np.ones(100), np.linspace(-1, 1, 100)))
    found = ridge.fit_logistic(terms, terms[1] > 0, np.ones(100), 0.01)
    assert np.isfinite(found).all()
    assert found[1] > 10


def test_coefficients_lie_on_a_grid_and_a_start_changes_nothing():
    terms, label, weight = rows(3)
    found = ridge.fit_logistic(terms, label, weight, 1.0)
    assert np.array_equal(found * ridge.GRID, np.rint(found * ridge.GRID))
    again = ridge.fit_logistic(terms, label, weight, 1.0, np.array([3.0, -2.0, 1.0, 0.5, 4.0]))
    assert np.array_equal(found, again)


def test_one_step_away_from_all_rows_lies_the_fit_without_some_of_them():
    terms, label, weight = rows(4, count=6_000)
    parts = [np.arange(6_000) % 5 == fold for fold in range(5)]
    found = ridge.fit_logistic(terms, label, weight, 1.0)
    near = ridge.one_step_without(terms, label, weight, 1.0, found, [np.flatnonzero(part) for part in parts])
    for part, one in zip(parts, near, strict=True):
        exact = ridge.fit_logistic(terms[:, ~part], label[~part], weight[~part], 1.0)
        assert one == pytest.approx(exact, abs=0.05 * np.abs(exact - found).max())
        assert np.abs(exact - found).max() > 0.01
