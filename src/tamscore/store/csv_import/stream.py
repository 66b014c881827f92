"""The bytes of a CSV file below its header, in UTF-8, as a stream for PyArrow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tamscore.store.csv_import.encodings import open_bytes

if TYPE_CHECKING:
    from tamscore.store.csv_import.quotes import QuoteCheck
    from tamscore.store.csv_import.source import CsvSource

_LINE_END = re.compile(rb"\r\n|\r(?!$)|\n")


class RowBytes:
    """Read the rows of a file; everything that is read passes the check of its quotes, where there is one.

    `raw` is the file as it lies on disk: its position says how much of it is read.
    """

    def __init__(self, source: CsvSource, check: QuoteCheck | None) -> None:
        import pyarrow as pa

        self.raw, stream = open_bytes(source.path)
        if source.dialect.encoding != "utf-8":
            stream = pa.transcoding_input_stream(stream, source.dialect.encoding, "utf-8")
        self._stream: Any = stream
        self._above = source.skip + source.header_lines
        self._rest = b""
        self._null = _null_cell(source)
        self._check = check
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, up to about `size`; none at the end of the file."""
        while True:
            data: bytes = self._stream.read(size)
            last = not data
            data = self._rest + data if self._rest else data
            self._rest = b""
            if self._above:
                data = self._below_header(data, last=last)
            if self._null and data:
                data = self._without_nulls(data, last=last)
            if data or last:
                break
        if self._check:
            self._check.feed(data)
        return data

    def _below_header(self, data: bytes, *, last: bool) -> bytes:
        """Return what stands below the lines above the rows; keep a line that is not whole for the next time."""
        at = 0
        while self._above:
            end = _LINE_END.search(data, at)
            if end is None:
                self._rest = b"" if last else data[at:]
                self._above = 0 if last else self._above
                return b""
            at = end.end()
            self._above -= 1
        return data[at:]

    def _without_nulls(self, data: bytes, *, last: bool) -> bytes:
        r"""Return whole lines with cells \N emptied: without the escape, N would be left of them."""
        cut = len(data) if last else data.rfind(b"\n") + 1
        self._rest = data[cut:]
        return self._null.sub(b"", data[:cut]) if self._null else data[:cut]

    def close(self) -> None:
        """Close the file."""
        self.closed = True
        self._stream.close()

    def readable(self) -> bool:
        """Return True: this is a stream to read from."""
        return True

    def writable(self) -> bool:
        """Return False: nothing is written."""
        return False

    def seekable(self) -> bool:
        """Return False: bytes pass once."""
        return False


def _null_cell(source: CsvSource) -> re.Pattern[bytes] | None:
    """Return what a cell of no value looks like in a file that escapes by a backslash."""
    if source.dialect.escape != "\\":
        return None
    mark = re.escape(str(source.dialect.delimiter).encode())
    return re.compile(rb"(?<![^" + mark + rb"\r\n])\\N(?=[" + mark + rb"\r\n]|$)")
