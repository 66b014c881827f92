"""The criteria for the eye: those of scikit-learn, at a fraction of the cost of its import; and the elbow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from tamscore.stages import criteria
from tamscore.stages.criteria import ShownRows

UNIT = 2.0**-10


@given(st.integers(2, 9), st.integers(0, 1000))
def test_indices_are_those_of_scikit_learn(clusters, seed):
    random = np.random.default_rng(seed)
    label = np.append(np.arange(clusters), random.integers(0, clusters, 90)) * 2  # no cluster has an odd number
    block = np.rint(1024 * (random.standard_normal((3, len(label))) + 0.3 * label)).astype(np.float32)
    shown = ShownRows.of(block, UNIT)
    expected = [score(shown.rows, label) for score in (calinski_harabasz_score, davies_bouldin_score, silhouette_score)]
    assert shown.indices(label) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_silhouette_is_that_of_the_first_rows(monkeypatch):
    monkeypatch.setattr(criteria, "SILHOUETTE_ROWS", 50)
    monkeypatch.setattr(criteria, "INDEX_ROWS", 80)
    random = np.random.default_rng(0)
    shown, label = ShownRows.of(random.integers(-999, 999, (2, 100)), UNIT), random.integers(0, 3, 80)
    assert len(shown.rows) == 80
    assert shown.indices(label)[2] == pytest.approx(silhouette_score(shown.rows[:50], label[:50]))


def test_without_two_clusters_among_the_first_rows_there_are_no_indices():
    shown = ShownRows.of(np.arange(12.0).reshape(2, 6), UNIT)
    assert np.isnan(shown.indices(np.zeros(6, np.int64))).all()
    assert np.isnan(shown.indices(np.arange(6))).all()


def test_copies_of_one_row_in_two_clusters_have_indices_too():
    shown = ShownRows.of(np.ones((2, 6)), UNIT)
    assert shown.indices(np.array([0, 1] * 3)) == (1.0, 0.0, 0.0)


def test_the_elbow_lies_where_log_inertia_bends():
    inertia = [1.0, 0.5, 0.25, 0.24, 0.23, 0.22]
    curve = criteria.below_chord([2, 3, 4, 5, 6, 7], inertia)
    assert np.argmax(curve) == 2
    assert curve[0] == pytest.approx(0.0)
    assert curve[-1] == pytest.approx(0.0)


def test_a_flat_curve_has_no_elbow():
    assert criteria.below_chord([2, 3], [1.0, 1.0]).tolist() == [0.0, 0.0]
