"""The price of simplicity: losses are held out, and each contender wins where the world is made for it."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.sections.backtest import challengers
from tamscore.sections.backtest.challengers import CONTENDERS, Customers, Rules

RULES = Rules((0.5, 0.9), 25, 20)


def world(rng, n, level_of, clusters=4):
    """Customers with two features, clusters that lie along the first, and log sales around a level."""
    x = rng.uniform(0, 1, (n, 2)).astype(np.float32)
    cluster = np.minimum((x[:, 0] * clusters).astype(np.int64), clusters - 1)
    logs = level_of(x, cluster) + 0.3 * rng.standard_normal(n)
    return Customers(x, cluster, logs, rng.permutation(n).astype(np.uint64))


def told(found, line):
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
    spoilt = Customers(customers.features, customers.cluster, np.where(asked, 1e6, customers.logs), customers.lot)
    fair, blind = (CONTENDERS[name](those, ~asked, asked, RULES) for those in (customers, spoilt))
    assert fair.shape == (80, 2)
    assert np.array_equal(fair, blind)


def test_clusters_win_where_peers_are_what_counts(rng):
    found = told(challengers.losses("end_user", world(rng, 1200, lambda _, c: 3.0 * (c % 2)), RULES), 0.9)
    assert found["no features"].high < -0.3, "knowing nothing costs"
    assert found["clusters"].below_method == 0
    assert found["clusters"].low == found["clusters"].high == 0
    assert found["boosted trees"].below_method < 0.05


def test_challengers_win_where_clusters_cannot_see_what_counts(rng):
    """Sales follow the second feature, clusters the first: the price of simplicity is high, and told."""
    found = told(challengers.losses("end_user", world(rng, 1200, lambda x, _: 4.0 * x[:, 1]), RULES), 0.9)
    for name in ("boosted trees", "nearest neighbours"):
        assert found[name].low > 0.2
        assert found[name].low < found[name].below_method < found[name].high


def test_losses_are_means_over_all_customers_and_gains_follow_from_them(rng):
    found = challengers.losses("channel", world(rng, 500, lambda x, _: x[:, 0]), RULES)
    for line in RULES.lines:
        each = told(found, line)
        ours = each["clusters"].loss
        for one in each.values():
            assert one.customers == 500
            assert one.below_method == pytest.approx(1 - one.loss / ours)


def test_too_few_customers_are_not_compared(rng):
    assert challengers.losses("channel", world(rng, challengers.FEWEST - 1, lambda x, _: x[:, 0]), RULES) == []
