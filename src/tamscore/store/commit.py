"""Writing files as a whole, hashed on the way, and durable, or not at all; on disk or in an object store."""

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
    """The operations that the commit protocol needs from the storage of an output."""

    def prepare(self, folder: _Where_contra) -> None:
        """Prepare a folder for writing; raise OSError if that is clearly impossible."""

    def place(self, path: _Where_contra, write: Callable[[HashingFile], None]) -> Placed:
        """Write a file as a whole, or leave the existing one."""

    def swap(self, path: _Where_contra, data: bytes) -> None:
        """Replace the pointer of an output; in this one step a run becomes visible."""

    def lock(self, output: _Where_contra, purpose: str) -> AbstractContextManager[None]:
        """Hold the lock of an output, as long as this process lives and no longer."""

    def sweep(self, folder: _Where_contra, *, open_too: bool = False) -> None:
        """Remove unfinished files of killed runs; with `open_too` also files that frozen workers hold open."""

    def remove(self, path: _Where_contra, output: _Where_contra) -> None:
        """Remove a file of an output that this process holds; a missing file is no error."""

    def remove_folder(self, folder: _Where_contra) -> None:
        """Remove a folder without files, and the folders in it."""

    def require_held(self, output: _Where_contra) -> None:
        """Raise RetryableError if another process holds the output by now."""

    def discard(self, folder: _Where_contra) -> None:
        """Remove a folder with its content as far as possible."""

    def sweep_beside(self, path: _Where_contra) -> None:
        """Remove unfinished files of killed processes in the folder of a file that no process holds."""


def _storage_of(path: Location) -> _Storage[Any]:
    """Return the storage of a place."""
    return objects if isinstance(path, ObjectPath) else disk


def prepare(folder: Location) -> None:
    """Prepare a folder for writing; raise OSError if that is clearly impossible."""
    _storage_of(folder).prepare(folder)


def place(path: Location, write: Callable[[HashingFile], None]) -> Placed:
    """Write a file to the path with `write`, and return its size and hash.

    Raise RetryableError if it cannot be written; an existing file then stays.
    """
    return _storage_of(path).place(path, write)


def sweep_beside(path: Location) -> None:
    """Remove unfinished files of killed writers in the folder of a file; for folders that no process holds."""
    _storage_of(path).sweep_beside(path)
    if not isinstance(path, ObjectPath):
        folders.sweep(path.parent)


def place_free(path: Location, write: Callable[[HashingFile], None]) -> Placed:
    """Write a file as `place` does, in a folder that no process holds; see `sweep_beside`."""
    sweep_beside(path)
    return place(path, write)


def hold_commit(output: Location, purpose: str) -> AbstractContextManager[None]:
    """Hold the lock of an output in the block; raise RetryableError with the holder's name if another run has it."""
    return _storage_of(output).lock(output, purpose)


def sweep(folder: Location, *, open_too: bool = False) -> None:
    """Remove unfinished files of killed runs; the caller must hold the output.

    With `open_too` also remove files that frozen workers hold open: only for the folder of a run whose work is done.
    """
    _storage_of(folder).sweep(folder, open_too=open_too)


def remove(path: Location, output: Location) -> None:
    """Remove a file of an output that this process holds; a missing file is no error.

    Raise RetryableError if it cannot be removed, or another process holds the output by now.
    """
    _storage_of(path).remove(path, output)


def _remove_folder(folder: Location) -> None:
    """Remove a folder without files, and the folders in it; raise as `remove` does."""
    _storage_of(folder).remove_folder(folder)


def remove_below(folder: Location, output: Location) -> None:
    """Remove a folder with every file in it; a missing folder is no error. Raise as `remove` does."""
    for path in sorted(files_below(folder), key=str) if folder.is_dir() else []:
        remove(path, output)
    _remove_folder(folder)


def require_held(output: Location) -> None:
    """Raise RetryableError if this process was taken for dead, and another one holds the output by now."""
    _storage_of(output).require_held(output)


def discard(folder: Location) -> None:
    """Remove a folder with its content; files that cannot be removed stay. The caller must hold the output."""
    _storage_of(folder).discard(folder)


def swap_json(value: dict[str, Any], path: Location) -> None:
    """Replace the pointer of an output, in one step."""
    _storage_of(path).swap(path, json_bytes(value))


def place_bytes(data: bytes, path: Location) -> Placed:
    """Write bytes to a file."""
    return place(path, lambda file: void(file.write(data)))


def place_json(value: dict[str, Any], path: Location) -> Placed:
    """Write an object as JSON, its keys in order."""
    return place_bytes(json_bytes(value), path)


def json_bytes(value: dict[str, Any]) -> bytes:
    """Return an object as JSON, its keys in order."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def place_parquet(table: pa.Table, path: Location, repeating: Sequence[str] | None = None) -> Placed:
    """Write a table as Parquet, with page checksums; only the columns named as repeating get a dictionary.

    Repeating columns get no statistics: their values occur in every row group, so that statistics would skip none.
    Pages are as large as bytes allow: without an index of pages, no reader could skip one.
    """
    return place_parts([table], table.schema, path, repeating)


def place_parts(
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    path: Location,
    repeating: Sequence[str] | None = None,
) -> Placed:
    """Write tables of one schema as one Parquet file, see `place_parquet`; each table begins a row group."""
    import pyarrow.parquet as pq

    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True, "max_rows_per_page": _PAGE_ROWS}
    if repeating is not None:
        options["use_dictionary"] = [name for name in schema.names if name in repeating]
        options["write_statistics"] = [name for name in schema.names if name not in repeating]

    def write(file: HashingFile) -> None:
        with pq.ParquetWriter(file, schema, **options) as writer:
            for table in tables:
                writer.write_table(table)
                del table  # before the next one is made

    return place(path, write)


def place_arrow(table: pa.Table, path: Location) -> Placed:
    """Write a table as an Arrow file, as it is in memory, to be read again soon and then removed."""
    import pyarrow as pa

    whole = table.combine_chunks()  # an Arrow file has one dictionary for a column

    def write(file: HashingFile) -> None:
        with pa.ipc.new_file(file, whole.schema) as writer:
            writer.write_table(whole)

    return place(path, write)


def place_csv(table: pa.Table, path: Location) -> Placed:
    """Write a table as CSV, see `csv_output`, without nested columns and bytes, which have no form in CSV."""
    import pyarrow.types as t

    formless = (t.is_nested, t.is_binary, t.is_large_binary, t.is_fixed_size_binary)
    flat = table.select([field.name for field in table.schema if not any(has(field.type) for has in formless)])
    return place_csv_parts([flat], flat.schema, path)


def place_csv_parts(tables: Iterable[pa.Table], schema: pa.Schema, path: Location) -> Placed:
    """Write tables of a schema as one CSV file."""
    return place(path, lambda file: csv_output.write(tables, schema, file))


def place_both(table: pa.Table, folder: Location, name: str, in_csv: pa.Table | None = None) -> dict[str, Placed]:
    """Write a table as Parquet and as CSV, or another one as CSV; return the files with their hashes, by name."""
    parquet, csv = f"{name}.parquet", f"{name}.csv"
    return {
        parquet: place_parquet(table, folder / parquet),
        csv: place_csv(table if in_csv is None else in_csv, folder / csv),
    }


def void(_: object) -> None:
    """Do nothing: a type-correct way to ignore a result."""


def read_json(path: Location) -> dict[str, Any] | None:
    """Return the object in a JSON file; None if there is no such file, or it is torn.

    Raise UsageError or RetryableError, see `errors.unreadable`, if the file exists but cannot be read: that says
    nothing about its content.
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
