"""The plan of a run: which files and row groups there are, and that every file holds the columns the job needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from glob import glob
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.schema import InputColumns, Partition, Piece
from tamscore.store import footers, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PARTITION_ROWS = 131_072
"""Neighbouring row groups are read together up to this many rows."""
MANY_FILES = 256
"""Of more files than this, small neighbours are read together too: ten thousand of them make no ten thousand parts."""


@dataclass(frozen=True)
class Plan:
    """The partitions in reading order, the schema of the first file, the files passed over, and the inputs' digest.

    `stamps` holds size and time of last change (ns) of each of the files.
    """

    partitions: tuple[Partition, ...]
    schema: Any
    files: tuple[str, ...]
    ignored: tuple[str, ...]
    digest: str
    stamps: tuple[tuple[int, int], ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows in all partitions."""
        return sum(partition.rows for partition in self.partitions)


@dataclass(frozen=True)
class RowGroup:
    """One row group: its file with its stamp, the types of the columns that are read, its number, its rows."""

    path: str
    stamp: tuple[int, int] | None
    kinds: tuple[Any, ...]
    number: int
    rows: int


def plan(path: str, columns: InputColumns) -> Plan:
    """The partitions of the Parquet files at a path, a folder or a glob, in order of file name.

    Raises InputContractError naming file, column and remedy where a file is no Parquet, lacks a column, has it in
    another type, or holds more than fits into memory; UsageError where there is no such path.
    """
    files, ignored = parquet_files(path)
    groups: list[RowGroup] = []
    stamps: list[tuple[int, int]] = []
    digest = hashlib.sha256()
    first: Any = None
    for file in files:
        stamp = tables.stamp_of(str(file))
        footer, schema = footers.read_footer(file)
        footers.check_schema(file, schema, columns)
        first = schema if first is None else first
        footers.check_same(file, schema, files[0], first, columns)
        kinds = tuple(schema.field(name).type for name in columns.all)
        rows = footers.group_rows(file, footer, columns)
        groups += (RowGroup(str(file), stamp, kinds, number, count) for number, count in enumerate(rows))
        digest.update(f"{file.name}\0".encode() + content_digest(file))
        tables.check_stamp(str(file), stamp)
        stamps.append(stamp)
    parts = bundles(groups, columns.limits.row_group_bytes)
    return Plan(parts, first, tuple(map(str, files)), ignored, digest.hexdigest(), tuple(stamps))


def unchanged(plan: Plan) -> None:
    """Nothing, where every file still is what it was when it was planned; InputContractError that names it else."""
    for file, stamp in zip(plan.files, plan.stamps, strict=True):
        tables.check_stamp(file, stamp)


def parquet_files(path: str) -> tuple[list[Path], tuple[str, ...]]:
    """The Parquet files at a path in order of name, and the names of what was passed over in the folder."""
    where = Path(path)
    if where.is_dir():
        inside = sorted(entry for entry in where.iterdir() if entry.is_file())
        taken = {entry for entry in inside if entry.suffix == ".parquet" and not entry.name.startswith(("_", "."))}
        files = [entry for entry in inside if entry in taken]
        ignored = tuple(entry.name for entry in inside if entry not in taken)
    elif where.is_file():
        files, ignored = [where], ()
    else:
        files, ignored = sorted(entry for entry in map(Path, glob(path)) if entry.is_file()), ()  # noqa: PTH207 - folders too
    if not files:
        raise UsageError(f"input.path: no Parquet file at {path!r}; give a file, a folder of *.parquet, or a glob")
    return files, ignored


def content_digest(file: Path) -> bytes:
    """The 128-bit XXH3 of all bytes of a file: a footer does not change with every value, and a date says nothing."""
    from xxhash import xxh3_128

    with file.open("rb") as stream:
        return hashlib.file_digest(stream, xxh3_128).digest()


def bundles(groups: Sequence[RowGroup], max_bytes: int) -> tuple[Partition, ...]:
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
    return tuple(Partition(i, pieces(together), max_bytes) for i, (together, _) in enumerate(made))


def joins(group: RowGroup, before: RowGroup, across: bool) -> bool:  # noqa: FBT001
    """Whether a row group may be read with the one before: of one file, or where allowed, of one schema."""
    return group.path == before.path or (across and group.kinds == before.kinds)


def pieces(groups: Iterable[RowGroup]) -> tuple[Piece, ...]:
    """Row groups put together by file."""
    made = []
    for (path, stamp), of_file in groupby(groups, key=lambda group: (group.path, group.stamp)):
        here = list(of_file)
        made.append(Piece(path, tuple(group.number for group in here), sum(group.rows for group in here), stamp))
    return tuple(made)
