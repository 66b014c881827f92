"""CSV files before their rows are read: where they are, how they are written, what their columns are called."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
ENDINGS = (".csv", ".tsv", *(f".csv{ending}" for ending in CODECS))
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
HEAD_BYTES = 256 << 10
FOREIGN_STARTS = {
    b"PK\x03\x04": "an Excel workbook or zip archive; save the sheet as CSV",
    b"PAR1": "Parquet already; it needs no import",
    b"\x1f\x8b": "compressed with gzip; let its name end in .csv.gz",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
}


@dataclass(frozen=True)
class Dialect:
    """How the text of one or all files is to be read; `delimiter` None means: look at each file."""

    delimiter: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."


@dataclass(frozen=True)
class Source:
    """One CSV file as it was when its header was read; `skip` lines stand before the header."""

    path: Path
    names: tuple[str, ...]
    header: tuple[str, ...]
    dialect: Dialect
    skip: int
    size: int
    mtime_ns: int


def dialect(delimiter: str | None, encoding: str, decimal: str) -> Dialect:
    """Return the checked dialect; UsageError names the option that makes no sense."""
    mark = DELIMITER_NAMES.get(delimiter.lower(), delimiter) if delimiter is not None else None
    if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in '"\r\n'):
        raise UsageError(f"delimiter: expected one character such as ',' or ';' or 'tab', got {delimiter!r}")
    if decimal not in {".", ","}:
        raise UsageError(f"decimal: expected '.' or ',', got {decimal!r}")
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise UsageError(f"encoding: unknown {encoding!r}; common ones: utf-8, cp1252, latin-1, utf-16") from None
    return Dialect(mark, "utf-8" if name == "utf-8-sig" else name, decimal)


def find(paths: Iterable[Path | str]) -> list[Path]:
    """Return the CSV files behind files, folders and glob patterns, each once, in the order given.

    UsageError when a path leads to no CSV file.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        files = _files(path)
        if not files:
            endings = ", ".join(ENDINGS)
            raise UsageError(f"{path}: no CSV file found; expected a file, a folder with {endings}, or a glob pattern")
        found.update(dict.fromkeys(files))
    if not found:
        raise UsageError("no CSV file given; name at least one file, folder or glob")
    return list(found)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        visible = (one for one in path.iterdir() if one.is_file() and not one.name.startswith(("_", ".")))
        return sorted(one for one in visible if one.name.lower().endswith(ENDINGS))
    if path.exists():
        return [path]
    return sorted(Path(one) for one in glob(str(path)) if Path(one).is_file())  # noqa: PTH207 - absolute patterns too


def open_source(path: Path, rules: Dialect) -> Source:
    """Return the file's header and dialect; InputContractError for what is not CSV or has no usable header."""
    status = path.stat()
    text, whole = _head(path, rules.encoding)
    skip, delimiter = _preamble(text, rules.delimiter)
    body = "".join(text.splitlines(keepends=True)[skip:])
    delimiter = delimiter or _sniff(body, whole=whole)
    header = next(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter), [])
    known = Dialect(delimiter, rules.encoding, rules.decimal)
    return Source(path, _names(path, header), tuple(header), known, skip, status.st_size, status.st_mtime_ns)


def _head(path: Path, encoding: str) -> tuple[str, bool]:
    """Return the first text of a file, and whether that is all of it."""
    try:
        with open_bytes(path)[1] as stream:
            data: bytes = stream.read(HEAD_BYTES)
    except OSError as error:
        raise InputContractError(f"{path}: cannot be read: {error}") from None
    _refuse_foreign(path, data, encoding)
    whole = len(data) < HEAD_BYTES
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError:
        raise InputContractError(wrong_encoding(path, encoding)) from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InputContractError(f"{path}: the file is empty; expected a header and rows")
    return text, whole


def _refuse_foreign(path: Path, data: bytes, encoding: str) -> None:
    for start, what in FOREIGN_STARTS.items():
        if data.startswith(start):
            raise InputContractError(f"{path}: expected CSV text, got a file that is {what}")
    wide = encoding.startswith(("utf-16", "utf-32"))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not wide:
        raise InputContractError(f"{path}: expected {encoding} text, got UTF-16; add --encoding utf-16")
    if b"\x00" in data and not wide:
        raise InputContractError(f"{path}: expected CSV text, got binary data (a zero byte in the first block)")


def _preamble(text: str, delimiter: str | None) -> tuple[int, str | None]:
    """Return the number of lines before the header (blank ones, Excel's `sep=;`) and the delimiter if known."""
    skip = 0
    for line in text.splitlines():
        mark = re.fullmatch(r"sep=(.)", line.rstrip("\r\n"), flags=re.IGNORECASE)
        if line.strip() and not mark:
            break
        skip, delimiter = skip + 1, delimiter or (mark[1] if mark else None)
    return skip, delimiter


def _sniff(body: str, *, whole: bool) -> str:
    """Return the delimiter under which most of the first rows have as many cells as the header has."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            rows = [len(row) for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            return (0.0, 0)
        rows = rows if whole or len(rows) < 2 else rows[:-1]  # the last row of a part of a file is cut
        return (rows.count(rows[0]) / len(rows), rows[0]) if rows and rows[0] > 1 else (0.0, 0)

    best = max(DELIMITERS, key=score)
    return best if score(best)[1] > 1 else ","


def _names(path: Path, header: list[str]) -> tuple[str, ...]:
    """Return trimmed column names; a column without a name gets one from its position."""
    names = tuple(name.strip() or f"unnamed_{place}" for place, name in enumerate(header, 1))
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InputContractError(f"{path}: column names stand twice: {twice!r}; rename or remove one in the header")
    if all(re.fullmatch(r"[-+]?[\d.,]+", name) for name in names):
        raise InputContractError(f"{path}: expected column names in the first row, got only numbers: {names[:5]!r}")
    return names


def open_bytes(path: Path) -> tuple[Any, Any]:
    """Return the file as it lies on disk and the stream of its uncompressed bytes."""
    import pyarrow as pa

    raw = pa.OSFile(str(path))
    codec = CODECS.get(path.suffix.lower())
    return raw, pa.CompressedInputStream(raw, codec) if codec else raw


def wrong_encoding(path: Path, encoding: str) -> str:
    """Return the message for a file that is not in the encoding, with the first line that shows it."""
    where = ""
    if encoding == "utf-8":
        with open_bytes(path)[1] as stream:
            where = _first_bad_line(io.BufferedReader(stream))
    return (
        f"{path}: expected {encoding} text, got other bytes{where}; "
        "add --encoding cp1252 (Excel on Windows), latin-1 or utf-16, whichever wrote the file"
    )


def _first_bad_line(lines: Iterable[bytes]) -> str:
    for number, line in enumerate(lines, 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return f" on line {number} ({line[max(error.start - 12, 0) : error.end + 6]!r})"
    return ""


def unchanged(source: Source) -> bool:
    """Return whether the file still has the size and time that it had when it was opened."""
    try:
        status = source.path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns)
