"""What refits do to intervals: shares of factors counted by hand, and laws of the widened ladders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import potential
from tamscore.stages.redraws import RedrawSpread, clusters_of_redraws, share_of, spread_of, widen

P85 = (0.85, 0.90, 0.95)


@given(st.lists(st.floats(0.2, 5.0), min_size=20, max_size=200), st.floats(0.5, 0.95))
def test_the_spread_holds_at_least_the_stated_share_of_the_factors(factors, level):
    factors = np.array(factors)[None, :]
    nowhere = np.zeros(factors.shape[1], np.int64)
    found = spread_of(nowhere, nowhere, factors, (1, 1), level)
    inside = (found.low[0, 0] <= factors) & (factors <= found.high[0, 0])
    assert inside.mean() >= level
    assert found.low[0, 0] <= 1 <= found.high[0, 0]


def test_each_step_has_factors_of_its_own_and_a_rare_one_those_of_its_cluster():
    label, step = np.repeat([0, 1], 100), np.tile(np.repeat([0, 1], 50), 2)
    factors = np.where(label == 0, 2.0, np.where(step == 0, 0.5, 3.0))[None, :]
    factors[0, -1] = np.nan
    found = spread_of(label, step, factors, (3, 3), 0.9)
    assert found.high[0].tolist() == [2.0, 2.0, 2.0]
    assert found.low[1].tolist() == [0.5, 1.0, 0.5]
    assert found.high[1].tolist() == [1.0, 3.0, 3.0]
    assert (found.low[2].tolist(), found.high[2].tolist()) == ([0.5] * 3, [3.0] * 3)  # nobody is there


def test_without_factors_nothing_is_widened():
    found = spread_of(np.zeros(0, int), np.zeros(0, int), np.ones((5, 0)), (2, 4), 0.9)
    assert np.all(found.low == 1)
    assert np.all(found.high == 1)


def test_the_refits_spread_over_the_numbers_of_clusters():
    assert clusters_of_redraws([7]) == [7] * 5
    assert clusters_of_redraws([2, 3, 4, 5, 6, 8, 10, 12, 15]) == [2, 4, 6, 10, 15]
    assert clusters_of_redraws([2, 30]) == [2, 2, 2, 30, 30]


def table(*, by_account, thin=200):
    """Two clusters of customers, so many of them in the second."""
    random = np.random.default_rng(3)
    sales, typical = (np.exp(random.standard_normal(200 + thin)) * size for size in (100, 50))
    label = np.repeat([0, 1], [200, thin])
    found = potential.sort_sales(HostBackend(), sales, label, 2, typical.astype(np.float32))
    everyone = [("all", np.sort(sales))] * 2
    rules: tuple[Any, ...] = (P85, "max", 25, 0.9)
    if not by_account:
        return potential.potential_table(found, everyone, *rules)
    relative = [("all", np.sort(found.relative.sales))] * 2
    return potential.account_table(found, everyone, relative, np.full(2, 50.0), 50.0, *rules)


@pytest.mark.parametrize("by_account", [False, True])
def test_widened_intervals_hold_the_order_statistics_the_refits_and_the_value(by_account):
    before = table(by_account=by_account)
    spread = RedrawSpread(np.full((2, 4), 0.5), np.full((2, 4), 1.01))
    after = widen(before, spread)
    ends = [(before.values, before.bounds.low, before.bounds.high, after.bounds.low, after.bounds.high)]
    if before.account is not None:
        own, wide = before.account, after.account
        ends.append((own.multiples, own.low, own.high, wide.low, wide.high))
    for value, low, high, lowest, highest in ends:
        cuts = np.s_[:, :-1]  # the high-water mark is a fact
        assert np.all(lowest[cuts] <= low[cuts])
        assert np.all(high[cuts] <= highest[cuts])
        least = np.minimum(low, 0.5 * value) if by_account else 0.5 * low
        assert lowest[cuts] == pytest.approx(least[cuts], abs=0.01)
        assert np.all(highest[cuts] >= value[cuts])
        assert np.isnan(lowest[:, -1]).all()
        assert np.isnan(highest[:, -1]).all()
    assert np.array_equal(before.values, after.values)
    assert np.array_equal(before.bounds.supported, after.bounds.supported)


def test_a_borrowed_interval_is_not_multiplied():
    """A thin cluster: its interval allows for what other clusters are like, so the wider of the two counts."""
    before = table(by_account=False, thin=5)
    after = widen(before, RedrawSpread(np.full((2, 4), 0.5), np.full((2, 4), 1.01)))
    assert before.bounds.supported[:, 0].tolist() == [True, False]
    assert after.bounds.low[0, 0] == 0.5 * before.bounds.low[0, 0]
    assert after.bounds.low[1, 0] == min(before.bounds.low[1, 0], 0.5 * before.values[1, 0])


def test_multiplied_intervals_take_the_factors_of_twice_the_tails():
    assert share_of(0.9, by_account=True) == 0.9
    assert share_of(0.9, by_account=False) == pytest.approx(0.8)
    assert share_of(0.4, by_account=False) == 0.0


def test_a_spread_of_one_changes_no_interval():
    before = table(by_account=False)
    same = widen(before, RedrawSpread(np.ones((2, 4)), np.ones((2, 4))))
    assert np.array_equal(same.bounds.low, before.bounds.low, equal_nan=True)
    assert np.array_equal(same.bounds.high, before.bounds.high, equal_nan=True)
