"""What a part of the scores comes to: its texts as codes, and its first accounts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.arrow import level_codes
from tamscore.scoring.score import parts
from tamscore.sections.campaigns import columns as campaigns


def pieces(*texts):
    """A column as a reader hands it out: in pieces, each with a dictionary of its own."""
    return pa.chunked_array([pa.array(piece, pa.string()).dictionary_encode() for piece in texts])


@pytest.mark.parametrize("column", [pieces("ba", "cab"), pa.chunked_array([list("ba"), list("cab")]), pieces("bacab")])
def test_codes_are_places_among_the_levels_whatever_pieces_a_column_comes_in(column):
    assert level_codes(column, ["c", "a", "b", "x"]).tolist() == [2, 1, 0, 1, 2]


@pytest.mark.parametrize(
    "column",
    [pieces(["b", None], [None, "a", "b"]), pa.chunked_array([["b", None], [None, "a", "b"]]), pieces("ba", "cab")],
)
def test_levels_tell_every_text_and_none_where_there_is_none(column):
    codes, texts = campaigns.levels(column)
    assert [texts[code] for code in codes] == column.to_pylist()


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=400), st.randoms(use_true_random=False))
def test_the_first_accounts_are_those_of_a_plain_sort(drawn, random):
    ids = random.sample([f"A{i:03d}" for i in range(len(drawn))], len(drawn))
    scored = pa.table({"rank": [rank for rank, _ in drawn], "account_id": ids})
    rows = np.flatnonzero([taken for _, taken in drawn])
    expected = sorted(rows.tolist(), key=lambda row: (drawn[row][0], ids[row]))[: parts.TOP]
    assert parts.leading(scored, rows, "rank").tolist() == expected
