"""Priority: order without ties, tiers by value, chances with a given mean, money above own sales."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.scoring.priority import places_taken
from tamscore.stages import priority
from tamscore.stages.priority import TierRules
from tests import emulated
from tests.fake_gpu import FakeGpu

ODDS = st.lists(st.floats(-13, 13), min_size=1, max_size=60).map(np.array)


@given(ODDS, st.floats(0.01, 0.9))
def test_odds_are_moved_to_the_mean_asked_for(odds, mean):
    by = priority.shift_to(priority.count_odds(odds), mean)
    assert priority.chance_of(odds + by).mean() == pytest.approx(mean, rel=0.02, abs=1e-4)


@given(st.data(), ODDS)
def test_counts_of_parts_add_up_to_those_of_all(data, odds):
    at = data.draw(st.integers(0, len(odds)))
    parts = sum(priority.count_odds(part) for part in (odds[:at], odds[at:]))
    assert np.array_equal(parts, priority.count_odds(odds))


def test_nobody_counted_is_moved_by_nothing():
    assert priority.shift_to(np.zeros(priority.LOGITS, np.int64), 0.05) == 0.0


SMALL = st.integers(0, 3).map(float)


@given(st.lists(st.tuples(SMALL, SMALL, SMALL), max_size=50), st.randoms(use_true_random=False))
def test_the_order_is_that_of_a_full_sort_whatever_the_order_of_the_rows(rows, random):
    keys = [np.array([row[i] for row in rows]) for i in range(3)] + [np.arange(len(rows), dtype=np.uint64)]
    order = priority.in_order(keys)
    assert order.tolist() == np.lexsort(keys[::-1]).tolist()
    mixed = np.array(random.sample(range(len(rows)), len(rows)), dtype=np.int64)
    again = priority.in_order([key[mixed] for key in keys])
    assert mixed[again].tolist() == order.tolist()
    assert sorted(priority.place_of(order)) == list(range(1, len(rows) + 1))


KEYS = st.lists(st.tuples(st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 2.0]), SMALL, st.integers(0, 9)), max_size=50)


class Full(FakeGpu):
    """A GPU without memory for a sort."""

    def sort_rows(self, keys: Any) -> Any:
        del keys
        raise MemoryError


@given(KEYS)
def test_a_gpu_gives_the_order_of_the_host(rows):
    """Signs of zero, infinite and equal keys too; where its memory is full, the host sorts."""
    kinds = np.float64, np.float32, np.uint64
    keys = [np.array([row[i] for row in rows], kind) for i, kind in enumerate(kinds)]
    order = priority.in_order(keys)
    for backend in (FakeGpu(), emulated.EmulatedCuda(), Full()):
        found = priority.in_order(iter(keys), backend)
        assert (found.dtype, found.tolist()) == (order.dtype, order.tolist())


def means_of(groups):
    return priority.ExpectedAbove.of(groups, groups, 0)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30), st.lists(st.floats(0, 1e6), min_size=1, max_size=10))
def test_money_above_own_sales_is_the_mean_of_what_others_buy_more(sales, own):
    found = means_of([np.sort(sales)]).of_accounts(np.array(own), np.zeros(len(own), np.int64))
    wanted = [np.mean(np.maximum(np.array(sales) - each, 0)) for each in own]
    assert found == pytest.approx(np.array(wanted), rel=1e-9, abs=1e-6 * max(sales))


def test_a_cluster_without_customers_promises_nothing_known():
    found = means_of([np.array([10.0, 30.0]), np.array([])]).of_accounts(
        np.array([0.0, 20.0, 0.0]), np.array([0, 0, 1])
    )
    assert found[:2].tolist() == [20.0, 5.0]
    assert np.isnan(found[2])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=400))
def test_tiers_follow_value_within_their_bounds(expected):
    values = np.sort(np.array(expected))[::-1]
    codes = priority.tier_codes(np.arange(len(values)), values, TierRules())
    assert (np.diff(codes) >= 0).all()
    reached = [np.count_nonzero(codes <= tier) for tier in range(3)]
    for held, least, most in zip(reached, (0.01, 0.05, 0.2), (0.1, 0.3, 0.6), strict=True):
        assert np.ceil(least * len(values)) <= held <= np.ceil(most * len(values))


def test_tiers_take_the_shares_of_value_asked_for():
    values = np.array([40.0, 10.0, 10.0, 10.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    rules = TierRules(least=(0, 0, 0), most=(1, 1, 1))
    assert rules.ends(values) == [2, 6, 9]
    assert TierRules(counts=(3, 4, 100)).ends(values) == [3, 7, 10]


def test_thin_groups_are_weighed_with_their_parents():
    groups, parents = [np.array([10.0, 30.0]), np.array([])], [np.array([40.0]), np.array([7.0])]
    found = priority.ExpectedAbove.of(groups, parents, 8).of_accounts(np.array([0.0, 20.0, 0.0]), np.array([0, 0, 1]))
    assert found.tolist() == [0.25 * 20 + 0.75 * 40, 0.25 * 5 + 0.75 * 20, 7.0]


def test_where_no_potential_is_known_nobody_has_a_place():
    """Places for high potential would go to accounts by their hash alone."""
    potentials = [np.array([5.0, np.nan, 7.0]), np.full(4, np.nan)]
    places = [np.arange(len(each)) for each in potentials]
    taken = places_taken(potentials, places, [each.astype(np.uint64) for each in places], 5)
    assert [each.tolist() for each in taken] == [[True, False, True], [False] * 4]


@given(st.integers(0, 10_000), st.integers(0, 60), st.booleans())
def test_the_order_is_that_of_all_keys_one_after_the_other(seed, accounts, signed):
    """Law: as `numpy.lexsort`, however many accounts share a key; equals stay as they are."""
    random = np.random.default_rng(seed)
    value, chance = (random.integers(-2, 3, accounts) / 4 for _ in range(2))
    distance = random.integers(-2 if signed else 0, 3, accounts).astype(np.float32)
    keys = [value, chance, distance, random.integers(0, 4, accounts).astype(np.uint64)]
    assert priority.in_order(iter(keys)).tolist() == np.lexsort(keys[::-1]).tolist()
