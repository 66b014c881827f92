"""What a source of a table is to its readers: Parquet files in order, and what to know beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.schema import Constant, Stamp
    from tamscore.store.location import Location

MARKET = "input.path"
"""The key of the job file that names the market."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a table, with its name within it.

    `copy` is the Parquet file that holds its rows, None if they are read from `path`; `constants` are columns of one
    value, which comes from its path or its table; `stamp` is that of the file when it was copied.
    """

    path: Location
    name: str
    copy: Path | None = None
    constants: tuple[Constant, ...] = ()
    stamp: Stamp | None = None


@dataclass(frozen=True)
class FoundFiles:
    """The files of a table in order, its format and its version, and the names of what is passed over in its folder."""

    format: str
    files: tuple[SourceFile, ...]
    ignored: tuple[str, ...] = ()
    version: str | None = None
