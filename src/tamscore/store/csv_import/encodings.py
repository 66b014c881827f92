"""The encoding of a CSV file: seen in its first bytes where they leave no doubt, else named in the refusal."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
HEAD_BYTES = 256 << 10
_WINDOWS = "cp1252"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
"""How a file begins that says its encoding; longer marks first, since one begins like another."""
_WIDE_SHARE = 0.2
"""Of UTF-16 text at least this share of the characters is ASCII: delimiters, digits and line ends are; hardly any
character has its zero byte on the other side."""


def open_bytes(path: Path) -> tuple[Any, Any]:
    """Return the file as it lies on disk and the stream of its uncompressed bytes."""
    import pyarrow as pa

    raw = pa.OSFile(str(path))
    codec = CODECS.get(path.suffix.lower())
    return raw, pa.CompressedInputStream(raw, codec) if codec else raw


def text_encoding(path: Path) -> str:
    """Return "cp1252" for a file whose bytes are no UTF-8 but letters there, as Excel on Windows writes, else "utf-8".

    Files with zero bytes, as those in UTF-16, count as the latter. Raise InputContractError if it cannot be read.
    """
    fits = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", _WINDOWS)}
    try:
        with open_bytes(path)[1] as stream:
            while data := stream.read(HEAD_BYTES):
                fits = {name: fit for name, fit in fits.items() if _takes(fit, data)}
    except OSError as error:
        raise InputContractError(f"{path}: cannot be read: {error}") from None
    is_cut = "utf-8" in fits and not _takes(fits["utf-8"], b"", final=True)
    return _WINDOWS if _WINDOWS in fits and ("utf-8" not in fits or is_cut) else "utf-8"


def _takes(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        return "\x00" not in decoder.decode(data, final)
    except UnicodeDecodeError:
        return False


def head(path: Path, encoding: str) -> tuple[str, str, bool]:
    """Return the first text of a file, its encoding, and whether that is all of it.

    A file that begins as UTF-16 or UTF-32 is read as such where UTF-8 was expected. Raise InputContractError for a file
    that is no text, or not in the encoding.
    """
    try:
        with open_bytes(path)[1] as stream:
            data: bytes = stream.read(HEAD_BYTES)
    except OSError as error:
        raise InputContractError(f"{path}: cannot be read: {error}") from None
    encoding = _encoding(path, data, encoding)
    whole = len(data) < HEAD_BYTES
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError:
        raise InputContractError(wrong_encoding(path, encoding)) from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InputContractError(f"{path}: the file is empty; expected a header and rows")
    _refuse_foreign(path, text[:64].encode())
    return text, encoding, whole


def _encoding(path: Path, data: bytes, expected: str) -> str:
    """Return the encoding of data: as marked, as its zero bytes show, or as expected."""
    mark = next((name for start, name in _MARKS.items() if data.startswith(start)), None)
    wide = mark if mark in {"utf-16", "utf-32"} else _wide(data)
    if expected.startswith(("utf-16", "utf-32")):
        if b"\x00" not in data:
            raise InputContractError(
                f"{path}: expected {expected} text, got bytes without a zero; add --encoding utf-8"
            )
        return wide if wide and not mark and expected == "utf-16" else expected
    if wide and expected == "utf-8":
        return wide
    if wide:
        raise InputContractError(f"{path}: expected {expected} text, got {wide.upper()}; add --encoding {wide}")
    _refuse_foreign(path, data)
    if b"\x00" in data:
        raise InputContractError(
            f"{path}: expected CSV text, got binary data (a zero byte in the first block); "
            "add --encoding utf-16-le or utf-16-be if it is text"
        )
    return expected


def _wide(data: bytes) -> str | None:
    """Return which UTF-16 the bytes are: every second one of ASCII is zero, and the others are not."""
    some = data[:4096]
    high = some[1::2].count(0), some[0::2].count(0)
    for zeros, others, name in ((*high, "utf-16-le"), (*high[::-1], "utf-16-be")):
        if zeros >= max(4, _WIDE_SHARE * len(some) / 2) and others <= zeros / 10 and _decodes(data, name):
            return name
    return None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, len(data) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    plain = all(letter >= " " or letter in "\t\r\n" for letter in text[:4096])
    return plain and ("\n" in text or "\r" in text)


def _refuse_foreign(path: Path, data: bytes) -> None:
    if data.startswith(b"PAR1"):
        raise InputContractError(
            f"{path}: expected CSV text, got Parquet already; it needs no import, let its name end in .parquet"
        )
    if kind := format_of(data[:64]):
        raise InputContractError(f"{path}: expected CSV text, got {kind.name}; {kind.remedy}")


def wrong_encoding(path: Path, encoding: str) -> str:
    """Return the message for a file that is not in the encoding, with the first line that shows it."""
    where = ""
    if encoding == "utf-8":
        with open_bytes(path)[1] as stream:
            where = _first_bad_line(io.BufferedReader(stream))
    if encoding.startswith(("utf-16", "utf-32")):
        return f"{path}: expected {encoding} text, got other bytes; the file is cut off, or name another --encoding"
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
