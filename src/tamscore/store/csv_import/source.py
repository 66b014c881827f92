"""CSV sources: which files there are, what their header and dialect are, and what is no CSV."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store.csv_import import frame
from tamscore.store.csv_import.encodings import CODECS, head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENDINGS = (".csv", ".tsv", *(f".csv{ending}" for ending in CODECS))
_DELIMITER_NAMES = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class _CsvDialect:
    """How the text of one or all files is to be read.

    `delimiter` None: look at each file. `escape`: the character before a quote that is text. `skip`: lines before the
    header, None for only those that are blank. `multiline`: columns whose cells may hold lines that look like rows.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    escape: str | None = None
    skip: int | None = None
    multiline: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CsvSource:
    """One CSV file as it was when its header was read.

    `skip` lines stand before the header, which takes up `header_lines`; each row ends with `trailing` delimiters.
    """

    path: Path
    names: tuple[str, ...]
    header: tuple[str, ...]
    dialect: _CsvDialect
    skip: int
    header_lines: int
    trailing: int
    size: int
    mtime_ns: int


def dialect(
    delimiter: str | None = None,
    encoding: str = "utf-8",
    escape: str | None = None,
    skip: int | None = None,
    multiline: Sequence[str] = (),
) -> _CsvDialect:
    """Return the checked dialect; UsageError names the option that makes no sense."""
    mark = _DELIMITER_NAMES.get(delimiter.lower(), delimiter) if delimiter is not None else None
    if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in '"\r\n'):
        raise UsageError(f"delimiter: expected one character such as ',' or ';' or 'tab', got {delimiter!r}")
    if escape is not None and (len(escape) != 1 or not escape.isascii() or escape.isalnum() or escape in '"\r\n'):
        raise UsageError(f"escape: expected one character such as '\\', got {escape!r}")
    if skip is not None and skip < 0:
        raise UsageError(f"skip: expected a number of lines from 0, got {skip}")
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise UsageError(f"encoding: unknown {encoding!r}; common ones: utf-8, cp1252, latin-1, utf-16") from None
    return _CsvDialect(mark, "utf-8" if name == "utf-8-sig" else name, escape, skip, frozenset(multiline))


def find(paths: Iterable[Path | str]) -> list[Path]:
    """Return the CSV files behind files, folders and glob patterns, each once, in the order given.

    UsageError when a path leads to no CSV file.
    """
    record: dict[Path, None] = {}
    for path in map(Path, paths):
        files = _files(path)
        if not files:
            endings = ", ".join(ENDINGS)
            raise UsageError(f"{path}: no CSV file found; expected a file, a folder with {endings}, or a glob pattern")
        record.update(dict.fromkeys(files))
    if not record:
        raise UsageError("no CSV file given; name at least one file, folder or glob")
    return list(record)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        visible = (path for path in path.iterdir() if path.is_file() and not path.name.startswith(("_", ".")))
        return sorted(path for path in visible if path.name.lower().endswith(ENDINGS))
    if path.exists():
        return [path]
    return sorted(Path(text) for text in glob(str(path)) if Path(text).is_file())  # noqa: PTH207 - absolute patterns too


def open_source(path: Path, rules: _CsvDialect) -> CsvSource:
    """Return the file's header and dialect; raise InputContractError for what is not CSV or has no usable header."""
    status = path.stat()
    text, encoding, whole = head(path, rules.encoding)
    skip, delimiter = frame.preamble(text, rules.delimiter, rules.skip)
    body = "".join(frame.lines(text)[skip:])
    delimiter = delimiter or frame.sniff(body, rules.escape, whole=whole)
    rows = frame.first_rows(body, delimiter, rules.escape, whole=whole)
    if not rows:
        raise InputContractError(f"{path}: expected a header and rows below {skip} skipped lines, got none")
    rows[0] = frame.without_last(rows)
    if rules.skip is None:
        frame.refuse_titles(path, rows, skip, delimiter)
    header = rows[0]
    return CsvSource(
        path=path,
        names=frame.names_of(path, header.cells, delimiter),
        header=tuple(header.cells),
        dialect=replace(rules, delimiter=delimiter, encoding=encoding),
        skip=skip,
        header_lines=header.line,
        trailing=frame.trailing(rows),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def unchanged(source: CsvSource) -> bool:
    """Return whether the file still has the size and time that it had when it was opened."""
    try:
        status = source.path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns)
