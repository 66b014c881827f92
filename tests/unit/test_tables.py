"""Tables on disk: read by partition as they were written, and written whole or not at all."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.parquet.encryption import CryptoFactory, EncryptionConfiguration, KmsClient, KmsConnectionConfig

from tamscore.arrow import strings
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
    with pytest.raises(InputContractError, match=r"the footer states 5 rows, the file holds 3"):
        tables.read(Partition(0, (Piece(str(file), (0,), 5),)), ["x"])


def test_a_file_that_is_gone_is_refused_by_name(file):
    file.unlink()
    with pytest.raises(InputContractError, match=r"t\.parquet"):
        tables.read(Partition(0, (Piece(str(file), (0,), 3),)), ["x"])


def test_strings_of_ids_are_exact():
    for values, expected in (
        (pa.array([2**63 - 1, -(2**63), None]), [str(2**63 - 1), str(-(2**63)), None]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array(["007", " 7", "é", ""]), ["007", " 7", "é", ""]),
    ):
        column = pa.chunked_array([values.slice(0, 1), values.slice(1)])
        assert strings(column).to_pylist() == expected


def test_columns_seen_before_come_as_they_came_before(tmp_path):
    columns = {"id": ["u" * 9, "", None, "w"] * 50, "v": pa.array(["u", "v", None, "w"] * 50, pa.string_view())}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=70)
    part = Partition(0, (Piece(str(tmp_path / "t.parquet"), (0, 1, 2), 200),), max_bytes=2_000_000)
    first = tables.read(part, ["id", "v"])
    again = tables.read(part, ["id", "v"], seen=["id", "v"])
    assert again.schema == first.schema
    assert again.equals(first)


class Keys(KmsClient):  # type: ignore[misc]
    """Keys that are kept by nobody."""

    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return b64decode(wrapped_key)


def test_an_encrypted_column_is_reported_and_ends_no_process(tmp_path):
    """Its metadata must not be asked for: PyArrow would abort."""
    settings = EncryptionConfiguration(
        "footer", column_keys={"column": ["id"]}, plaintext_footer=True, cache_lifetime=timedelta(minutes=1)
    )
    properties = CryptoFactory(Keys).file_encryption_properties(KmsConnectionConfig(), settings)
    with pq.ParquetWriter(tmp_path / "t.parquet", TABLE.schema, encryption_properties=properties) as writer:
        writer.write_table(TABLE)
    part = Partition(0, (Piece(str(tmp_path / "t.parquet"), (0,), 10),))
    assert tables.read(part, ["x"])["x"].to_pylist() == TABLE["x"].to_pylist()
    with pytest.raises(InputContractError, match="decrypt"):
        tables.read(part, ["x", "id"])
