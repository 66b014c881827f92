"""The level of accounts: a ridge regression that is exact, blind to own sales, and the same on every device."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tamscore.backend.coded import CodedBlock
from tamscore.stages import level
from tamscore.stages.level import ALL, FOLDS, KNOT, UNIT, fit_level, folds_of

NUMERIC, GRID = 3, 2.0**-16
WITHIN = 1e-4
"""Weights are rounded to 2^-20 after features and logs were rounded to 2^-10."""


def customers(rng, n=900):
    """A block (5, n) of three numbers and two indicators, and sales (n,) that follow from them."""
    numbers = rng.standard_normal((NUMERIC, n))
    flags = rng.random((2, n)) < 0.3
    logs = 7 + 0.8 * numbers[0] + np.maximum(numbers[1] - 0.7, 0) + 0.5 * flags[0] + 0.4 * rng.standard_normal(n)
    block = np.concatenate([np.rint(numbers / GRID), flags * 46341.0]).astype(np.float32)
    return block, np.exp(logs).round(2) + 1.0, rng.integers(0, 2**64, n, np.uint64)


def design(block):
    """The columns (c, n) as the method says: clipped to P1 and P99, with hinges at 0.7."""
    rows = []
    for feature in block[:NUMERIC].astype(np.float64) * GRID:
        low, high = np.quantile(feature, [0.01, 0.99], method="inverted_cdf")
        x, knot = np.clip(feature, low, high), KNOT * UNIT
        rows += [x, np.maximum(x - knot, 0), np.maximum(-knot - x, 0)]
    return np.stack([*rows, *(block[NUMERIC:] > 0).astype(np.float64)])


def fitted(block, sales, numbers):
    found = fit_level(block, sales, numbers, NUMERIC, GRID, seed=0)
    assert found is not None
    return found


def test_it_is_the_ridge_regression_that_least_error_on_held_out_folds_chooses(rng):
    block, sales, numbers = customers(rng)
    found, columns, fold = fitted(block, sales, numbers), design(block).T, folds_of(numbers)
    logs = np.log(sales / np.quantile(sales, 0.5, method="inverted_cdf"))
    errors = {}
    for penalty in (1.0, 10.0, 100.0):
        errors[penalty] = 0.0
        for out in range(FOLDS):
            model = Ridge(penalty).fit(columns[fold != out], logs[fold != out])
            errors[penalty] += np.sum((logs - model.predict(columns))[fold == out] ** 2)
    assert found.penalty == min(errors, key=errors.__getitem__)
    for out in (*range(FOLDS), ALL):
        model = Ridge(found.penalty).fit(columns[fold != out], logs[fold != out])
        assert found.weights[out] * 2.0**-20 == pytest.approx(model.coef_, abs=20 * WITHIN)
        mine = found.level(np, block, np.full(block.shape[1], out))
        assert mine == pytest.approx(model.predict(columns), abs=40 * WITHIN)


def test_order_of_customers_changes_nothing(rng):
    block, sales, numbers = customers(rng)
    order = rng.permutation(len(sales))
    one, other = fitted(block, sales, numbers), fitted(block[:, order], sales[order], numbers[order])
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.intercept.tobytes() == other.intercept.tobytes()


def test_own_sales_do_not_enter_the_own_level(rng):
    block, sales, numbers = customers(rng)
    first = int(np.argsort(sales)[-1])
    changed = sales.copy()
    changed[first] *= 3
    one, other, own = fitted(block, sales, numbers), fitted(block, changed, numbers), folds_of(numbers)[first]
    assert one.weights[own].tobytes() == other.weights[own].tobytes()
    assert one.weights[ALL].tobytes() != other.weights[ALL].tobytes()


def test_levels_are_the_same_on_every_device_and_in_any_pieces(backend, rng):
    block, sales, numbers = customers(rng)
    found, models = fitted(block, sales, numbers), rng.integers(0, FOLDS + 1, len(sales))
    whole = found.level(np, block, models)
    put, xp = backend.put, backend.xp
    for piece in (slice(0, 1), slice(1, 400), slice(400, 900)):
        part = found.level(xp, put(block[:, piece]), put(models[piece]))
        assert backend.get(part).tobytes() == whole[piece].tobytes()
        alike = found.level(xp, put(block[:, piece]))
        assert backend.get(alike).tobytes() == found.level(np, block, np.full(900, ALL))[piece].tobytes()


def test_codes_of_categories_give_the_level_that_their_indicators_give(backend, rng):
    n, sizes = 900, (3, 7)
    numbers, sales, draws = customers(rng, n)
    codes = tuple(rng.integers(0, size, n) for size in sizes)
    block = CodedBlock(numbers, codes, sizes, 46341.0)
    found, models = fitted(block.dense(np), sales, draws), rng.integers(0, FOLDS + 1, n)
    there = CodedBlock(backend.put(numbers), tuple(map(backend.put, codes)), sizes, block.on)
    for which in (None, models):
        whole = found.level(np, block.dense(np), which)
        assert found.level(np, block, which).tobytes() == whole.tobytes()
        given = which if which is None else backend.put(which)
        assert backend.get(found.level(backend.xp, there, given)).tobytes() == whole.tobytes()


def test_large_features_are_halved_until_they_fit(rng):
    block, sales, numbers = customers(rng)
    block[0] *= 1024
    found = fitted(block, sales, numbers)
    assert np.log2(found.columns.factor[0] / found.columns.factor[1]) in {-9, -8}
    assert max(np.abs(found.columns.low).max(), found.columns.high.max()) <= level.REACH


def test_too_few_customers_have_no_level(rng):
    block, sales, numbers = customers(rng, 29)
    assert fit_level(block, sales, numbers, NUMERIC, GRID, seed=0) is None


def test_a_feature_that_no_customer_differs_in_weighs_nothing(rng):
    block, sales, numbers = customers(rng)
    block[2], block[4] = 5.0, 0.0
    found = fitted(block, sales, numbers)
    assert not found.weights[:, [6, 7, 8, 10]].any()
