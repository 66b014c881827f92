"""The plan of a run: which files and row groups there are, and that every file holds the columns the job needs."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.schema import InputColumns, Partition, Piece
from tamscore.store import footers, tables
from tamscore.store.csv_tables import csv_table
from tamscore.store.location import files_in, location, matching
from tamscore.store.objects.path import ObjectPath
from tamscore.substitution import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tamscore.schema import Stamp
    from tamscore.store.csv_tables import CsvTable
    from tamscore.store.location import Location
    from tamscore.substitution import Substitution

MARKET = "input.path"
"""The key of the job file that names the market, which is Parquet."""
PARTITION_ROWS = 131_072
"""Neighbouring row groups are read together up to this many rows."""
MANY_FILES = 256
"""Of more files than this, small neighbours are read together too: ten thousand of them make no ten thousand parts."""
ASKED_TOGETHER = 16
"""So many objects are asked for their footers at a time."""


@dataclass(frozen=True)
class Plan:
    """The partitions in reading order, the schema of the first file, the files passed over, and the inputs' digest.

    `stamps` holds the stamp of each of the files, `tables` the plans of further tables that are read, by name.
    """

    partitions: tuple[Partition, ...]
    schema: Any
    files: tuple[str, ...]
    ignored: tuple[str, ...]
    digest: str
    stamps: tuple[Stamp, ...] = ()
    tables: dict[str, Plan] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of rows in all partitions."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def every(self) -> tuple[Plan, ...]:
        """This plan and those of the further tables."""
        return (self, *self.tables.values())

    @property
    def record(self) -> dict[str, Any]:
        """What was read, as the manifest has it."""
        read = {"files": self.files, "ignored": self.ignored, "digest": self.digest}
        further = {name: one.record for name, one in self.tables.items()}
        return {**read, **({"tables": further} if further else {})}


@dataclass(frozen=True)
class RowGroup:
    """One row group: its file with its stamp, the types of the columns that are read, its number, its rows.

    `copy` is the Parquet file that holds the rows of a CSV file, None for Parquet.
    """

    path: str
    stamp: Stamp | None
    kinds: tuple[Any, ...]
    number: int
    rows: int
    copy: str | None = None


def plan(path: str, columns: InputColumns, key: str = MARKET) -> Plan:
    """The partitions of the Parquet files at a path, a folder or a glob, in order of file name.

    Another table than the market may be CSV: see `csv_tables`. Files, stamps and digest are those of the CSV files.
    Raises InputContractError naming file, column and remedy where a file is no Parquet, lacks a column, has it in
    another type, or holds more than fits into memory; UsageError with the `key` of the job file where there is no such
    path.
    """
    table = None if key == MARKET else csv_table(path, columns, key)
    files, ignored = ([file.path for file in table.files], table.ignored) if table else parquet_files(path, key)
    copies = [str(file.copy) for file in table.files] if table else [None] * len(files)
    groups: list[RowGroup] = []
    stamps: list[Stamp] = []
    digest = hashlib.sha256()
    first: Any = None
    found = csv_looks(table) if table else looks(files)
    for file, copy, (stamp, footer, schema) in zip(files, copies, found, strict=True):
        footers.check_schema(file, schema, columns)
        first = schema if first is None else first
        footers.check_same(file, schema, files[0], first, columns)
        kinds = tuple(schema.field(name).type for name in columns.all)
        rows = footers.group_rows(file, footer, columns)
        groups += (RowGroup(str(file), stamp, kinds, number, count, copy) for number, count in enumerate(rows))
        digest.update(f"{file.name}\0".encode() + digest_of(file, stamp))
        tables.check_stamp(str(file), stamp)
        stamps.append(stamp)
    parts = bundles(groups, columns.limits.row_group_bytes, columns.substitution)
    return Plan(parts, first, tuple(map(str, files)), ignored, digest.hexdigest(), tuple(stamps))


def looks(files: Sequence[Location]) -> Iterator[tuple[Stamp, Any, Any]]:
    """The stamp, the footer and the schema of every file; several objects are asked for theirs at a time."""
    if not isinstance(files[0], ObjectPath):
        yield from map(look, files)
        return
    with ThreadPoolExecutor(ASKED_TOGETHER) as threads:
        yield from threads.map(look, files)


def csv_looks(table: CsvTable) -> Iterator[tuple[Stamp, Any, Any]]:
    """The stamp of every CSV file, with the footer and the schema of its copy."""
    for file in table.files:
        yield file.stamp, *footers.read_footer(file.copy)


def look(file: Location) -> tuple[Stamp, Any, Any]:
    """The stamp, the footer and the schema of a file."""
    stamp = tables.stamp_of(str(file))
    return stamp, *footers.read_footer(file, stamp)


def unchanged(plan: Plan) -> None:
    """Nothing, where every file still is what it was when it was planned; InputContractError that names it else."""
    for one in plan.every:
        for file, stamp in zip(one.files, one.stamps, strict=True):
            tables.check_stamp(file, stamp)


def parquet_files(path: str, key: str) -> tuple[list[Location], tuple[str, ...]]:
    """The Parquet files at a path in order of name, and the names of what was passed over in the folder."""
    where = location(path)
    files: list[Location] = []
    ignored: tuple[str, ...] = ()
    if where.is_dir():
        inside = files_in(where)
        taken = {entry for entry in inside if entry.suffix == ".parquet" and not entry.name.startswith(("_", "."))}
        files = [entry for entry in inside if entry in taken]
        ignored = tuple(entry.name for entry in inside if entry not in taken)
    elif where.is_file():
        files = [where]
    else:
        files = matching(path)
    if not files:
        raise UsageError(f"{key}: no Parquet file at {path!r}; give a file, a folder of *.parquet, or a glob")
    return files, ignored


def digest_of(file: Location, stamp: Stamp) -> bytes:
    """What tells the content of a file from any other: of an object its address, size and entity tag.

    A store gives every content of an object a tag of its own, so that nothing has to be fetched.
    """
    return f"{file}\0{stamp}".encode() if isinstance(file, ObjectPath) else content_digest(file)


def content_digest(file: Path) -> bytes:
    """The 128-bit XXH3 of all bytes of a file: a footer does not change with every value, and a date says nothing."""
    from xxhash import xxh3_128

    with file.open("rb") as stream:
        return hashlib.file_digest(stream, xxh3_128).digest()


def bundles(groups: Sequence[RowGroup], max_bytes: int, substitution: Substitution = AS_IT_IS) -> tuple[Partition, ...]:
    """Row groups as partitions of about PARTITION_ROWS rows; empty ones are passed over."""
    across = len({group.path for group in groups}) > MANY_FILES
    made: list[tuple[list[RowGroup], int]] = []
    for group in groups:
        if group.rows == 0:
            continue
        if made and made[-1][1] + group.rows <= PARTITION_ROWS and joins(group, made[-1][0][-1], across):
            made[-1][0].append(group)
            made[-1] = (made[-1][0], made[-1][1] + group.rows)
        else:
            made.append(([group], group.rows))
    return tuple(Partition(i, pieces(together), max_bytes, substitution) for i, (together, _) in enumerate(made))


def joins(group: RowGroup, before: RowGroup, across: bool) -> bool:  # noqa: FBT001
    """Whether a row group may be read with the one before: of one file, or where allowed, of one schema."""
    return group.path == before.path or (across and group.kinds == before.kinds)


def pieces(groups: Iterable[RowGroup]) -> tuple[Piece, ...]:
    """Row groups put together by file."""
    made = []
    for (path, stamp, copy), of_file in groupby(groups, key=lambda group: (group.path, group.stamp, group.copy)):
        here = list(of_file)
        made.append(Piece(path, tuple(group.number for group in here), sum(group.rows for group in here), stamp, copy))
    return tuple(made)
