"""Intervals of cut values: ranks by their definition, and bounds that hold as often as they say."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr

from tamscore.stages import interval
from tamscore.stages.potential import CustomerSales, potential_table
from tamscore.stages.prepare import nearest_rank

P85 = (0.85, 0.90, 0.95)


def chances(n: int, share: float, low: int, high: int) -> list[Fraction]:
    """The chance that so many of n values lie below the quantile at a share, exactly, for each number from low on."""
    p = Fraction(share)
    return [comb(n, b) * p**b * (1 - p) ** (n - b) for b in range(low, high)]


def chance(n: int, share: float, low: int, high: int) -> Fraction:
    """The chance that the quantile at a share lies from the low-th up to the high-th of n sorted values, exactly."""
    return sum(chances(n, share, low, high), Fraction(0))


@pytest.mark.parametrize(("n", "share"), [(23, 0.85), (36, 0.05), (150, 0.5), (400, 0.95)])
def test_the_chance_of_a_rank_is_that_of_a_binomial_number(n, share):
    """Worked out in fractions."""
    exact = [float(total) for total in accumulate(chances(n, share, 0, n))]
    np.testing.assert_allclose(interval.fewer_than(1, n, n, share), exact, rtol=1e-13, atol=1e-15)


def test_the_chance_of_a_rank_among_many_is_that_of_the_incomplete_beta_function():
    first, last = interval.ranks(100_000, 0.9, 0.95) or (0, 0)
    found = interval.fewer_than(first - 800, last + 800, 100_000, 0.9)
    np.testing.assert_allclose(found, bdtr(np.arange(first - 801.0, last + 800), 100_000, 0.9), atol=1e-9)


@pytest.mark.parametrize(("level", "support"), [(0.95, (23, 36, 72)), (0.9, (19, 29, 59))])
def test_so_many_customers_are_needed_and_suffice(level, support):
    for share, least in zip(P85, support, strict=True):
        assert interval.ranks(least - 1, share, level) is None
        assert interval.ranks(least, share, level) is not None


@given(
    n=st.integers(5, 150), share=st.sampled_from([0.5, 0.8, 0.85, 0.9, 0.95]), level=st.sampled_from([0.8, 0.9, 0.95])
)
def test_ranks_reach_the_level_hold_the_estimate_and_cannot_be_drawn_in(n, share, level):
    """Whatever the distribution: the chance is that of a binomial number, worked out in fractions."""
    found = interval.ranks(n, share, level)
    if found is None:
        assert max(share**n, (1 - share) ** n) > (1 - level) / 2
        return
    low, high = found
    assert 1 <= low <= nearest_rank(n, share) + 1 <= high <= n
    assert chance(n, share, low, high) >= Fraction(level) - Fraction(1, 10**12)
    assert chance(n, share, low + 1, high) < level
    assert chance(n, share, low, high - 1) < level


@pytest.mark.parametrize("share", P85)
@pytest.mark.parametrize("n", [1_000, 100_000, 3_000_000])
def test_many_customers_change_nothing_but_the_width(n, share):
    """About 1.64 standard errors to each side at 90 %."""
    low, high = interval.ranks(n, share, 0.9) or (0, 0)
    error = np.sqrt(n * share * (1 - share))
    assert (high - low) / error == pytest.approx(2 * 1.645, rel=0.06)


@pytest.mark.parametrize("n", [19, 25, 31, 44, 59, 72, 100, 151, 260, 400, 640, 1000])
@pytest.mark.parametrize("share", P85)
def test_order_statistics_at_90_percent_cover_90_to_95(n, share):
    found = interval.ranks(n, share, 0.9)
    if found is not None:
        assert 0.9 <= float(chance(n, share, *found)) < 0.95


def market(rng, clusters, apart, spread, sizes):
    """Customers' sales of so many clusters, lognormal, and the true log cut values."""
    n = np.exp(rng.uniform(np.log(sizes[0]), np.log(sizes[1] + 0.99), clusters)).astype(int)
    level, width = rng.normal(8.0, apart, clusters), rng.uniform(*spread, clusters)
    sales = [np.sort(rng.lognormal(level[c], width[c], n[c])) for c in range(clusters)]
    z = np.array([1.0364, 1.2816, 1.6449])
    offsets = np.concatenate(([0], np.cumsum(n)))
    return CustomerSales(np.concatenate(sales), offsets), level[:, None] + width[:, None] * z


@pytest.mark.parametrize(("apart", "spread"), [(0.5, (1.0, 1.0)), (1.2, (0.8, 1.2))])
def test_intervals_of_clusters_of_5_to_1000_customers_hold_as_often_as_they_say(rng, apart, spread):
    """90 % intervals cover 85 to 95 %, thin clusters and thick ones alike; `python -m bench intervals` looks closer."""
    held: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(40):
        sales, truth = market(rng, 11, apart, spread, (5, 1000))
        everyone = [("all", np.sort(sales.sales))] * sales.groups
        bounds = potential_table(sales, everyone, P85, "max", 25, 0.9).bounds
        inside = (bounds.low[:, :-1] <= np.exp(truth)) & (np.exp(truth) <= bounds.high[:, :-1])
        for c, n in enumerate(sales.support):
            held[bool(n < 25)] += inside[c].tolist()
    for thin, found in held.items():
        assert 0.85 <= np.mean(found) <= 0.95, (thin, len(found))


def test_the_largest_sales_are_a_fact_and_a_cap_is_an_estimate(rng):
    sales = CustomerSales(np.sort(rng.lognormal(8, 1, 500)), np.array([0, 500]))
    everyone = [("all", sales.sales)]
    fact = potential_table(sales, everyone, P85, "max", 25, 0.95).bounds
    cap = potential_table(sales, everyone, P85, "p99", 25, 0.95).bounds
    assert np.isnan(fact.low[0, -1])
    assert fact.supported[0].tolist() == [True] * 4
    assert cap.low[0, -1] < sales.sales[494] < cap.high[0, -1]


def test_a_cluster_without_customers_has_a_wider_interval_than_its_parent(rng):
    """Its parent's ladder is a guess at its own: how far clusters lie apart is what the interval says."""
    groups = [np.sort(rng.lognormal(level, 1, 400)) for level in (6, 7, 8, 9, 10)]
    sales = CustomerSales(np.concatenate(groups), np.array([0, 400, 800, 1200, 1600, 2000, 2000]))
    everyone = [("all", np.sort(sales.sales))] * 6
    table = potential_table(sales, everyone, P85, "max", 25, 0.9)
    assert table.bounds.high[5, 0] / table.bounds.low[5, 0] > 10
    assert not table.bounds.supported[5].any()


def test_where_all_customers_together_are_too_few_there_is_no_interval():
    sales = CustomerSales(np.array([5.0, 9.0, 20.0, 1.0]), np.array([0, 3, 4, 4]))
    table = potential_table(sales, [("all", np.sort(sales.sales))] * 3, P85, "max", 25, 0.95)
    assert np.isnan(table.bounds.low).all()
    assert not table.bounds.supported.any()


def test_bounds_are_the_same_every_time(rng):
    sales, _ = market(rng, 6, 0.5, (1.0, 1.0), (5, 60))
    everyone = [("all", np.sort(sales.sales))] * 6
    first, second = (potential_table(sales, everyone, P85, "p99", 25, 0.95).bounds for _ in range(2))
    assert first.low.tobytes() == second.low.tobytes()
    assert first.high.tobytes() == second.high.tobytes()
