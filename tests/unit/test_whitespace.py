"""Potential, whitespace and rank of every account: the laws of the method, and a plain sort as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import potential, whitespace
from tamscore.stages.interval import Bounds
from tamscore.stages.potential import CustomerSales, PotentialTable
from tamscore.stages.rank_order import rank_order
from tests import oracle
from tests.standing import standing_of
from tests.strategies import account_sales, customer_sales, cut_lines

HOST = HostBackend()
NAN = float("nan")
P85 = (0.85, 0.90, 0.95)


def valued(backend, sales, values, boundary="at_or_below", label=None):
    """The money of accounts under ladders, on the host."""
    label = np.zeros(len(sales), np.int64) if label is None else np.array(label)
    put = backend.put
    money = whitespace.value_accounts(
        backend.xp, put(np.array(sales, float)), put(label), put(np.array(values, float)), boundary
    )
    return [backend.get(column) for column in (money.potential, money.whitespace, money.penetration, money.step)]


def market(sales, label, clusters, lines=P85, top="max", boundary="at_or_below"):
    """Sorted customers' sales, ladders without pooling, and how everyone stands."""
    sales, label = np.array(sales, float), np.array(label, np.int64)
    buys = sales > 0
    ordered = potential.sort_sales(HOST, sales[buys], label[buys], clusters)
    parents = [("all", np.sort(sales[buys]))] * clusters
    table = potential.potential_table(ordered, parents, lines, top, 1)
    prospects = np.bincount(label[~buys], minlength=clusters)
    return ordered, table, whitespace.stand(ordered, prospects, table, boundary)


# potential and whitespace


def test_golden_case(backend):
    """Sales 1 … 100 under p85: 85 accounts reach 85, five each 90, 95 and 100."""
    sales = np.arange(1.0, 101.0)
    found, open_, penetration, step = valued(backend, sales, [potential.ladder(sales, P85, "max")])
    assert {value: int((found == value).sum()) for value in np.unique(found)} == {85: 85, 90: 5, 95: 5, 100: 5}
    assert np.bincount(step).tolist() == [0, 85, 5, 5, 5]
    assert np.array_equal(open_, found - sales)
    assert penetration == pytest.approx(sales / found)


def test_every_odd_account_by_the_table_of_the_method(backend):
    steps = [[10.0, 20.0, 20.0, 40.0]]
    sales = [0.0, NAN, -5.0, 10.0, 10.5, 20.0, 20.5, 40.0, 41.0]
    found, open_, penetration, step = valued(backend, sales, steps)
    assert found.tolist() == [10, 10, 10, 10, 20, 20, 40, 40, 41]
    assert open_.tolist() == [10, 10, 10, 0, 9.5, 0, 19.5, 0, 0]
    assert penetration.tolist() == [0, 0, 0, 1, 10.5 / 20, 1, 20.5 / 40, 1, 1]
    assert step.tolist() == [1, 1, 1, 1, 2, 2, 4, 4, 4], "equal cut values are climbed together"


def test_strictly_below_moves_those_at_a_cut_to_the_next_step(backend):
    found, open_, _, step = valued(backend, [0.0, NAN, 5.0, 10.0, 20.0, 40.0], [[10.0, 20.0, 40.0]], "strictly_below")
    assert found.tolist() == [10, 10, 10, 20, 40, 40]
    assert open_.tolist() == [10, 10, 5, 10, 20, 0]
    assert step.tolist() == [1, 1, 1, 2, 3, 3]


def test_where_nobody_buys_money_is_missing(backend):
    found, open_, penetration, _ = valued(backend, [0.0, NAN], [[NAN, NAN]])
    assert np.isnan(found).all()
    assert np.isnan(open_).all()
    assert np.isnan(penetration).all()


@pytest.mark.parametrize("boundary", ["at_or_below", "strictly_below"])
@given(sales=account_sales(), customers=customer_sales(), lines=cut_lines(), top=st.sampled_from(["max", "p99"]))
def test_potential_is_the_smallest_step_that_fits(boundary, sales, customers, lines, top):
    steps = potential.ladder(np.sort(np.array(customers)), lines, top)
    found = valued(HOST, sales, [steps], boundary)[0]
    rule = oracle.potential if boundary == "at_or_below" else oracle.potential_strictly_below
    assert found.tolist() == [rule(account, steps.tolist()) for account in sales]


@given(sales=st.lists(account_sales(), min_size=1, max_size=3), lines=cut_lines())
def test_each_account_climbs_the_ladder_of_its_own_cluster(sales, lines):
    label = [c for c, of_cluster in enumerate(sales) for _ in of_cluster]
    ladders = [np.arange(1.0, len(lines) + 2) * 100.0**c for c in range(len(sales))]
    together = valued(HOST, [account for part in sales for account in part], ladders, label=label)[0]
    apart = [valued(HOST, part, [ladders[c]])[0] for c, part in enumerate(sales)]
    assert together.tolist() == np.concatenate(apart).tolist()


# ranks


@given(
    cells=st.lists(st.tuples(st.sampled_from([0.0, NAN, -1.0, 1.0, 2.0, 5.0, 9.0]), st.integers(0, 2)), min_size=1),
    boundary=st.sampled_from(["at_or_below", "strictly_below"]),
)
def test_ranks_are_those_of_a_plain_sort(cells, boundary):
    """Whitespace first, then potential; equal accounts share the better place; kinds also apart."""
    sales, label = [s for s, _ in cells], [c for _, c in cells]
    if not any(s > 0 for s in sales):
        return
    ordered, table, standing = market(sales, label, 3, lines=(0.5, 0.8), boundary=boundary)
    found, open_ = valued(HOST, sales, table.values, boundary, label)[:2]
    keys = list(zip(open_.tolist(), found.tolist(), strict=True))
    assert account_ranks(ordered, whitespace.rank_all([standing])[0], sales, label) == oracle.ranks(keys)
    in_kind = account_ranks(ordered, whitespace.rank_by_kind([standing])[0], sales, label)
    for kind in (True, False):
        at = [i for i, s in enumerate(sales) if (s > 0) is kind]
        assert [in_kind[i] for i in at] == oracle.ranks([keys[i] for i in at])


def account_ranks(ordered, ranks, sales, label):
    """The rank of every account: a customer by its place among the sales, a prospect by its cluster."""
    place = whitespace.places(ordered, np.array(sales, float), np.array(label))
    return [int(ranks.customers[place[i]] if s > 0 else ranks.prospects[label[i]]) for i, s in enumerate(sales)]


ROUNDED = [(200.3, 100.25), (150.1, 50.05), (99.9, 0.0)]
"""Potential and sales: of the first two 100.05 is open, which subtracting makes two numbers."""


def test_equal_whitespace_ranks_by_potential_although_subtracting_rounds_it():
    potential, sold = np.array(ROUNDED[::-1]).T
    open_ = potential - sold
    assert open_[2] != open_[1]
    standing = standing_of(potential, open_, [0, 0, 0], [100.05], [1])
    ranks = whitespace.rank_all([standing])[0]
    assert (ranks.customers.tolist(), ranks.prospects.tolist()) == ([4, 2, 1], [3])
    buys = np.array([True, True, True, False])
    found = rank_order([standing]).ranks(np.append(open_, 100.05), np.append(potential, 100.05), buys)
    assert [one.tolist() for one in found] == [[4, 2, 1, 3], [3, 2, 1, 1]]
    swapped = standing_of([199.9, 150.1], [199.9 - 99.85, 150.1 - 50.05], [0, 0], [NAN], [1])
    assert whitespace.rank_all([swapped])[0].customers.tolist() == [1, 2]


@pytest.mark.parametrize(("largest", "decimals"), [(150.1, 11), (0.0004, 17), (9e14, 2), (NAN, 2), (1e-320, 300)])
def test_whitespace_is_compared_to_fourteen_digits_of_the_largest_potential(largest, decimals):
    assert whitespace.decimals_of([standing_of([], [], [], [largest], [1])]) == decimals


def test_ranks_run_over_all_party_types():
    one = standing_of([5.0], [3.0], [0], [9.0], [2])
    two = standing_of([5.0], [4.0], [0], [1.0], [1])
    first, second = whitespace.rank_all([one, two])
    assert (first.prospects.tolist(), second.customers.tolist()) == ([1], [3])
    assert (first.customers.tolist(), second.prospects.tolist()) == ([4], [5])


def test_clusters_where_nobody_buys_come_last_and_share_their_place():
    standing = standing_of([5.0], [0.0], [0], [7.0, NAN, NAN], [1, 2, 3])
    ranks = whitespace.rank_all([standing])[0]
    assert ranks.customers.tolist() == [2]
    assert ranks.prospects.tolist() == [1, 3, 3]


def test_places_are_those_of_the_first_equal_sale():
    sales = CustomerSales(np.array([1.0, 2.0, 2.0, 1.0, 2.0, 7.0]), np.array([0, 3, 3, 6]))
    found = whitespace.places(sales, np.array([2.0, 1.0, 2.0, 7.0, 1.0]), np.array([0, 0, 2, 2, 2]))
    assert found.tolist() == [1, 0, 4, 5, 3]


# quantiles over accounts


@given(
    pairs=st.lists(st.tuples(st.floats(0, 100) | st.just(NAN), st.integers(0, 9)), min_size=1, max_size=20),
    share=st.floats(0, 1),
)
def test_a_weighted_quantile_is_that_of_the_repeated_values(pairs, share):
    values, counts = np.array([v for v, _ in pairs]), np.array([float(n) for _, n in pairs])
    repeated = np.repeat(values, counts.astype(int))
    repeated = repeated[~np.isnan(repeated)]
    found = whitespace.weighted_quantile(values, counts, share)
    if len(repeated):
        assert found == np.quantile(repeated, share, method="inverted_cdf")
    else:
        assert np.isnan(found)


def test_the_median_account_counts_customers_and_prospects():
    _, table, standing = market([1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 8.0], [0] * 7 + [1], 2)
    assert table.values[0, 0] == 3.0
    assert whitespace.median_potential(standing).tolist() == [3.0, 8.0]


# words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (3.7123, "3.7x the potential"),
        (0.52, "0.52x the potential"),
        (1.149, "about the same potential"),
        (0.87, "about the same potential"),
        (1.16, "1.2x the potential"),
        (1234.0, "1200x the potential"),
        (9.96, "10x the potential"),
    ],
)
def test_relative_messages_have_two_significant_digits(ratio, words):
    assert whitespace.relative_message(ratio).startswith(words)


@pytest.mark.parametrize("ratio", [NAN, float("inf"), 0.0, -1.0])
def test_without_a_ratio_there_is_no_message(ratio):
    assert whitespace.relative_message(ratio) == ""


@given(st.floats(1e-6, 1e12))
def test_two_digits_are_two_significant_digits(value):
    shown = whitespace.two_digits(value)
    assert float(shown) == pytest.approx(value, rel=0.0501)
    assert float(shown) == float(f"{value:.1e}") or abs(float(shown) - value) == pytest.approx(
        abs(float(f"{value:.1e}") - value), rel=1e-6
    )
    digits = shown.replace(".", "").lstrip("0").rstrip("0") if "." not in shown else shown.replace(".", "").lstrip("0")
    assert len(digits) <= 2


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (9.97, "10"), (0.0996, "0.10"), (99.6, "100"), (0.0456, "0.046"), (NAN, "")]
)
def test_two_digits_round_up_into_the_next_power(value, shown):
    assert whitespace.two_digits(value) == shown


def test_a_table_may_be_narrower_than_its_party(backend):
    """One cluster, one line: two steps."""
    unknown = np.full((1, 2), np.nan)
    bounds = Bounds(0.95, unknown, unknown, np.zeros((1, 2), dtype=bool))
    table = PotentialTable((0.5,), np.array([[1.0, 2.0]]), np.array([2]), ("cluster",), ("all",), bounds)
    assert valued(backend, [1.5], table.values)[0].tolist() == [2.0]
