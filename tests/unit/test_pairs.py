"""Customers of equal sales: a planted effect is found, none is made up, and every figure is counted again by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from tamscore.sections.backtest import pairs
from tamscore.sections.backtest.accounts import BacktestAccounts
from tamscore.stages.account_ladder import AccountLadder
from tamscore.stages.draw import mix

CUTS = np.array([[100.0, 200.0], [300.0, 400.0], [300.0, 900.0]])


def party(account: AccountLadder | None = None) -> Any:
    return SimpleNamespace(
        name="end_user", ids=("E02", "E01", "E05"), table=SimpleNamespace(values=CUTS, account=account)
    )


def customers(rng, n, later_of, typical=None):
    hashes = np.sort(mix(np.arange(n, dtype=np.uint64)))
    cluster, sales = rng.choice([1, 2, 5], n), np.round(rng.lognormal(5, 1, n), 0) + 1.0
    potential = np.where(cluster == 2, 100.0, 300.0)
    realised = later_of(potential, sales, rng.standard_normal(n))
    return BacktestAccounts(hashes, np.zeros(n, np.int8), cluster.astype(np.int32), sales, sales, realised, typical)


def by_hand(those):
    """The share of pairs, account by account."""
    rows = sorted(zip(those.sales, those.hashes, those.cluster, those.realised, strict=True))
    won, counted = 0.0, 0
    for (_, _, one, mine), (_, _, other, theirs) in zip(rows[0::2], rows[1::2], strict=False):
        cut = {2: 100.0, 1: 300.0, 5: 300.0}
        if cut[one] == cut[other]:
            continue
        counted += 1
        ahead = mine - theirs if cut[one] > cut[other] else theirs - mine
        won += 1.0 if ahead > 0 else 0.5 if ahead == 0 else 0.0
    return won / counted, counted


@pytest.mark.parametrize("n", [401, 1000])
def test_the_share_is_that_of_a_count_by_hand(rng, n):
    those = customers(rng, n, lambda p, s, noise: np.maximum(s + 0.1 * p + 50 * noise, 0.0).round(-2))
    found = pairs.pairs_of(party(), those)
    assert (found.share, found.pairs) == pytest.approx(by_hand(those))
    assert found.half_width == pytest.approx(0.98 / np.sqrt(found.pairs))


def test_an_effect_of_potential_is_found_however_large_that_of_size(rng):
    found = pairs.pairs_of(party(), customers(rng, 4000, lambda p, s, noise: 20 * s + 0.5 * p + 50 * noise))
    assert found.verdict == "yes"
    opposite = pairs.pairs_of(party(), customers(rng, 4000, lambda p, s, noise: s - 0.5 * p + 50 * noise))
    assert opposite.verdict == "opposite"
    assert opposite.partial is not None
    assert opposite.partial < -0.3


def test_where_later_sales_follow_size_alone_there_is_no_effect(rng):
    found = [pairs.pairs_of(party(), customers(rng, 1000, lambda p, s, noise: s * np.exp(noise))) for _ in range(40)]
    assert sum(one.verdict == "no" for one in found) >= 36
    assert np.mean([one.share or 0.0 for one in found]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([one.partial or 0.0 for one in found]) == pytest.approx(0.0, abs=0.02)


def test_fewer_than_400_customers_get_no_verdict(rng):
    found = pairs.pairs_of(party(), customers(rng, 399, lambda p, s, noise: s + p))
    assert found.share is not None
    assert found.verdict == "too few"


def test_equal_potentials_make_no_pair(rng):
    those = customers(rng, 600, lambda p, s, noise: s)
    alike = those.at(those.cluster != 2)
    found = pairs.pairs_of(party(), alike)
    assert (found.pairs, found.share, found.partial, found.verdict) == (0, None, None, "too few")


def test_the_order_of_accounts_decides_nothing_but_by_their_hashes(rng):
    those = customers(rng, 500, lambda p, s, noise: (s + p + noise).round())
    assert pairs.pairs_of(party(), those.at(rng.permutation(500))) == pairs.pairs_of(party(), those)


def test_at_level_account_the_first_cut_is_that_of_typical_sales(rng):
    ladder = AccountLadder(np.array([[2.0, 3.0]] * 3), CUTS, CUTS, np.array([50.0, 1e9, 1e9]), np.ones(3), 100.0)
    typical = np.linspace(10.0, 500.0, 500)
    those = customers(rng, 500, lambda p, s, noise: s, typical)
    cuts = pairs.first_cuts(party(ladder), those)
    assert cuts == pytest.approx(np.where(those.cluster == 2, np.minimum(2 * typical, 50.0), 2 * typical), abs=0.01)


def test_partial_correlation_is_that_of_residuals_of_ranks(rng):
    z = rng.standard_normal(500)
    x, y = z + rng.standard_normal(500), z + rng.standard_normal(500)
    a, b, c = (rankdata(one) for one in (x, y, z))
    left, right = (np.array(one - np.polyval(np.polyfit(c, one, 1), c), float) for one in (a, b))
    assert pairs.partial_correlation(x, y, z) == pytest.approx(np.corrcoef(left, right)[0, 1])
    assert pairs.partial_correlation(x, np.ones(500), z) is None
