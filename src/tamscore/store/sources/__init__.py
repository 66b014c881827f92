"""The Parquet files for a path of the job file: plain ones, the valid ones of a lakehouse table, or copies.

A marker wins over an ending: the folder of a Delta or Iceberg table is full of Parquet files, and some of them hold
rows that were deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from tamscore.errors import UsageError
from tamscore.store.location import location
from tamscore.store.sources import converted, delta, iceberg, parquet
from tamscore.store.sources.found import MARKET, FoundFiles, SourceFile
from tamscore.store.sources.markers import Lake, lake_at, require_outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.schema import Copies, InputColumns
    from tamscore.store.location import Location

__all__ = ["MARKET", "FoundFiles", "SourceFile", "find"]


def _refuse_hudi(folder: Location, key: str, version: int | None, copies: Copies) -> NoReturn:
    """Raise UsageError: no library reads Hudi without Spark or a service."""
    del version, copies
    raise UsageError(
        f"{key}: {str(folder)!r} is a Hudi table, which is not read; write its newest snapshot as Parquet, such as "
        f"spark.read.format('hudi').load({str(folder)!r}).write.parquet(...)"
    )


_LAKES: dict[Lake, Callable[[Location, str, int | None, Copies], FoundFiles]] = {
    Lake.DELTA: delta.find,
    Lake.ICEBERG: iceberg.find,
    Lake.HUDI: _refuse_hudi,
}


def find(path: str, columns: InputColumns, key: str = MARKET, version: int | None = None) -> FoundFiles:
    """Return the files of a path, a folder or a glob, in an order given by the data; `key` is its key in the job file.

    For a lakehouse table, the named version is read, else the newest. Raise UsageError if there is nothing to read, or
    the format is not supported; raise InputContractError if a file cannot be read.
    """
    where = location(path)
    if lake := lake_at(where):
        return _LAKES[lake](where, key, version, columns.copies)
    if version is not None:
        raise UsageError(f"input.version: {path!r} is no lakehouse table, and has no versions; leave the key out")
    require_outside(path, key)
    if where.is_dir() and (parts := parquet.files_in(where, key)).files:
        return parts
    return converted.find(path, columns, key) or parquet.find(path, key)
