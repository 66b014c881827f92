"""Tables on disk: read by partition as they were written, and written whole or not at all."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError
from tamscore.schema import Partition, Piece
from tamscore.store import commit, tables

TABLE = pa.table({"id": [f"r{i}" for i in range(10)], "level": ["a", "b"] * 5, "x": [float(i) for i in range(10)]})


@pytest.fixture
def file(tmp_path):
    pq.write_table(TABLE, tmp_path / "t.parquet", row_group_size=3)
    return tmp_path / "t.parquet"


def test_a_partition_is_its_row_groups_and_the_columns_asked_for_in_that_order(file):
    read = tables.read(Partition(0, (Piece(str(file), (1, 3), 4),)), ["x", "id"])
    assert read.to_pydict() == {"x": [3.0, 4.0, 5.0, 9.0], "id": ["r3", "r4", "r5", "r9"]}


def test_text_comes_as_a_dictionary_only_where_asked(file):
    part = Partition(0, (Piece(str(file), (0, 1, 2, 3), 10),))
    assert pa.types.is_dictionary(tables.read(part, ["level"], dictionary=["level"])["level"].type)
    assert tables.read(part, ["level"])["level"].type == pa.string()
    assert tables.read(part, ["level"], dictionary=["level"])["level"].to_pylist() == ["a", "b"] * 5


@pytest.mark.parametrize("encoding", ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "PLAIN"])
def test_text_of_any_encoding_comes_as_a_dictionary_where_asked(tmp_path, encoding):
    """Other writers store text as differences, which PyArrow cannot read into a dictionary by itself."""
    path = tmp_path / "t.parquet"
    pq.write_table(TABLE, path, use_dictionary=False, column_encoding={"level": encoding, "id": encoding})
    read = tables.read(Partition(0, (Piece(str(path), (0,), 10),)), ["level", "x", "id"], dictionary=["level"])
    assert read["level"].type == pa.dictionary(pa.int32(), pa.string())
    assert read.to_pydict() == TABLE.select(["level", "x", "id"]).to_pydict()


def test_dictionaries_and_views_in_the_file_come_plain(tmp_path):
    """So that ids sort, and parts of one output have one schema."""
    columns = {
        "d": pa.array(["u", None, "u"]).dictionary_encode(),
        "v": pa.array(["u", "v", None], pa.string_view()),
        "l": pa.array(["u", "v", None], pa.large_string()),
        "n": pa.array([7, 8, 7]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    read = tables.read(Partition(0, (Piece(str(tmp_path / "t.parquet"), (0,), 3),)), list(columns))
    assert {field.name: field.type for field in read.schema} == {
        "d": pa.string(), "v": pa.string(), "l": pa.large_string(), "n": pa.int64(),
    }  # fmt: skip
    assert read.to_pydict() == {name: column.to_pylist() for name, column in columns.items()}


def test_a_flipped_bit_is_found_by_the_checksum_of_its_page(tmp_path):
    path = tmp_path / "t.parquet"
    commit.place_parquet(TABLE, path)
    chunk = pq.read_metadata(path).row_group(0).column(2)
    part = Partition(0, (Piece(str(path), (0,), 10),))
    assert tables.read(part, ["x"]).num_rows == 10
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputContractError, match=r"t\.parquet: row groups \(0,\): .*write the file again"):
        tables.read(part, ["x"])


def test_a_file_that_holds_other_rows_than_planned_is_refused(file):
    """Another process may have replaced it since the plan was made."""
    with pytest.raises(InputContractError, match=r"the footer tells of 5 rows, 3 are there"):
        tables.read(Partition(0, (Piece(str(file), (0,), 5),)), ["x"])


def test_a_file_that_is_gone_is_refused_by_name(file):
    file.unlink()
    with pytest.raises(InputContractError, match=r"t\.parquet"):
        tables.read(Partition(0, (Piece(str(file), (0,), 3),)), ["x"])


def test_strings_of_ids_are_exact():
    for values, told in (
        (pa.array([2**63 - 1, -(2**63), None]), [str(2**63 - 1), str(-(2**63)), None]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array(["007", " 7", "é", ""]), ["007", " 7", "é", ""]),
    ):
        column = pa.chunked_array([values.slice(0, 1), values.slice(1)])
        assert tables.strings(column).to_pylist() == told


def test_the_bytes_of_a_column_are_its_own_and_those_of_all_its_leaves(tmp_path):
    """They say how many rows may be decoded at a time, whatever stands beside the column."""
    nested = [{"x": 1, "y": [2, 3]}] * 50
    columns = {"a": ["u" * 9] * 50, "a.b": list(range(50)), "ab": [0.5] * 50, "n": nested}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    group = pq.read_metadata(tmp_path / "t.parquet").row_group(0)
    sizes = {group.column(i).path_in_schema: group.column(i).total_uncompressed_size for i in range(group.num_columns)}
    assert tables.column_bytes(group, "ab") == sizes["ab"]
    assert tables.column_bytes(group, "a.b") == sizes["a.b"]
    assert tables.column_bytes(group, "n") == sizes["n.x"] + sizes["n.y.list.element"]
    assert sizes["a"] <= tables.column_bytes(group, "a") <= sizes["a"] + sizes["a.b"]
