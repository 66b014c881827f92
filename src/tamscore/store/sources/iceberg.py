"""Iceberg tables without a catalog: the files of a snapshot in the newest metadata of the folder."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.store import footers, tables
from tamscore.store.location import whole_address
from tamscore.store.sources.copies import identity, keep_copies, written
from tamscore.store.sources.extra import require_package
from tamscore.store.sources.found import FoundFiles, SourceFile
from tamscore.store.sources.markers import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tamscore.schema import Copies
    from tamscore.store.location import Location

_HINT = "version-hint.text"
_NUMBER = re.compile(r"v?(\d+)[.-]")
_FIELD_ID = b"PARQUET:field_id"


def find(folder: Location, key: str, version: int | None, copies: Copies) -> FoundFiles:
    """Return the data files of an Iceberg table in order of path.

    Rows that delete files take out, and columns that were added or renamed since, are put right in copies. Raises
    UsageError if the package or the snapshot is not there; InputContractError if the table cannot be read.
    """
    require_package("pyiceberg", "lakehouse", key, f"the Iceberg table {str(folder)!r}")
    import pyarrow as pa
    from pyiceberg.exceptions import ValidationError

    try:
        table = _open_iceberg(folder)
        scan = table.scan() if version is None else table.scan(snapshot_id=_snapshot_of(table, folder, version))
        files = tuple(_data_files(table, folder, scan, partial(keep_copies, copies, key)))
    except (ValidationError, NotImplementedError, ValueError, OSError, pa.ArrowException) as error:
        raise InputContractError(f"{folder}: {_refusal(str(error).strip())}") from error
    if not files:
        raise UsageError(f"{key}: the Iceberg table {str(folder)!r} has no rows")
    return FoundFiles("Iceberg", files, version=str(scan.snapshot().snapshot_id))


def _refusal(text: str) -> str:
    """Return why a table is not read, given what the library says, and what to do."""
    if "equality deletes" in text:
        return (
            "the Iceberg table has equality delete files, which are not read; compact it, such as by "
            "rewrite_data_files of Spark, or write it as plain Parquet"
        )
    return f"the Iceberg table cannot be read ({text}); write it as plain Parquet"


def _open_iceberg(folder: Location) -> Any:
    """Return the table that the newest metadata in a folder describe, wherever it was when they were written."""
    from pyiceberg.table import StaticTable

    from tamscore.store.sources.iceberg_files import FROM, IO, TO

    place = whole_address(folder)
    newest, files = f"{place}/metadata/{_metadata_of(folder)}", {"py-io-impl": IO, TO: place}
    written = StaticTable.from_metadata(newest, files).location().rstrip("/")
    return StaticTable.from_metadata(newest, {**files, FROM: written})


def _metadata_of(folder: Location) -> str:
    """Return the name of the newest metadata file: the one that a hint names, else that of the highest number."""
    names = sorted(entry.name for entry in (folder / "metadata").iterdir() if entry.name.endswith(METADATA))
    numbers = {name: int(match[1]) for name in names if (match := _NUMBER.match(name))}
    hint = folder / "metadata" / _HINT
    wanted = hint.read_bytes().decode().strip() if hint.is_file() else str(max(numbers.values(), default=-1))
    best = [name for name, number in numbers.items() if str(number) == wanted]
    if len(best) != 1:
        raise InputContractError(
            f"{folder / 'metadata'}: cannot tell the newest metadata among {', '.join(best or names)}; its catalog "
            "knows: write the table as plain Parquet, or keep the current file alone"
        )
    return best[0]


def _snapshot_of(table: Any, folder: Location, version: int) -> int:
    """Return the id of the snapshot named; raise UsageError if the table has no such."""
    known = [int(item.snapshot_id) for item in table.snapshots()]
    if version not in known:
        there = ", ".join(map(str, known))
        raise UsageError(f"input.version: the Iceberg table {str(folder)!r} has no snapshot {version}; it has {there}")
    return version


def _data_files(table: Any, folder: Location, scan: Any, keep: Callable[..., tuple[Path, ...]]) -> list[SourceFile]:
    """Return the data files of a scan; `keep` copies those that do not hold its rows and columns as they are."""
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan

    from tamscore.store.sources.iceberg_files import place

    projected = scan.projection()
    wanted = [(field.field_id, field.name) for field in projected.fields]
    reader = ArrowScan(table.metadata, table.io, projected, AlwaysTrue())
    files = []

    def place_of(file: Any) -> Location:
        return place(file.file_path, table.location().rstrip("/"), str(folder))

    for task in sorted(scan.plan_files(), key=lambda task: str(task.file.file_path)):
        path = place_of(task.file)
        stamp, copy = tables.stamp_of(str(path)), None
        if task.delete_files or _ids_and_names(path) != wanted:
            gone = sorted(identity(place, tables.stamp_of(str(place))) for place in map(place_of, task.delete_files))
            what = "Iceberg", identity(path, stamp), gone, str(projected)
            (copy,) = keep(what, partial(_copy_iceberg, projected, reader, task))
        files.append(SourceFile(path, _name_of(path, folder), copy, stamp=stamp))
    return files


def _copy_iceberg(projected: Any, reader: Any, task: Any) -> list[Path]:
    """Return the temporary file with the rows that one task of a scan reads, in columns of the projected schema."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    return [written(schema_to_pyarrow(projected, include_field_ids=False), reader.to_record_batches([task]))]


def _name_of(path: Location, folder: Location) -> str:
    """Return the name of a file within its table, its address where it lies elsewhere."""
    return str(path).removeprefix(f"{folder}/")


def _ids_and_names(path: Location) -> list[tuple[int, str]]:
    """Return the columns of a file as ids of the table and names."""
    schema = footers.read_footer(path)[1]
    return [(int((field.metadata or {}).get(_FIELD_ID, b"-1")), field.name) for field in schema]
