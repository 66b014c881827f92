"""Accounts of two runs brought together: in the same order or another, with new ones, without those that are gone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.questions.join import AccountIndex, MatchedPart, SoughtAccounts

BEFORE = [f"A{number}" for number in range(12)]


def matched(parts: list[list[str]], form: Any = "text") -> tuple[list[tuple[str, int]], list[str]]:
    """Return the accounts of parts with their places in the first run, and the new ones."""
    index, start = AccountIndex.of([pa.chunked_array([BEFORE[:5]]), pa.chunked_array([BEFORE[5:]])], form), 0
    both: list[tuple[str, int]] = []
    new: list[str] = []
    for part in parts:
        table = pa.table({"account_id": pa.array(part, pa.string())})
        match = MatchedPart.of(index, SoughtAccounts.of(table["account_id"], form), table, start)
        rows = np.arange(len(index))[match.rows].tolist()
        assert table["account_id"].take(np.arange(len(part))[match.here]) == match.both["account_id"]
        both += zip(match.both["account_id"].to_pylist(), rows, strict=True)
        new += match.new["account_id"].to_pylist()
        start = match.stop
    return both, new


@given(st.permutations([*BEFORE, "B1", "B2"]), st.integers(0, 14), st.lists(st.integers(0, 14), max_size=4))
def test_every_account_is_found_in_any_order_and_cut(order, count, cuts):
    there = order[:count]
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    both, new = matched([there[first:last] for first, last in pairwise(edges)])
    assert both == [(name, BEFORE.index(name)) for name in there if name in BEFORE]
    assert new == [name for name in there if name not in BEFORE]


def test_accounts_in_the_same_order_are_found_without_hashes(monkeypatch):
    monkeypatch.setattr(AccountIndex, "places_of", lambda *_: pytest.fail("looked up by hash"))
    both, new = matched([BEFORE[:4], [], BEFORE[4:7], BEFORE[7:]])
    assert both == list(zip(BEFORE, range(12), strict=True))
    assert not new


def test_after_a_part_with_a_new_account_the_next_ones_stand_where_they_stood(monkeypatch):
    found = []
    by_hash = AccountIndex.places_of

    def counted(self, wanted):
        found.append(len(wanted.ids))
        return by_hash(self, wanted)

    monkeypatch.setattr(AccountIndex, "places_of", counted)
    both, new = matched([BEFORE[:4], [*BEFORE[4:6], "B1", *BEFORE[6:8]], BEFORE[8:]])
    assert [name for name, _ in both] == BEFORE
    assert new == ["B1"]
    assert found == [5]
