"""Scores become probabilities that come true, for the market's own rate of buyers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from tamscore.sections.propensity import calibration
from tamscore.sections.propensity.calibration import (
    ISOTONIC_FROM,
    Calibration,
    calibrate,
    freed,
    move,
    sigmoid,
    through,
)

NOTHING = np.empty(0)


@pytest.fixture
def scores(rng):
    """Scores that say too much, with labels drawn from what they should say, and weights."""
    odds = rng.normal(-2.0, 1.5, 20_000)
    label = (rng.random(len(odds)) < sigmoid(np, odds)).astype(np.float64)
    return 2.0 * odds + 1.0, label, np.ones(len(odds))


def test_the_sigmoid_finds_the_curve_that_labels_were_drawn_from(scores):
    score, label, weight = scores
    made = calibrate(score, label, weight, "sigmoid")
    assert made.slope == pytest.approx(0.5, abs=0.02)
    assert made.offset == pytest.approx(-0.5, abs=0.04)


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_probabilities_come_true(kind, scores):
    score, label, weight = scores
    probabilities = calibrate(score[::2], label[::2], weight[::2], kind).probability(np, score[1::2])
    for part in np.array_split(np.argsort(probabilities), 10):
        assert probabilities[part].mean() == pytest.approx(label[1::2][part].mean(), abs=0.05)


def test_steps_are_those_of_scikit_learn_on_every_device(backend, scores):
    score, label, weight = scores
    made = replace(calibrate(score, label, weight, "isotonic"), least=0.0)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, label)
    asked = np.linspace(score.min() - 1, score.max() + 1, 999)
    found = backend.get(made.probability(backend.xp, backend.put(asked)))
    assert found == pytest.approx(fitted.predict(asked), abs=1e-6)
    assert np.all(np.diff(found) >= 0)


@pytest.mark.parametrize(("buyers", "kind"), [(ISOTONIC_FROM - 1, "sigmoid"), (ISOTONIC_FROM, "isotonic")])
def test_from_a_thousand_buyers_on_steps_are_taken(buyers, kind, rng):
    label = (np.arange(3000) < buyers).astype(np.float64)
    score = label + rng.standard_normal(3000)
    assert calibrate(score, label, np.ones(3000), "auto").kind == kind
    assert calibrate(score, label, np.ones(3000), "sigmoid").kind == "sigmoid"


def test_a_rate_that_no_row_showed_is_not_nought(scores):
    score, label, weight = scores
    probabilities = calibrate(score, label, weight, "isotonic").probability(np, np.array([-1e9, 1e9]))
    assert probabilities[0] == pytest.approx(0.5 / len(label), abs=1e-6)
    assert probabilities[1] < 1.0


def test_a_weight_counts_as_so_many_rows(scores):
    score, label, _ = scores
    few = slice(0, 400)
    twice = calibrate(np.repeat(score[few], 2), np.repeat(label[few], 2), np.ones(800), "sigmoid")
    weighted = calibrate(score[few], label[few], np.full(400, 2.0), "sigmoid")
    assert (weighted.slope, weighted.offset) == pytest.approx((twice.slope, twice.offset), rel=1e-3)


def test_a_class_prior_moves_the_odds_of_everyone_alike():
    """From 50 to 10 % the odds fall to a ninth: 0.9, odds 9, becomes 0.5."""
    made = move(Calibration(NOTHING, NOTHING), 0.5, 0.1)
    assert made.probability(np, np.log(np.array([9.0, 1.0]))).tolist() == pytest.approx([0.5, 0.1])


def test_a_class_prior_is_the_mean_where_others_are_unlabelled(rng):
    """A third of the buyers has a label: probabilities come out three times those of having a label."""
    true = np.clip(rng.beta(0.6, 3.0, 40_000), 0.001, 0.999)
    score = np.log(true / 3 / (1 - true / 3))
    made = freed(Calibration(NOTHING, NOTHING), score, np.ones(len(score)), float(true.mean()))
    assert made.labelled == pytest.approx(1 / 3, rel=1e-3)
    assert made.probability(np, score) == pytest.approx(true, abs=2e-3)


def test_one_point_is_a_level_line(backend):
    found = through(backend.xp, backend.put(np.array([-1.0, 0.0, 5.0])), np.array([2.0]), np.array([0.3]))
    assert backend.get(found).tolist() == [0.3] * 3


def test_probabilities_have_six_places():
    probabilities = Calibration(NOTHING, NOTHING).probability(np, np.array([0.123456789]))
    assert probabilities[0] == round(float(probabilities[0]), calibration.PLACES)
