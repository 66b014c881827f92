"""Thin clusters: what they borrow, how much their own customers weigh, and that borrowing pays."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.stages import pooling
from tamscore.stages.potential import CustomerSales, potential_table

P85 = (0.85, 0.90, 0.95)


def grouped(*groups):
    offsets = np.concatenate(([0], np.cumsum([len(group) for group in groups])))
    return CustomerSales(np.concatenate([np.sort(np.asarray(group, float)) for group in groups]), offsets)


def pool_of(sales, enough=25, shares=P85):
    return pooling.pool(sales, [("all", np.sort(sales.sales))] * sales.groups, shares, enough)


def lognormal(rng, level, n, spread=1.0):
    return rng.lognormal(level, spread, n)


def test_own_customers_weigh_more_the_more_there_are_and_everything_from_min_customers_on(rng):
    """No jump on the way: one more customer never moves the weight by more than a fifth."""
    pool = pool_of(grouped(*(lognormal(rng, level, 200) for level in (7, 8, 9))))
    weights = np.array([pool.own_weight(n) for n in range(1, 30)])
    assert (np.diff(weights, axis=0) >= -0.02).all()
    assert (np.diff(weights, axis=0) <= 0.2).all()
    assert (weights[24:] == 1).all()
    assert (weights[23] > 0.9).all()


def test_a_ladder_does_not_jump_where_a_cluster_begins_to_stand_for_itself(rng):
    """The same sales just below and just at min_customers give cut values within a few percent of each other."""
    thin = np.sort(lognormal(rng, 8, 30))
    sales = grouped(thin, lognormal(rng, 11, 500), lognormal(rng, 6, 500))
    everyone = [("all", np.sort(sales.sales))] * 3
    below, at = (potential_table(sales, everyone, P85, "max", least).values[0] for least in (31, 30))
    np.testing.assert_allclose(below, at, rtol=0.1)
    assert (below != at).any()


def test_levels_that_lie_close_together_are_borrowed_and_levels_far_apart_are_not(rng):
    close = pool_of(grouped(*(lognormal(rng, 8 + 0.05 * i, 300) for i in range(8))))
    far = pool_of(grouped(*(lognormal(rng, 8 + 1.5 * i, 300) for i in range(8))))
    assert close.level_weight(5) < 0.3
    assert far.level_weight(5) > 0.9


def test_variances_are_those_that_sales_were_drawn_with(rng):
    """Levels 0.7 apart, all clusters of one shape: nothing is left for the shape to explain."""
    levels = rng.normal(8, 0.7, 200)
    sales = grouped(*(lognormal(rng, level, 60, 0.5) for level in levels))
    everyone = [("all", np.exp(np.full(9, 8.0)))] * 200
    pool = pooling.pool(sales, everyone, P85, 25)
    assert pool.level_variance == pytest.approx(np.mean((levels - 8) ** 2), rel=0.1)
    assert pool.shape_variance == pytest.approx(0.25, rel=0.05)
    assert (pool.cut_variance < 0.01).all()


def test_the_shape_has_the_spread_of_sales_even_where_every_cluster_is_tiny(rng):
    """Deviations from a mean of three are too small by a third: they are widened."""
    sales = grouped(*(lognormal(rng, 8, 3) for _ in range(800)))
    assert pool_of(sales).shape_variance == pytest.approx(1.0, rel=0.08)


def test_a_cluster_of_one_customer_takes_the_shape_of_the_others(rng):
    sales = grouped([5000.0], *(lognormal(rng, level, 300) for level in (6, 8, 10)))
    table = potential_table(sales, [("all", np.sort(sales.sales))] * 4, P85, "max", 25)
    assert table.basis[0] == "pooled"
    ratio = np.log(table.values[0, 2] / table.values[0, 0])
    assert ratio == pytest.approx(1.645 - 1.036, abs=0.2)


def errors(rng, apart, spread, sizes, least, markets=60):
    """Mean squared errors of log cut values, pooled and raw."""
    off = []
    for _ in range(markets):
        n = rng.integers(sizes[0], sizes[1] + 1, 11)
        n[:5] = rng.integers(100, 800, 5)
        level, width = rng.normal(8, apart, 11), rng.uniform(*spread, 11)
        sales = grouped(*(lognormal(rng, level[c], n[c], width[c]) for c in range(11)))
        truth = level[:, None] + width[:, None] * np.array([1.0364, 1.2816, 1.6449])
        everyone = [("all", np.sort(sales.sales))] * 11
        tables = [potential_table(sales, everyone, P85, "max", enough).values[5:, :-1] for enough in (least, 1)]
        off.append([np.mean((np.log(values) - truth[5:]) ** 2) for values in tables])
    return np.mean(off, axis=0)


@pytest.mark.parametrize(("apart", "spread"), [(0.5, (1.0, 1.0)), (1.2, (0.8, 1.2))])
def test_pooling_takes_a_quarter_off_the_error_of_clusters_of_up_to_10_customers(rng, apart, spread):
    pooled, raw = errors(rng, apart, spread, (5, 10), 25)
    assert np.sqrt(pooled / raw) <= 0.75


def test_pooling_does_not_harm_clusters_of_300_customers_even_where_it_is_asked_for(rng):
    """With min_customers = 25 they stand for themselves; with 2,000 their own customers still decide."""
    pooled, raw = errors(rng, 1.0, (0.8, 1.2), (300, 400), 2000, 10)
    assert np.sqrt(pooled / raw) <= 1.01


def test_draws_are_the_same_for_every_cluster_of_a_size(rng):
    """From a hundred customers on the first two digits make a size."""
    sales = grouped(lognormal(rng, 8, 50), lognormal(rng, 9, 50))
    one, other = pool_of(sales), pool_of(sales)
    assert one.misses(7).cuts.tobytes() == other.misses(7).cuts.tobytes()
    assert one.misses(7) is one.misses(7)
    assert one.misses(731) is one.misses(734)
    assert one.misses(73) is not one.misses(74)


@pytest.mark.parametrize("price", [99.99, 0.0299, 1234.567])
def test_with_one_price_for_all_a_pooled_ladder_is_that_price(price):
    """A price short of itself by a rounding lies below the limit of a quadrant; 1234.567 is no number of cents."""
    sales = grouped([price] * 3, [price], *([price] * 40 for _ in range(3)))
    table = potential_table(sales, [("all", np.sort(sales.sales))] * 5, P85, "max", 25)
    assert table.basis[:2] == ("pooled", "pooled")
    assert (table.values == price).all()


def test_pooled_ladders_are_amounts_in_cents_and_much_finer_for_tiny_sales(rng):
    groups = [lognormal(rng, 8, n).round(2) for n in (3, 9, 300, 300)]
    for unit, cents in ((1.0, 100), (2.0**-20, 1e9)):
        sales = grouped(*(unit * group for group in groups))
        values = potential_table(sales, [("all", np.sort(sales.sales))] * 4, P85, "max", 25).values[:2]
        assert np.array_equal(values[:, :-1], np.round(values[:, :-1] * cents) / cents)
