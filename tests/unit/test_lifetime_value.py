"""Lifetime value by hand, the flaws of the seed formula, and retention that thin clusters borrow."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.sections.lifetime_value import worth as ltv

NAN = float("nan")


def dcf(backend, sales, margin=1.0, months=12.0, retention=0.8, discount=0.1, horizon=36):
    sales = np.atleast_1d(np.array(sales, float))
    given = (np.broadcast_to(np.array(one, float), sales.shape).copy() for one in (sales, margin, months))
    bought, share, spread = (backend.put(one) for one in given)
    label, worth = backend.put(np.zeros(len(sales), np.int64)), ltv.annuity([retention], discount, horizon)
    return backend.get(ltv.dcf(backend.xp, bought, share, spread, label, backend.put(worth)))


def seed36(backend, revenue, dates):
    given = (backend.put(np.array(one, float)) for one in (revenue, dates))
    return backend.get(ltv.seed36(backend.xp, *given))


def test_value_is_the_sum_that_the_method_writes_down(backend):
    """12,000 a year at a margin of 30 % are 300 a month."""
    by_hand = sum(300 * ((0.8 ** (1 / 12)) / (1.1 ** (1 / 12))) ** t for t in range(1, 37))
    assert dcf(backend, 12_000.0, margin=0.3) == pytest.approx([by_hand])


def test_who_never_leaves_is_worth_every_month_in_full(backend):
    assert dcf(backend, 12.0, retention=1.0, discount=0.0, horizon=24) == pytest.approx([24.0])


def test_who_leaves_at_once_is_worth_nothing_and_so_are_net_returns(backend):
    assert dcf(backend, 12.0, retention=0.0).tolist() == [0.0]
    assert dcf(backend, -5.0).tolist() == [0.0]


def test_young_customers_are_not_taken_to_have_bought_for_a_year(backend):
    assert dcf(backend, [300.0, 300.0], months=[3.0, 12.0]) == pytest.approx(dcf(backend, [1200.0, 300.0]))


def test_what_is_unknown_stays_unknown(backend):
    assert np.isnan(dcf(backend, [NAN, 1.0, 1.0], margin=[1.0, NAN, 1.0], months=[1.0, 1.0, NAN])).all()


def test_the_seed_formula_gives_a_weekly_buyer_four_times_too_little(backend):
    """10 a week for three years are 1,560; the formula says one order a month."""
    assert 3 * 52 * 10 / seed36(backend, [520.0], [52])[0] == pytest.approx(4.33, abs=0.01)


def test_the_seed_formula_gives_a_yearly_buyer_twelve_times_too_much(backend):
    assert seed36(backend, [1000.0], [1])[0] / (3 * 1000) == 12.0


def test_36_flat_months_overstate_by_57_percent_at_80_percent_retention_and_10_percent_discount(backend):
    """A monthly buyer is the one that the formula counts right; it forgets that customers leave and money waits."""
    assert seed36(backend, [1200.0], [12])[0] / dcf(backend, 1200.0)[0] - 1 == pytest.approx(0.57, abs=0.005)


def test_nobody_who_never_ordered_has_a_seed_value(backend):
    assert np.isnan(seed36(backend, [0.0], [0])).all()


@pytest.mark.parametrize(("days", "least", "months"), [(0, 1, 1), (0, 3, 3), (365, 1, 365 / 30.4375), (3650, 1, 12)])
def test_months_since_the_first_order_lie_between_the_least_and_twelve(backend, days, least, months):
    found = ltv.active_months(backend.xp, backend.put(np.array([days], float)), float(least))
    assert backend.get(found) == pytest.approx([months])


def test_retention_of_clusters_that_differ_by_chance_alone_is_that_of_all():
    found = ltv.shrunk_retention([8, 16, 80], [10, 20, 100])
    assert found.weight == np.inf
    assert found.shrunk == pytest.approx([0.8, 0.8, 0.8])


def test_retention_of_clusters_that_differ_beyond_chance_is_nearly_their_own_where_they_are_thick():
    found = ltv.shrunk_retention([9000, 5000, 1], [10_000, 10_000, 2])
    assert found.shrunk[:2] == pytest.approx([0.9, 0.5], abs=0.001)
    assert found.own[2] == 0.5 < found.shrunk[2] < found.overall


def test_the_weight_is_that_of_the_prior_the_clusters_were_drawn_from(rng):
    """2,000 clusters from a beta prior of weight 30: the moments find it again."""
    customers = rng.integers(5, 200, 2000)
    stayed = rng.binomial(customers, rng.beta(0.7 * 30, 0.3 * 30, 2000))
    assert ltv.shrunk_retention(stayed, customers).weight == pytest.approx(30, rel=0.1)


def test_shrunk_retention_is_nearer_to_the_truth_than_that_of_the_clusters_themselves(rng):
    truth = rng.beta(14, 6, 500)
    customers = rng.integers(2, 40, 500)
    found = ltv.shrunk_retention(rng.binomial(customers, truth), customers)
    errors = [np.mean((rates - truth) ** 2) for rates in (found.shrunk, found.own, np.full(500, found.overall))]
    assert errors[0] < 0.6 * min(errors[1:])


def test_a_cluster_without_customers_has_the_rate_of_all_and_none_of_its_own():
    found = ltv.shrunk_retention([5, 0], [10, 0])
    assert np.isnan(found.own[1])
    assert found.shrunk[1] == found.overall == 0.5


def test_a_share_over_a_quarter_is_taken_to_the_year():
    found = ltv.shrunk_retention([9], [10], months=3)
    assert found.overall == pytest.approx(0.9**4)
    assert found.shrunk == pytest.approx([0.9**4])


def test_without_customers_there_is_no_retention():
    assert ltv.shrunk_retention([0, 0], [0, 0]) is None


def test_where_all_or_nobody_stays_there_is_nothing_to_tell_clusters_apart():
    assert ltv.shrunk_retention([3, 5], [3, 5]).shrunk.tolist() == [1.0, 1.0]
    assert ltv.shrunk_retention([0, 0], [3, 5]).shrunk.tolist() == [0.0, 0.0]
