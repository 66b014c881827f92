"""The input of two runs compared: figures by slow and obvious means, and the limits at their edges."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tamscore.model.earlier import account_sales
from tamscore.stages.input_change import InputChange, broken_limits, compare, limits_after

MARKETS = st.dictionaries(st.integers(0, 60), st.sampled_from([0.0, -5.0, 0.01, 1.0, 7.5, 700.0, 1e9]), max_size=60)
QUIET = InputChange(1000, 1010, 10, 20, 200, 205, 5e6, 5.2e6, 900.0, 905.0, 190, 0.97, 0.0)


def accounts_of(sales, parts=1):
    """The accounts of a market given as sales by account number, cut into so many parts."""
    ids = np.array(list(sales), np.uint64)
    amounts = np.array(list(sales.values()), np.float64)
    edges = [len(ids) * i // parts for i in range(parts + 1)]
    cut = [slice(first, last) for first, last in pairwise(edges)]
    return account_sales([ids[one] for one in cut], [amounts[one] for one in cut])


@given(before=MARKETS, now=MARKETS, parts=st.integers(1, 5), seed=st.integers(0, 9))
def test_figures_are_those_of_plain_sets_for_any_order_and_any_parts(before, now, parts, seed):
    order = np.random.default_rng(seed).permutation(len(now))
    shuffled = {list(now)[i]: list(now.values())[i] for i in order}
    change = compare(accounts_of(before, parts), accounts_of(shuffled, parts))
    assert change == compare(accounts_of(before), accounts_of(now))
    buys = [{name for name, amount in market.items() if amount > 0} for market in (before, now)]
    assert (change.gone, change.new) == (len(before.keys() - now.keys()), len(now.keys() - before.keys()))
    assert (change.customers_before, change.customers_now, change.both) == (*map(len, buys), len(buys[0] & buys[1]))
    assert change.sales_now == pytest.approx(sum(now[name] for name in buys[1]))
    assert change.median_before == (np.median([before[name] for name in buys[0]]) if buys[0] else None)
    assert (change.correlation is None) is (change.hundredfold is None) is (change.both < 100)


@pytest.mark.parametrize("seed", range(3))
def test_correlation_and_share_of_hundredfold_are_over_accounts_that_buy_in_both(seed):
    random = np.random.default_rng(seed)
    before = dict(enumerate(random.lognormal(5, 2, 400).round(2)))
    now = {i: amount * random.choice([1.0, 1.1, 0.01, 100.0, 0.0]) for i, amount in before.items() if i % 7}
    change = compare(accounts_of(before), accounts_of(now))
    both = [i for i in now if now[i] > 0]
    assert change.both == len(both)
    assert change.correlation == pytest.approx(spearmanr([before[i] for i in both], [now[i] for i in both]).statistic)
    far = [i for i in both if not 0.02 < now[i] / before[i] < 50]
    assert change.hundredfold == pytest.approx(len(far) / len(both))


@pytest.mark.parametrize(
    ("days", "gone", "sales"), [(None, 0.03, 1.5), (-4, 0.03, 1.5), (7, 0.0323, 1.5), (45, 0.045, 1.5), (90, 0.06, 2.0)]
)
def test_limits_widen_with_the_days_since_the_run_before(days, gone, sales):
    limits = limits_after(days, None, 0.15, None)
    assert (round(limits.gone, 4), limits.customers, limits.sales) == (gone, 0.15, sales)
    set_by_hand = limits_after(days, 0.5, 0.3, 7.0)
    assert (set_by_hand.gone, set_by_hand.customers, set_by_hand.sales) == (0.5, 0.3, 7.0)


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("accounts", {"gone": 30}, {"gone": 31}),
        ("customers", {"customers_now": 230}, {"customers_now": 231}),
        ("customers", {"customers_now": 170}, {"customers_now": 169}),
        ("sales", {"sales_now": 7.5e6}, {"sales_now": 7.6e6}),
        ("sales", {"median_now": 600.0}, {"median_now": 599.0}),
        ("sales", {"median_now": 901.0}, {"median_now": None}),
        ("ids", {"correlation": 0.4}, {"correlation": 0.39}),
        ("ids", {"correlation": None}, {"correlation": -1.0}),
        ("ids", {"correlation": None, "both": 60}, {"correlation": None, "both": 55}),
        (
            "ids",
            {"correlation": None, "customers_before": 99, "customers_now": 99, "both": 5},
            {"correlation": None, "both": 0},
        ),
        ("unit", {"hundredfold": 0.03}, {"hundredfold": 0.031}),
    ],
)
def test_a_limit_is_broken_beyond_it_and_not_at_it(name, within, beyond):
    limits = limits_after(0, None, 0.15, None)
    assert list(broken_limits(QUIET, limits)) == []
    assert list(broken_limits(replace(QUIET, **within), limits)) == []
    assert list(broken_limits(replace(QUIET, **beyond), limits)) == [name]


def test_a_run_before_without_accounts_or_customers_breaks_nothing():
    nothing = accounts_of({})
    change = compare(nothing, accounts_of({1: 5.0, 2: 0.0}))
    assert list(broken_limits(replace(change, customers_now=0), limits_after(0, None, 0.15, None))) == []
    assert (change.gone, change.new, change.gone_share) == (0, 2, 0.0)
