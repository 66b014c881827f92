"""The frame of a CSV file: lines before the header, the delimiter, the header, a delimiter at the end of every row."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.store.csv_import.forms import ALWAYS_EMPTY, EMPTY_IN_NUMBERS

if TYPE_CHECKING:
    from pathlib import Path

_DELIMITERS = (",", ";", "\t", "|")
_TITLE_ROWS = 20
_MOST = 0.5
_FIRST_ROWS = 1000
_NO_VALUE = ALWAYS_EMPTY | EMPTY_IN_NUMBERS
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_NUMBER = re.compile(r"[-+]?[\d.,]+")


@dataclass(frozen=True)
class _Row:
    """One row of the beginning of a file; it ends on line `line` of the text that was parsed, counted from 1."""

    cells: list[str]
    line: int


def lines(text: str) -> list[str]:
    """Return the lines of text with their ends, as a CSV reader counts them (a form feed ends none)."""
    items = _LINE.findall(text)
    return items[:-1] if items and not items[-1] else items


def preamble(text: str, delimiter: str | None, skip: int | None) -> tuple[int, str | None]:
    """Return the number of lines before the header (skipped, blank, Excel's `sep=;`) and the delimiter if known."""
    count = skip or 0
    for line in lines(text)[count:]:
        mark = re.fullmatch(r"sep=(.)", line.rstrip("\r\n"), flags=re.IGNORECASE)
        if line.strip() and not mark:
            break
        count, delimiter = count + 1, delimiter or (mark[1] if mark else None)
    return count, delimiter


def first_rows(body: str, delimiter: str, escape: str | None, *, whole: bool) -> list[_Row]:
    """Return the first rows of a text that begins with the header, without blank lines and without a row cut off."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, escapechar=escape)
    rows: list[_Row] = []
    try:
        for cells in reader:
            if cells:
                rows.append(_Row(cells, reader.line_num))
            if len(rows) > _FIRST_ROWS:
                return rows
    except csv.Error:  # a cell longer than the limit of the reader: what came before it is enough
        return rows
    return rows if whole or len(rows) < 2 else rows[:-1]


def sniff(body: str, escape: str | None, *, whole: bool) -> str:
    """Return the delimiter under which most of the first rows have as many cells as the header, or as each other."""
    scores = {mark: _fit(first_rows(body, mark, escape, whole=whole)) for mark in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda mark: scores[mark])
    return best if scores[best][3] > 1 else ","


def _fit(rows: list[_Row]) -> tuple[bool, bool, float, int]:
    """Return how well a delimiter fits: most rows have one size, it splits the header, the share of rows, the size."""
    sizes = [len(row.cells) for row in rows]
    if not sizes or max(sizes) < 2:
        return (False, False, 0.0, 0)
    share = sum(len(row.cells) == sizes[0] or _is_trailing(row, sizes[0]) for row in rows) / len(rows)
    usual, times = Counter(sizes).most_common(1)[0]
    if usual > 1 and share < _MOST <= times / len(rows):  # the first row is a title, or breaks apart
        return (True, False, times / len(rows), usual)
    return (sizes[0] > 1 and share >= _MOST, sizes[0] > 1, share, sizes[0])


def _is_trailing(row: _Row, width: int) -> bool:
    return len(row.cells) == width + 1 and not row.cells[-1].strip()


def trailing(rows: list[_Row]) -> int:
    """Return how many delimiters more than the header has most rows end with, 0 for none."""
    width = len(rows[0].cells)
    blank = [row for row in rows[1:] if len(row.cells) > width and not any(map(str.strip, row.cells[width:]))]
    more, times = Counter(len(row.cells) - width for row in blank).most_common(1)[0] if blank else (0, 0)
    return more if times >= (len(rows) - 1) / 2 else 0


def without_last(rows: list[_Row]) -> _Row:
    """Return the header without its last cell where that is blank and most rows have no such cell."""
    header, width = rows[0], len(rows[0].cells)
    shorter = sum(len(row.cells) == width - 1 for row in rows[1:])
    lone = width > 1 and not header.cells[-1].strip() and 2 * shorter > len(rows) - 1
    return _Row(header.cells[:-1], header.line) if lone else header


def refuse_titles(path: Path, rows: list[_Row], skipped: int, delimiter: str) -> None:
    """Raise InputContractError where the first row is a title above the header."""
    if len(rows) < 2 or _split_by_another(rows, delimiter):
        return
    first = rows[0].cells
    if trailing(rows):
        rows = [_Row(row.cells[: len(first)], row.line) for row in rows]
    width = Counter(len(row.cells) for row in rows[1:]).most_common(1)[0][0]
    filled = sum(bool(cell.strip()) for cell in first)
    short = len(first) < width
    if width < 2 or filled == width or not (short or len(first) >= width):
        return
    sparse = short or filled <= max(1, width // 2)
    for place in range(1, min(_TITLE_ROWS, len(rows))):
        if _is_header(rows, place, width, sparse=sparse):
            raise InputContractError(
                f"{path}: the first row {first!r} looks like a title above the header {rows[place].cells!r}; add "
                f"--skip {skipped + rows[place - 1].line} to begin there, or --skip {skipped} if it is the header"
            )


def _split_by_another(rows: list[_Row], delimiter: str) -> bool:
    """Return whether another delimiter splits the one cell of the first row, and the second row into as many."""
    text, two = (delimiter.join(row.cells) for row in rows[:2])
    return len(rows[0].cells) == 1 and any(text.count(mark) == two.count(mark) > 0 for mark in _DELIMITERS)


def _is_header(rows: list[_Row], place: int, width: int, *, sparse: bool) -> bool:
    """Return whether a row is the header: cells filled, distinct, no numbers; and where rows below are numbers, words.

    Below a `sparse` first row, of which most cells are empty, the rows below may be words, too.
    """
    cells = [cell.strip() for cell in rows[place].cells]
    below = [row.cells for row in rows[place + 1 :] if len(row.cells) == width]
    ends_blank = bool(below) and not any(row[-1].strip() for row in below)
    if ends_blank and (len(cells) == width - 1 or (len(cells) == width and not cells[-1])):
        width, cells = width - 1, cells[: width - 1]  # each row ends with a delimiter
    plain = all(cells) and not any(_NUMBER.fullmatch(cell) for cell in cells)
    if len(cells) != width or not plain or len(set(cells)) < len(cells):
        return False
    return sparse or any(
        len(below) >= 2 and re.search(r"[^\W\d_]{2}", cell) and cell.lower() not in _NO_VALUE
        for at, cell in enumerate(cells)
        if all(_NUMBER.fullmatch(row[at].strip()) for row in below)
    )


def names_of(path: Path, header: list[str], delimiter: str) -> tuple[str, ...]:
    """Return trimmed column names; a column without a name gets one from its position."""
    names = tuple(name.strip() or f"unnamed_{place}" for place, name in enumerate(header, 1))
    for name in names:
        if delimiter in name and len(lines(name)) > 1:
            raise InputContractError(
                f"{path}: the header holds a cell over several lines ({name[:40]!r}); a quote is left open there"
            )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InputContractError(f"{path}: column names stand twice: {twice!r}; rename or remove one in the header")
    if all(_NUMBER.fullmatch(name) for name in names):
        raise InputContractError(f"{path}: expected column names in the first row, got only numbers: {names[:5]!r}")
    return names
