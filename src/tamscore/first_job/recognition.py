"""Whether an argument of a command names a table or a job file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_table(path: Path) -> bool:
    """Return whether a path is a table: a file of a known format, or a folder without a job file in it.

    Databases and other formats that are refused later count, so that no message takes them for a job file.
    """
    if path.suffix.lower() == ".toml":
        return False
    if path.is_dir():
        return not any(path.glob("*.toml"))
    from tamscore.store import contents
    from tamscore.store.footers import is_parquet
    from tamscore.store.formats import HEAD_BYTES, is_binary
    from tamscore.store.sources.converted import kind_of

    if not path.is_file():
        return False
    return is_parquet(path) or kind_of(path) is not None or is_binary(contents.beginning(path, HEAD_BYTES))
