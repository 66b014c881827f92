"""Whether an argument of a command names a table or a job file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_table(path: Path) -> bool:
    """Return whether a path is a table: a file in a format that is read, or a folder without a job file in it."""
    if path.suffix.lower() == ".toml":
        return False
    if path.is_dir():
        return not any(path.glob("*.toml"))
    from tamscore.store.footers import is_parquet
    from tamscore.store.sources.converted import kind_of

    return path.is_file() and (is_parquet(path) or kind_of(path) is not None)
