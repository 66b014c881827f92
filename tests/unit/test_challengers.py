"""The price of simplicity: losses are held out, and each contender wins where the world is made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tamscore.sections.backtest import challengers
from tamscore.sections.backtest.challengers import CONTENDERS, ChallengerRules, SampledCustomers

RULES = ChallengerRules((0.5, 0.9), 25, 20)


def world(rng, n, level_of, clusters=4):
    """Customers with two features, clusters that lie along the first, and log sales around a level."""
    x = rng.uniform(0, 1, (n, 2)).astype(np.float32)
    cluster = np.minimum((x[:, 0] * clusters).astype(np.int64), clusters - 1)
    logs = level_of(x, cluster) + 0.3 * rng.standard_normal(n)
    return SampledCustomers(x, cluster, logs, rng.permutation(n).astype(np.uint64))


def by_contender(found, line):
    return {one.contender: one for one in found if one.line == line}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_pinball_loss_is_least_at_the_quantile(rng, share):
    truth = rng.standard_normal(20_000)
    said = np.linspace(-3, 3, 121)
    mean = [challengers.pinball(truth, value, share).mean() for value in said]
    assert said[int(np.argmin(mean))] == pytest.approx(np.quantile(truth, share), abs=0.05)


@pytest.mark.parametrize("name", CONTENDERS)
def test_no_contender_looks_at_the_customers_it_is_asked_about(rng, name):
    customers = world(rng, 400, lambda x, _: x[:, 1])
    asked = np.arange(400) % 5 == 0
    spoilt = SampledCustomers(
        customers.features, customers.cluster, np.where(asked, 1e6, customers.logs), customers.lot
    )
    fair, blind = (CONTENDERS[name](those, ~asked, asked, RULES) for those in (customers, spoilt))
    assert fair.shape == (80, 2)
    assert np.array_equal(fair, blind)


def test_clusters_win_where_peers_are_what_counts(rng):
    found = by_contender(challengers.losses("end_user", world(rng, 1200, lambda _, c: 3.0 * (c % 2)), RULES), 0.9)
    assert found["no features"].high < -0.3, "knowing nothing costs"
    assert found["clusters"].below_method == 0
    assert found["clusters"].low == found["clusters"].high == 0
    assert found["boosted trees"].below_method < 0.05


def test_challengers_win_where_clusters_cannot_see_what_counts(rng):
    """Sales follow the second feature, clusters the first: the price of simplicity is high, and told."""
    found = by_contender(challengers.losses("end_user", world(rng, 1200, lambda x, _: 4.0 * x[:, 1]), RULES), 0.9)
    for name in ("boosted trees", "nearest neighbours"):
        assert found[name].low > 0.2
        assert found[name].low < found[name].below_method < found[name].high


def test_trees_learn_of_a_category_as_one_column_of_codes(rng):
    """Sales follow the level: trees that know levels as codes say what they say of columns of levels, or better."""
    code = rng.integers(0, 6, 1200)
    plain = world(rng, 1200, lambda _, c: 0.0 * c)
    logs = rng.standard_normal(6)[code] + 0.3 * rng.standard_normal(1200)
    hot = 0.7 * (code[:, None] == np.arange(6)).astype(np.float32)
    features = np.concatenate([plain.features, hot], axis=1)
    customers = SampledCustomers(features, plain.cluster, logs, plain.lot, (range(2, 8),))
    notices_of, numbers = challengers.with_codes(customers)
    assert numbers == 2
    assert np.array_equal(notices_of[:, :2], plain.features)
    assert np.array_equal(notices_of[:, 2], code)
    seen = np.arange(1200) % 5 != 0
    of_codes, of_columns = (
        challengers.pinball(logs[~seen], challengers.by_trees(one, seen, ~seen, RULES)[:, 1], 0.9).mean()
        for one in (customers, replace(customers, levels=()))
    )
    assert of_codes < 1.05 * of_columns


def test_a_category_of_very_many_levels_stays_as_it_is(rng):
    levels = (range(2), range(2, 2 + challengers.MOST_LEVELS + 1))
    features = rng.random((4, levels[-1].stop)).astype(np.float32)
    nothing = np.zeros(4)
    found, numbers = challengers.with_codes(SampledCustomers(features, nothing, nothing, nothing, levels))
    assert numbers == challengers.MOST_LEVELS + 1
    assert np.array_equal(found[:, :-1], features[:, 2:])


def test_losses_are_means_over_all_customers_and_gains_follow_from_them(rng):
    found = challengers.losses("channel", world(rng, 500, lambda x, _: x[:, 0]), RULES)
    for line in RULES.lines:
        each = by_contender(found, line)
        ours = each["clusters"].loss
        for one in each.values():
            assert one.customers == 500
            assert one.below_method == pytest.approx(1 - one.loss / ours)


def test_too_few_customers_are_not_compared(rng):
    assert challengers.losses("channel", world(rng, challengers.FEWEST - 1, lambda x, _: x[:, 0]), RULES) == []
