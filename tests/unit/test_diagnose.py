"""Warnings come where a person should look, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tamscore.stages import diagnose


def test_skewness_is_the_third_standardised_moment(rng):
    values = rng.lognormal(0, 1, 500)
    assert diagnose.skewness(values) == pytest.approx(stats.skew(values))
    assert diagnose.skewness(np.append(values, np.nan)) == pytest.approx(stats.skew(values))
    assert diagnose.skewness(-values) == pytest.approx(-stats.skew(values))


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [5.0, 5.0, 5.0]])
def test_what_does_not_vary_is_not_skewed(values):
    assert diagnose.skewness(np.array(values)) == 0.0


def test_only_long_right_tails_are_reported_with_their_figure(rng):
    columns = [rng.lognormal(0, 2, 2000), rng.normal(size=2000), -rng.lognormal(0, 2, 2000)]
    (text,) = diagnose.skew(["money", "plain", "debt"], columns)
    assert text.startswith(f"column 'money' under 'standard' has skewness {stats.skew(columns[0]):.1f}; ")


def test_the_logarithm_is_advised_only_where_it_helps(rng):
    """It does for money; for shares near zero log1p changes next to nothing."""
    money, share = rng.lognormal(8, 2, 3000), rng.lognormal(-9, 2, 3000)
    assert "'log_standard' or 'quantile_normal'" in diagnose.skew(["x"], [money])[0]
    (text,) = diagnose.skew(["x"], [share])
    assert "'quantile_normal'" in text
    assert "log_standard" not in text


def test_pairs_that_say_nearly_the_same_are_reported_once_either_sign(rng):
    a = rng.normal(size=400)
    x = np.stack([a, rng.normal(size=400), a + 0.1 * rng.normal(size=400), -a, np.zeros(400)])
    names = ["a", "b", "c", "d", "flat"]
    found = diagnose.correlate(names, x)
    assert len(found) == 3
    assert found[0] == f"columns 'a' and 'c' have correlation {np.corrcoef(x[0], x[2])[0, 1]:.2f}"
    assert found[1] == "columns 'a' and 'd' have correlation -1.00"
    assert "'c' and 'd'" in found[2]


@pytest.mark.parametrize("shape", [(0, 10), (1, 10), (3, 0), (3, 1)])
def test_too_little_to_compare_is_no_pair(shape):
    assert diagnose.correlate(list("abc")[: shape[0]], np.ones(shape)) == []


@pytest.mark.parametrize(("correlation", "is_reported"), [(0.89, False), (-0.89, False), (0.91, True), (-0.91, True)])
def test_the_limit_of_correlation_is_nine_tenths(rng, correlation, is_reported):
    """Two columns of exactly that correlation."""
    a, b = rng.normal(size=(2, 300))
    a, b = a - a.mean(), b - b.mean()
    a /= np.linalg.norm(a)
    b -= a * (a @ b)
    b /= np.linalg.norm(b)
    x = np.stack([a, correlation * a + np.sqrt(1 - correlation**2) * b])
    assert bool(diagnose.correlate(["a", "b"], x)) is is_reported


def test_a_feature_that_another_one_dwarfs_is_named_with_the_other():
    """One unit serves all features: where one is a million times as wide, a standardised one keeps a few steps."""
    said = diagnose.coarse(["growth", "revenue", "age"], np.array([24.0, 2.0**23, 1000.0]))
    assert said == ["column 'growth' hardly counts: column 'revenue' is 3e+05 times as wide; scale it"]
