"""Parquet files and folders of them: any file ending, subfolders, and Hive partitions with their columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tamscore.errors import UsageError
from tamscore.schema import Constant
from tamscore.store import footers
from tamscore.store.location import files_below, location, matching, name_within
from tamscore.store.sources.found import FoundFiles, SourceFile
from tamscore.store.sources.markers import lake_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.store.location import Location

_ENDINGS = (".parquet", ".parq", ".pq")
_POINTER = "_CURRENT.json"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""The folder name of writers for rows without a value in the partition column."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


def find(path: str, key: str) -> FoundFiles:
    """Return the Parquet files of a file, a folder or a glob, in order of name; raise UsageError if there are none.

    A folder is read with its subfolders. Each `key=value` in the path of a file below the folder is a column of that
    file.
    """
    where = location(path)
    files = files_in(where, key) if where.is_dir() else FoundFiles("Parquet", tuple(_single_files(path)))
    if not files.files:
        others = ", ".join(map(repr, files.ignored[:3]))
        more = f", only {others}" if others else ""
        raise UsageError(f"{key}: no Parquet file at {path!r}{more}; give a file, a folder of *.parquet, or a glob")
    return files


def _single_files(path: str) -> Iterator[SourceFile]:
    """Yield the file at a path, or the files that match a pattern."""
    where = location(path)
    for file in [where] if where.is_file() else matching(path):
        yield SourceFile(file, file.name)


def files_in(folder: Location, key: str) -> FoundFiles:
    """Return the Parquet files in a folder and its subfolders, and the names of ignored files."""
    taken: dict[str, Location] = {}
    ignored = []
    for name, file in sorted((name_within(file, folder), file) for file in files_below(folder)):
        if is_hidden(name) or not _is_parquet(file):
            ignored.append(name)
        else:
            taken[name] = file
    _require_no_tables(folder, taken, key)
    constants = _constants_of({name: _keys_of(name, key) for name in taken})
    files = tuple(SourceFile(file, name, constants=constants[name]) for name, file in taken.items())
    return FoundFiles("Parquet", files, tuple(ignored))


def is_hidden(name: str) -> bool:
    """Return whether a part of a name marks the file as hidden from readers, by the convention of such files.

    A folder such as `_day=1` holds a column. A file of such a name is hidden.
    """
    *folders, file = name.split("/")
    return file[0] in "._~" or any(part[0] in ".~" or (part[0] == "_" and "=" not in part) for part in folders)


def _is_parquet(file: Location) -> bool:
    """Return whether a file has a name of Parquet, in any case; without an ending, whether its content begins so.

    Other endings, such as .bak and .old, are those of files that were set aside.
    """
    ending = file.suffix.lower()
    return ending in _ENDINGS or (not ending and footers.is_parquet(file))


def _require_no_tables(folder: Location, files: dict[str, Location], key: str) -> None:
    """Raise UsageError if a subfolder is a table of another format, or an output of this program."""
    for name in dict.fromkeys(parent for file in files for parent in _parents_of(file)):
        below = folder / name
        kind = lake_at(below)
        if kind or (below / _POINTER).is_file():
            what = f"a {kind.value} table" if kind else "an output of tamscore"
            raise UsageError(f"{key}: {str(below)!r} in {str(folder)!r} is {what}; name it, or move it elsewhere")


def _parents_of(name: str) -> Iterator[str]:
    """Yield the folders on the path to a file, by their names within the table."""
    parts = name.split("/")[:-1]
    yield from ("/".join(parts[: depth + 1]) for depth in range(len(parts)))


def _keys_of(name: str, key: str) -> dict[str, str | None]:
    """Return the values by column in the folders of a file, null as None; raise UsageError if two state one column."""
    values: dict[str, str | None] = {}
    for part in name.split("/")[:-1]:
        column, sign, value = part.partition("=")
        if not sign or not column:
            continue
        if (known := _decoded(column, name, key)) in values:
            raise UsageError(f"{key}: two folders on the way to {name!r} name the column {known!r}; keep one of them")
        values[known] = None if value == _NO_VALUE else _decoded(value, name, key)
    return values


def _decoded(text: str, name: str, key: str) -> str:
    """Return a part of the name of a folder without its percent signs; raise UsageError where they encode no text."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{key}: {name!r}: expected percent signs that encode UTF-8, got {text!r}; rename it"
        ) from error


def _constants_of(keys: dict[str, dict[str, str | None]]) -> dict[str, tuple[Constant, ...]]:
    """Return the columns in folder names, by file: whole numbers if all values of a column are, else texts."""
    import pyarrow as pa

    values: dict[str, list[str]] = {}
    for record in keys.values():
        for column, value in record.items():
            values.setdefault(column, []).extend([] if value is None else [value])
    whole = {column for column, those in values.items() if those and _are_whole(those)}
    return {
        name: tuple(
            Constant(column, pa.int64(), None if value is None else int(value), of_folder=True)
            if column in whole
            else Constant(column, pa.string(), value, of_folder=True)
            for column, value in key.items()
        )
        for name, key in keys.items()
    }


def _are_whole(values: Sequence[str]) -> bool:
    """Return whether all texts are whole numbers of 64 bits without leading zeros."""
    return all(_WHOLE.fullmatch(value) for value in values)
