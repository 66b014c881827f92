"""Rows in the order of keys, numbers and amounts, and places of keys: what NumPy's own words give, faster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import keys
from tamscore.stages.keys import in_order, positions

ROWS = st.lists(
    st.tuples(st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.integers(-3, 3), st.integers(-2, 2)), max_size=60
)


def columns(rows):
    key, number, amount = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return np.array(key, np.uint64), np.array(number, np.int32), np.array(amount, np.float64)


@given(ROWS)
def test_the_order_is_that_of_a_sort_by_all_three(rows):
    found = in_order(*columns(rows))
    assert sorted(found.tolist()) == list(range(len(rows)))
    assert [rows[at] for at in found] == sorted(rows)


@pytest.mark.parametrize("longest", [0, 63])
def test_numbers_too_far_apart_to_be_packed_are_sorted_all_the_same(monkeypatch, longest):
    monkeypatch.setattr(keys, "LONGEST", longest)
    rows = [(5, 2**31 - 1, 1), (5, -(2**31), 2), (2, 0, 3), (5, 2**31 - 1, 0)]
    assert [rows[at] for at in in_order(*columns(rows))] == sorted(rows)


@given(st.lists(st.integers(0, 20), max_size=30), st.lists(st.integers(0, 20), max_size=30))
def test_positions_are_those_of_searchsorted(known, asked):
    sorted_keys, key = np.sort(np.array(known, np.uint64)), np.array(asked, np.uint64)
    low, high = positions(sorted_keys, key, "left", "right")
    assert low.tolist() == np.searchsorted(sorted_keys, key).tolist()
    assert high.tolist() == np.searchsorted(sorted_keys, key, side="right").tolist()
