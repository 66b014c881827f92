"""The plan: partitions come from files and row groups alone, and every file is checked before a row is read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.errors import InputContractError, UsageError
from tamscore.schema import InputColumns
from tamscore.store import partitions
from tamscore.store.partitions import PARTITION_ROWS, RowGroup, bundles, plan
from tests.end_to_end import market

COLUMNS = InputColumns("account_id", "sales", numeric=("x", "y"))


def row_groups(*files: list[int], kinds: str = "") -> list[RowGroup]:
    """The row groups of some files, each told by its rows."""
    kind = lambda i: (kinds[i],) if kinds else ()  # noqa: E731
    return [RowGroup(f"f{i}", (0, i), kind(i), g, r) for i, rows in enumerate(files) for g, r in enumerate(rows)]


@given(st.lists(st.integers(0, 2 * PARTITION_ROWS), max_size=40))
def test_bundles_hold_every_row_group_with_rows_once_in_order(groups):
    """Neighbours are read together up to the limit; only a row group larger than that stands above it, alone."""
    made = bundles(row_groups(groups), 7)
    assert [number for part in made for number in part.pieces[0].row_groups] == [i for i, n in enumerate(groups) if n]
    assert [part.index for part in made] == list(range(len(made)))
    for part in made:
        (piece,) = part.pieces
        assert part.rows == sum(groups[number] for number in piece.row_groups) > 0
        assert part.rows <= PARTITION_ROWS or len(piece.row_groups) == 1
        assert part.max_bytes == 7


@given(st.lists(st.integers(0, PARTITION_ROWS), max_size=40))
def test_no_two_neighbours_could_have_been_one(groups):
    """Many tiny row groups make few partitions: each with the first row group of the next would be too large."""
    made = bundles(row_groups(groups), 7)
    for part, following in pairwise(made):
        assert part.rows + groups[following.pieces[0].row_groups[0]] > PARTITION_ROWS


@given(st.lists(st.lists(st.integers(0, PARTITION_ROWS // 2), max_size=3), max_size=12), st.integers(0, 12))
def test_small_files_are_read_together_where_there_are_many(files, many):
    """Every row group is there once, in order; a partition holds several files only where there are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "MANY_FILES", many)
        made = bundles(row_groups(*files), 7)
    found = [(piece.path, group) for part in made for piece in part.pieces for group in piece.row_groups]
    assert found == [(f"f{i}", g) for i, rows in enumerate(files) for g, r in enumerate(rows) if r]
    together = sum(1 for rows in files if rows) > many
    assert all(part.rows <= PARTITION_ROWS and (together or len(part.pieces) == 1) for part in made)
    if together:
        assert all(a.rows + b.rows > PARTITION_ROWS // 2 for a, b in pairwise(made))


def test_files_of_different_types_are_not_read_together(monkeypatch):
    monkeypatch.setattr(partitions, "MANY_FILES", 0)
    made = bundles(row_groups([5], [5], [5], [5], kinds="aabb"), 7)
    assert [[piece.path for piece in part.pieces] for part in made] == [["f0", "f1"], ["f2", "f3"]]


def test_the_plan_follows_file_names_and_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "PARTITION_ROWS", 50)
    table = market.plain_accounts(200)
    for name, start, group in (("b.parquet", 100, 30), ("a.parquet", 0, 60)):
        pq.write_table(table.slice(start, 100), tmp_path / name, row_group_size=group)
    made = plan(str(tmp_path), COLUMNS)
    found = [
        (part.index, piece.path[-9:], piece.row_groups, piece.rows) for part in made.partitions for piece in part.pieces
    ]
    assert found == [
        (0, "a.parquet", (0,), 60),
        (1, "a.parquet", (1,), 40),
        (2, "b.parquet", (0,), 30),
        (3, "b.parquet", (1,), 30),
        (4, "b.parquet", (2, 3), 40),
    ]
    assert made.rows == 200
    assert made.files == (str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"))
    assert made.schema.names == table.column_names


def test_files_of_others_are_passed_over_and_reported(tmp_path):
    """Names with a leading underscore or dot, and other endings, are no part of the input; a folder in it is."""
    market.write(market.plain_accounts(10), tmp_path)
    for name in ("_SUCCESS", "_tmp.parquet", ".hidden.parquet", "notes.txt", "part.parquet.crc"):
        (tmp_path / name).write_text("?", encoding="utf-8")
    market.write(market.plain_accounts(10), tmp_path / "folder.parquet")
    made = plan(str(tmp_path), COLUMNS)
    assert made.files == tuple(
        str(tmp_path / name) for name in ("folder.parquet/part-00000.parquet", "part-00000.parquet")
    )
    assert list(made.notices) == ["passed over: notes.txt, part.parquet.crc"]
    assert set(made.ignored) == {"_SUCCESS", "_tmp.parquet", ".hidden.parquet", "notes.txt", "part.parquet.crc"}


@pytest.mark.parametrize("pattern", ["*.parquet", "part-0000[01].parquet", "../mar*/part-*"])
def test_a_glob_names_files_in_any_folder(tmp_path, pattern):
    where = market.write(market.plain_accounts(10), tmp_path / "market", files=2)
    assert len(plan(str(where / pattern), COLUMNS).files) == 2


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.parquet", "a**b.parquet", "", "[", "nul?"])
def test_a_path_without_files_is_a_usage_error_that_says_what_is_accepted(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"give a file, a folder of \*\.parquet, or a glob"):
        plan(str(tmp_path / "empty" / path), COLUMNS)


def altered(table: pa.Table) -> pa.Table:
    """The table with one value changed that is neither least nor largest in its column."""
    sales = table["sales"].to_numpy().copy()
    order = np.argsort(sales, kind="stable")
    sales[order[len(order) // 2]] += 0.25
    return table.set_column(1, "sales", pa.array(sales))


def test_the_digest_tells_inputs_apart_that_differ_in_one_value_only(tmp_path):
    """Size, statistics and the whole footer are the same; the value is not, so the run is another."""
    table = market.plain_accounts(200).set_column(1, "sales", pa.array(np.arange(200.0)))
    for name, rows in (("one", table), ("other", altered(table))):
        (tmp_path / name).mkdir()
        pq.write_table(rows, tmp_path / name / "a.parquet", compression="none", use_dictionary=False)
    one, other = (tmp_path / name / "a.parquet" for name in ("one", "other"))
    assert one.stat().st_size == other.stat().st_size
    assert pq.read_metadata(one).row_group(0).column(1).statistics.max == 199.0
    assert one.read_bytes()[-2000:] == other.read_bytes()[-2000:]
    assert plan(str(one), COLUMNS).digest != plan(str(other), COLUMNS).digest


def test_the_digest_is_that_of_names_and_bytes_wherever_they_lie(tmp_path):
    one, other = (market.write(market.plain_accounts(50), tmp_path / name, files=2) for name in ("one", "other"))
    (other / "part-00000.parquet").touch()
    assert plan(str(one), COLUMNS).digest == plan(str(other), COLUMNS).digest
    (other / "part-00001.parquet").rename(other / "renamed.parquet")
    assert plan(str(one), COLUMNS).digest != plan(str(other), COLUMNS).digest


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("Sales", "did you mean 'sales'?"),
        ("SALES", "did you mean 'sales'?"),
        ("acount_id", "did you mean 'account_id'?"),
        ("turnover", "the file has 'account_id', 'sales', 'x', 'y'"),
    ],
)
def test_a_missing_column_comes_with_the_nearest_name_or_with_all(tmp_path, asked, hint):
    where = market.write(market.plain_accounts(10), tmp_path)
    with pytest.raises(InputContractError) as caught:
        plan(str(where), InputColumns("account_id", "sales", numeric=(asked,)))
    assert f"column {asked!r} is missing; {hint}" in str(caught.value)
    assert "part-00000.parquet" in str(caught.value)


def test_of_many_columns_some_are_named_and_the_others_counted(tmp_path):
    table = market.plain_accounts(10)
    for number in range(20 - table.num_columns):
        table = table.append_column(f"n{number}", pa.array(range(10)))
    where = market.write(table, tmp_path)
    with pytest.raises(InputContractError) as caught:
        plan(str(where), InputColumns("account_id", "sales", numeric=("turnover",)))
    said = str(caught.value)
    assert all(repr(name) in said for name in table.column_names[:12])
    assert said.endswith(f"{table.column_names[11]!r} and 8 others")


def test_a_dictionary_column_is_judged_by_its_values(tmp_path):
    """Text in a dictionary is text and no number; numbers in one are numbers."""
    table = market.plain_accounts(10).append_column("t", pa.array(["a", "b"] * 5).dictionary_encode())
    where = market.write(table.append_column("n", pa.array([1.0, 2.0] * 5).dictionary_encode()), tmp_path)
    assert plan(str(where), InputColumns("t", "sales", numeric=("n",), categorical=("t",))).rows == 10
    with pytest.raises(InputContractError, match=r"column 't' is dictionary.*expected a number"):
        plan(str(where), InputColumns("account_id", "sales", numeric=("t",)))
