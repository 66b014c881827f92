"""Odd numbers: every one is scored by a stated rule or rejected with its reason; none spreads in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.errors import InputContractError
from tamscore.schema import InputColumns, Partition, Piece, Reason
from tamscore.scoring.census import partition as census
from tamscore.scoring.census.duplicates import SuspectGroups, Suspects, find_suspects, settle
from tamscore.scoring.census.part_rows import PartRows
from tamscore.stages import draw
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

ROWS = 120
LENIENT: dict[str, Any] = {"rows": {"max_rejected_share": 1.0, "max_sales_missing_share": 1.0}}
LARGEST = float(np.finfo(np.float32).max)


def changed(rows: int = ROWS, **columns: Any) -> pa.Table:
    """The plain market with some columns replaced or added."""
    table = market.plain_accounts(rows)
    for name, values in columns.items():
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
        else:
            table = table.append_column(name, pa.array(values))
    return table


def with_values(name: str, *values: Any) -> list[Any]:
    """A column of the plain market that begins with these values."""
    return [*values, *market.plain_accounts(ROWS)[name].to_pylist()[len(values) :]]


def scored(folder: Path, table: pa.Table, changes: dict[str, Any] | None = None, **layout: Any) -> RunDirectory:
    return market.score(table, folder, market.PLAIN | LENIENT | (changes or {}), **layout)


def rejected(done: RunDirectory) -> dict[str, int]:
    """The reasons of the manifest that have rows; the files of rejected rows agree."""
    rows = (done.manifest() or {})["rows"]
    reasons = {name: count for name, count in rows["rejected"].items() if count}
    assert rows["read"] == rows["scored"] + sum(reasons.values())
    if reasons:
        listed = market.rejected(done)["reason"].to_pylist()
        assert {name: listed.count(name) for name in reasons} == reasons
    return reasons


LIKELIHOOD = {"look_alike", "probability", "expected_value", "priority", "priority_in_kind", "tier"}
"""What hangs on who looks like a customer, which rows without sales do not teach."""


def without_first(done: RunDirectory, rows: int) -> pa.Table:
    """The scores without the accounts of the first rows of the input."""
    table = market.scores(done)
    return table.filter(pc.greater_equal(table["account_id"], f"P{rows:05d}"))


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_a_missing_feature_is_filled_with_the_median_and_counted(tmp_path, gap):
    """V01: null and NaN alike: the row is scored as if it held the median, and the manifest counts the gaps."""
    x = market.plain_accounts(ROWS)["x"].to_numpy()
    median = float(np.sort(x[1:])[-(-len(x[1:]) // 2) - 1])
    gaps = scored(tmp_path / "gap", changed(x=with_values("x", gap)))
    filled = scored(tmp_path / "filled", changed(x=with_values("x", median)))
    assert rejected(gaps) == {}
    assert (gaps.manifest() or {})["rows"]["filled"] == {"x": 1, "y": 0}
    one, other = (market.scores(run).select(["account_id", "cluster", "rank"]) for run in (gaps, filled))
    assert one["cluster"].to_pylist() == other["cluster"].to_pylist()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308, -1e308, 1e200, np.nextafter(LARGEST, np.inf), -2 * LARGEST])
def test_a_feature_that_float32_cannot_hold_is_rejected_and_moves_nobody_else(tmp_path, value):
    """V02, V03, V04: infinity, 1e308, more than float32: rejected with a reason; the rest is scored as without it."""
    done = scored(tmp_path / "with", changed(x=with_values("x", value)))
    assert rejected(done) == {"feature_not_finite": 1}
    without = scored(tmp_path / "without", changed().slice(1))
    assert not market.different(market.scores(done), market.scores(without))


@pytest.mark.parametrize("value", [LARGEST, -LARGEST, 1e30, 5e-324])
def test_the_largest_float32_is_scored_with_finite_numbers(tmp_path, value):
    """V04: the bound itself is taken."""
    done = scored(tmp_path, changed(x=with_values("x", value)))
    assert rejected(done) == {}
    assert np.isfinite(market.scores(done)["distance"].to_numpy()).all()


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_small_differences_of_large_numbers_still_tell_accounts_apart(tmp_path, offset):
    """V05: 1e8 and 1e8 + 1 are one number in float32; computed in float64 they make the two clusters that they are."""
    side = np.arange(ROWS) % 2
    done = scored(tmp_path, changed(x=offset + side, y=np.zeros(ROWS)))
    table = market.scores(done)
    clusters = np.array(table["cluster"].to_pylist())
    assert len({*clusters[0::2]}) == len({*clusters[1::2]}) == 1
    assert clusters[0] != clusters[1]


@pytest.mark.parametrize("value", [0.0, 7.0, -1e30, None])
def test_a_constant_column_is_dropped_with_a_notice(tmp_path, value):
    """V06: it changes no score; a column without any value is constant too."""
    constant = pa.array([value] * ROWS, pa.float64())
    done = scored(tmp_path / "with", changed(x=constant))
    alone = scored(tmp_path / "alone", changed(), {"features": {"numeric": {"y": "standard"}}})
    assert not market.different(market.scores(done), market.scores(alone))
    assert any("'x' is constant" in text for text in (done.manifest() or {})["notices"])


def test_identical_rows_are_one_cluster_and_it_says_so(tmp_path):
    """V07: five clusters asked for, one in effect."""
    done = scored(tmp_path, changed(x=[1.0] * ROWS, y=[2.0] * ROWS), {"clusters.k": 5})
    assert set(market.scores(done)["cluster"].to_pylist()) == {"E01"}
    assert any("1 clusters in effect, not 5" in text for text in (done.manifest() or {})["notices"])


def test_more_clusters_than_rows_are_refused(tmp_path):
    """V08: with the number of rows; as many clusters as rows are taken."""
    with pytest.raises(InputContractError, match=r"120 usable rows, fewer than clusters\.k = 121"):
        scored(tmp_path / "more", changed(), {"clusters.k": ROWS + 1})
    assert scored(tmp_path / "as many", changed(), {"clusters.k": ROWS}).manifest()


def test_a_first_partition_smaller_than_k_is_no_problem(tmp_path):
    """V08: only the number of all rows counts, not that of the first partition."""
    table, where = changed(), tmp_path / "market"
    market.write(table.slice(3), where)
    (where / "part-00000.parquet").rename(where / "z.parquet")
    market.write(table.slice(0, 3), where)
    done = market.run(where, tmp_path / "scores", market.PLAIN | LENIENT | {"clusters.k": 10})
    assert len(set(market.scores(done)["cluster"].to_pylist())) == 10


def test_more_clusters_than_different_rows_tell_how_many_there_are(tmp_path):
    """V09: no cluster is made up; the notice gives the number in effect."""
    done = scored(tmp_path, changed(x=[0.0, 1.0, 2.0] * (ROWS // 3), y=[0.0] * ROWS), {"clusters.k": 10})
    assert len(set(market.scores(done)["cluster"].to_pylist())) == 3
    assert any("3 clusters in effect, not 10" in text for text in (done.manifest() or {})["notices"])


def test_where_nobody_buys_there_is_no_potential_and_the_basis_says_so(tmp_path):
    """V10, V12: all sales 0: potential is null, not 0 nor infinite; penetration too; every row is scored."""
    done = scored(tmp_path, changed(sales=[0.0] * ROWS))
    table = market.scores(done)
    assert rejected(done) == {}
    for name in ("potential", "whitespace", "penetration", "relative_potential"):
        assert table[name].null_count == ROWS, name
    assert set(table["basis"].to_pylist()) == {"none"}


BUYING_TELLS = {"potential.min_customers": 1, "leakage": {"action": "off"}}
"""For tables where a feature says who buys."""


def test_a_cluster_without_customers_takes_the_ladder_of_its_parent(tmp_path):
    """V10: an empty ladder is filled from the party type, and said to be."""
    table = changed()
    sales = np.where(np.arange(ROWS) % 2, 0.0, 100.0 + np.arange(ROWS))
    done = scored(tmp_path, table.set_column(1, "sales", pa.array(sales)), BUYING_TELLS)
    scores = market.scores(done)
    other = scores.filter(pc.equal(scores["support"], 0))
    assert 0 < other.num_rows < ROWS
    assert other["potential"].null_count == 0
    assert set(other["basis"].to_pylist()).isdisjoint({"own", "none"})


def test_a_cluster_of_one_member_has_its_own_sales_as_ladder_at_the_most(tmp_path):
    """V11: defined, finite, and flagged by its support of one."""
    x = np.where(np.arange(ROWS) == 0, 1e4, 0.0)
    sales = with_values("sales", 50.0)
    done = scored(tmp_path, changed(x=x, y=np.zeros(ROWS), sales=sales), {"potential.min_customers": 1})
    row = market.scores(done).slice(0, 1).to_pylist()[0]
    assert (row["support"], row["account_id"]) == (1, "P00000")
    assert row["potential"] == pytest.approx(50.0)
    assert row["whitespace"] == 0.0
    assert row["distance"] == 0.0


def test_sales_of_zero_are_a_prospect(tmp_path):
    """V12: kind acquisition, penetration 0, nothing infinite; -0.0 is 0."""
    done = scored(tmp_path, changed(sales=with_values("sales", 0.0, -0.0)))
    for row in market.scores(done).slice(0, 2).to_pylist():
        assert (row["kind"], row["penetration"]) == ("acquisition", 0.0)
        assert np.isfinite(row["potential"])


def test_negative_sales_are_a_prospect_with_a_flag(tmp_path):
    """V13: net returns: flagged and counted, whitespace is the whole potential; the ladder does not move."""
    done = scored(tmp_path / "negative", changed(sales=with_values("sales", -5.0)))
    zero = scored(tmp_path / "zero", changed(sales=with_values("sales", 0.0)))
    row = market.scores(done).slice(0, 1).to_pylist()[0]
    assert (row["kind"], row["flags"], row["whitespace"]) == ("acquisition", "negative_sales", row["potential"])
    assert (done.manifest() or {})["rows"]["flagged"]["negative_sales"] == 1
    assert not market.different(without_first(done, 1), without_first(zero, 1))


def test_negative_features_survive_the_logarithm(tmp_path):
    """V13: signed logarithm, no NaN."""
    done = scored(tmp_path, changed(x=with_values("x", -1e6, -1.0)), {"features": {"numeric": {"x": "log_standard"}}})
    assert rejected(done) == {}
    assert np.isfinite(market.scores(done)["distance"].to_numpy()).all()


@pytest.mark.parametrize("value", [np.nan, None])
def test_missing_sales_do_not_touch_the_ladder(tmp_path, value):
    """V14: the percentiles are those of the customers there are; the row is a prospect with a flag."""
    done = scored(tmp_path / "missing", changed(sales=with_values("sales", value)))
    zero = scored(tmp_path / "zero", changed(sales=with_values("sales", 0.0)))
    assert set(market.different(without_first(done, 1), without_first(zero, 1))) <= LIKELIHOOD
    assert market.scores(done)["flags"].to_pylist()[0] == "sales_missing"
    assert (done.manifest() or {})["rows"]["flagged"]["sales_missing"] == 1


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_sales_are_rejected_and_do_not_touch_the_ladder(tmp_path, value):
    """V14: the rest is scored as without the row."""
    done = scored(tmp_path / "with", changed(sales=with_values("sales", value)))
    assert rejected(done) == {"sales_not_finite": 1}
    without = scored(tmp_path / "without", changed().slice(1))
    assert not market.different(market.scores(done), market.scores(without))


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 3))
def test_duplicates_are_counted_exactly_wherever_they_lie(numbers, parts, hashes):
    """V15: every row of a repeated id is rejected, no other; even where many ids share a hash."""
    ids = [f"id{number}" for number in numbers]
    cut = [ids[i::parts] for i in range(parts)]
    reason, rejected_ids = duplicates_among(cut, lambda name: np.uint64(int(name[2:]) % hashes))
    expected = [[ids.count(name) > 1 for name in part] for part in cut]
    assert [[bool(value) for value in part] for part in reason] == expected
    assert rejected_ids == sorted({name for name in ids if ids.count(name) > 1})[:5]


def duplicates_among(cut: list[list[str]], hash_of: Any) -> tuple[list[Any], list[str]]:
    """The reasons of the rows of parts with those ids, and the repeated ids told."""
    parts, found = [], []
    for i, names in enumerate(cut):
        rows = len(names)
        zero = np.zeros(rows, np.uint8)
        partition = Partition(i, (Piece("f", (0,), rows),))
        hashes = np.array([hash_of(name) for name in names], np.uint64)
        parts.append(PartRows(partition, zero, zero.astype(np.int8), hashes, 0, {}))
    suspects = draw.duplicate([part.hashes for part in parts])
    for part, names in zip(parts, cut, strict=True):
        at = np.flatnonzero(np.isin(part.hashes, suspects))
        ids = pa.array([names[row] for row in at], pa.large_string())
        found.append(
            Suspects(at, ids, np.zeros(len(at), np.uint64), np.ones(len(at)), np.zeros((2, len(at)), np.uint64))
        )
    groups = SuspectGroups.of(found)
    marked = settle(parts, found, groups, "reject", reject_missing=False)
    return [part.reason == Reason.DUPLICATE_ID for part in marked], groups.names(groups.repeated)


def test_ids_of_one_hash_are_distinguished_by_a_whole_run(tmp_path, monkeypatch):
    """V15: with a hash of two values all ids are suspects; the scores are those of a good hash but for the draw."""
    twice = changed(account_id=with_values("account_id", "P00007"))
    monkeypatch.setattr(draw, "id_hash", lambda ids, _=0: np.arange(len(ids)).astype(np.uint64) % np.uint64(2))
    done = scored(tmp_path, twice, files=3)
    assert rejected(done) == {"duplicate_id": 2}
    assert "P00007" not in market.scores(done)["account_id"].to_pylist()


def test_duplicates_are_found_in_bounded_memory(tmp_path):
    """V15: 8 bytes a row for everyone; ids are read again only for the rows whose hash repeats."""
    rows = 5000
    ids = [f"P{i:05d}" for i in range(rows)]
    ids[17] = ids[4711]
    where = market.write(changed(rows, account_id=ids), tmp_path)
    columns = InputColumns("account_id", "sales")
    part = census.take_census(
        Partition(0, (Piece(str(where / "part-00000.parquet"), (0,), rows),)), columns, reject_missing_sales=False
    )
    assert (part.hashes.nbytes, part.reason.nbytes, part.party.nbytes) == (8 * rows, rows, rows)
    suspects = find_suspects(part, columns, draw.duplicate([part.hashes]), "identical")
    assert suspects.rows.tolist() == [17, 4711]
    assert suspects.ids.to_pylist() == [ids[17]] * 2
    assert suspects.digests.shape == (2, 2)


def test_rows_without_an_id_are_rejected_and_are_no_duplicates(tmp_path):
    """V16: null, empty and blank; two of them are not one account twice."""
    done = scored(tmp_path, changed(account_id=with_values("account_id", None, None, "", " ", "\t")))
    assert rejected(done) == {"missing_id": 5}


def test_whole_number_ids_with_gaps_stay_exact(tmp_path):
    """V16: a gap among whole numbers makes no fractions of the rest."""
    ids = pa.array([None, *(2**53 + 1 + 2 * i for i in range(ROWS - 1))], pa.int64())
    done = scored(tmp_path, changed(account_id=ids))
    assert rejected(done) == {"missing_id": 1}
    assert sorted(market.scores(done)["account_id"].to_pylist()) == ids.to_pylist()[1:]


@pytest.mark.parametrize("fit_rows", [1000, "all"])
def test_neither_row_order_nor_partitions_nor_workers_change_a_bit(tmp_path, fit_rows):
    """V17, V18: shuffled rows in other files and row groups, on 1, 2 and 8 workers: the same scores to the bit."""
    table = market.plain_accounts(3000)
    changes = {"clusters.fit_rows": fit_rows, "clusters.batch_rows": 100}
    reference = market.scores(scored(tmp_path / "reference", table, changes | {"engine": {"workers": 1}}))
    order = np.random.default_rng(3).permutation(3000)
    for workers in (2, 8):
        layout: dict[str, Any] = {"files": workers + 1, "row_group": 100 * workers}
        other = scored(tmp_path / f"{workers}", table.take(order), changes | {"engine": {"workers": workers}}, **layout)
        assert not market.different(reference, market.scores(other))
