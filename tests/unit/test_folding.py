"""Ids are compared in NFC and without blanks around them, and in no other way; names after case folding too."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tamscore.stages.folding import fold_ids
from tamscore.substitution import fold_word

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
TEXTS = st.text(st.sampled_from("aAeE01 -_\t\u00a0\u3000é\u0301ßÅ\u212b\ufb01"), max_size=6)


def folded(*ids, form="text"):
    return fold_ids(pa.array(ids, pa.large_string()), form).to_pylist()


def checked(short):
    """A CRM id with its check suffix, made letter by letter."""
    groups = (short[0:5], short[5:10], short[10:15])
    return short + "".join(
        LETTERS[sum(1 << i for i, one in enumerate(group) if one in LETTERS[:26])] for group in groups
    )


@given(TEXTS, TEXTS)
@example("Å", "\u212b")
@example("a ", "a")
@example("a b", "ab")
@example("A", "a")
@example("01", "1")
@example("\ufb01", "fi")
def test_folding_merges_ids_exactly_where_they_differ_in_blanks_around_and_composition(left, right):
    one, other = folded(left, right)
    same = unicodedata.normalize("NFC", left).strip() == unicodedata.normalize("NFC", right).strip()
    assert (one == other) == same


@given(st.lists(TEXTS | st.none(), max_size=8))
def test_folding_is_the_same_for_a_column_as_for_each_id_and_when_done_twice(ids):
    once = folded(*ids)
    assert once == [folded(one)[0] for one in ids]
    assert folded(*once) == once
    assert [one is None for one in once] == [one is None for one in ids]


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 4), (1, 3), (2, 4), (4, 5)])
def test_a_slice_of_a_column_folds_like_its_rows(start, stop):
    ids = ["A1", " B2", "e\u0301", None, "C3 "]
    column = pa.array(ids, pa.large_string()).slice(start, stop - start)
    assert fold_ids(column).to_pylist() == folded(*ids)[start:stop]
    assert fold_ids(column.cast(pa.string())).to_pylist() == folded(*ids)[start:stop]


def test_ids_that_need_nothing_are_handed_back_as_they_are():
    ids = pa.array([f"C{i:06d}" for i in range(100)], pa.large_string())
    assert fold_ids(ids) is ids


@pytest.mark.parametrize(("short", "long"), [("001A0000006Vm9r", "001A0000006Vm9rIAC"), ("a" * 15, "a" * 15 + "AAA")])
def test_a_crm_id_is_the_same_with_its_check_suffix(short, long):
    assert folded(short, long, f" {short} ", form="crm18") == [long] * 3
    assert folded(short, long) == [short, long]


@given(
    st.text(st.sampled_from("aAzZ059"), min_size=15, max_size=15),
    st.text(st.sampled_from("aAzZ059"), min_size=15, max_size=15),
)
def test_crm_ids_that_differ_in_a_capital_stay_apart(left, right):
    one, other = folded(left, right, form="crm18")
    assert (one, other) == (checked(left), checked(right))
    assert (one == other) == (left == right)


@pytest.mark.parametrize("strange", ["001A0000006Vm9", "001A0000006Vm9-", "001A0000006Vm9é", "001A0000006Vm9rAAA", ""])
def test_what_is_no_crm_id_of_15_characters_stays_as_it_is(strange):
    assert folded(strange, None, form="crm18") == [strange, None]


@pytest.mark.parametrize(
    ("left", "right"),
    [("Ann", "ann"), (" Ann\u00a0", "ANN"), ("Zu\u0308rich", "zÜRICH"), ("STRASSE", "straße"), ("\u212b", "å")],
)
def test_names_are_equal_after_composition_trimming_and_case_folding(left, right):
    assert fold_word(left) == fold_word(right)


@pytest.mark.parametrize(("left", "right"), [("Ann", "Anne"), ("North-East", "North East"), ("Zurich", "Zürich")])
def test_names_that_differ_in_more_stay_apart(left, right):
    assert fold_word(left) != fold_word(right)
