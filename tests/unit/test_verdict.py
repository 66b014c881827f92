"""The verdict on a propensity is that of scikit-learn's metrics; deciles add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tamscore.sections.propensity import verdict

rows = st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(1, 3)), min_size=2, max_size=60)


@given(rows)
def test_the_area_is_that_of_scikit_learn_with_ties_and_weights(drawn):
    score, label, weight = (np.array(column, np.float64) for column in zip(*drawn, strict=True))
    if 0 < label.sum() < len(label):
        expected = metrics.roc_auc_score(label, score, sample_weight=weight)
        assert verdict.auc(score, label, weight) == pytest.approx(expected)
        assert verdict.auc(score, label, np.ones(len(label))) == pytest.approx(metrics.roc_auc_score(label, score))
    else:
        assert np.isnan(verdict.auc(score, label, weight))


@pytest.fixture
def predictions(rng):
    chance = rng.beta(0.5, 3.0, 5_000)
    return chance, (rng.random(5_000) < chance).astype(np.float64), rng.integers(1, 4, 5_000).astype(np.float64)


def test_brier_and_log_loss_are_those_of_scikit_learn(predictions):
    chance, label, weight = predictions
    found = verdict.verdict(chance, chance, label, weight)
    assert found.brier == pytest.approx(metrics.brier_score_loss(label, chance, sample_weight=weight))
    remaining = np.clip(chance, 1e-12, 1 - 1e-12)
    assert found.log_loss == pytest.approx(metrics.log_loss(label, remaining, sample_weight=weight), rel=1e-6)


def test_chances_that_come_true_have_a_small_error_and_twice_as_high_ones_a_large(predictions):
    chance, label, weight = predictions
    assert verdict.calibration_error(chance, label, weight) < 0.02
    high = np.minimum(2 * chance, 1.0)
    expected = abs(np.average(high, weights=weight) - np.average(label, weights=weight))
    assert verdict.calibration_error(high, label, weight) == pytest.approx(expected, abs=0.02)


def test_deciles_add_up_and_capture_everyone(predictions):
    chance, label, weight = predictions
    found = verdict.deciles(chance, chance, label, weight)
    rate = np.average(label, weights=weight)
    assert [one.decile for one in found] == list(range(1, 11))
    assert sum(one.accounts for one in found) == weight.sum()
    assert sum(one.accounts * one.observed for one in found) == pytest.approx((weight * label).sum())
    assert found[-1].capture == pytest.approx(1.0)
    assert found[-1].contacts == pytest.approx(1 / rate)
    assert found[0].lift == pytest.approx(found[0].observed / rate)
    assert np.all(np.diff([one.observed for one in found]) < 0.05)


def test_equal_scores_stay_together(predictions):
    _, label, weight = predictions
    (only,) = verdict.deciles(np.zeros(len(label)), None, label, weight)
    assert only.accounts == weight.sum()
    assert only.predicted is None
    assert only.lift == pytest.approx(1.0)


def test_without_probabilities_only_the_order_is_judged(predictions):
    chance, label, weight = predictions
    found = verdict.verdict(chance, None, label, weight)
    assert (found.brier, found.log_loss, found.error) == (None, None, None)
    assert found.auc > 0.7
