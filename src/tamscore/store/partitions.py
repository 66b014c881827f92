"""The plan of a run: its files and row groups, and the check that every file has the columns of the job."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.schema import InputColumns, Partition, Piece
from tamscore.store import footers, sources, tables
from tamscore.store.location import is_local
from tamscore.store.objects.path import ObjectPath
from tamscore.store.sources import MARKET, copies, sql
from tamscore.store.sources.parquet import is_hidden
from tamscore.substitution import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tamscore.config import Input
    from tamscore.schema import Constant, Stamp
    from tamscore.store.sources import FoundFiles, SourceFile
    from tamscore.substitution import Substitution

PARTITION_ROWS = 131_072
"""Most rows of a partition; neighbouring row groups are read together up to this number."""
MANY_FILES = 256
"""Number of files from which small neighbouring files are also read together, to limit the number of partitions."""
_LISTED = 5
"""Most ignored files named in a notice."""
_ASKED_TOGETHER = 16
"""Objects whose footers are requested at the same time."""


@dataclass(frozen=True)
class Plan:
    """The partitions in reading order, the columns of all files, ignored files, and the digest of the inputs.

    `format` is that of the table, `version` the one that was read, if the format has versions. `stamps` has the stamp
    of each file, `tables` the plans of further tables by name. `partial` are the columns that
    some of the files lack.
    """

    partitions: tuple[Partition, ...]
    schema: Any
    files: tuple[str, ...]
    ignored: tuple[str, ...]
    digest: str
    stamps: tuple[Stamp, ...] = ()
    format: str = "Parquet"
    version: str | None = None
    tables: dict[str, Plan] = field(default_factory=dict)
    partial: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows in all partitions."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def every(self) -> tuple[Plan, ...]:
        """This plan and those of the further tables."""
        return (self, *self.tables.values())

    @property
    def read_files(self) -> tuple[str, ...]:
        """The Parquet files that rows are read from, in reading order."""
        return tuple(dict.fromkeys(piece.file for part in self.partitions for piece in part.pieces))

    @property
    def copies_in_use(self) -> list[str]:
        """The names of the copies that rows are read from and that the output stores, in order."""
        return sorted({path.name for path in map(Path, self.read_files) if path.parent.name == copies.COPIES})

    @property
    def notices(self) -> Iterator[str]:
        """Yield notices on the source: the version that is read, and ignored files."""
        if self.version:
            yield f"{self.format} table, version {self.version}"
        if seen := [name for name in self.ignored if not is_hidden(name)]:
            more = f" and {len(seen) - _LISTED} more" if len(seen) > _LISTED else ""
            yield f"passed over: {', '.join(seen[:_LISTED])}{more}"

    @property
    def record(self) -> dict[str, Any]:
        """The record of the inputs, as in the manifest."""
        read = {"files": self.files, "ignored": self.ignored, "digest": self.digest, "format": self.format}
        read |= {"version": self.version} if self.version else {}
        read |= {"copies": copies_in_use} if (copies_in_use := self.copies_in_use) else {}
        further = {name: table.record for name, table in self.tables.items()}
        return {**read, **({"tables": further} if further else {})}


@dataclass(frozen=True)
class RowGroup:
    """One row group: its file with its stamp, the types of the columns that are read, its number, its rows.

    `copy` is the Parquet copy that the rows are read from, if any. `constants` are columns that are in no file.
    """

    path: str
    stamp: Stamp | None
    kinds: tuple[Any, ...]
    number: int
    rows: int
    copy: str | None = None
    constants: tuple[Constant, ...] = ()


def plan(path: str, columns: InputColumns, key: str = MARKET, version: int | None = None) -> Plan:
    """Return the partitions of the files at a path, a folder or a glob, in the order of `sources.find`.

    Files, stamps and digest are those of the files at the path, even if their rows are read from copies. Raise
    InputContractError, with file, column and remedy, if a file is not Parquet, lacks a column, has it in another type,
    or exceeds the memory limit. Raise UsageError, with the `key` of the job file, if there is no such path.
    """
    return plan_partitions(sources.find(path, columns, key, version), columns)


def plan_partitions(files: FoundFiles, columns: InputColumns) -> Plan:
    """Return the partitions of the files of a table; raise as `plan` does."""
    import pyarrow as pa

    shared = Counter[str]()
    groups: list[RowGroup] = []
    stamps: list[Stamp] = []
    digest = hashlib.sha256()
    first: Any = None
    for file, (stamp, footer, schema) in zip(files.files, _read_stamps(files.files), strict=True):
        footers.require_schema(file.path, schema, columns)
        first = schema if first is None else first
        shared.update({*schema.names})
        footers.require_same(file.path, schema, files.files[0].path, first, columns)
        groups += _row_groups(file, stamp, footer, schema, columns)
        digest.update(f"{file.name}\0{_file_record(file)}".encode() + copies.identity(file.path, stamp))
        tables.require_stamp(str(file.path), stamp)
        stamps.append(stamp)
    parts = bundles(groups, columns.limits.row_group_bytes, columns.substitution)
    names = tuple(str(file.path) for file in files.files)
    schema = pa.schema([item for item in first if shared[item.name] == len(names)])
    partial = tuple(name for name, count in shared.items() if count < len(names))
    record = (digest.hexdigest(), tuple(stamps), files.format, files.version)
    return Plan(parts, schema, names, files.ignored, *record, partial=partial)


def market(source: Input, columns: InputColumns) -> Plan:
    """Return the plan of the market that a job names, by its path or by a query; see `plan` and `sql.find`."""
    if source.path is None:
        return plan_partitions(sql.find(str(source.sql), str(source.connection), columns), columns)
    return plan(source.path, columns, version=source.version)


def _row_groups(file: SourceFile, stamp: Stamp, footer: Any, schema: Any, columns: InputColumns) -> Iterator[RowGroup]:
    """Yield the row groups of a file; raise InputContractError if one exceeds the memory limit."""
    kinds = tuple(schema.field(name).type for name in columns.all)
    copy = None if file.copy is None else str(file.copy)
    for number, rows in enumerate(footers.group_rows(file.path, footer, columns)):
        yield RowGroup(str(file.path), stamp, kinds, number, rows, copy, file.constants)


def _file_record(file: SourceFile) -> str:
    """Return the constants of a file as text for the digest; empty if it has none."""
    return "".join(f"{constant.name}={constant.value!r}\0" for constant in file.constants)


def _read_stamps(files: Sequence[SourceFile]) -> Iterator[tuple[Stamp, Any, Any]]:
    """Yield the stamp, the footer and the schema of every file; several objects are requested at a time."""
    if not isinstance(files[0].path, ObjectPath):
        yield from map(_read_stamp, files)
        return
    with ThreadPoolExecutor(_ASKED_TOGETHER) as threads:
        yield from threads.map(_read_stamp, files)


def _read_stamp(file: SourceFile) -> tuple[Stamp, Any, Any]:
    """Return the stamp of a file, the footer of the file that its rows are read from, and its schema with constants."""
    import pyarrow as pa

    stamp = file.stamp or tables.stamp_of(str(file.path))
    footer, schema = footers.read_footer(file.path, stamp) if file.copy is None else footers.read_footer(file.copy)
    for constant in file.constants:
        if (place := schema.get_field_index(constant.name)) >= 0:
            schema = schema.remove(place)
        schema = schema.append(pa.field(constant.name, constant.kind))
    return stamp, footer, schema


def require_unchanged(plan: Plan) -> None:
    """Raise InputContractError, with the file's name, unless every file is unchanged since it was planned."""
    for item in plan.every:
        for file, stamp in zip(item.files, item.stamps, strict=True):
            tables.require_stamp(file, stamp)


def first_unseen(files: Iterable[str]) -> str | None:
    """Return the first of some local files that this process does not see, None if it sees all of them."""
    return next((file for file in files if is_local(file) and not Path(file).is_file()), None)


def bundles(groups: Sequence[RowGroup], max_bytes: int, substitution: Substitution = AS_IT_IS) -> tuple[Partition, ...]:
    """Return row groups as partitions of about PARTITION_ROWS rows; empty ones are skipped."""
    across = len({group.path for group in groups}) > MANY_FILES
    made: list[tuple[list[RowGroup], int]] = []
    for group in groups:
        if group.rows == 0:
            continue
        if made and made[-1][1] + group.rows <= PARTITION_ROWS and _may_join(group, made[-1][0][-1], across):
            made[-1][0].append(group)
            made[-1] = (made[-1][0], made[-1][1] + group.rows)
        else:
            made.append(([group], group.rows))
    return tuple(Partition(i, _pieces(together), max_bytes, substitution) for i, (together, _) in enumerate(made))


def _may_join(group: RowGroup, before: RowGroup, across: bool) -> bool:  # noqa: FBT001
    """Return whether a row group may be read with the one before: from one file, or if allowed, of one schema."""
    return group.path == before.path or (across and group.kinds == before.kinds)


def _pieces(groups: Iterable[RowGroup]) -> tuple[Piece, ...]:
    """Return row groups grouped by file."""
    made = []
    for path, of_file in groupby(groups, key=lambda group: group.path):
        here = list(of_file)
        numbers, rows = tuple(group.number for group in here), sum(group.rows for group in here)
        made.append(Piece(path, numbers, rows, here[0].stamp, here[0].copy, here[0].constants))
    return tuple(made)
