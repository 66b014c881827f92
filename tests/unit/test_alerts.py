"""An alert names an account that moves while its peers do not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tamscore.scoring.by_cluster import quantile_by_cluster
from tamscore.sections.alerts import churn as alerts
from tamscore.sections.alerts import renewals

NAN = float("nan")


def churned(backend, sales, before, median, drop=0.3):
    label = np.arange(len(sales))
    now, then, usual = (backend.put(np.array(one, float)) for one in (sales, before, median))
    found = alerts.churns(backend.xp, now, then, backend.put(label), usual, drop)
    return backend.get(found).tolist()


def test_who_fell_by_more_than_the_drop_and_still_buys_is_reported(backend):
    assert (
        churned(backend, [70.0, 69.9, 0.01, 0.0, NAN, -5.0], [100.0] * 6, [1.0] * 6)
        == [False, True, True] + [False] * 3
    )


@pytest.mark.parametrize(
    ("sales", "trailing", "before", "state"),
    [
        (5.0, 5.0, 9.0, "customer"),
        (0.0, 0.0, 9.0, "left"),
        (-1.0, -1.0, 9.0, "left"),
        (NAN, NAN, 9.0, "left"),
        (5.0, 0.0, 9.0, "left"),
        (5.0, NAN, NAN, "customer"),
        (5.0, 0.0, 0.0, "customer"),
        (0.0, 5.0, NAN, "customer"),
        (0.0, 0.0, 0.0, "prospect"),
        (NAN, NAN, NAN, "prospect"),
        (-5.0, NAN, -1.0, "prospect"),
    ],
)
def test_an_account_buys_has_left_or_never_bought(backend, sales, trailing, before, state):
    """By the sales of twelve months where they are known, else by the market's."""
    given = (backend.put(np.array([one])) for one in (sales, trailing, before))
    assert alerts.STATES[int(backend.get(alerts.states(backend.xp, *given))[0])] == state


def test_a_renewal_is_due_from_the_first_to_the_last_day_for_customers(backend):
    due = renewals.Renewals.between("ends", date(1970, 1, 11), 5)
    assert due.record == {"from": "1970-01-11", "until": "1970-01-16"}
    days = np.array([9, 10, 15, 16, renewals.NEVER, 12], np.int32)
    buys = np.array([True, True, True, True, True, False])
    found = backend.get(renewals.due(backend.put(days), backend.put(buys), due))
    assert found.tolist() == [False, True, True, False, False, False]
    assert renewals.as_dates(days).to_pylist()[:5:4] == [date(1970, 1, 10), None]


def test_nobody_is_reported_where_the_whole_cluster_fell(backend):
    assert churned(backend, [1.0, 1.0, 1.0], [100.0] * 3, [0.7, 0.69, NAN]) == [True, False, False]


def test_who_bought_nothing_before_cannot_leave(backend):
    assert churned(backend, [0.0, 0.0, 0.0], [0.0, NAN, -3.0], [1.0] * 3) == [False] * 3


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_quantiles_within_clusters_are_the_observed_values_of_numpy(backend, rng, share):
    values, label = rng.normal(size=400).round(1), rng.integers(0, 5, 400)
    found = quantile_by_cluster(backend, values, label, 6, share)
    expected = [np.quantile(values[label == c], share, method="inverted_cdf") for c in range(5)]
    assert found[:5].tolist() == expected
    assert np.isnan(found[5])


def test_an_intent_feature_speaks_above_the_usual_change_only(backend):
    change, label = np.array([5.0, 5.1, 5.1, 0.0, -1.0, NAN]), np.array([0, 0, 1, 2, 2, 0])
    usual = backend.put(np.array([5.0, NAN, -2.0]))
    found = alerts.intends(backend.xp, backend.put(change), backend.put(label), usual)
    assert backend.get(found).tolist() == [False, True, False, False, False, False]


def test_renewals_end_with_the_last_day_that_there_is():
    due = renewals.Renewals.between("ends", date(9999, 12, 1), 90)
    assert due.record == {"from": "9999-12-01", "until": "9999-12-31"}
