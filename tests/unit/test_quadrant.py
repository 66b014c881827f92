"""High begins at the limit, not above it; limits count every account, however many share a potential."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import quadrant
from tamscore.stages.quadrant import PLAYS, QuadrantLimits
from tests.standing import standing_of

NAN = float("nan")
NAMES = [play.quadrant for play in PLAYS]
GROUPS = st.lists(st.tuples(st.sampled_from([1.0, 2.0, 5.0, 9.0, NAN]), st.integers(0, 6)), min_size=1, max_size=12)


def limits_of(potentials, counts, sales, kind, potential=0.8, sales_share=0.8, capacity=0):
    values, ones = np.array(potentials, float), np.ones(len(sales))
    return quadrant.limits(
        values, np.array(counts, float), np.array(sales, float), ones, kind, potential, sales_share, capacity
    )


def test_at_the_limit_counts_as_high(backend):
    potential, sales = np.array([10.0, 10.0, 9.9, 9.9, NAN]), np.array([5.0, 4.9, 5.0, NAN, 7.0])
    codes = backend.get(
        quadrant.quadrant_codes(backend.xp, backend.put(potential), backend.put(sales), QuadrantLimits(10.0, 5.0))
    )
    assert [NAMES[code] for code in codes] == ["blue", "yellow", "orange", "grey", "orange"]


def test_each_quadrant_has_the_play_of_the_method():
    found = {(play.potential, play.sales): (play.quadrant, play.play) for play in PLAYS[:4]}
    assert found == {
        ("high", "high"): ("blue", "expand"),
        ("high", "low"): ("yellow", "land_and_adopt"),
        ("low", "high"): ("orange", "protect"),
        ("low", "low"): ("grey", "deprioritise"),
    }
    assert (PLAYS[4].quadrant, PLAYS[4].play) == ("teal", "deprioritise")


def test_a_prospect_has_the_play_for_low_sales_at_its_potential():
    """Where whole clusters are placed, a prospect may stand in a quadrant of high sales."""
    codes = np.arange(len(PLAYS))
    for_prospects = [PLAYS[code] for code in quadrant.play_codes(codes, np.zeros(5, bool))]
    assert [play.sales for play in for_prospects] == ["low"] * 5
    assert [play.potential for play in for_prospects] == [play.potential for play in PLAYS]
    assert quadrant.play_codes(codes, np.ones(5, bool)).tolist() == codes.tolist()


def test_nothing_is_high_under_an_infinite_limit(backend):
    codes = quadrant.quadrant_codes(
        backend.xp, backend.put(np.array([1e300])), backend.put(np.array([1e300])), QuadrantLimits(np.inf, np.inf)
    )
    assert backend.get(codes).tolist() == [0]


@given(groups=GROUPS, sales=st.lists(st.floats(0.01, 99), max_size=9), share=st.floats(0.01, 0.99))
def test_percentiles_are_taken_over_every_account(groups, sales, share):
    values, counts = [v for v, _ in groups], [n for _, n in groups]
    found = limits_of(values, counts, sales, "percentile", share, share)
    repeated = np.repeat(values, counts)
    repeated = repeated[~np.isnan(repeated)]
    assert found.potential == (np.quantile(repeated, share, method="inverted_cdf") if len(repeated) else np.inf)
    assert found.sales == (np.quantile(sales, share, method="inverted_cdf") if sales else np.inf)


@given(groups=GROUPS, capacity=st.integers(1, 40))
def test_the_last_place_is_the_potential_that_many_accounts_reach(groups, capacity):
    """Over several party types; fewer than the places lie above it, and it is infinite where no potential is known."""
    pairs = [(np.array([v for v, _ in part]), np.array([float(n) for _, n in part])) for part in (groups, groups[:1])]
    every = np.concatenate([np.repeat(values, counts.astype(int)) for values, counts in pairs])
    each = sorted(every[~np.isnan(every)], reverse=True)
    found = quadrant.last_place(pairs, capacity)
    assert found == (each[min(capacity, len(each)) - 1] if each else np.inf)


@given(groups=GROUPS, capacity=st.integers(1, 40))
def test_capacity_is_never_exceeded_and_never_idle_for_a_whole_group(groups, capacity):
    """As many accounts as fit, those of equal potential together."""
    values, counts = np.array([v for v, _ in groups]), np.array([float(n) for _, n in groups])
    bound = quadrant.by_capacity(values, counts, capacity)
    held = counts[values >= bound].sum()
    assert held <= capacity
    below = values[(values < bound) & ~np.isnan(values)]
    if len(below):
        assert held + counts[values == below.max()].sum() > capacity


def test_absolute_limits_are_taken_as_they_are():
    assert limits_of([1.0], [1], [1.0], "absolute", 123.0, 45.0) == QuadrantLimits(123.0, 45.0)


def test_capacity_limits_potential_and_a_percentile_sales():
    found = limits_of([1.0, 2.0, 3.0], [5, 4, 3], range(1, 11), "capacity", capacity=7)
    assert found == QuadrantLimits(2.0, 8.0)


def test_account_limits_count_customers_one_by_one_and_prospects_by_cluster():
    standing = standing_of([4.0, 8.0], [0.0, 0.0], [0, 1], [4.0, 6.0], [7, 1])
    found = quadrant.account_limits(standing, np.array([1.0, 8.0]), "percentile", 0.85, 0.5, 0)
    assert found == QuadrantLimits(6.0, 1.0), "of ten potentials eight are 4, the ninth is 6"


def test_low_clusters_of_more_than_their_median_potential_are_teal():
    potential, sales = np.array([1.0, 2.0, 3.0, 9.0, 1.0]), np.array([0.0, 0.0, 0.0, 0.0, 9.0])
    codes = quadrant.cluster_codes(potential, sales, QuadrantLimits(5.0, 5.0))
    assert [NAMES[code] for code in codes] == ["grey", "grey", "teal", "yellow", "orange"]


@pytest.mark.parametrize("potential", [[1.0, 9.0], [2.0, 2.0]])
def test_a_single_low_cluster_and_equal_ones_stay_grey(potential):
    codes = quadrant.cluster_codes(np.array(potential), np.zeros(2), QuadrantLimits(5.0, 5.0))
    assert "teal" not in [NAMES[code] for code in codes]
