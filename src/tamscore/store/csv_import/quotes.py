"""The quotes of a CSV file, looked at as bytes: rows and lines are counted, and quotes that swallow rows are found.

RFC 4180: a cell that begins with a quote ends with one, and quotes in it stand twice. PyArrow reads on where text
stands directly behind a closing quote. In a cell over several lines that means that the quote opened one cell and
closed another: the rows between are swallowed. Within a line it costs the cell its quotes, which is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

_QUOTE, _LF = 34, 10
_EXAMPLES = 5
_SHOWN_BYTES = 60
_LONE_CR = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class QuotedRow:
    """A row whose quotes are wrong: its number as a spreadsheet counts, the lines it takes up, how it begins."""

    row: int
    lines: int
    text: str
    is_escaped: bool


@dataclass
class QuoteCheck:
    """What the bytes below the header hold; `first` is the row number of the first of them.

    `rows` whole rows, blank ones included, and `inner` line ends within their cells; `sloppy` cells lose their quotes.
    `swallowed` is the first row of several lines with text behind a closing quote, `open` one that never ends, `long`
    one that does not end within the bytes of a feed.
    """

    delimiter: bytes
    escape: str | None
    first: int
    rows: int = 0
    inner: int = 0
    sloppy: int = 0
    examples: list[QuotedRow] = field(default_factory=list)
    swallowed: QuotedRow | None = None
    open: QuotedRow | None = None
    long: QuotedRow | None = None
    _tail: bytes = b""
    _split: bytes = b""

    def __post_init__(self) -> None:
        """Prepare what cells are found by."""
        mark = re.escape(self.delimiter)
        self._cell = re.compile(rb'"(?:[^"]++|"")*+"([^' + mark + rb"\r\n]*+)|[^" + mark + rb"\r\n]*+")
        self._ends = np.zeros(256, dtype=bool)
        self._ends[[self.delimiter[0], _QUOTE, _LF, 13]] = True

    def feed(self, data: bytes) -> None:
        """Take the next bytes; none say that the file ends."""
        if data:
            self._whole_rows(self._tail + self._plain(data))
        elif self._tail + self._split:
            last = self._tail + self._split
            self._split = b""
            self._whole_rows(last if last.endswith((b"\n", b"\r")) else last + b"\n", final=True)
            if self._tail:
                self.open = self._example(0, self._tail)

    def _plain(self, data: bytes) -> bytes:
        """Return the bytes with escaped characters masked; each keeps its place."""
        if self.escape is None:
            return data
        mark = re.escape(self.escape.encode())
        data = self._split + data
        held = len(data) - len(data.rstrip(self.escape.encode()))
        self._split = data[len(data) - held % 2 :] if held % 2 else b""
        data = data[: len(data) - len(self._split)]
        self.inner += sum(item.endswith(b"\n") for item in re.findall(mark + rb"\n", data))
        return re.sub(mark + rb".", b"xx", data, flags=re.DOTALL)

    def _whole_rows(self, data: bytes, *, final: bool = False) -> None:
        """Count the rows that are whole; keep the rest as the tail."""
        work = data[:-1] if data.endswith(b"\r") and not final else data
        if b"\r" in work and work.count(b"\r") != work.count(b"\r\n"):
            work = _LONE_CR.sub(b"\n", work)
        if b'"' in work:
            end = self._quoted(work)
        else:
            end = work.rfind(b"\n") + 1
            self.rows += work.count(b"\n")
        self._tail = data[end:]
        if not end and not final:
            self.long = self.long or self._example(0, data)

    def _quoted(self, work: bytes) -> int:
        """Count the whole rows of bytes with quotes; return where the last of them ends."""
        array = np.frombuffer(work, np.uint8)
        marks = np.flatnonzero((array == _QUOTE) | (array == _LF))
        is_quote = array[marks] == _QUOTE
        places = marks[is_quote]
        ends = marks[~is_quote]
        if not (self._edge(array, places[::2], -1).all() and self._edge(array, places[1::2], 1).all()):
            return self._doubtful(work, places, ends)
        outer = ends[np.cumsum(is_quote)[~is_quote] % 2 == 0]  # RFC 4180 throughout: quotes open and close in turn
        if not len(outer):
            return 0
        self.rows += len(outer)
        self.inner += int(np.searchsorted(ends, outer[-1])) + 1 - len(outer)
        return int(outer[-1]) + 1

    def _edge(self, array: np.ndarray, places: np.ndarray, step: int) -> np.ndarray:
        """Return whether an end of a cell or another quote stands before (-1) or behind (1) each quote."""
        beside = places + step
        if len(beside) and (beside[0] < 0 or beside[-1] >= len(array)):
            beside = np.clip(beside, 0, len(array) - 1)  # the bytes begin with a row, and their end is not known yet
        _end: np.ndarray = self._ends[array[beside]]
        return _end

    def _doubtful(self, work: bytes, places: np.ndarray, ends: np.ndarray) -> int:
        """Count the whole rows where some quotes follow no rule: lines that do are passed over, the others read."""
        array = np.frombuffer(work, np.uint8)
        line = np.searchsorted(ends, places)
        turn = (np.arange(len(places)) - np.searchsorted(line, line)) % 2
        odd = np.bincount(line, minlength=len(ends) + 1) % 2 == 1
        odd[line[~np.where(turn == 1, self._edge(array, places, 1), self._edge(array, places, -1))]] = True
        at, inner = 0, 0
        for number in np.flatnonzero(odd).tolist():
            start = int(ends[number - 1]) + 1 if number else 0
            if start < at:
                continue
            end, sloppy = self._row(work, start)
            if not end:
                self.rows += number - inner
                self.inner += inner
                return start
            lines = work.count(b"\n", start, end)
            if sloppy:
                self._note(number - inner, sloppy, work[start:end], lines)
            inner += lines - 1
            at = end
        self.rows += len(ends) - inner
        self.inner += inner
        return int(ends[-1]) + 1 if len(ends) else 0

    def _row(self, work: bytes, start: int) -> tuple[int, int]:
        """Return where the row ends that starts there, 0 where it does not, and its cells with text behind a quote."""
        at, sloppy = start, 0
        while at < len(work):
            cell = self._cell.match(work, at)
            if cell is None or (cell[1] is None and work[at] == _QUOTE):
                return 0, sloppy
            sloppy += bool(cell[1] and cell[1].strip())
            at = cell.end() + 1
            if work[at - 1 : at] == b"\r":
                return at + 1, sloppy
            if work[at - 1 : at] == b"\n":
                return at, sloppy
        return 0, sloppy

    def _note(self, rows: int, sloppy: int, row: bytes, lines: int) -> None:
        if lines > 1:
            self.swallowed = self.swallowed or self._example(rows, row)
            return
        self.sloppy += sloppy
        if len(self.examples) < _EXAMPLES:
            self.examples.append(self._example(rows, row))

    def _example(self, rows: int, row: bytes) -> QuotedRow:
        text = row[:_SHOWN_BYTES].decode("utf-8", "replace").splitlines()
        return QuotedRow(self.first + self.rows + rows, row.rstrip().count(b"\n") + 1, (text or [""])[0], b'\\"' in row)
