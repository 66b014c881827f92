"""Putting files in place: whole, hashed on the way, and durable, or not at all; on a disk or in an object store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tamscore.errors import unreadable
from tamscore.store import csv_output, disk, folders, objects
from tamscore.store.location import files_below
from tamscore.store.objects.path import ObjectPath
from tamscore.store.placed import HashingFile, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from tamscore.store.location import Location

__all__ = ["LOCK", "HashingFile", "Placed"]

LOCK = disk.LOCK
_PAGE_ROWS = 1 << 20
_Where_contra = TypeVar("_Where_contra", contravariant=True)


class _Storage(Protocol[_Where_contra]):
    """What the commit protocol asks of the place that an output lies in."""

    def prepare(self, folder: _Where_contra) -> None:
        """Make ready to write to a folder; raise OSError where that is seen to be impossible."""

    def place(self, path: _Where_contra, write: Callable[[HashingFile], None]) -> Placed:
        """Put a file in place whole, or leave what lies there."""

    def swap(self, path: _Where_contra, data: bytes) -> None:
        """Let the pointer of an output say something else: in this one step a run becomes visible."""

    def hold(self, output: _Where_contra, purpose: str) -> AbstractContextManager[None]:
        """Hold an output alone, as long as this process lives and no longer."""

    def sweep(self, folder: _Where_contra, *, open_too: bool = False) -> None:
        """Remove what killed runs have left unfinished; with `open_too` what frozen workers hold open, too."""

    def remove(self, path: _Where_contra, output: _Where_contra) -> None:
        """Remove a file of an output that this process holds; one that is not there is none to remove."""

    def remove_folder(self, folder: _Where_contra) -> None:
        """Remove a folder without files, and the folders in it."""

    def require_held(self, output: _Where_contra) -> None:
        """Raise RetryableError where another process holds the output by now."""

    def discard(self, folder: _Where_contra) -> None:
        """Remove a folder with all that is in it, as far as that is possible."""

    def sweep_beside(self, path: _Where_contra) -> None:
        """Remove what killed processes have left unfinished in the folder of a file that nobody holds."""


def _storage_of(path: Location) -> _Storage[Any]:
    """Return how files are put in place there."""
    return objects if isinstance(path, ObjectPath) else disk


def prepare(folder: Location) -> None:
    """Make ready to write to a folder; raise OSError where that is seen to be impossible."""
    _storage_of(folder).prepare(folder)


def place(path: Location, write: Callable[[HashingFile], None]) -> Placed:
    """Size and hash of the file that `write` has filled and that now lies at the path.

    Raises RetryableError where it cannot be written; what lay there before stays.
    """
    return _storage_of(path).place(path, write)


def sweep_beside(path: Location) -> None:
    """Remove what killed writers have left unfinished in the folder of a file; for a folder that nobody holds."""
    _storage_of(path).sweep_beside(path)
    if not isinstance(path, ObjectPath):
        folders.sweep(path.parent)


def place_free(path: Location, write: Callable[[HashingFile], None]) -> Placed:
    """Put a file in place, as `place`, in a folder that nobody holds; see `sweep_beside`."""
    sweep_beside(path)
    return place(path, write)


def hold_commit(output: Location, purpose: str) -> AbstractContextManager[None]:
    """Hold an output alone while what is inside runs; RetryableError that names the holder where another run has it."""
    return _storage_of(output).hold(output, purpose)


def sweep(folder: Location, *, open_too: bool = False) -> None:
    """Remove what killed runs have left unfinished; only for who holds the output.

    With `open_too` what frozen workers hold open, too: only for the folder of a run whose work is done.
    """
    _storage_of(folder).sweep(folder, open_too=open_too)


def remove(path: Location, output: Location) -> None:
    """Remove a file of an output that this process holds; one that is not there is none to remove.

    Raise RetryableError where it cannot be removed, or another process holds the output by now.
    """
    _storage_of(path).remove(path, output)


def _remove_folder(folder: Location) -> None:
    """Remove a folder without files, and the folders in it; raise as `remove`."""
    _storage_of(folder).remove_folder(folder)


def remove_below(folder: Location, output: Location) -> None:
    """Remove a folder with every file in it; a folder that is not there is none to remove. Raise as `remove`."""
    for path in sorted(files_below(folder), key=str) if folder.is_dir() else []:
        remove(path, output)
    _remove_folder(folder)


def require_held(output: Location) -> None:
    """Raise RetryableError where this process was thought dead and another one holds the output by now."""
    _storage_of(output).require_held(output)


def discard(folder: Location) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays. Only for who holds the output."""
    _storage_of(folder).discard(folder)


def swap_json(value: dict[str, Any], path: Location) -> None:
    """Let the pointer of an output say something else, in one step."""
    _storage_of(path).swap(path, json_bytes(value))


def place_bytes(data: bytes, path: Location) -> Placed:
    """Put some bytes in place."""
    return place(path, lambda file: void(file.write(data)))


def place_json(value: dict[str, Any], path: Location) -> Placed:
    """Put an object in place as JSON, its keys in order."""
    return place_bytes(json_bytes(value), path)


def json_bytes(value: dict[str, Any]) -> bytes:
    """An object as JSON, its keys in order."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def place_parquet(
    table: pa.Table, path: Location, repeating: Sequence[str] | None = None, *, packed: bool = True
) -> Placed:
    """Put a table in place as Parquet, with page checksums; only the columns named as repeating get a dictionary.

    What is not `packed` is written and read in less time, and takes more room.

    These get no statistics, since their values come again in every row group: nothing could be passed over by them.
    Pages are as large as bytes allow: there is no index of pages, so that nobody could pass over one.
    """
    return place_parts([table], table.schema, path, repeating, packed=packed)


def place_parts(
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    path: Location,
    repeating: Sequence[str] | None = None,
    *,
    packed: bool = True,
) -> Placed:
    """Put tables of one schema in place as one file of Parquet, see `place_parquet`; each begins a row group."""
    import pyarrow.parquet as pq

    pack = "zstd" if packed else "none"
    options: dict[str, Any] = {"compression": pack, "write_page_checksum": True, "max_rows_per_page": _PAGE_ROWS}
    if repeating is not None:
        options["use_dictionary"] = [name for name in schema.names if name in repeating]
        options["write_statistics"] = [name for name in schema.names if name not in repeating]

    def write(file: HashingFile) -> None:
        with pq.ParquetWriter(file, schema, **options) as writer:
            for table in tables:
                writer.write_table(table)
                del table  # before the next one is made

    return place(path, write)


def place_csv(table: pa.Table, path: Location) -> Placed:
    """Put a table in place as CSV, see `csv_output`, but for nested columns and bytes, which CSV has no form for."""
    import pyarrow.types as t

    formless = (t.is_nested, t.is_binary, t.is_large_binary, t.is_fixed_size_binary)
    flat = table.select([field.name for field in table.schema if not any(has(field.type) for has in formless)])
    return place_csv_parts([flat], flat.schema, path)


def place_csv_parts(tables: Iterable[pa.Table], schema: pa.Schema, path: Location) -> Placed:
    """Put tables of a schema in place as one CSV file."""
    return place(path, lambda file: csv_output.write(tables, schema, file))


def place_both(table: pa.Table, folder: Location, name: str, in_csv: pa.Table | None = None) -> dict[str, Placed]:
    """Put a table in place as Parquet and as CSV, or another one as CSV; return what was placed, by file name."""
    parquet, csv = f"{name}.parquet", f"{name}.csv"
    return {
        parquet: place_parquet(table, folder / parquet),
        csv: place_csv(table if in_csv is None else in_csv, folder / csv),
    }


def void(_: object) -> None:
    """Do nothing: for calls whose answer does not matter."""


def read_json(path: Location) -> dict[str, Any] | None:
    """The object in a JSON file; None where there is no such file or it is torn.

    Raise UsageError or RetryableError, see `errors.unreadable`, where the file is there and cannot be read: that says
    nothing about what it holds.
    """
    try:
        return json_object(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from error


def json_object(data: bytes) -> dict[str, Any] | None:
    """Return the object that some bytes hold as JSON in UTF-8; None if they are torn or hold something else."""
    try:
        record = json.loads(data.decode())
    except (ValueError, RecursionError):  # brackets nested a thousand deep
        return None
    return dict(record) if isinstance(record, dict) else None
