"""`potential_table` and `whitespace`: columns of any kind, laws of the method, edges that are decided."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamscore import backend as backends
from tamscore import potential_table, whitespace
from tests.fake_gpu import FakeGpu

SALES = st.lists(st.floats(0, 1e6), min_size=5, max_size=60)


def test_the_golden_case_of_the_method():
    sales = np.arange(1.0, 101.0)
    table = potential_table(sales, ["a"] * 100)
    values, counts = np.unique(whitespace(sales, ["a"] * 100, table).potential, return_counts=True)
    assert values.tolist() == [85, 90, 95, 100]
    assert counts.tolist() == [85, 5, 5, 5]


@settings(max_examples=10)
@given(SALES, st.randoms(use_true_random=False), st.sampled_from([0.5, 2.0, 1024.0]))
def test_laws_of_potential(sales, random, factor):
    sales = np.round(sales, 2)
    labels = np.array([random.choice("ab") for _ in sales])
    table = potential_table(sales, labels, min_customers=3)
    money = whitespace(sales, labels, table)
    known = ~np.isnan(money.potential)
    assert (money.potential[known] >= sales[known]).all()
    assert (money.whitespace[known] == money.potential[known] - sales[known]).all()
    order = random.sample(range(len(sales)), len(sales))
    shuffled = potential_table(sales[order], labels[order], min_customers=3)
    assert np.array_equal(table.values, shuffled.values, equal_nan=True)
    scaled = potential_table(sales * factor, labels, min_customers=3)
    assert np.allclose(scaled.values, table.values * factor, rtol=1e-9, atol=0.01 * max(factor, 1), equal_nan=True)


@pytest.mark.parametrize("form", [list, np.asarray, pa.array, pl.Series, lambda x: pa.chunked_array([x[:9], x[9:]])])
def test_columns_of_every_kind_give_the_same(form):
    sales, labels = [float(i) for i in range(30)], [i % 3 for i in range(30)]
    table = potential_table(form(sales), form(labels), min_customers=2)
    assert np.array_equal(table.values, potential_table(sales, labels, min_customers=2).values)
    assert table.labels.tolist() == [0, 1, 2]
    steps = whitespace(form(sales), form(labels), table).step
    assert steps.tolist() == whitespace(sales, labels, table).step.tolist()


def test_missing_and_negative_sales_count_as_none():
    table = potential_table([None, float("nan"), -5.0, 10.0], ["a"] * 4, min_customers=1)
    assert table.support.tolist() == [1]
    money = whitespace([None, -5.0, 10.0], ["a"] * 3, table)
    assert money.potential.tolist() == [10, 10, 10]
    assert money.whitespace.tolist() == [10, 10, 0]


def test_clusters_without_customers_take_their_parents_ladder_and_none_where_nobody_buys():
    table = potential_table([0.0, 7.0], ["empty", "one"], min_customers=1)
    assert dict(zip(table.labels, table.basis, strict=True)) == {"empty": "all", "one": "cluster"}
    nobody = potential_table([0.0, 0.0], ["a", "b"])
    assert nobody.basis == ("none", "none")
    assert np.isnan(whitespace([0.0], ["a"], nobody).potential).all()


def test_empty_clusters_lean_on_the_segment_that_most_of_their_accounts_lie_in():
    sales, labels = [5.0] * 4 + [100.0] * 4 + [0.0] * 3, ["small"] * 4 + ["large"] * 4 + ["new"] * 3
    segments = ["shop"] * 4 + ["bank"] * 4 + ["bank", "bank", None]
    table = potential_table(sales, labels, segments=segments, min_customers=2)
    assert dict(zip(table.labels, table.basis, strict=True))["new"] == "bank"
    assert table.values[table.labels.tolist().index("new")].tolist() == [100.0] * 4


def test_whitespace_stays_on_the_device_of_the_sales(monkeypatch):
    gpu = FakeGpu()
    monkeypatch.setitem(backends.DEVICE_LIBRARIES, "array_api_strict", "cuda")
    monkeypatch.setattr(backends, "load", lambda _: gpu)
    sales, labels = np.arange(40.0), np.arange(40) % 3
    table = potential_table(gpu.put(sales), gpu.put(labels), min_customers=2)
    host, device = whitespace(sales, labels, table), whitespace(gpu.put(sales), gpu.put(labels), table)
    for name in ("potential", "whitespace", "penetration", "step"):
        assert np.array_equal(getattr(host, name), gpu.get(getattr(device, name)), equal_nan=name == "penetration")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sales": [1.0, np.inf]}, r"sales\[1\]: expected a finite amount"),
        ({"sales": ["1", "2"]}, "sales: expected numbers, got string"),
        ({"sales": pl.DataFrame({"sales": [1.0, 2.0]})}, "sales: expected one column, got a table of 1"),
        ({"labels": pa.table({"a": [1, 2], "b": [1, 2]})}, "labels: expected one column, got a table of 2"),
        ({"labels": ["a"]}, "labels: expected 2 values, one for each of the sales, got 1"),
        ({"labels": ["a", None]}, "labels: 1 of 2 are missing"),
        ({"labels": [1.0, np.nan]}, "labels: 1 of 2 are missing"),
        ({"lines": (0.9, 0.8)}, "lines: expected rising shares"),
        ({"top_step": "p50"}, "top_step: expected one of max, p99, p99.5, next_step, got 'p50'"),
        ({"min_customers": 0}, "min_customers"),
        ({"interval_level": 1.0}, "interval_level"),
    ],
)
def test_what_cannot_be_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        potential_table(**({"sales": [1.0, 2.0], "labels": ["a", "b"]} | given))


def test_a_label_without_a_ladder_and_a_boundary_that_is_none_are_named():
    table = potential_table([1.0], ["a"], min_customers=1)
    with pytest.raises(ValueError, match=r"labels\[0\]: there is no ladder for 'b'"):
        whitespace([1.0], ["b"], table)
    with pytest.raises(ValueError, match="boundary: expected one of at_or_below, strictly_below"):
        whitespace([1.0], ["a"], table, boundary="above")  # type: ignore[arg-type]
