"""Sources: the rows of a table are those that its own library gives, wherever and however its files lie."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
import weakref
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, UsageError
from tamscore.schema import Copies, InputColumns
from tamscore.store import tables
from tamscore.store.partitions import Plan, plan
from tamscore.store.placed import Placed
from tamscore.store.sources import converted, copies, extra, rows
from tamscore.store.sources import iceberg as iceberg_source
from tamscore.store.sources.whole import whole_table

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNTS = pa.table({
    "account_id": [f"{number:04d}" for number in range(40)],
    "sales": pa.array([None if number == 7 else number * 1.5 for number in range(40)], pa.float64()),
    "industry": [("Food", "Metal", "R&D / Lab", None)[number % 4] for number in range(40)],
    "year": pa.array([2020 + number % 3 for number in range(40)], pa.int64()),
})  # fmt: skip
COLUMNS = InputColumns("account_id", "sales", categorical=("industry",), numeric=("year",))
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def rows_of(made: Plan, names: tuple[str, ...] = ("account_id", "sales", "industry", "year")) -> list[dict[str, Any]]:
    """The rows that a plan reads, in order of id."""
    found = [row for part in made.partitions for row in tables.read(part, names).to_pylist()]
    return sorted(found, key=lambda row: str(row["account_id"]))


def expected(table: pa.Table = ACCOUNTS) -> list[dict[str, Any]]:
    rows = table.select(["account_id", "sales", "industry", "year"]).to_pylist()
    return sorted(rows, key=lambda row: row["account_id"])


def write(table: pa.Table, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def hive(folder: Path, *keys: str) -> Path:
    """The accounts as Spark and others lay them out: a folder for each value of a key."""
    pq.write_to_dataset(ACCOUNTS, folder, partition_cols=list(keys))
    return folder


def flat(folder: Path) -> Path:
    write(ACCOUNTS, folder / "part.parquet")
    return folder


def endings(folder: Path) -> Path:
    """Files of other endings, other capitals, none at all, and some that are none of the table."""
    for number, name in enumerate(("a.parquet", "b.PARQUET", "c.parq", "d.Pq", "e")):
        write(ACCOUNTS.slice(number * 8, 8), folder / name)
    for name in ("_SUCCESS", ".e.crc", "~$a.parquet", "_temporary/0/part.parquet", ".staging/part.parquet"):
        write(ACCOUNTS, folder / name)
    write(ACCOUNTS, folder / "a.parquet.bak")
    return folder


def folders_below(folder: Path) -> Path:
    for number, name in enumerate(("north/a.parquet", "north/deep/b.parquet", "south/a.parquet", "west.parquet")):
        write(ACCOUNTS.slice(number * 10, 10), folder / name)
    return folder


def delta(folder: Path, **options: Any) -> Path:
    """A Delta table with rows deleted, updated, merged and compacted since."""
    from deltalake import DeltaTable, write_deltalake

    strange = ACCOUNTS.set_column(1, "sales", pa.array([9e9] * 40))
    write_deltalake(str(folder), pa.concat_tables([strange, strange_ids(strange)]), **options)
    table = DeltaTable(str(folder))
    table.delete("account_id like 'X%'")
    merged = table.merge(ACCOUNTS, "s.account_id = t.account_id", source_alias="s", target_alias="t")
    merged.when_matched_update_all().execute()
    DeltaTable(str(folder)).optimize.compact()
    return folder


def strange_ids(table: pa.Table) -> pa.Table:
    return table.set_column(0, "account_id", pa.array([f"X{number}" for number in range(len(table))]))


def iceberg(folder: Path) -> Path:
    """An Iceberg table with rows deleted and a column renamed since."""
    table = new_iceberg(folder, ACCOUNTS.rename_columns(["account_id", "turnover", "industry", "year"]))
    table.append(strange_ids(ACCOUNTS).rename_columns(["account_id", "turnover", "industry", "year"]))
    table.delete("account_id >= 'X'")
    with table.update_schema() as change:
        change.rename_column("turnover", "sales")
    return folder


def new_iceberg(folder: Path, rows: pa.Table) -> Any:
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("tests", warehouse=f"file://{folder.parent}")
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", schema=rows.schema, location=f"file://{folder}")
    weakref.finalize(table, catalog.close)  # else Python 3.13 warns of its database
    table.append(rows)
    return table


def as_csv(folder: Path) -> Path:
    folder.mkdir()
    for number, part in enumerate((ACCOUNTS.slice(0, 25), ACCOUNTS.slice(25))):
        pa_csv.write_csv(part, folder / f"{number}.csv")
    return folder


def workbook(folder: Path) -> Path:
    from openpyxl import Workbook

    folder.mkdir()
    book = Workbook()
    book.create_sheet("empty")
    for row in (ACCOUNTS.column_names, *(row.values() for row in ACCOUNTS.to_pylist())):
        book.active.append([*row])
    book.save(folder / "accounts.xlsx")
    return folder


def json_lines(folder: Path) -> Path:
    folder.mkdir()
    lines = [json.dumps(row) for row in ACCOUNTS.to_pylist()]
    (folder / "a.ndjson").write_text("\n".join(lines[:20]), encoding="utf-8")
    with gzip.open(folder / "b.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines[20:]) + "\n")
    return folder


def arrow_file(folder: Path) -> Path:
    folder.mkdir()
    with pa.ipc.new_file(str(folder / "accounts.arrow"), ACCOUNTS.schema) as writer:
        writer.write_table(ACCOUNTS, max_chunksize=7)
    return folder


def arrow_stream(folder: Path) -> Path:
    folder.mkdir()
    with pa.ipc.new_stream(str(folder / "accounts.arrows"), ACCOUNTS.schema) as writer:
        writer.write_table(ACCOUNTS, max_chunksize=7)
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {
    "flat": flat,
    "endings": endings,
    "folders below": folders_below,
    "hive": lambda folder: hive(folder, "industry"),
    "hive, two keys": lambda folder: hive(folder, "year", "industry"),
    "delta": delta,
    "delta, partitioned": lambda folder: delta(folder, partition_by=["industry", "year"]),
    "iceberg": iceberg,
    "csv": as_csv,
    "workbook": workbook,
    "json lines": json_lines,
    "arrow file": arrow_file,
    "arrow stream": arrow_stream,
}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    return SOURCES[request.param](tmp_path / "market")


class TestEverySource:
    """What holds for every table, whatever its format."""

    def test_its_rows_are_those_of_the_table(self, source):
        assert rows_of(plan(str(source), COLUMNS)) == expected()

    def test_columns_alone_equal_columns_of_the_whole(self, source):
        made = plan(str(source), COLUMNS)
        whole = rows_of(made)
        for name in ("sales", "industry", "year"):
            alone = rows_of(made, ("account_id", name))
            assert [row[name] for row in alone] == [row[name] for row in whole]

    def test_its_order_and_digest_stay(self, source):
        first, second = (plan(str(source), COLUMNS) for _ in range(2))
        assert first.digest == second.digest
        read = [tables.read(part, ["account_id"]).to_pylist() for part in first.partitions]
        assert read == [tables.read(part, ["account_id"]).to_pylist() for part in second.partitions]

    def test_a_folder_that_was_moved_is_the_same_table(self, source, tmp_path):
        shutil.move(source, tmp_path / "elsewhere")
        assert rows_of(plan(str(tmp_path / "elsewhere"), COLUMNS)) == expected()

    def test_a_text_of_the_path_can_be_read_as_codes(self, source):
        for part in plan(str(source), COLUMNS).partitions:
            found = tables.read(part, ["industry"], dictionary=["industry"])["industry"]
            assert pa.types.is_dictionary(found.type)


def test_what_is_passed_over_is_reported_but_for_marks_of_writers(tmp_path):
    assert list(plan(str(endings(tmp_path)), COLUMNS).notices) == ["passed over: a.parquet.bak"]


def test_values_of_paths_are_numbers_where_all_are_and_texts_else(tmp_path):
    for value in ("1", "20", "__HIVE_DEFAULT_PARTITION__"):
        path = tmp_path / f"whole={value}" / f"code=0{value[:1]}" / "f.parquet"
        write(ACCOUNTS.select(["account_id", "sales"]).slice(0, 5), path)
    schema = plan(str(tmp_path), InputColumns("account_id", "sales")).schema
    assert (schema.field("whole").type, schema.field("code").type) == (pa.int64(), pa.string())


@pytest.mark.parametrize(
    ("folder", "column"),
    [
        ("industry=Retail", pa.array(["Retail"] * 40)),
        ("industry=R%26D", pa.array(["R&D"] * 40).dictionary_encode()),
        ("industry=7", pa.array([7] * 40, pa.int16())),
        ("industry=007", pa.array(["007"] * 40)),
        ("industry=2026-01-31", pa.array([date(2026, 1, 31)] * 40)),
        ("industry=__HIVE_DEFAULT_PARTITION__", pa.array([None] * 40, pa.string())),
        ("industry=__HIVE_DEFAULT_PARTITION__", pa.array([""] * 40)),
    ],
)
def test_a_file_may_repeat_the_column_of_its_path(tmp_path, folder, column):
    """As Polars and DuckDB write it."""
    write(ACCOUNTS.set_column(2, "industry", column), tmp_path / folder / "f.parquet")
    value = {row["industry"] for row in rows_of(plan(str(tmp_path), COLUMNS))}
    assert value == {None if "HIVE" in folder else 7 if folder.endswith("=7") else unquote(folder.split("=")[1])}


@pytest.mark.parametrize(
    ("folder", "column"),
    [
        ("industry=Retail", pa.array(["Retail"] * 39 + ["Food"])),
        ("industry=Retail", pa.array(["Retail"] * 39 + [None])),
        ("industry=Retail", pa.array([7] * 40)),
        ("industry=Retail", pa.array([[7]] * 40)),
        ("industry=__HIVE_DEFAULT_PARTITION__", pa.array(["Food"] * 40)),
    ],
)
def test_a_file_that_contradicts_its_path_is_refused(tmp_path, folder, column):
    write(ACCOUNTS.set_column(2, "industry", column), tmp_path / folder / "f.parquet")
    with pytest.raises(InputContractError, match=r"f\.parquet.*the folder states .* 'industry', the file holds"):
        rows_of(plan(str(tmp_path), COLUMNS))


def test_a_path_that_names_a_column_twice_is_refused(tmp_path):
    write(ACCOUNTS, tmp_path / "industry=Food" / "industry=Metal" / "f.parquet")
    with pytest.raises(UsageError, match=r"input\.path: two folders .* name the column 'industry'"):
        plan(str(tmp_path), COLUMNS)


def test_a_leftover_without_the_column_of_a_path_is_refused_by_name(tmp_path):
    hive(tmp_path, "industry")
    write(ACCOUNTS.drop_columns(["industry"]), tmp_path / "leftover.parquet")
    with pytest.raises(InputContractError, match=r"leftover\.parquet: column 'industry' is missing"):
        plan(str(tmp_path), COLUMNS)


def test_values_that_are_spelled_differently_stay_apart(tmp_path):
    """-0 is no other spelling of 0, and bytes that are no text do not become one."""
    for value in ("0", "-0"):
        write(ACCOUNTS.drop_columns(["industry"]), tmp_path / "zero" / f"industry={value}" / "f.parquet")
    assert {row["industry"] for row in rows_of(plan(str(tmp_path / "zero"), COLUMNS))} == {"0", "-0"}
    write(ACCOUNTS.drop_columns(["industry"]), tmp_path / "bytes" / "industry=%FF" / "f.parquet")
    with pytest.raises(UsageError, match="expected percent signs that encode UTF-8, got '%FF'"):
        plan(str(tmp_path / "bytes"), COLUMNS)


def test_only_a_folder_may_tell_a_column_by_a_hidden_name(tmp_path):
    read = tmp_path / "_industry=Food" / "f.parquet"
    write(ACCOUNTS, read)
    for name in ("_industry=Food/_tmp=1.parquet", ".part=1/f.parquet", "~part=1/f.parquet", "_temporary/f.parquet"):
        write(ACCOUNTS, tmp_path / name)
    assert plan(str(tmp_path), COLUMNS).files == (str(read),)


@pytest.mark.parametrize("path", ["industry=Food", "*/*.parquet", "industry=Food/f.parquet"])
def test_a_path_below_the_folder_that_tells_a_column_is_refused_with_the_folder_to_name(tmp_path, path):
    write(ACCOUNTS.drop_columns(["industry"]), tmp_path / "industry=Food" / "f.parquet")
    with pytest.raises(InputContractError, match=rf"'industry' is missing; the folder 'industry=Food' .*'{tmp_path}'"):
        plan(str(tmp_path / path), COLUMNS)


def test_columns_that_some_files_lack_are_known(tmp_path):
    write(ACCOUNTS, tmp_path / "a.parquet")
    write(ACCOUNTS.append_column("more", ACCOUNTS["sales"]), tmp_path / "b.parquet")
    read = plan(str(tmp_path), COLUMNS)
    assert read.partial == ("more",)
    assert "more" not in read.schema.names


def test_another_value_in_a_path_is_another_input(tmp_path):
    digests = set()
    for value in ("Food", "Metal"):
        write(ACCOUNTS.drop_columns(["industry"]), tmp_path / value / f"industry={value}" / "f.parquet")
        digests.add(plan(str(tmp_path / value), COLUMNS).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("make", [delta, iceberg])
def test_files_of_a_lakehouse_table_are_not_read_without_it(tmp_path, make):
    folder = make(tmp_path / "market")
    file = next(file for file in folder.rglob("*.parquet"))
    for path in (file, file.parent / "*.parquet", file.parent / f"{file.name[:3]}*"):
        with pytest.raises(UsageError, match=rf"{make.__name__.title()} table .*name the folder of the table"):
            plan(str(path), COLUMNS)


def test_a_table_below_a_folder_is_refused_by_name(tmp_path):
    flat(tmp_path)
    delta(tmp_path / "lake")
    with pytest.raises(UsageError, match=r"lake' in .* is a Delta table; name it, or move it elsewhere"):
        plan(str(tmp_path), COLUMNS)


def test_a_hudi_table_is_refused_with_the_command_that_converts_it(tmp_path):
    flat(tmp_path)
    (tmp_path / ".hoodie").mkdir()
    with pytest.raises(UsageError, match=r"is a Hudi table.*spark\.read"):
        plan(str(tmp_path), COLUMNS)


@pytest.mark.parametrize(("make", "package"), [(delta, "deltalake"), (iceberg, "pyiceberg")])
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, make, package):
    folder = make(tmp_path / "market")
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=rf"package '{package}', .*\[lakehouse\]'"):
        plan(str(folder), COLUMNS)


def test_an_earlier_version_of_a_delta_table_can_be_named(tmp_path):
    folder = delta(tmp_path)
    first, newest = plan(str(folder), COLUMNS, version=0), plan(str(folder), COLUMNS)
    assert (len(rows_of(first)), first.version) == (80, "0")
    assert newest.record["version"] == newest.version != "0"
    with pytest.raises(UsageError, match=r"has no version 99 .*the newest is \d"):
        plan(str(folder), COLUMNS, version=99)


def test_an_earlier_snapshot_of_an_iceberg_table_can_be_named(tmp_path):
    table = new_iceberg(tmp_path / "market", ACCOUNTS)
    first = table.current_snapshot().snapshot_id
    table.append(strange_ids(ACCOUNTS))
    assert len(rows_of(plan(str(tmp_path / "market"), COLUMNS, version=first))) == 40
    assert len(rows_of(plan(str(tmp_path / "market"), COLUMNS))) == 80
    with pytest.raises(UsageError, match="has no snapshot 5; it has"):
        plan(str(tmp_path / "market"), COLUMNS, version=5)


def test_a_version_of_plain_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"input\.version: .* is no lakehouse table"):
        plan(str(flat(tmp_path)), COLUMNS, version=1)


def test_a_column_that_came_later_is_null_in_older_files(tmp_path):
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path), ACCOUNTS.drop_columns(["year"]).slice(0, 20))
    write_deltalake(str(tmp_path), ACCOUNTS.slice(20), mode="append", schema_mode="merge")
    years = [row["year"] for row in rows_of(plan(str(tmp_path), COLUMNS))]
    assert years == [None] * 20 + ACCOUNTS["year"].to_pylist()[20:]


def test_rows_that_a_deletion_vector_takes_out_are_gone(tmp_path):
    delta_with_vector(tmp_path, gone=[0, 39, 17])
    ids = [row["account_id"] for row in rows_of(plan(str(tmp_path), COLUMNS))]
    assert ids == [one for one in ACCOUNTS["account_id"].to_pylist() if one not in {"0000", "0039", "0017"}]


def delta_with_vector(folder: Path, gone: list[int]) -> None:
    """A Delta table whose one file has a deletion vector, as its protocol lays it out."""
    from deltalake import write_deltalake
    from pyroaring import BitMap

    write_deltalake(str(folder), ACCOUNTS, configuration={"delta.enableDeletionVectors": "true"})
    log = folder / "_delta_log"
    lines = map(json.loads, (log / f"{0:020}.json").read_text(encoding="utf-8").splitlines())
    added = next(line for line in lines if "add" in line)
    vector = struct.pack("<IQI", 1681511377, 1, 0) + BitMap(gone).serialize()
    inline = {"storageType": "i", "pathOrInlineDv": z85(vector), "sizeInBytes": len(vector), "cardinality": len(gone)}
    removed = {"remove": {"path": added["add"]["path"], "deletionTimestamp": 1, "dataChange": True}}
    added["add"]["deletionVector"] = inline
    (log / f"{1:020}.json").write_text("\n".join(map(json.dumps, (removed, added))), encoding="utf-8")


def z85(data: bytes) -> str:
    """Bytes in the alphabet of ZeroMQ's base 85, padded to whole words."""
    words = struct.unpack(f">{-(-len(data) // 4)}I", data + bytes(-len(data) % 4))
    return "".join(Z85[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))


def test_columns_of_a_delta_table_are_those_of_their_physical_names(tmp_path):
    mapped_delta(tmp_path, account_id="account_id", sales="year", year="sales", industry="col-77")
    swapped = ACCOUNTS.rename_columns(["account_id", "year", "industry", "sales"])
    dropped = swapped.set_column(2, "industry", pa.nulls(40, pa.string()))
    assert rows_of(plan(str(tmp_path), COLUMNS)) == expected(dropped)


def mapped_delta(folder: Path, **physical: str) -> None:
    """A Delta table with columns renamed, and some dropped and added again, since its one file was written."""
    from deltalake import write_deltalake

    write_deltalake(str(folder), ACCOUNTS)
    log = folder / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    data = next(line["metaData"] for line in lines if "metaData" in line)
    types = {field["name"]: field["type"] for field in json.loads(data["schemaString"])["fields"]}
    fields = [
        {
            "name": name,
            "type": types.get(stored, types[name]),
            "nullable": True,
            "metadata": {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": stored},
        }
        for number, (name, stored) in enumerate(physical.items(), start=1)
    ]
    data["schemaString"] = json.dumps({"type": "struct", "fields": fields})
    data["configuration"] = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": str(len(fields))}
    items = [line for line in lines if "metaData" in line or "add" in line]
    protocol = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    log.write_text("\n".join(map(json.dumps, (protocol, *items))), encoding="utf-8")


def test_a_delta_table_that_asks_for_more_than_is_understood_is_refused(tmp_path):
    delta(tmp_path)
    log = min((tmp_path / "_delta_log").glob("*.json"))
    features = {"readerFeatures": ["fromTheFuture"], "writerFeatures": ["fromTheFuture"]}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    changed = [{"protocol": protocol} if "protocol" in line else line for line in lines]
    log.write_text("\n".join(map(json.dumps, changed)), encoding="utf-8")
    with pytest.raises((UsageError, InputContractError), match="fromTheFuture"):
        plan(str(tmp_path), COLUMNS)


def test_a_live_file_that_is_gone_is_named(tmp_path):
    folder = delta(tmp_path)
    live = plan(str(folder), COLUMNS).files[0]
    Path(live).unlink()
    with pytest.raises(InputContractError, match=Path(live).name):
        plan(str(folder), COLUMNS)


def test_metadata_that_leave_two_newest_are_refused(tmp_path):
    folder = iceberg(tmp_path / "market")
    newest = max((folder / "metadata").glob("*.metadata.json"))
    shutil.copy(newest, newest.with_name(f"{newest.name[:5]}-twin.metadata.json"))
    with pytest.raises(InputContractError, match="cannot tell the newest metadata"):
        plan(str(folder), COLUMNS)


def test_a_hint_tells_the_newest_metadata(tmp_path):
    folder = iceberg(tmp_path / "market")
    names = sorted(path.name for path in (folder / "metadata").glob("*.metadata.json"))
    for number, name in enumerate(names):
        (folder / "metadata" / name).rename(folder / "metadata" / f"v{number}.metadata.json")
    (folder / "metadata" / "version-hint.text").write_text("2\n", encoding="utf-8")
    columns = InputColumns("account_id", "turnover")
    assert len(rows_of(plan(str(folder), columns), ("account_id", "turnover"))) == 80


def with_delete_file(table: Any, content: str, rows: pa.Table) -> None:
    """Commit a delete file to an Iceberg table as Spark does: in a manifest of deletes, under a new snapshot."""
    from pyiceberg import manifest as avro
    from pyiceberg.table.snapshots import Operation, Snapshot, Summary
    from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate
    from pyiceberg.typedef import Record

    class DeleteManifestWriter(avro.ManifestWriterV2):
        def content(self) -> Any:
            return avro.ManifestContent.DELETES

        @property
        def _meta(self) -> dict[str, str]:
            return {**super()._meta, "content": "deletes"}

    place, number = table.location(), 4711
    pq.write_table(rows, f"{place}/data/deletes.parquet".removeprefix("file://"))
    file = avro.DataFile.from_args(
        content=getattr(avro.DataFileContent, content), file_path=f"{place}/data/deletes.parquet",
        file_format=avro.FileFormat.PARQUET, partition=Record(), record_count=len(rows), file_size_in_bytes=1000,
        equality_ids=[1] if content == "EQUALITY_DELETES" else None,
    )  # fmt: skip
    entry = avro.ManifestEntry.from_args(status=avro.ManifestEntryStatus.ADDED, snapshot_id=number, data_file=file)
    output = table.io.new_output(f"{place}/metadata/deletes.avro")
    with DeleteManifestWriter(table.spec(), table.schema(), output, number, "null") as writer:
        writer.add_entry(entry)
    before, sequence = table.current_snapshot(), table.metadata.last_sequence_number + 1
    output = table.io.new_output(f"{place}/metadata/list.avro")
    with avro.write_manifest_list(2, output, number, before.snapshot_id, sequence, "null") as listed:
        listed.add_manifests([writer.to_manifest_file(), *before.manifests(table.io)])
    snapshot = Snapshot(
        snapshot_id=number, parent_snapshot_id=before.snapshot_id, sequence_number=sequence,
        manifest_list=output.location, summary=Summary(Operation.DELETE), schema_id=table.schema().schema_id,
        timestamp_ms=table.metadata.last_updated_ms + 1,
    )  # fmt: skip
    head = SetSnapshotRefUpdate(
        ref_name="main", type="branch", snapshot_id=number,
        max_ref_age_ms=None, max_snapshot_age_ms=None, min_snapshots_to_keep=None,
    )  # fmt: skip
    table.catalog.commit_table(table, (), (AddSnapshotUpdate(snapshot=snapshot), head))


def test_rows_that_position_delete_files_take_out_are_gone(tmp_path):
    """As Spark writes them: a file that names a data file and places in it; of two data files one is hit."""
    table = new_iceberg(tmp_path / "market", ACCOUNTS.slice(0, 30))
    (path,) = (task.file.file_path for task in table.scan().plan_files())
    table.append(ACCOUNTS.slice(30))
    with_delete_file(table, "POSITION_DELETES", pa.table({"file_path": [path] * 3, "pos": [0, 17, 29]}))
    gone = {"0000", "0017", "0029"}
    left = [row for row in expected() if row["account_id"] not in gone]
    assert rows_of(plan(str(tmp_path / "market"), COLUMNS)) == left
    shutil.move(tmp_path / "market", tmp_path / "moved")
    columns = keeping(tmp_path / "scores", make=True)
    moved = plan(str(tmp_path / "moved"), columns)
    assert rows_of(moved) == left
    assert moved.copies_in_use


def test_equality_delete_files_are_refused_by_name(tmp_path):
    table = new_iceberg(tmp_path / "market", ACCOUNTS)
    with_delete_file(table, "EQUALITY_DELETES", pa.table({"account_id": ["0007"]}))
    with pytest.raises(InputContractError, match=r"market: the Iceberg table .*equality delete.*; .*compact"):
        plan(str(tmp_path / "market"), COLUMNS)


def test_lines_of_json_are_read_whatever_their_name(tmp_path):
    folder = json_lines(tmp_path / "market")
    (folder / "a.ndjson").rename(tmp_path / "market.csv")
    assert len(rows_of(plan(str(tmp_path / "market.csv"), COLUMNS))) == 20


def two_sheets(path: Path) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["account_id", "sales"])
    book.create_sheet("Notes").append(["?"])
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "a.ndjson",
            b'{"account_id": "1", "sales": 1}\n{"account_id": 2, "sales": 1}',
            r"JSON lines .*changed from string",
        ),
        ("a.ndjson", b'{"account_id": "1", "sales": 1}\n{"account_id": ', r"JSON lines "),
        ("a.json", b'[{"account_id": "1", "sales": 1}]', r"expected a Parquet file, got JSON text"),
        ("a.jsonl.gz", b"\x1f\x8b\x08", r"JSON lines "),
        ("a.arrow", b"ARROW1\0\0", r"Arrow file "),
        ("a.arrows", b"\xff\xff\xff\xff\0", r"Arrow stream "),
        ("a.xlsx", b"PK\x03\x04?", r"the workbook cannot be read"),
        ("a.db", b"SQLite format 3\0", r"a SQLite database .*by input\.sql and input\.connection"),
        ("a.duckdb", b"12345678DUCK", r"a DuckDB database .*by input\.sql and input\.connection"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_format(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputContractError, match=rf"{name}: .*{words}"):
        plan(str(tmp_path / name), COLUMNS)


def test_a_workbook_with_rows_in_several_sheets_is_refused(tmp_path):
    with pytest.raises(InputContractError, match="rows in the sheets 'Sheet', 'Notes'"):
        plan(str(two_sheets(tmp_path / "a.xlsx")), COLUMNS)


def test_an_id_that_a_workbook_has_lost_digits_of_is_refused(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for row in (("account_id", "sales", "industry", "year"), (12, 5.5, "Food", 2020), (2**53 + 1, 1, "Food", 2020)):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputContractError, match=r"a\.xlsx: row 3, column 1: the number 9007199254740992 is too large"):
        plan(str(tmp_path / "a.xlsx"), COLUMNS)


@pytest.mark.parametrize("cut", [1 << 24, 64])
def test_a_formula_that_no_program_has_computed_is_refused(tmp_path, monkeypatch, cut):
    """Its cell reads as nothing: the sales of a customer would be gone."""
    from openpyxl import Workbook

    monkeypatch.setattr("tamscore.store.sources.workbook.CHUNK", cut)
    book = Workbook()
    for row in (["account_id", "sales"], ["a1", 10], ["a2", "=SUM(B2:B2)*2"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputContractError, match=r"a\.xlsx: cell B3: a formula without a value"):
        plan(str(tmp_path / "a.xlsx"), COLUMNS)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (b'<c r="B3"><f>A1</f></c>', b"B3"),
        (b'<c r="B3" s="1"><f>A1&amp;B1</f><v/></c>', b"B3"),
        (b'<c r="B3"><f t="shared" si="0"/><v></v></c>', b"B3"),
        (b'<c r="B3"><f>A1</f><v>0</v></c>', None),
        (b'<c r="B3" t="str"><f>A1</f><v></v></c>', None),
        (b'<c r="B3"/><c r="C3"><f>A1</f><v>1</v></c>', None),
        (b'<c r="B3"><v>2</v></c>', None),
    ],
)
def test_a_formula_without_a_value_is_distinguished_from_one_with_it(cell, found):
    from tamscore.store.sources.workbook import NEVER_COMPUTED

    match = NEVER_COMPUTED.search(cell)
    assert (match and match[1]) == found


def test_a_cell_of_a_workbook_is_named_by_file_column_and_row(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for row in (("account_id", "sales", "industry", "year"), ("1", 5.5, "Food", 2020), ("2", "much", "Food", 2020)):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputContractError, match=r"a\.xlsx: column 'sales': .*row 3: 'much'"):
        plan(str(tmp_path / "a.xlsx"), COLUMNS)


def test_files_of_two_kinds_are_refused(tmp_path):
    arrow_file(tmp_path / "market")
    pa_csv.write_csv(ACCOUNTS, tmp_path / "market" / "b.csv")
    with pytest.raises(UsageError, match="name files of one kind"):
        plan(str(tmp_path / "market"), COLUMNS)


COPIED = [as_csv, workbook, json_lines, arrow_file, arrow_stream, iceberg]


def keeping(output: Path | str, **options: bool) -> InputColumns:
    return replace(COLUMNS, copies=Copies(str(output), **options))


@pytest.mark.parametrize("make", COPIED)
def test_a_copy_beside_the_output_is_read_again(tmp_path, make, monkeypatch):
    folder = make(tmp_path / "market")
    first = plan(str(folder), keeping(tmp_path / "scores", make=True))
    copies_in_use = [tmp_path / "scores" / "_sources" / name for name in first.copies_in_use]
    assert sorted(map(Path, first.read_files)) == sorted(copies_in_use)
    assert (
        first.record["copies"] == first.copies_in_use == [f"{Placed.of(path).xxh3}.parquet" for path in copies_in_use]
    )
    for module in (converted, rows, iceberg_source):
        monkeypatch.setattr(module, "written", None, raising=False)
    monkeypatch.setattr(converted, "csv_copies", None)
    again = plan(str(folder), keeping(tmp_path / "scores"))
    assert (again.read_files, again.digest) == (first.read_files, first.digest)
    assert rows_of(again) == expected()


def test_without_an_output_copies_are_temporary_and_none_is_made(tmp_path):
    read = plan(str(as_csv(tmp_path / "market")), keeping(tmp_path / "scores"))
    assert read.copies_in_use == []
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "index"])
def test_a_copy_that_is_not_what_was_kept_is_made_again(tmp_path, damage):
    folder, columns = as_csv(tmp_path / "market"), keeping(tmp_path / "scores", make=True)
    first = plan(str(folder), columns)
    path = Path(first.read_files[0])
    whole = path.read_bytes()
    if damage == "index":
        next(path.parent.glob("*.json")).write_bytes(b"{")
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-9] if damage == "cut" else whole[:300] + b"?" + whole[301:])
    assert rows_of(plan(str(folder), columns)) == expected()
    assert path.read_bytes() == whole


def test_a_file_that_changes_while_it_is_copied_leaves_no_copy(tmp_path, monkeypatch):
    """Else the copy of the new bytes would be found by the hash of the old ones."""
    folder, columns = arrow_file(tmp_path / "market"), keeping(tmp_path / "scores", make=True)
    file, once = folder / "accounts.arrow", converted.once
    before = file.read_bytes()

    def meddled(*arguments: Any) -> Path:
        with pa.ipc.new_file(str(file), ACCOUNTS.schema) as writer:
            writer.write_table(ACCOUNTS.slice(0, 30))
        return once(*arguments)

    monkeypatch.setattr(converted, "once", meddled)
    with pytest.raises(InputContractError, match=r"accounts\.arrow: changed while the run was under way"):
        plan(str(folder), columns)
    monkeypatch.setattr(converted, "once", once)
    file.write_bytes(before)
    assert rows_of(plan(str(folder), columns)) == expected()


def test_another_type_of_a_column_is_another_copy(tmp_path):
    (tmp_path / "market.csv").write_text("account_id,sales,industry,year\n1,2.5,10,2020\n", encoding="utf-8")
    columns = keeping(tmp_path / "scores", make=True)
    kinds = [
        plan(str(tmp_path / "market.csv"), one).schema.field("industry").type
        for one in (columns, replace(columns, categorical=(), numeric=("industry", "year")), columns)
    ]
    assert kinds == [pa.string(), pa.int64(), pa.string()]


def test_an_output_that_cannot_be_written_to_is_no_hindrance(tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "_sources").write_bytes(b"no folder")
    assert rows_of(plan(str(as_csv(tmp_path / "market")), keeping(tmp_path / "scores", make=True))) == expected()


def test_copies_that_no_manifest_names_are_swept_a_day_later(tmp_path):
    columns = keeping(tmp_path / "scores", make=True)
    plans = [plan(str(make(tmp_path / make.__name__)), columns) for make in (as_csv, json_lines)]
    folder = tmp_path / "scores" / "_sources"
    copies.sweep(tmp_path / "scores", [{"inputs": plans[0].record}])
    assert len([*folder.glob("*.parquet")]) == 4
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    copies.sweep(tmp_path / "scores", [{"inputs": {"tables": {"x": plans[0].record}}}])
    assert sorted(path.name for path in folder.glob("*.parquet")) == plans[0].copies_in_use
    assert len([*folder.glob("*.json")]) == 1
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    copies.sweep(tmp_path / "scores", [])
    assert not folder.exists()


@pytest.mark.parametrize("make", COPIED)
def test_workers_elsewhere_read_copies_beside_the_output_or_none(tmp_path, make):
    folder = make(tmp_path / "market")
    assert plan(str(folder), keeping(tmp_path / "scores", make=True, far=True)).copies_in_use
    with pytest.raises(UsageError, match=r"input\.path: is read from a copy .*'remote'.*output\.path"):
        plan(str(folder), keeping("s3://bucket/scores", far=True))


def test_a_file_is_copied_once_and_again_when_it_has_changed(tmp_path):
    folder = arrow_file(tmp_path / "market")
    read = [plan(str(folder), COLUMNS).read_files for _ in range(2)]
    pa_file = folder / "accounts.arrow"
    with pa.ipc.new_file(str(pa_file), ACCOUNTS.schema) as writer:
        writer.write_table(ACCOUNTS.slice(0, 30))
    changed = plan(str(folder), COLUMNS)
    assert read[0] == read[1] != changed.read_files
    assert changed.rows == 30


PEOPLE = pa.table({"person": ["Ann", "Bo"], "role": ["hunter", "farmer"], "hours": [1200.0, 900.5]})


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.txt", "p.xlsx", "p.ndjson", "p.arrow"])
def test_a_small_table_may_have_any_format(tmp_path, name):
    from openpyxl import Workbook

    path = tmp_path / name
    if name.endswith("xlsx"):
        book = Workbook()
        for row in (PEOPLE.column_names, *(row.values() for row in PEOPLE.to_pylist())):
            book.active.append([*row])
        book.save(path)
    elif name.endswith("ndjson"):
        path.write_text("\n".join(map(json.dumps, PEOPLE.to_pylist())), encoding="utf-8")
    elif name.endswith("arrow"):
        with pa.ipc.new_file(str(path), PEOPLE.schema) as writer:
            writer.write_table(PEOPLE)
    elif name.endswith("parquet"):
        pq.write_table(PEOPLE, path)
    else:
        pa_csv.write_csv(PEOPLE, path)
    assert whole_table(path, {"hours": "float"}).to_pylist() == PEOPLE.to_pylist()


def test_a_small_table_that_is_none_is_refused_by_what_it_is(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(InputContractError, match=r"p\.csv: .*SQLite database"):
        whole_table(tmp_path / "p.csv", {})
