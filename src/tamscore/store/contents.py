"""The content of files on disk and in object stores: files of a version, checked by its manifest; inputs, in ranges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError, unreadable
from tamscore.store import renewal
from tamscore.store.location import location, name_within
from tamscore.store.objects.path import ObjectPath
from tamscore.store.placed import Placed, files_of
from tamscore.store.pointer import MANIFEST, manifest_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from tamscore.schema import Stamp
    from tamscore.store.location import Location


def whole(path: Location, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a table of a complete version, after a check of all bytes of its file against the manifest.

    Raise InputContractError, which names the file, if it is missing or differs from what its run wrote.
    """
    file = parquet_file(path)
    require_columns(str(path), file.schema_arrow.names, columns or ())
    return decode(file, columns)


def require_columns(where: str, known: Collection[str], columns: Sequence[str]) -> None:
    """Raise UsageError, which names them, if columns are not among the known columns of a file."""
    if missing := [name for name in columns if name not in known]:
        names = ", ".join(map(repr, missing))
        raise UsageError(
            f"{where}: has no {'columns' if len(missing) > 1 else 'column'} {names}; where output.columns of its job "
            'leaves out what is needed, name it there, or set output.columns = "all", and run the job again'
        )


def parquet_file(path: Location, dictionary: Sequence[str] = ()) -> pq.ParquetFile:
    """Return an opened Parquet file of a complete version, columns `dictionary` encoded; raise as `whole`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(verify_content(path)), read_dictionary=list(dictionary))


def placed_table(path: Location, placed: Placed, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a table of an incomplete version, checked by size and hash of its sidecar; raise as `whole` does.

    The table has the named columns in their order, by default all.
    """
    return decode(placed_file(path, placed), columns)


def staged_table(path: Location, placed: Placed, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the same of an Arrow file on a disk: a view of the file, so that no column is in memory unless asked for.

    A piece of it that is kept keeps the file open.
    """
    import pyarrow as pa

    try:
        placed.require(Placed.of(path), path)  # not of the view, which would bring all of it into memory
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
    except FileNotFoundError:
        raise InputContractError(f"{path}: missing; run its job again") from None
    except OSError as error:
        raise unreadable(path, error) from error
    return table if columns is None else table.select(list(columns))


def placed_file(path: Location, placed: Placed | None, dictionary: Sequence[str] = ()) -> pq.ParquetFile:
    """Return an opened Parquet file, checked by its record; `placed` is None for a record without hashes.

    Columns `dictionary` are dictionary-encoded. Raise as `whole` does.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = file_bytes(path)
    if placed is not None:
        placed.require_match(data, path)
    return pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(dictionary))


def decode(file: pq.ParquetFile, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the columns of an opened file in the given order, by default all."""
    if columns is None:
        return file.read()
    return file.read(columns=list(columns)).select(list(columns))


def verify_content(path: Location) -> bytes:
    """Return the bytes of a file `VERSION/folder/name` of a complete version, checked against its manifest.

    Checksums of pages would leave footers, page headers and dictionaries unchecked, and cost more.
    """
    placed, data = _listed_as(path), file_bytes(path)
    if Placed.of_bytes(data) == placed:
        return data
    placed = _listed_as(path)  # the version may have been renewed in between
    renewed = renewal.await_renewal(path.parent.parent, name_within(path, path.parent.parent), placed)
    if renewed is None:
        data = file_bytes(path)
        placed.require_match(data, path)
    return data if renewed is None else renewed


def _listed_as(path: Location) -> Placed:
    """Return size and hash of a file `VERSION/folder/name` in the manifest; raise InputContractError if not listed."""
    folder = path.parent.parent
    placed = _list_contents(folder, *stamp_of(folder / MANIFEST)).get(name_within(path, folder))
    if placed is None:
        raise InputContractError(f"{path}: is not listed in {folder / MANIFEST}; run its job again")
    return placed


def parts_listed(folder: Location) -> list[Location]:
    """Return the parts in a folder of a complete version, as its manifest lists them, in order: a file may be lost.

    Raise InputContractError without a manifest.
    """
    names = _list_contents(folder.parent, *stamp_of(folder.parent / MANIFEST))
    start = f"{folder.name}/"
    inside = sorted(name.removeprefix(start) for name in names if name.startswith(start))
    return [folder / name for name in inside if name.startswith("part-") and name.endswith(".parquet")]


def file_bytes(path: Location) -> bytes:
    """Return all bytes of a file of a version.

    Raise InputContractError if it is missing, else as `errors.unreadable` does.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputContractError(f"{path}: missing; restore it, or run its job again") from None
    except OSError as error:
        raise unreadable(path, error) from error


@lru_cache(maxsize=16)
def _list_contents(folder: Location, *_stamp: float | str) -> dict[str, Placed]:
    """Return the files of a version by name, as its manifest with that stamp lists them."""
    manifest = manifest_of(folder.parent.parent, folder.name)
    if manifest is None:
        raise InputContractError(f"{folder / MANIFEST}: torn, or no manifest of this version; run its job again")
    return files_of(manifest)


def stamp_of(path: Location) -> Stamp:
    """Return size and time of change of a file, size and entity tag of an object; raise as `file_bytes` does."""
    try:
        if isinstance(path, ObjectPath):
            return path.stamp()
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise InputContractError(f"{path}: missing; restore it, or run its job again") from None
    except OSError as error:
        raise unreadable(path, error) from error
    return stat.st_size, stat.st_mtime_ns


def source(path: str, stamp: Stamp | None = None) -> Any:
    """Return what PyArrow reads a file from: its path, or an object as a file, in the version of the stamp if given.

    An object is read in ranges; the store refuses each range if the version has changed.
    """
    where = location(path)
    return where.open(buffering=0, stamp=stamp) if isinstance(where, ObjectPath) else path


def beginning(path: Location, size: int, stamp: Stamp | None = None) -> bytes:
    """Return the first bytes of a file, or of the version of an object that the stamp names."""
    opened = path.open(buffering=0, stamp=stamp) if isinstance(path, ObjectPath) else path.open("rb")
    with opened as stream:
        return bytes(stream.read(size))
