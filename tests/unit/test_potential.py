"""Potential tables: exact cut lines over customers, thin clusters drawn towards their parents."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.stages import potential
from tamscore.stages.potential import CustomerSales
from tamscore.stages.prepare import nearest_rank
from tests import oracle
from tests.strategies import SHARES, customer_sales, cut_lines

HOST = HostBackend()
P85 = (0.85, 0.90, 0.95)


def sales_of(*groups):
    """Sorted sales of several groups."""
    offsets = np.concatenate(([0], np.cumsum([len(group) for group in groups])))
    return CustomerSales(np.concatenate([np.sort(np.array(group, float)) for group in groups]), offsets)


def table_of(*groups, parent=(), lines=P85, top="max", min_customers=1):
    parents = [("parent", np.sort(np.array(parent, float)))] * len(groups)
    return potential.potential_table(sales_of(*groups), parents, lines, top, min_customers)


def test_golden_case():
    """Sales 1 … 100 under p85: values 85, 90, 95, 100."""
    assert table_of(range(1, 101)).values.tolist() == [[85, 90, 95, 100]]


def test_eleven_clusters_on_four_steps_have_at_most_44_values(rng):
    table = table_of(*(rng.lognormal(8, 1.5, 200).round(2) for _ in range(11)))
    assert len(np.unique(table.values)) <= 44
    assert table.distinct.sum() <= 44


@given(sales=customer_sales(), lines=cut_lines())
def test_cut_values_are_numpys_inverted_cdf_to_the_bit(sales, lines):
    ordered = np.sort(np.array(sales))
    expected = [np.quantile(ordered, line, method="inverted_cdf") for line in lines]
    assert potential.ladder(ordered, lines, "max").tobytes() == np.array([*expected, ordered[-1]]).tobytes()


@given(sales=customer_sales(), lines=cut_lines())
def test_cut_values_are_observed_sales_at_the_nearest_rank(sales, lines):
    assert potential.ladder(np.sort(np.array(sales)), lines, "max").tolist() == oracle.ladder(sales, lines)


@pytest.mark.parametrize("shape", ["lognormal", "all equal", "one", "two values"])
@pytest.mark.parametrize("parts", [1, 7, 64])
def test_cut_values_do_not_depend_on_how_sales_arrive(backend, rng, shape, parts):
    """Cut into parts, shuffled, sorted by value, ascending or descending."""
    sales = {
        "lognormal": rng.lognormal(8, 2, 3000),
        "all equal": np.full(500, 12.5),
        "one": np.array([3.0]),
        "two values": rng.choice([1.0, 1e6], 1000),
    }[shape]
    label = rng.integers(0, 5, len(sales))
    wanted = [np.sort(sales[label == c]) for c in range(5)]
    for order in (rng.permutation(len(sales)), np.argsort(sales), np.argsort(-sales)):
        pieces = np.array_split(order, parts)
        together = np.concatenate([sales[piece] for piece in pieces])
        groups = np.concatenate([label[piece] for piece in pieces]).astype(np.uint16)
        found = potential.sort_sales(backend, together, groups, 5)
        for c in range(5):
            assert found.of(c).tobytes() == wanted[c].tobytes()


def test_published_quantile_vectors(shared_data):
    """Every vector for inverted_cdf, without weights or with equal ones."""
    path = shared_data / "quantile_reference" / "quantile_vectors.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "inverted_cdf"]
    equal = [row for row in rows if len(set(json.loads(row["weights"] or "[1]"))) == 1]
    assert equal
    for row in equal:
        values = sorted(json.loads(row["values"]))
        assert values[nearest_rank(len(values), float(row["q"]))] == float(row["expected"]), row["source"]


# what stands at the top


@pytest.mark.parametrize(
    ("top", "lines", "share"),
    [
        ("max", P85, 1.0),
        ("p99", P85, 0.99),
        ("p99.5", P85, 0.995),
        ("next_step", P85, 0.975),
        ("next_step", (0.80, 0.85, 0.90, 0.95), 0.975),
        ("p99", (0.5, 0.995), 0.995),
    ],
)
def test_the_top_step_is_taken_at_its_share(top, lines, share):
    assert potential.top_share(lines, top) == pytest.approx(share)
    assert table_of(range(1, 1001), lines=lines, top=top).values[0, -1] == pytest.approx(1000 * share, abs=1)


@given(sales=customer_sales(), lines=cut_lines(), top=st.sampled_from(["max", "p99", "p99.5", "next_step"]))
def test_steps_never_fall(sales, lines, top):
    assert (np.diff(table_of(sales, lines=lines, top=top).values) >= 0).all()


@given(groups=st.lists(customer_sales(), min_size=1, max_size=4), lines=cut_lines())
def test_equal_cut_values_are_counted_once(groups, lines):
    table = table_of(*groups, lines=lines)
    assert table.distinct.tolist() == [len(set(oracle.ladder(group, lines))) for group in groups]


# thin clusters


def test_a_cluster_with_enough_customers_stands_for_itself():
    table = table_of(range(1, 26), parent=[1e6] * 100, min_customers=25)
    assert table.basis == ("cluster",)
    assert table.values[0].tolist() == oracle.ladder(list(range(1, 26)), P85)
    assert table.support.tolist() == [25]


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_thin_cluster_is_drawn_towards_its_parent_on_the_log_scale(rng, factor):
    """Between where it stands itself and where the other clusters stand, which lie close together."""
    parent = np.sort(rng.lognormal(8, 1, 2000))
    thin = factor * np.quantile(parent, (np.arange(10) + 0.5) / 10)
    table = table_of(thin, *np.split(rng.permutation(parent), 10), parent=parent, min_customers=25)
    assert set(table.basis) == {"pooled", "cluster"}
    own, theirs = (np.quantile(sales, P85) for sales in (factor * parent, parent))
    assert (np.minimum(own, theirs) < table.values[0, :-1]).all()
    assert (table.values[0, :-1] < np.maximum(own, theirs)).all()


def test_a_thin_cluster_keeps_its_own_high_water_mark():
    table = table_of([5.0, 7.0, 1e9], range(1, 101), parent=range(1, 101), min_customers=25)
    assert table.basis[0] == "pooled"
    assert table.values[0, -1] == 1e9


@given(sales=customer_sales(max_size=30), parent=customer_sales(), least=st.integers(1, 60), lines=cut_lines())
def test_no_customer_of_a_thin_cluster_stands_above_its_ladder(sales, parent, least, lines):
    steps = table_of(sales, parent=parent, lines=lines, min_customers=least).values[0]
    assert steps[-1] >= max(sales)
    assert (np.diff(steps) >= 0).all()


def test_a_cluster_without_customers_takes_its_parents_ladder():
    table = table_of([], range(1, 101), parent=range(101, 201))
    assert table.basis == ("parent", "cluster")
    assert table.values[0].tolist() == oracle.ladder(list(range(101, 201)), P85)
    assert table.support.tolist() == [0, 100]


def test_where_nobody_buys_there_is_no_ladder():
    table = table_of([], [])
    assert table.basis == ("none", "none")
    assert np.isnan(table.values).all()


# parents


def test_the_parent_is_the_segment_that_most_accounts_lie_in():
    by_segment = sales_of([1.0] * 30, [2.0] * 30)
    accounts = np.array([[5, 9], [9, 5]])
    parents = potential.parents_of(accounts, by_segment, ["food", "retail"], np.ones(60), "end_user", 25)
    assert [name for name, _ in parents] == ["retail", "food"]
    assert parents[0][1].tolist() == [2.0] * 30


def test_a_segment_that_is_thin_itself_is_no_parent():
    by_segment = sales_of([1.0] * 24, [2.0] * 25)
    parents = potential.parents_of(np.array([[9, 0], [0, 9]]), by_segment, ["a", "b"], np.arange(49.0), "channel", 25)
    assert [name for name, _ in parents] == ["channel", "b"]
    assert len(parents[0][1]) == 49


def test_without_market_segments_the_party_type_is_the_parent():
    parents = potential.parents_of(np.array([[9]]), sales_of([1.0] * 99), ["end_user"], np.ones(99), "end_user", 5)
    assert [(name, len(sales)) for name, sales in parents] == [("end_user", 99)]


@given(n=st.integers(1, 200), share=SHARES)
def test_at_least_the_share_of_customers_lies_at_or_below_its_cut(n, share):
    """And fewer than the share below it: the definition of a nearest rank."""
    rank = nearest_rank(n, share) + 1
    assert rank >= n * share - 1e-9
    assert rank - 1 < n * share + 1e-9
