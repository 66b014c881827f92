"""Refusals of files whose quotes swallow rows: where, what was seen, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.errors import InputContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.store.csv_import.left_out import RejectedRow
    from tamscore.store.csv_import.quotes import QuoteCheck, QuotedRow
    from tamscore.store.csv_import.source import CsvSource
    from tamscore.store.csv_import.swallowed import SwallowedRows

_DOUBLE = 'write a quote within a cell twice ("") and export again'
_ESCAPE = "add --escape '\\' where backslashes precede quotes, or "


def require_own_rows(
    source: CsvSource,
    quotes: QuoteCheck,
    cell: SwallowedRows | None,
    ragged: Sequence[RejectedRow],
    *,
    until: float = float("inf"),
) -> None:
    """Raise InputContractError where a cell holds rows: its quote opens one cell and closes another.

    `cell` holds lines that look like rows, `ragged` rows have such lines and another number of cells. The first row
    counts; those behind row `until` wait, since the quotes are looked at ahead of the cells.
    """
    crossed = quotes.swallowed
    problems = [item for item in (crossed, cell, *ragged[:1]) if item and item.row <= until]
    first = min(problems, key=lambda item: item.row, default=None)
    if crossed and first is crossed:
        raise InputContractError(_crossed(source, crossed))
    if ragged and first is ragged[0]:
        row = ragged[0]
        escape = _ESCAPE if '\\"' in row.text and source.dialect.escape is None else ""
        raise InputContractError(
            f"{source.path}: row {row.row}: {row.expected} cells expected, {row.found} found over several lines that "
            f"look like rows ({row.text[:60]!r}); a quote is left open there: {escape}{_DOUBLE}"
        )
    if cell and first is cell:
        raise InputContractError(
            f"{source.path}: row {cell.row}: the cell in column {cell.column!r} holds {cell.lines:,} lines that look "
            f"like rows, such as {cell.example[:80]!r}; a quote is left open there: {_DOUBLE}, or add "
            f"--multiline {cell.column!r} if that is its text"
        )


def require_whole(source: CsvSource, quotes: QuoteCheck, rows: int) -> None:
    """Raise InputContractError where a quote is open at the end, or the rows are not those that the lines make up."""
    if quotes.open:
        raise InputContractError(
            f"{source.path}: row {quotes.open.row}: a quote is left open near {quotes.open.text!r} and swallows "
            f"{quotes.open.lines:,} lines to the end of the file; {_remedy(source, quotes.open)}"
        )
    if quotes.rows != rows:
        raise InputContractError(
            f"{source.path}: {rows:,} rows were read, but its lines and quotes make up {quotes.rows:,}; {_DOUBLE}"
        )


def long_row(source: CsvSource, quotes: QuoteCheck, limit: int) -> str:
    """Return the message for a row that does not end within a block."""
    if quotes.swallowed:
        return _crossed(source, quotes.swallowed)
    row = quotes.long
    where = f"row {row.row}: " if row else ""
    example = f" ({row.text!r})" if row else ""
    remedy = _remedy(source, row) if row else _DOUBLE
    return f"{source.path}: {where}a row is longer than {limit / 2**20:g} MiB{example}; is a quote left open? {remedy}"


def _crossed(source: CsvSource, row: QuotedRow) -> str:
    return (
        f"{source.path}: row {row.row}: a quote that opens a cell is closed {row.lines - 1:,} lines further down, with "
        f"text directly behind it ({row.text!r}): the rows between would be swallowed; {_remedy(source, row)}"
    )


def _remedy(source: CsvSource, row: QuotedRow) -> str:
    return f"{_ESCAPE if row.is_escaped and source.dialect.escape is None else ''}{_DOUBLE}"
