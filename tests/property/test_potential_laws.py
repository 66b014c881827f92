"""The laws of potential, from any sales to every account: through clusters' ladders, pooling, caps and boundaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import potential, whitespace
from tamscore.stages.account_ladder import cents_of
from tests.strategies import account_sales, cut_lines

HOST = HostBackend()
POLICIES = st.fixed_dictionaries(
    {
        "lines": cut_lines(),
        "top": st.sampled_from(["max", "p99", "p99.5", "next_step"]),
        "boundary": st.sampled_from(["at_or_below", "strictly_below"]),
        "min_customers": st.sampled_from([1, 5, 25]),
    }
)


@st.composite
def markets(draw):
    """Sales (m,) and cluster (m,) of accounts, at least one of them a customer."""
    sales = [*draw(account_sales()), draw(st.floats(0.01, 1e9))]
    label = [draw(st.integers(0, 2)) for _ in sales]
    return np.array(sales), np.array(label, np.int64)


def scored(sales, label, *, lines, top, boundary, min_customers):
    """Potential, whitespace and penetration of every account, and the ladders."""
    buys = sales > 0
    ordered = potential.sort_sales(HOST, sales[buys], label[buys], 3)
    parents = [("all", np.sort(sales[buys]))] * 3
    table = potential.potential_table(ordered, parents, lines, top, min_customers)
    return whitespace.value_accounts(np, sales, label, table.values, boundary), table


@given(market=markets(), policy=POLICIES)
def test_potential_covers_sales_and_whitespace_is_what_is_open(market, policy):
    sales, label = market
    money, _ = scored(sales, label, **policy)
    counted = np.where(sales > 0, sales, 0.0)
    assert (money.potential >= counted).all()
    assert (money.potential > 0).all(), "somebody buys, so every cluster has a ladder"
    assert (money.whitespace >= 0).all()
    assert np.array_equal(money.whitespace, money.potential - counted)
    assert np.array_equal(money.penetration, counted / money.potential)
    assert ((money.penetration >= 0) & (money.penetration <= 1)).all()


@given(market=markets(), policy=POLICIES)
def test_the_top_account_of_a_cluster_has_no_whitespace_unless_it_is_thin(market, policy):
    sales, label = market
    money, table = scored(sales, label, **policy)
    for cluster in np.flatnonzero(table.support >= policy["min_customers"]):
        here = np.flatnonzero((label == cluster) & (sales > 0))
        assert money.whitespace[here[np.argmax(sales[here])]] == 0


@given(market=markets(), policy=POLICIES)
def test_potential_does_not_fall_as_sales_rise_within_a_cluster(market, policy):
    sales, label = market
    money, _ = scored(sales, label, **policy)
    for cluster in range(3):
        here = label == cluster
        order = np.argsort(np.where(np.isnan(sales[here]), 0.0, sales[here]), kind="stable")
        assert (np.diff(money.potential[here][order]) >= 0).all()


@given(market=markets(), policy=POLICIES)
def test_equal_sales_have_equal_potential(market, policy):
    sales, label = market
    twice = np.concatenate((sales, sales)), np.concatenate((label, label))
    money, _ = scored(*twice, **policy)
    assert np.array_equal(money.potential[: len(sales)], money.potential[len(sales) :])


@given(market=markets(), policy=POLICIES, power=st.integers(-20, 20))
def test_another_currency_scales_every_potential(market, policy, power):
    """To the bit for powers of two where no ladder is pooled; else within the rounding of logarithms."""
    sales, label = market
    policy = policy | {"min_customers": 1}
    plain, scaled = (scored(sales * factor, label, **policy)[0] for factor in (1.0, 2.0**power))
    assert np.array_equal(scaled.potential, plain.potential * 2.0**power)
    assert np.array_equal(scaled.step, plain.step)


@given(market=markets(), policy=POLICIES, factor=st.floats(0.01, 100))
def test_any_factor_scales_every_ladder(market, policy, factor):
    """To the cent where ladders are pooled: their values are rounded."""
    sales, label = market
    (_, plain), (_, scaled) = (scored(sales * by, label, **policy) for by in (1.0, factor))
    cents = [cents_of(by * np.quantile(sales[sales > 0], 0.5, method="inverted_cdf")) for by in (1.0, factor)]
    capacity = 0.5 * factor / cents[0] + 0.5 / cents[1]
    np.testing.assert_allclose(scaled.values, plain.values * factor, rtol=1e-9, atol=1.01 * capacity)


@given(data=st.data(), market=markets(), policy=POLICIES)
def test_the_order_of_rows_changes_nothing(data, market, policy):
    sales, label = market
    order = np.array(data.draw(st.permutations(range(len(sales)))))
    plain, shuffled = scored(sales, label, **policy)[0], scored(sales[order], label[order], **policy)[0]
    assert shuffled.potential.tobytes() == plain.potential[order].tobytes()
    assert shuffled.whitespace.tobytes() == plain.whitespace[order].tobytes()


@given(market=markets(), policy=POLICIES)
def test_prospects_of_a_cluster_are_all_alike_and_stand_at_the_first_step(market, policy):
    sales, label = market
    money, table = scored(sales, label, **policy)
    prospects = ~(sales > 0)
    assert np.array_equal(money.potential[prospects], table.values[label[prospects], 0])
    assert (money.step[prospects] == 1).all()


@given(market=markets(), policy=POLICIES)
def test_more_prospects_change_no_ladder(market, policy):
    """Percentiles are taken over customers only."""
    sales, label = market
    table = scored(sales, label, **policy)[1]
    more = scored(np.append(sales, np.zeros(500)), np.append(label, np.zeros(500, np.int64)), **policy)[1]
    assert more.values.tobytes() == table.values.tobytes()
