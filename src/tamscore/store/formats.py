"""File formats by their first bytes: what a file is, whatever its name says, and what to do with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_BYTES = 64
"""So many bytes of a file are enough for `format_of`."""

PARQUET = "write it as Parquet"
_SHEET = "save the sheet as CSV and run 'tamscore import'"
_QUERY = "name a market in a job file by input.sql and input.connection; write any other table as Parquet or CSV"
_UNPACK = "unpack it; 'tamscore import' reads it packed where its name ends in"


@dataclass(frozen=True)
class _Format:
    """A format that is neither plain Parquet nor CSV: its name with an article, and a remedy in the imperative."""

    name: str
    remedy: str


_BINARY = {
    b"PARE": _Format("an encrypted Parquet file", "decrypt it"),
    b"ARROW1": _Format("an Arrow file", PARQUET),
    b"\xff\xff\xff\xff": _Format("an Arrow stream", PARQUET),
    b"FEA1": _Format("a Feather file", PARQUET),
    b"ORC": _Format("an ORC file", PARQUET),
    b"Obj\x01": _Format("an Avro file", PARQUET),
    b"SQLite format 3\x00": _Format("a SQLite database", _QUERY),
    b"\x89HDF": _Format("an HDF5 file", PARQUET),
    b"\x1f\x8b": _Format("a gzip file", f"{_UNPACK} .csv.gz"),
    b"BZh": _Format("a bzip2 file", f"{_UNPACK} .csv.bz2"),
    b"\x28\xb5\x2f\xfd": _Format("a Zstandard file", f"{_UNPACK} .csv.zst"),
    b"PK\x03\x04": _Format("an Excel workbook or zip archive (spreadsheet)", f"{_SHEET}, or unpack it"),
    b"\xd0\xcf\x11\xe0": _Format("an old Excel workbook (spreadsheet)", _SHEET),
    b"%PDF": _Format("a PDF document", "export the table as CSV or Parquet"),
    b"{\\rtf": _Format("an RTF document", "export the table as CSV or Parquet"),
}
_PICKLE = _Format("a pickle, which could run code and is never opened", PARQUET)
_DUCKDB = _Format("a DuckDB database", _QUERY)
_TEXTS = (
    (rb"\{\s*(?:[\"}]|$)|\[\s*(?:[\[{\"\]]|$)", _Format("JSON text", "write it as Parquet or CSV")),
    (rb"<\?xml|<!doctype|<html|<table|<workbook", _Format("XML or HTML text", "export the table as CSV or Parquet")),
)


def format_of(head: bytes) -> _Format | None:
    """Return the format of a file that begins so, None for Parquet, CSV and what is not known."""
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            return kind
    if head[8:12] == b"DUCK":
        return _DUCKDB
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return _PICKLE
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for pattern, kind in _TEXTS if re.match(pattern, start, re.IGNORECASE)), None)


def is_binary(head: bytes) -> bool:
    """Return whether a file that begins so is of a known format that is no text."""
    return format_of(head) not in {None, *(kind for _, kind in _TEXTS)}


def is_text(head: bytes) -> bool:
    """Return whether a file that begins so may hold text, UTF-16 included."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    zeros = {head[0::2].count(0), head[1::2].count(0)}
    controls = any(byte < 32 and byte not in b"\t\n\r\f\x00" for byte in head)
    return not controls and 0 in zeros
