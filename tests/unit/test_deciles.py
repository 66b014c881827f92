"""Tenths of a ranking against growth: a planted relation is found, none is made up, every account is counted once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tamscore.sections.backtest import deciles
from tamscore.sections.backtest.accounts import BacktestAccounts
from tamscore.stages.draw import mix


def accounts(rng, n, growth_of):
    """Accounts with lognormal whitespace and sales, whose growth is a function of whitespace and noise."""
    hashes = np.sort(mix(np.arange(n, dtype=np.uint64)))
    whitespace, sales = rng.lognormal(5, 1, n), rng.lognormal(6, 1, n)
    growth = growth_of(whitespace, rng.standard_normal(n))
    return BacktestAccounts(hashes, np.zeros(n, np.int8), np.zeros(n, np.int32), sales, whitespace, sales + growth)


def by(found, name):
    return [one for one in found if one.ranked_by == name]


def test_a_planted_relation_is_found_and_the_lot_finds_nothing(rng):
    those = accounts(rng, 5000, lambda whitespace, noise: 0.3 * whitespace + 20 * noise)
    found = deciles.tenths("expansion", those, 0)
    ranked, lot = by(found, "whitespace"), by(found, "lot")
    mean = those.growth.mean()
    assert all(one.growth > after.growth for one, after in pairwise(ranked))
    assert ranked[0].growth_low > 2 * mean
    assert ranked[-1].growth_high < mean
    assert sum(one.growth_low <= mean <= one.growth_high for one in lot) >= 8
    assert deciles.rank_correlation(those) > 0.5


def test_where_growth_is_noise_whitespace_does_no_better_than_the_lot(rng):
    those = accounts(rng, 5000, lambda _, noise: 20 * noise)
    for name in ("whitespace", "lot", "sales"):
        inside = [one.growth_low <= 0 <= one.growth_high for one in by(deciles.tenths("expansion", those, 0), name)]
        assert sum(inside) >= 8
    assert abs(deciles.rank_correlation(those)) < 0.05


@pytest.mark.parametrize("kind", ["expansion", "acquisition"])
def test_every_account_stands_in_one_tenth_of_each_ranking(rng, kind):
    those = accounts(rng, 1234, lambda whitespace, noise: whitespace * noise)
    found = deciles.tenths(kind, those, 0)
    assert {one.ranked_by for one in found} == {"whitespace", "lot"} | ({"sales"} if kind == "expansion" else set())
    for name in {one.ranked_by for one in found}:
        each = by(found, name)
        assert [one.tenth for one in each] == list(range(1, 11))
        assert sum(one.accounts for one in each) == 1234
        assert max(one.accounts for one in each) - min(one.accounts for one in each) <= 1
        for measure in ("whitespace", "sales", "realised", "growth"):
            total = sum(one.accounts * getattr(one, measure) for one in each)
            assert total == pytest.approx(getattr(those, measure).sum())


def test_equal_accounts_are_ranked_by_lot_and_not_by_where_they_stand(rng):
    """All prospects of a cluster have one whitespace: their tenths must not follow the order of the table."""
    those = accounts(rng, 2000, lambda _, noise: noise)
    alike = BacktestAccounts(**(vars(those) | {"whitespace": np.ones(2000)}))
    whitespace, lot = (by(deciles.tenths("acquisition", alike, 0), name) for name in ("whitespace", "lot"))
    assert [one.growth for one in whitespace] == [one.growth for one in lot]


def test_too_few_accounts_make_no_tenths(rng):
    assert deciles.tenths("expansion", accounts(rng, 9, lambda _, noise: noise), 0) == []
    assert np.isnan(deciles.rank_correlation(accounts(rng, 1, lambda _, noise: noise)))


@pytest.mark.parametrize("n", [60, 2500])
def test_intervals_of_means_hold_as_often_as_they_say(rng, n):
    """More values than bins, and fewer."""
    held = 0
    for _ in range(200):
        values = rng.normal(3, 2, n)
        low, high = deciles.mean_interval(values, rng.permutation(n) % deciles.BINS)
        held += low <= 3 <= high
    assert 0.89 <= held / 200 <= 0.99


def test_a_second_look_sees_the_same(rng):
    those = accounts(rng, 700, lambda whitespace, noise: whitespace * noise)
    assert deciles.tenths("expansion", those, 3) == deciles.tenths("expansion", those, 3)
    assert deciles.tenths("expansion", those, 3) != deciles.tenths("expansion", those, 4)
