"""The laws of potential at level account, from any sales and levels to every account."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import potential, whitespace
from tests.strategies import account_sales, cut_lines

HOST, K = HostBackend(), 3
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
    """Sales, typical sales and cluster (m,) of accounts, at least one of them a customer."""
    sales = [*draw(account_sales()), draw(st.floats(0.01, 1e9))]
    typical = draw(st.lists(st.floats(2.0**-10, 1e9, width=32), min_size=len(sales), max_size=len(sales)))
    label = [draw(st.integers(0, K - 1)) for _ in sales]
    return np.array(sales), np.array(typical, np.float32), np.array(label, np.int64)


def ladders(sales, typical, label, *, lines, top, min_customers, **_):
    buys = sales > 0
    ordered = potential.sort_sales(HOST, sales[buys], label[buys], K, typical[buys])
    parents, relative = [("all", np.sort(ordered.sales))] * K, [("all", np.sort(ordered.relative.sales))] * K
    median = float(np.median(sales[buys]))
    return potential.account_table(ordered, parents, relative, np.full(K, median), median, lines, top, min_customers)


def value(market, table, boundary):
    sales, typical, label = market
    return whitespace.value_by_level(np, sales, typical, label, table.account, boundary)


@given(market=markets(), policy=POLICIES)
def test_potential_covers_sales_and_whitespace_is_what_is_open(market, policy):
    sales = market[0]
    money = value(market, ladders(*market, **policy), policy["boundary"])
    counted = np.where(sales > 0, sales, 0.0)
    assert (money.potential >= counted).all()
    assert (money.whitespace >= 0).all()
    assert np.array_equal(money.whitespace, money.potential - counted)


@given(market=markets(), policy=POLICIES)
def test_the_customer_that_buys_most_over_its_level_has_no_whitespace_unless_its_cluster_is_thin(market, policy):
    sales, typical, label = market
    table = ladders(*market, **policy)
    money = value(market, table, policy["boundary"])
    for cluster in np.flatnonzero(table.support >= policy["min_customers"]):
        here = np.flatnonzero((label == cluster) & (sales > 0))
        top = here[np.argmax(sales[here] / typical[here])]
        assert money.whitespace[top] <= 1e-14 * sales[top]


@given(market=markets(), policy=POLICIES)
def test_no_step_lies_above_the_largest_sales_that_its_ladder_comes_from(market, policy):
    money = value(market, ladders(*market, **policy), policy["boundary"])
    assert (money.potential <= np.nanmax(market[0])).all()


@given(market=markets(), policy=POLICIES, factors=st.lists(st.floats(1, 1e6), min_size=1, max_size=5))
def test_more_own_sales_never_lower_the_own_potential(market, policy, factors):
    sales, typical, label = market
    table = ladders(*market, **policy)
    rising = np.sort(np.append(0.0, sales[-1] * np.array(factors)))
    alike = np.full(len(rising), typical[-1]), np.full(len(rising), label[-1])
    assert (np.diff(value((rising, *alike), table, policy["boundary"]).potential) >= 0).all()


@given(market=markets(), policy=POLICIES)
def test_a_price_twice_as_high_doubles_every_potential_to_the_cent(market, policy):
    sales, typical, label = market
    once, twice = (ladders(sales * f, typical * np.float32(f), label, **policy) for f in (1.0, 2.0))
    one = value(market, once, policy["boundary"]).potential
    two = value((2 * sales, 2 * typical, label), twice, policy["boundary"]).potential
    assert (np.abs(two - 2 * one) <= 2 / once.account.cents + 1e-9 * one).all()


@given(market=markets(), policy=POLICIES, seed=st.integers(0, 99))
def test_order_changes_nothing(market, policy, seed):
    order = np.random.default_rng(seed).permutation(len(market[0]))
    one = value(market, ladders(*market, **policy), policy["boundary"]).potential
    shuffled = tuple(column[order] for column in market)
    other = value(shuffled, ladders(*shuffled, **policy), policy["boundary"]).potential
    assert one[order].tobytes() == other.tobytes()


@given(market=markets(), policy=POLICIES)
def test_each_account_has_its_own_step_by_its_sales_over_its_level(market, policy):
    """Against a computation account by account."""
    sales, typical, label = market
    table = ladders(*market, **policy)
    ladder, money = table.account, value(market, table, policy["boundary"])
    assert ladder is not None
    for i, own in enumerate(np.where(sales > 0, sales, 0.0)):
        multiples, cap = ladder.multiples[label[i]], ladder.cap[label[i]]
        over = own / float(typical[i])
        reached = [m for m in multiples[:-1] if (m >= over if policy["boundary"] == "at_or_below" else m > over)]
        multiple = min(reached) if reached else multiples[-1]
        wanted = max(own, min(float(typical[i]) * multiple, cap))
        assert abs(money.potential[i] - wanted) <= 1 / ladder.cents + 1e-12 * wanted
        assert money.step[i] == 1 + len(multiples[:-1]) - len(reached)
