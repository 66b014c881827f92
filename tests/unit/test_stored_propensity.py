"""A stored propensity says what it said in the version that wrote it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from tamscore.backend.host import HostBackend
from tamscore.errors import InputContractError
from tamscore.sections.propensity import stored_model
from tamscore.sections.propensity.boosting import forest_of
from tamscore.sections.propensity.calibration import Calibration
from tamscore.sections.propensity.design import Number, PropensityDesign, indicators
from tamscore.sections.propensity.judging import PropensityModel
from tamscore.sections.propensity.learning import Scorer
from tamscore.stages.prepare import Vocabulary

ROWS, TREES = 2_000, 15
NUMBERS = tuple(Number(name, logarithm=False, center=0.0, spread=1.0, low=-1.0, high=1.0) for name in ("size", "age"))
VOCABULARIES = (Vocabulary("country", tuple("abcdefghij")), Vocabulary("kind", ("x", "y")))
DESIGN = PropensityDesign(NUMBERS, VOCABULARIES)


@pytest.fixture
def columns(rng):
    """Two numbers with gaps, two categories."""
    numbers = rng.standard_normal((2, ROWS)).round(1)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    return [*numbers, rng.integers(0, 12, ROWS), rng.integers(0, 4, ROWS)]


def written(model):
    """A model as its two files hold it."""
    return stored_model.describe(model, {}), stored_model.arrays_of(model)


@pytest.fixture
def of_indicators(columns, rng):
    """The files of format 1, whose trees ask one 0/1 column for each level, and the scores that they gave."""
    rows = np.stack([*columns[:2], *indicators(np, columns[2:], DESIGN.levels[2:])], axis=1)
    odds = np.nan_to_num(columns[0]) + rng.standard_normal(12)[columns[2]] + (columns[3] == 1)
    fitted = HistGradientBoostingClassifier(max_iter=TREES, max_leaf_nodes=16, early_stopping=False)
    with threadpool_limits(1, "openmp"):
        fitted.fit(rows, rng.random(ROWS) < 1 / (1 + np.exp(-odds)))
    forest = forest_of(fitted, TREES, [0] * rows.shape[1])
    said, arrays = written(PropensityModel(DESIGN, forest, Calibration(np.empty(0), np.empty(0))))
    del arrays["small_levels"]
    return {**said, "format": 1}, arrays, fitted.decision_function(rows)


def test_trees_that_asked_columns_of_levels_give_the_same_scores_to_the_bit(of_indicators, columns):
    said, arrays, before = of_indicators
    assert np.any(arrays["feature"] > 1), "levels are asked"
    model = stored_model.parse(said, arrays, "model")
    said, arrays = written(model)
    again = stored_model.parse(said, arrays, "model")
    for one in (model, again):
        score, added = Scorer.of(one.design, one.model).on(HostBackend()).explain(np, columns)
        assert np.array_equal(score, before)
        assert one.model.expected + sum(added) == pytest.approx(score, abs=1e-9)
    assert said["format"] == 2


@pytest.mark.parametrize("column", [-7, 18])
def test_trees_that_asked_a_column_that_is_not_there_are_refused(of_indicators, column):
    said, arrays, _ = of_indicators
    feature = arrays["feature"].copy()
    feature[0] = column
    with pytest.raises(InputContractError, match=r"^model: propensity: .*; run its job again"):
        stored_model.parse(said, {**arrays, "feature": feature}, "model")
