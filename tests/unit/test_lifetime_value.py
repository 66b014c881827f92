"""Lifetime value by hand, the flaws of the seed formula, and retention that thin clusters borrow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.sections.lifetime_value import forms, pace
from tamscore.sections.lifetime_value import worth as ltv

NAN = float("nan")


def dcf(backend, sales, margin=1.0, months=12.0, retention=0.8, discount=0.1, horizon=36, days=0.0):
    sales = np.atleast_1d(np.array(sales, float))
    given = (np.broadcast_to(np.array(one, float), sales.shape).copy() for one in (sales, margin, days))
    bought, share, since = (backend.put(one) for one in given)
    label, worth = backend.put(np.zeros(len(sales), np.int64)), ltv.annuity([retention], discount, horizon)
    monthly = ltv.monthly_margin(backend.xp, bought, share, months)
    recent = ltv.recency(backend.xp, since, 180.0)
    return backend.get(ltv.dcf(backend.xp, monthly, recent, label, backend.put(worth)))


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


def test_orders_of_half_a_year_tell_of_half_a_year(backend):
    assert dcf(backend, 300.0, months=6.0) == pytest.approx(dcf(backend, 600.0))


def test_six_usual_gaps_without_an_order_leave_a_customer_little_of_its_value(backend):
    found = dcf(backend, [100.0] * 4, days=[0.0, 180.0, 360.0, np.inf])
    assert found / found[0] == pytest.approx([1.0, np.exp(-1), np.exp(-2), 0.0])


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 700), st.integers(0, 2)), min_size=1, max_size=40),
    st.floats(30, 900),
)
def test_the_scale_of_recency_keeps_the_total(rows, tau):
    """The last cluster has no retention, and so no part in it."""
    sales, days, label = (np.array(column) for column in zip(*rows, strict=True))
    worth = np.array([20.0, 5.0, NAN])
    recent = sales * np.exp(-days / tau)
    sums = [np.bincount(label, weights=each, minlength=3) for each in (sales, recent)]
    scale = ltv.recency_scale(worth, *sums)
    known = label < 2
    plain = (sales * worth[label])[known].sum()
    assert (scale * recent * worth[label])[known].sum() == pytest.approx(plain) or plain == 0


def test_what_is_unknown_stays_unknown(backend):
    assert np.isnan(dcf(backend, [NAN, 1.0], margin=[1.0, NAN])).all()


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


@given(st.lists(st.lists(st.integers(1, 60), max_size=90), max_size=4))
def test_the_pace_is_six_times_the_median_gap_however_gaps_are_counted(parts):
    every = [gap for part in parts for gap in part]
    found = pace.pace([pace.gap_counts(np.array(part, np.int64)) for part in [*parts, []]])
    assert found.gaps == len(every)
    median = np.quantile(every, 0.5, method="inverted_cdf") if len(every) >= 100 else 30
    assert found.tau == 6 * median


@pytest.mark.parametrize(("days", "covered"), [(1, 1), (183, 183 / 30.4375), (365, 365 / 30.4375), (3650, 12)])
def test_orders_cover_the_months_since_the_first_of_them_twelve_at_most(days, covered):
    assert pace.covered_months(1000, 999 + days) == pytest.approx(covered)


@pytest.mark.parametrize(
    ("months", "window", "horizon", "held"),
    [(9, 3, 9, 3), (6, 3, 6, 1), (24, 12, 36, 1), (36, 12, 36, 12), (90, 12, 36, 12), (60, 12, 2, 2), (13, 12, 36, 0),
     (14, 12, 36, 1)],
)  # fmt: skip
def test_what_two_windows_of_retention_leave_is_held_out(months, window, horizon, held):
    assert pace.held_out_months(0, round(months * 30.4375), window, horizon) == held


def form_of(retention_error, spend_error):
    records = [{} if error is None else {"penalised_error": error} for error in (retention_error, spend_error)]
    return forms.better_form(dict(zip(forms.FORMS, records, strict=True)))


@pytest.mark.parametrize(
    ("retention", "spend", "form"),
    [(10, 9.6, "retention"), (10, 9.4, "spend"), (9, 10, "retention"), (None, 5, "spend"), (None, None, "retention")],
)
def test_spend_takes_over_where_it_is_clearly_better(retention, spend, form):
    assert form_of(retention, spend) == form


def test_the_error_of_a_form_is_penalised_by_the_factor_of_its_total():
    found = forms.form_record(np.array([10.0, 0.0, NAN]), np.array([5.0, 15.0, 99.0]))
    assert found == {"total_to_spent": 0.5, "mean_error": 10.0, "penalised_error": 20.0}
    assert "penalised_error" not in forms.form_record(np.zeros(2), np.ones(2))


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
