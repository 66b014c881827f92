"""Learning who buys: folds are scored by models that have not seen them, lines are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tamscore.sections.propensity.learning import (
    EVERY,
    FOLDS,
    KINDS,
    TREE_COUNTS,
    Training,
    line_of,
    line_weights,
    scores_left_out,
)

ROWS = 1_200


@pytest.fixture
def training(rng):
    """Rows with a number and a category of three levels; buyers weigh a third of others."""
    number, code = rng.standard_normal(ROWS), rng.integers(0, 3, ROWS)
    label = (rng.random(ROWS) < 1 / (1 + np.exp(-number - (code == 1)))).astype(np.float64)
    terms = np.stack([np.ones(ROWS), number, *((code == level).astype(np.float64) for level in range(3))])
    return Training([number, code], (0, 3), terms, label, np.where(label == 1, 0.5, 1.5))


class Turned(Training):
    """Rows that stay in their folds, and keep their shift, though labels are turned round."""

    @property
    def before(self):
        return Training(self.raw, self.levels, self.terms, (self.weight == 0.5).astype(np.float64), self.weight)

    @property
    def shift(self):
        return self.before.shift

    @property
    def fold(self):
        return self.before.fold


@pytest.mark.parametrize("kind", KINDS)
def test_no_fold_is_scored_by_a_model_that_has_seen_it(kind, training):
    outside, start = training.fold == 0, line_weights(EVERY, training, None)
    label = np.where(outside, 1 - training.label, training.label)
    turned = Turned(training.raw, training.levels, training.terms, label, training.weight)
    fair, blind = (scores_left_out((kind, 0), one, start) for one in (training, turned))
    assert fair.shape == (1 if kind == "logistic" else len(TREE_COUNTS), outside.sum())
    assert fair == pytest.approx(blind, abs=1e-9)


@pytest.mark.parametrize("fold", [EVERY, *range(FOLDS)])
def test_a_line_is_that_of_scikit_learn(fold, training):
    start = line_weights(EVERY, training, None)
    seen = training.fold != fold
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(
        training.terms[1:, seen].T, training.label[seen]
    )
    assert line_weights(fold, training, start)[1:] == pytest.approx(expected.coef_[0], abs=1e-3)


def test_the_base_of_a_line_is_the_score_at_the_weighted_means_at_true_odds(training):
    weights = np.array([0.5, 1.0, 0.0, 2.0, 0.0])
    line = line_of(training, weights)
    means = np.average(training.terms, axis=1, weights=training.weight)
    assert line.base == pytest.approx(weights @ means + np.log(1 / 3))
    assert line.means == pytest.approx(means[1:])
