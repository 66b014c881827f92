"""Lakehouse tables by what lies in their folders: names only, nothing is opened."""

from __future__ import annotations

from enum import Enum
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.store.location import location

if TYPE_CHECKING:
    from tamscore.store.location import Location

METADATA = ".metadata.json"


class Lake(Enum):
    """A lakehouse format that is read, by its name."""

    DELTA = "Delta"
    ICEBERG = "Iceberg"
    HUDI = "Hudi"


def lake_at(folder: Location) -> Lake | None:
    """Return the format whose table a folder is, None where it is none of them."""
    if not folder.is_dir():
        return None
    if (folder / "_delta_log").is_dir():
        return Lake.DELTA
    if (folder / ".hoodie").is_dir():
        return Lake.HUDI
    metadata = folder / "metadata"
    if metadata.is_dir() and any(entry.name.endswith(METADATA) for entry in metadata.iterdir()):
        return Lake.ICEBERG
    return None


def require_outside(path: str, key: str) -> None:
    """Raise UsageError if a path, or the files of a glob, lie in the folder of a lakehouse table.

    Its Parquet files alone do not tell which of their rows are still part of the table.
    """
    where = location(path)
    if has_magic(path):
        where = next(parent for parent in where.parents if not has_magic(str(parent)))
        inside = [where, *where.parents]
    else:
        inside = [*where.parents]
    for folder in inside:
        if isinstance(folder, Path) and (lake := lake_at(folder.absolute())):
            raise UsageError(
                f"{key}: {path!r} lies in the {lake.value} table {str(folder)!r}, whose log says which rows are "
                "valid; name the folder of the table"
            )
