"""Missing numbers take their segment's median, rare levels fold, order statistics are exact."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import prepare
from tests import oracle
from tests.conftest import make_backend

NAN = float("nan")
CELLS = st.lists(
    st.tuples(st.just(NAN) | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), st.integers(0, 2)), max_size=40
)


@pytest.mark.parametrize("name", ["host", "fake_gpu"])
@given(cells=CELLS, shares=st.lists(st.floats(0, 1), max_size=3, unique=True))
def test_order_statistics_equal_a_plain_sort(name, cells, shares):
    backend = make_backend(name)
    values, segment = [v for v, _ in cells], [s for _, s in cells]
    put = backend.put
    column = prepare.sort_column(backend, put(np.array(values, float)), put(np.array(segment, np.int64)), 4)
    found = prepare.order_statistics(column, tuple(shares))
    present = [value for value in values if not np.isnan(value)]
    assert found.missing == len(values) - len(present)
    assert found.median.tolist() == oracle.median_by_segment(values, segment, 4)
    wanted = {share: oracle.nearest_rank(present, share) if present else 0.0 for share in (0.0, *shares, 1.0)}
    assert found.at == wanted


@given(n=st.integers(1, 300), share=st.floats(0, 1))
def test_nearest_rank_is_numpys_inverted_cdf(n, share):
    assert prepare.nearest_rank(n, share) == np.quantile(np.arange(n), share, method="inverted_cdf")


def test_nearest_rank_at_the_cut_lines_of_a_hundred():
    assert [prepare.nearest_rank(100, p) + 1 for p in (0.0, 0.85, 0.9, 0.95, 0.99, 1.0)] == [1, 85, 90, 95, 99, 100]


# vocabulary


def test_levels_below_the_floor_fold_and_the_rest_go_by_frequency_then_name():
    counts = {"b": 40, "a": 40, "c": 15, "d": 4, None: 1}
    assert prepare.vocabulary("x", counts, 0.05).levels == ("a", "b", "c")
    assert prepare.vocabulary("x", counts, 0.0).levels == ("a", "b", "c", "d")
    assert prepare.vocabulary("x", counts, 0.41).levels == ()


def test_a_level_exactly_at_the_floor_stands_for_itself():
    assert prepare.vocabulary("x", {"a": 99, "b": 1}, 0.01).levels == ("a", "b")


def test_nulls_count_towards_the_rows_but_are_no_level():
    assert prepare.vocabulary("x", {"a": 10, None: 90}, 0.2).levels == ()


def test_values_get_their_code_unseen_ones_other_nulls_unknown():
    vocabulary = prepare.Vocabulary("x", ("red", "blue"))
    assert vocabulary.all_levels == ("red", "blue", "other", "unknown")
    values = ["blue", None, "green", "red", "blue"]
    for column in stored_as(values):
        codes = vocabulary.encode(column)
        assert codes.tolist() == [1, 3, 2, 0, 1]
        assert codes.dtype == np.int64


def test_a_null_inside_the_dictionary_is_unknown():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1]), pa.array(["red", None]))
    assert prepare.Vocabulary("x", ("red",)).encode(column).tolist() == [0, 2, 2, 2]


def test_levels_called_other_or_unknown_join_the_built_in_ones():
    """Else two features of one name would stand side by side, and a blank would differ from the word unknown."""
    vocabulary = prepare.vocabulary("x", {"a": 5, "other": 3, "unknown": 4, None: 2}, 0.0)
    assert vocabulary.all_levels == ("a", "other", "unknown")
    assert vocabulary.encode(pa.array(["unknown", None, "other", "new", "a"])).tolist() == [2, 2, 1, 1, 0]


def test_an_empty_column_has_no_codes():
    assert prepare.Vocabulary("x", ("a",)).encode(pa.array([], pa.string())).tolist() == []


def stored_as(values):
    """The same text as plain, chunked and dictionary columns, with dictionaries that differ from chunk to chunk."""
    plain = pa.array(values, pa.string())
    yield plain
    yield pa.chunked_array([plain[:2], plain[2:]])
    yield plain.dictionary_encode()
    yield pa.chunked_array([plain[:2].dictionary_encode(), plain[2:].dictionary_encode()])
    yield plain.cast(pa.large_string())
