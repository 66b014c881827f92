"""Joined tables: rows are counted, said in one sentence, refused by one rule, and the likely cause is named."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.engine.flow import LocalFlow
from tamscore.errors import InputContractError
from tamscore.schema import InputColumns
from tamscore.scoring.joining.lookup import Joined, KnownAccounts, joined_parts, match_ids, match_table, sorted_hashes
from tamscore.stages.draw import id_hash
from tamscore.store import partitions
from tamscore.store.tables import account_ids

MARKET = [f"C{i:04d}" for i in range(100)]


def texts(ids):
    return pa.array(ids, pa.large_string())


def known(ids=MARKET):
    return sorted_hashes([id_hash(texts(ids))])


def matched(folder, columns, market=MARKET, key="id", form="text", row_group=None):
    """The match of a table that lies on disk with a market."""
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=row_group)
    plan = partitions.plan(str(folder / "t.parquet"), InputColumns(key, "x"), "t.path")
    ids = account_ids(pa.chunked_array([texts(market)]), form)
    accounts = KnownAccounts(sorted_hashes([id_hash(ids)]), form, lambda: [ids])
    with LocalFlow(1) as flow:
        return match_table(flow, Joined("t.parquet", plan, key, "t.account_id"), accounts)


def joined(ids, **columns):
    return {"id": ids, "x": [1.0] * len(ids), **columns}


@given(st.lists(st.sampled_from(["a", "b", "c", "x", "y", "", " ", None]), max_size=30), st.integers(1, 5))
def test_counts_are_those_of_a_plain_loop_for_every_split_into_parts(ids, size):
    market = {"a", "b", "c"}
    parts = [match_ids(texts(ids[i : i + size]), known(sorted(market))) for i in range(0, len(ids), size)]
    match, sample = joined_parts("t", "id", parts)
    there = [one if one and one.strip() else None for one in ids]
    strangers = [one for one in there if one and one not in market]
    assert (match.rows, match.met) == (len(ids), sum(one in market for one in there))
    assert (match.strangers, match.blank) == (len(set(strangers)), sum(one is None for one in there))
    assert match.first == (strangers[0] if strangers else None)
    assert match.row == (there.index(strangers[0]) + 1 if strangers else None)
    assert set(sample) == set(strangers)


def test_an_empty_market_is_met_by_nobody():
    assert match_ids(texts(["a"]), known([])).met == 0


def test_the_sentence_tells_table_counts_and_the_first_stranger_with_its_row(tmp_path):
    match = matched(tmp_path, joined([*MARKET[:97], "X1", "X2", "X1"]), row_group=10)
    assert match.sentence == ("t.parquet: 97 of 100 rows met an account; first stranger 'X1' (row 98, 2 different)")
    assert not match.is_noticed
    assert match.require(0.5, "t.min_match_share") is match


def test_a_table_that_meets_everybody_has_a_short_sentence(tmp_path):
    assert matched(tmp_path, joined(MARKET)).sentence == "t.parquet: 100 of 100 rows met an account"


def test_rows_without_an_id_are_no_strangers_but_are_reported(tmp_path):
    match = matched(tmp_path, joined([*MARKET[:2], None, " "]))
    assert match.sentence == "t.parquet: 2 of 4 rows met an account; 2 rows have no 'id'"


@pytest.mark.parametrize(("met", "is_refused"), [(49, True), (50, False), (51, False)])
def test_fewer_than_the_share_are_refused_and_exactly_the_share_is_taken(tmp_path, met, is_refused):
    match = matched(tmp_path, joined([*MARKET[:met], *(f"X{i}" for i in range(100 - met))]))
    assert match.is_noticed
    if not is_refused:
        assert match.require(0.5, "t.min_match_share") is match
        return
    words = rf"t\.parquet: {met} of 100 rows met.*'X0' \(row {met + 1}.*'C0000'.*50%.*t\.account_id.*t\.min_match_share"
    with pytest.raises(InputContractError, match=words):
        match.require(0.5, "t.min_match_share", "t.account_id")


@pytest.mark.parametrize(
    ("ids", "market", "cause"),
    [
        ([one.lower() for one in MARKET], MARKET, "capitals alone"),
        ([f"{i}" for i in range(10, 100)], [f"{i:06d}" for i in range(100)], "leading zeros"),
        ([f"{i:08d}" for i in range(100)], [f"{i}" for i in range(1, 100)], "leading zeros"),
        ([f"{i}.0" for i in range(100)], [f"{i}" for i in range(100)], "1001.0"),
        ([f"C-{i:04d}" for i in range(100)], MARKET, "marks"),
        ([f"C{i:04d}\u200b" for i in range(100)], MARKET, "marks"),
        (["001A0000006Vm9r"], ["001A0000006Vm9rIAC"], "columns.id_form = 'crm18'"),
        (["001A0000006Vm9rIAC"], ["001A0000006Vm9r"], "columns.id_form = 'crm18'"),
        (["001A0000006Vm9r"], ["001A0000006Vm9rAAA"], "no check suffix"),
    ],
)
def test_the_likely_cause_is_named_where_ids_are_written_in_another_way(tmp_path, ids, market, cause):
    match = matched(tmp_path, joined(ids), market)
    assert match.met == 0
    assert cause in match.cause
    with pytest.raises(InputContractError, match=cause.replace(".", r"\.")):
        match.require(0.5, "t.min_match_share", "t.account_id")


@pytest.mark.parametrize(
    "ids",
    [
        [f" {one}" for one in MARKET],
        [f"{one}\u00a0\t" for one in MARKET],
        [f"{one}   " if i % 2 else one for i, one in enumerate(MARKET)],
    ],
)
def test_blanks_around_ids_keep_nothing_apart(tmp_path, ids):
    assert matched(tmp_path, joined(ids)).met == len(MARKET)


@pytest.mark.parametrize(("here", "there"), [("e\u0301", "é"), ("é", "e\u0301"), ("\u212b", "Å")])
def test_ids_in_another_composition_meet(tmp_path, here, there):
    assert matched(tmp_path, joined([f"{here}{i}" for i in range(9)]), [f"{there}{i}" for i in range(9)]).met == 9


def test_crm_ids_of_15_and_18_characters_meet_where_the_job_says_so_and_a_wrong_suffix_does_not(tmp_path):
    ids = ["001A0000006Vm9r", "001A0000006Vm9rIAC", "001A0000006Vm9rAAA", "001A0000006VM9r"]
    for market in (["001A0000006Vm9r"], ["001A0000006Vm9rIAC"]):
        match = matched(tmp_path, joined(ids), market, form="crm18")
        assert (match.met, match.first) == (2, "001A0000006Vm9rAAA")


@pytest.mark.parametrize("values", [MARKET, np.arange(100), pa.array(MARKET).dictionary_encode()])
def test_the_column_that_has_the_ids_is_named_where_another_was_taken(tmp_path, values):
    market = [str(one) for one in range(100)] if isinstance(values, np.ndarray) else MARKET
    match = matched(tmp_path, joined([f"row {i}" for i in range(100)], customer=values, note=["C0001"] * 100), market)
    assert match.cause == "its column 'customer' meets 100%: name it in t.account_id"


def test_no_cause_is_made_up_where_strangers_are_strangers(tmp_path):
    match = matched(tmp_path, joined([f"Q{i}" for i in range(50)], note=["C0001"] * 50))
    assert match.cause == ""
    assert match.known == "C0000"


def test_the_first_stranger_and_the_counts_do_not_depend_on_row_groups(tmp_path):
    ids = [MARKET[i % 100] if i % 7 else f"X{i}" for i in range(300)]
    first = matched(tmp_path, joined(ids))
    assert all(matched(tmp_path, joined(ids), row_group=size) == first for size in (1, 11, 299))
