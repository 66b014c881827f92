"""Cells over several lines: text, or rows that a stray quote swallowed.

A lone quote at the beginning of one cell and an inch mark at the end of another are valid CSV. Only their content shows
that rows were swallowed: the lines, with the cells before and after, have as many cells as rows, and these cells look
like those of their columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import.frame import lines as split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SAMPLE_ROWS = 1000
_LIKE_SHARE = 0.5
"""Least share of the cells with a known look that look like their columns if lines are rows."""
_ENOUGH = 20
"""With fewer cells, only the kinds of characters are known, not the pattern."""
_NUMBER = re.compile(r"[-+(]?\s?[^\w\s]?\s?\d[\d.,'\s]*[)%]?")


@dataclass(frozen=True)
class SwallowedRows:
    """A cell whose lines look like rows: its row number as in a spreadsheet, its column, its lines, an example line."""

    row: int
    column: str
    lines: int
    example: str


@dataclass
class _ColumnLook:
    """The look of a column's cells; fields are None for free text, which any cell could be."""

    shapes: frozenset[str] | None
    values: frozenset[str] | None
    numeric: bool
    is_coarse: bool
    is_padded: bool

    @property
    def tells(self) -> bool:
        """Return whether the column has a known look, which cells of other columns may not fit."""
        return self.numeric or self.shapes is not None or self.values is not None

    def fits(self, cell: str) -> bool:
        """Return whether a cell looks like those of the column."""
        text = cell.strip()
        if cell != text and not self.is_padded:
            return False
        if self.numeric and _NUMBER.fullmatch(text):
            return True
        if self.values is not None and text in self.values:
            return True
        return self.shapes is not None and _shape(text, is_coarse=self.is_coarse) in self.shapes


def _shape(text: str, *, is_coarse: bool = False) -> str:
    """Return the pattern of a text: runs of digits as 9, of letters as a; so AB-0012 is a-9, or coarsely a9."""
    if is_coarse:
        return "a" * bool(re.search(r"[^\W\d_]", text)) + "9" * bool(re.search(r"\d", text))
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text))


def _describe_cells(cells: Sequence[str]) -> _ColumnLook:
    """Return the look of a column's cells."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    values = frozenset(texts)
    is_coarse = len(texts) < _ENOUGH
    shapes = frozenset(_shape(text, is_coarse=is_coarse) for text in texts)
    numbers = sum(bool(_NUMBER.fullmatch(text)) for text in texts)
    return _ColumnLook(
        shapes=shapes if 0 < len(shapes) <= max(2, len(texts) // 50) else None,
        values=values if 0 < len(values) <= len(texts) // 4 else None,
        numeric=numbers > 0 and numbers >= 0.95 * len(texts),
        is_coarse=is_coarse,
        is_padded=any(cell != cell.strip() for cell in cells if cell.strip()),
    )


@dataclass
class RowLook:
    """The look of rows, learned from rows whose cells hold one line each; it separates rows from lines of text."""

    delimiter: str
    names: tuple[str, ...]
    exempt: frozenset[str]
    columns: list[_ColumnLook] = field(default_factory=list)

    def check(self, batch: Any, numbers: np.ndarray) -> SwallowedRows | None:
        """Return the first cell of a batch that holds lines which look like rows."""
        import pyarrow as pa

        several = [_several_lines(column) for column in batch.columns]
        if not any(mask.any() for mask in several):
            return None
        if not self.columns:
            clean = np.flatnonzero(~np.logical_or.reduce(several))
            some = clean[:: max(1, len(clean) // _SAMPLE_ROWS)]
            self.columns = [_describe_cells(column.take(pa.array(some)).to_pylist()) for column in batch.columns]
        swallowed_rows = [
            SwallowedRows(int(numbers[row]), name, len(split_lines(text)), example)
            for place, name in enumerate(self.names)
            if name not in self.exempt
            for row, text in self._candidates(batch.column(place), several[place])
            if (example := self._row_in(text, place))
        ]
        return min(swallowed_rows, key=lambda rows: rows.row, default=None)

    def _candidates(self, column: Any, several: np.ndarray) -> Iterator[tuple[int, str]]:
        """Yield the cells of several lines with enough delimiters for a row among them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = np.flatnonzero(several)
        cells = column.take(pa.array(rows))
        marks = pc.count_substring(cells, self.delimiter).to_numpy()
        for place in np.flatnonzero(marks >= len(self.names) - 1):
            yield int(rows[place]), cells[int(place)].as_py()

    def _row_in(self, text: str, place: int) -> str:
        """Return the line of a cell that looks like a row, empty if the cell is text."""
        width = len(self.names)
        parts = [line.rstrip("\r\n").split(self.delimiter) for line in split_lines(text)]
        first, *inner, last = parts
        between = [cells for cells in inner if len(cells) == width] if width > 1 else []
        for cells in between[:_SAMPLE_ROWS]:
            if self._is_alike(list(enumerate(cells)), doubt=False):
                return self.delimiter.join(cells)
        behind = width - 1 - place
        if width > 1 and len(first) > behind and len(last) > place and len(between) == len(inner):
            exact = len(first) == behind + 1 and len(last) == place + 1
            evidence = [(width - at, first[-at]) for at in range(1, behind + 1)] + list(enumerate(last[:place]))
            if self._is_alike(evidence, doubt=exact):
                return self.delimiter.join(last)
        return ""

    def _is_alike(self, cells: list[tuple[int, str]], *, doubt: bool) -> bool:
        """Return whether cells look like those of their columns; return `doubt` if no column has a known look."""
        items = [
            (self.columns[at], cell.strip('"')) for at, cell in cells if self.columns[at].tells and cell.strip('" ')
        ]
        fitting = sum(column.fits(cell) for column, cell in items)
        return fitting >= _LIKE_SHARE * len(items) if items else doubt


def has_row(text: str, delimiter: str, width: int) -> bool:
    """Return whether a row with a wrong number of cells takes up several lines, one of which may be a row itself."""
    parts = split_lines(text)
    return len(parts) > 1 and any(line.count(delimiter) >= width - 1 for line in parts)


def _several_lines(column: Any) -> np.ndarray:
    import pyarrow.compute as pc

    mask = pc.or_(pc.match_substring(column, "\n"), pc.match_substring(column, "\r"))
    values: np.ndarray = mask.to_numpy(zero_copy_only=False)
    return values
