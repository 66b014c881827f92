"""What the level of prospects rests on: each factor against a regression fitted again without the feature."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.stages import level_shift
from tamscore.stages.level import fit_level

UNIT = 2.0**-10


def market(leak, n=2000, seed=0):
    """Customers and prospects of two honest numbers, an indicator, and a third number: a leak of sales, or noise."""
    random = np.random.default_rng(seed)
    size, other = random.standard_normal((2, 2 * n))
    flag = (random.random(2 * n) < 0.3).astype(float)
    sales = np.exp(3.0 + size + 0.5 * flag + 0.5 * random.standard_normal(2 * n))
    customer = np.arange(2 * n) < n
    third = np.where(customer, np.log(sales) - 3.0, -2.0) if leak else random.standard_normal(2 * n)
    block = np.rint(np.stack([size, other, third, flag]) / UNIT).astype(np.float32)
    numbers = random.integers(0, 2**63, n).astype(np.uint64)
    return block[:, customer], sales[customer], block[:, ~customer], numbers


def by_hand(customers, sales, prospects, numeric, penalty, remaining):
    """The median level of prospects by ridge regression on the columns of some rows of a block, written out."""

    def columns(block):
        found = []
        for j in remaining:
            x = block[j].astype(float) * UNIT
            if j < numeric:
                low, high = (np.sort(customers[j] * UNIT)[int(np.ceil(q * len(sales))) - 1] for q in (0.01, 0.99))
                x = np.clip(x, low, high)
                found += [x, np.maximum(x - 717 / 1024, 0.0), np.maximum(-717 / 1024 - x, 0.0)]
            else:
                found.append((x > 0).astype(float))
        return np.stack(found)

    median = np.quantile(sales, 0.5, method="inverted_cdf")
    x, y = columns(customers), np.rint(np.log(sales / median) * 1024) / 1024
    centred = x - x.mean(axis=1, keepdims=True)
    weights = np.linalg.solve(centred @ centred.T + penalty * np.eye(len(x)), centred @ (y - y.mean()))
    return float(np.median(y.mean() + weights @ (columns(prospects) - x.mean(axis=1, keepdims=True))))


@pytest.mark.parametrize("leak", [False, True])
def test_a_factor_is_that_of_a_regression_without_the_feature(leak):
    customers, sales, prospects, numbers = market(leak)
    model = fit_level(customers, sales, numbers, 3, UNIT, 0)
    assert model is not None
    found = level_shift.shifts(model, customers, sales, prospects, ["size", "other", "third", "flag"])
    whole = by_hand(customers, sales, prospects, 3, model.penalty, [0, 1, 2, 3])
    for place, name in enumerate(("size", "other", "third", "flag")):
        items = [j for j in range(4) if j != place]
        without = by_hand(customers, sales, prospects, 3, model.penalty, items)
        assert found[name] == pytest.approx(np.exp(abs(without - whole)), rel=1e-4)


def test_a_leak_moves_the_level_and_honest_features_do_not():
    customers, sales, prospects, numbers = market(leak=True)
    model = fit_level(customers, sales, numbers, 3, UNIT, 0)
    assert model is not None
    found = level_shift.shifts(model, customers, sales, prospects, ["size", "other", "third", "flag"])
    assert found["third"] > level_shift.BLOCK
    customers, sales, prospects, numbers = market(leak=False)
    model = fit_level(customers, sales, numbers, 3, UNIT, 0)
    assert model is not None
    honest = level_shift.shifts(model, customers, sales, prospects, ["size", "other", "third", "flag"])
    assert max(honest.values()) < level_shift.WARN


def test_rows_of_one_column_are_dropped_together_and_the_only_column_never():
    customers, sales, prospects, numbers = market(leak=False)
    model = fit_level(customers, sales, numbers, 3, UNIT, 0)
    assert model is not None
    found = level_shift.shifts(model, customers, sales, prospects, ["size", "other", "third", "size"])
    assert list(found) == ["size", "other", "third"]
    assert level_shift.shifts(model, customers, sales, prospects, ["size"] * 4) == {}
    assert level_shift.shifts(model, customers, sales, prospects[:, :0], ["size", "other", "third", "flag"]) == {}
