"""Texts in the order of their bytes, sorted as numbers where that is enough."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.arrow import text_order

LETTERS = st.text(st.sampled_from("ab\x00é日 "), max_size=12)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@given(texts=st.lists(LETTERS, max_size=30), prefix=st.sampled_from(["", "C00", "é"]), rest=st.booleans())
def test_texts_come_in_the_order_of_their_bytes_and_of_equals_the_first_first(kind, texts, prefix, rest):
    texts = [prefix + text + ("0" * 9 if rest else "") for text in texts]
    column = pa.array(["zz", *texts, "a"], kind).slice(1, len(texts))
    order = text_order(column)
    assert order.tolist() == pc.sort_indices(column).to_pylist()
    assert [texts[place] for place in order] == sorted(texts, key=str.encode)


def test_more_texts_than_one_block_are_sorted():
    texts = pa.array([f"C{(i * 7919) % 200_003:09d}" for i in range(200_003)])
    assert text_order(texts).tolist() == pc.sort_indices(texts).to_pylist()
