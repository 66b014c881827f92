"""Scaling modes are scikit-learn's where it has them, monotone all of them, and the same on every backend."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import preprocessing
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

from tamscore.backend import Moments, scalers
from tamscore.backend.host import HostBackend
from tamscore.stages import prepare, scale
from tamscore.stages.scale import NumericColumn
from tamscore.stages.scaling import KNOTS, MODES, signed_log
from tests.strategies import cuts

NAN = float("nan")
EVERY = tuple(MODES)
HOST = HostBackend()


def fitted(backend, column, values, segment=None, segments=1):
    """The scale of a column fitted on host values (m,)."""
    at = backend.put(np.zeros(len(values), np.int64) if segment is None else np.array(segment))
    values = backend.put(np.asarray(values, float))
    order = prepare.order_statistics(prepare.sort_column(backend, values, at, segments), column.shares)
    one = scale.before_moments(column, order)
    if not MODES[column.scaling].standard:
        return one
    moments = scale.bent_moments(backend, (one,), {column.name: values}, at)
    return scale.with_moments(one, column.weight, float(moments.mean[0]), float(moments.variance[0]))


def applied(backend, one, values, segment=None):
    at = backend.put(np.zeros(len(values), np.int64) if segment is None else np.array(segment))
    return backend.get(one.apply(backend.xp, backend.put(np.asarray(values, float)), at))


def scaled(backend, scaling, values, **options):
    column = NumericColumn("x", scaling, **options)
    return applied(backend, fitted(backend, column, values), values)


@pytest.fixture
def values(rng):
    return np.round(rng.lognormal(5.0, 1.0, 1001), 2)


def test_standard_is_sklearns(backend, values):
    expected = StandardScaler().fit_transform(values[:, None])[:, 0]
    np.testing.assert_allclose(scaled(backend, "standard", values), expected, rtol=1e-6, atol=1e-6)


def test_log_standard_is_sklearns_standard_of_log1p(backend, values):
    expected = StandardScaler().fit_transform(np.log1p(values)[:, None])[:, 0]
    np.testing.assert_allclose(scaled(backend, "log_standard", values), expected, rtol=1e-6, atol=1e-6)


def test_minmax_is_sklearns(backend, values):
    expected = MinMaxScaler().fit_transform(values[:, None])[:, 0]
    np.testing.assert_allclose(scaled(backend, "minmax", values), expected, rtol=1e-6, atol=1e-6)


def test_robust_is_sklearns_where_nearest_rank_and_interpolation_agree(backend, values):
    """At 1,001 values the quartiles fall on ranks; elsewhere ours are observed values, scikit-learn's are between two.

    scikit-learn takes ranks 251, 501 and 751 of 1,001, nearest rank the same three.
    """
    expected = RobustScaler().fit_transform(values[:, None])[:, 0]
    np.testing.assert_allclose(scaled(backend, "robust", values), expected, rtol=1e-6, atol=1e-6)


def test_quantile_normal_is_close_to_sklearns(backend, values):
    transformer = QuantileTransformer(n_quantiles=1001, output_distribution="normal")
    expected = transformer.fit_transform(values[:, None])[:, 0]
    inside = abs(expected) < 2
    np.testing.assert_allclose(scaled(backend, "quantile_normal", values)[inside], expected[inside], atol=0.03)


def test_none_leaves_values_alone(backend, values):
    assert np.array_equal(scaled(backend, "none", values), values)


@pytest.mark.parametrize("scaling", EVERY)
def test_weight_multiplies(backend, scaling, values):
    """For quantile_normal, which has no spread of its own, as for the others."""
    np.testing.assert_allclose(
        scaled(backend, scaling, values, weight=2.5), 2.5 * scaled(backend, scaling, values), rtol=1e-6
    )


@pytest.mark.parametrize("scaling", EVERY)
@given(values=st.lists(st.sampled_from([0.0, 1.0, 5.0]) | st.floats(-1e9, 1e9, width=32), min_size=2, max_size=60))
def test_scaling_never_reverses_an_order(scaling, values):
    ordered = np.sort(scaled(HOST, scaling, values)[np.argsort(values, kind="stable")])
    assert np.array_equal(ordered, scaled(HOST, scaling, values)[np.argsort(values, kind="stable")])


@pytest.mark.parametrize("scaling", EVERY)
def test_every_value_comes_out_finite(backend, scaling, rng):
    """Extremes of float32, zeros, negatives, missing."""
    largest = float(np.finfo(np.float32).max)
    values = [largest, -largest, 0.0, NAN, 1e-30, *rng.normal(size=50)]
    assert np.isfinite(scaled(backend, scaling, values)).all()


@pytest.mark.parametrize("scaling", EVERY)
def test_backends_agree(scaling, backend, rng):
    values = np.where(rng.random(600) < 0.1, NAN, rng.lognormal(3.0, 2.0, 600) - 5.0)
    column = NumericColumn("x", scaling, winsorise=(0.01, 0.99) if MODES[scaling].affine else None)
    here, there = fitted(HOST, column, values), fitted(backend, column, values)
    np.testing.assert_allclose([here.center, here.factor], [there.center, there.factor], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(applied(HOST, here, values), applied(backend, here, values), rtol=1e-13, atol=1e-13)


class SklearnHost(HostBackend):
    """The host with scikit-learn's scalers, which have the names and methods of cuML's."""

    def fit_scaler(self, kind, column):
        return scalers.fit_scaler(preprocessing, kind, column)


def by_sklearn(scaling, values, library=None, **options):
    """The scale by the shared text, and the one that a library finds; None where that differs."""
    column, at = NumericColumn("x", scaling, **options), np.zeros(len(values), np.int64)
    ours = fitted(HOST, column, values)
    return ours, scale.by_library(library or SklearnHost(), np, ours, column.weight, np.asarray(values), at)


@pytest.mark.parametrize("scaling", [name for name, mode in MODES.items() if mode.scaler])
@pytest.mark.parametrize("missing", [0, 3])
def test_a_librarys_scaler_gives_our_scale_to_the_bit(scaling, missing, values):
    """After rounding, with missing values and clipped ones. At 1,001 values quartiles are values, not between two."""
    options = {"winsorise": (0.01, 0.99)} if MODES[scaling].affine else {}
    ours, theirs = by_sklearn(scaling, np.append(values, [NAN] * missing), weight=2.5, **options)
    assert theirs == ours


def test_where_a_librarys_scaler_differs_ours_counts(values):
    """Between two values quartiles are interpolated by libraries; a mean that is off beyond rounding is refused."""
    assert by_sklearn("robust", values[:-1])[1] is None

    class Off(SklearnHost):
        def fit_scaler(self, kind, column):
            mean, variance = super().fit_scaler(kind, column)
            return mean * (1 + 1e-6), variance

    assert by_sklearn("standard", values, Off())[1] is None


# filling and bounding


def test_missing_values_take_the_median_of_their_segment(backend):
    values, segment = [1.0, 2.0, 9.0, NAN, 100.0, NAN, NAN], [0, 0, 0, 0, 1, 1, 2]
    one = fitted(backend, NumericColumn("x", "none"), values, segment, 3)
    assert applied(backend, one, values, segment).tolist() == [1.0, 2.0, 9.0, 2.0, 100.0, 100.0, 2.0]


def test_values_beyond_the_winsor_limits_are_brought_to_them(backend):
    values = np.arange(1.0, 1001.0)
    column = NumericColumn("x", "none", winsorise=(0.01, 0.99))
    found = applied(backend, fitted(backend, column, values), [-5.0, 1.0, 10.0, 500.0, 990.0, 991.0, 1e9])
    assert found.tolist() == [10.0, 10.0, 10.0, 500.0, 990.0, 990.0, 990.0]


def test_moments_are_those_after_winsorising(backend, rng):
    values = np.append(rng.normal(size=998), [1e9, -1e9])
    one = fitted(backend, NumericColumn("x", "standard", winsorise=(0.01, 0.99)), values)
    assert 0.9 < 1.0 / one.factor < 1.1


def test_minmax_of_rows_not_fitted_on_stays_within_its_bounds(backend):
    one = fitted(backend, NumericColumn("x", "minmax"), [10.0, 20.0])
    assert applied(backend, one, [0.0, 10.0, 15.0, 20.0, 99.0]).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_quantile_normal_beyond_its_knots_is_constant(backend, values):
    one = fitted(backend, NumericColumn("x", "quantile_normal"), values)
    found = applied(backend, one, [-1e12, values.min(), values.max(), 1e12])
    assert found[0] == found[1] < found[2] == found[3]


def test_quantile_normal_puts_ties_in_the_middle_of_their_shares():
    """Half the values equal: they lie at the normal score of a quarter."""
    found = scaled(HOST, "quantile_normal", [0.0] * 500 + list(range(1, 501)))
    assert found[0] == pytest.approx(-0.674, abs=0.01)


def test_signed_log_is_odd_and_log1p_on_the_positive_side(backend):
    x = np.array([0.0, 1e-12, 1.0, 1e9])
    found = backend.get(signed_log(backend.xp, backend.put(np.concatenate((x, -x)))))
    np.testing.assert_allclose(found[:4], np.log1p(x), rtol=1e-12, atol=1e-15)
    assert np.array_equal(found[4:], -found[:4])


# constant columns


def order_of(values, column):
    return prepare.order_statistics(prepare.sort_column(HOST, values, np.zeros(len(values), int), 1), column.shares)


@pytest.mark.parametrize("scaling", EVERY)
@pytest.mark.parametrize("values", [[5.0] * 9, [NAN] * 9, [NAN, 3.0, 3.0], [0.0] * 4])
def test_columns_of_one_value_are_constant(scaling, values):
    column = NumericColumn("x", scaling)
    order = order_of(np.array(values), column)
    assert scale.is_constant(scale.before_moments(column, order), order)


def test_a_column_that_winsorising_flattens_is_constant():
    column = NumericColumn("x", "standard", winsorise=(0.05, 0.95))
    values = np.array([0.0] * 99 + [1.0])
    order = order_of(values, column)
    assert scale.is_constant(scale.before_moments(column, order), order)


def test_a_spread_that_is_only_rounding_has_no_factor():
    assert scale.with_moments(fitted(HOST, NumericColumn("x", "none"), [1.0]), 1.0, 1e9, 1e-4).factor == 0.0


def test_a_robust_column_without_quartile_spread_keeps_its_own_unit():
    """As scikit-learn's RobustScaler does with a scale of zero."""
    assert scaled(HOST, "robust", [3.0] * 8 + [4.0, 0.0])[-2:].tolist() == [1.0, -3.0]


@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax"])
def test_tiny_and_huge_units_scale_alike(scaling):
    """Money in any unit: the choice of unit is not seen in the result."""
    plain = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 3.0, 5.0])
    for power in (-150, -40, 40, 120):
        np.testing.assert_allclose(scaled(HOST, scaling, plain * 2.0**power), scaled(HOST, scaling, plain), rtol=1e-6)


# moments

ROWS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(data=st.data(), values=ROWS)
def test_merged_moments_are_those_of_the_whole_however_it_is_cut(data, values):
    x = np.array(values)[None, :]
    parts = [x[:, at] for at in data.draw(cuts(len(values)))]
    merged = reduce(scale.merge_moments, (moments(part) for part in parts))
    assert merged.rows == len(values)
    np.testing.assert_allclose(merged.mean, x.mean(axis=1), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(merged.variance, x.var(axis=1), rtol=1e-10, atol=1e-8)


@given(a=ROWS, b=ROWS, c=ROWS)
def test_merging_moments_is_associative(a, b, c):
    one, two, three = (moments(np.array(part)[None, :]) for part in (a, b, c))
    left = scale.merge_moments(scale.merge_moments(one, two), three)
    right = scale.merge_moments(one, scale.merge_moments(two, three))
    assert left.rows == right.rows
    np.testing.assert_allclose(left.mean, right.mean, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(left.variance, right.variance, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e6])
def test_the_order_of_merging_does_not_show_in_center_and_factor(rng, offset):
    """Fitted over partitions, cut anyhow: the same bytes, also where the mean is zero but for rounding."""
    half = rng.normal(size=5000)
    x = offset + np.concatenate((half, -half))
    found = set()
    for parts in (1, 2, 7, 64):
        shuffled = rng.permutation(x)
        merged = reduce(scale.merge_moments, (moments(part[None, :]) for part in np.array_split(shuffled, parts)))
        one = scale.with_moments(
            fitted(HOST, NumericColumn("x", "none"), [0.0]), 1.0, float(merged.mean[0]), float(merged.variance[0])
        )
        found.add((one.center, one.factor))
    assert len(found) == 1


def test_no_moments_is_neutral(rng):
    some = moments(rng.normal(size=(2, 9)))
    for merged in (scale.merge_moments(some, scale.no_moments(2)), scale.merge_moments(scale.no_moments(2), some)):
        assert merged.rows == 9
        np.testing.assert_allclose(merged.mean, some.mean, rtol=1e-15)
        np.testing.assert_allclose(merged.variance, some.variance, rtol=1e-15)
    assert scale.merge_moments(scale.no_moments(2), scale.no_moments(2)).rows == 0


def moments(x):
    """The moments of rows (d, m), which may be none."""
    return Moments(x.shape[1], x.mean(axis=1), x.var(axis=1)) if x.shape[1] else scale.no_moments(len(x))


def test_shares_are_those_that_the_scaling_needs():
    assert NumericColumn("x", "standard").shares == ()
    assert NumericColumn("x", "robust", winsorise=(0.1, 0.9)).shares == (0.1, 0.9, 0.25, 0.5, 0.75)
    assert len(NumericColumn("x", "quantile_normal").shares) == 255
    assert math.isclose(KNOTS[127], 0.5)
