"""Refusals of files whose quotes swallow rows: where, what was seen, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.errors import InputContractError

if TYPE_CHECKING:
    from tamscore.store.csv_import.quotes import QuoteCheck, QuotedRow
    from tamscore.store.csv_import.rows import RejectedRow
    from tamscore.store.csv_import.source import Source
    from tamscore.store.csv_import.swallowed import SwallowedRows

DOUBLE = 'write a quote within a cell twice ("") and export again'
ESCAPE = "add --escape '\\' where backslashes precede quotes, or "


def require_own_rows(source: Source, quotes: QuoteCheck, rows: SwallowedRows | None) -> None:
    """Raise InputContractError where a cell holds rows: its quote opens one cell and closes another."""
    if quotes.swallowed:
        raise InputContractError(_crossed(source, quotes.swallowed))
    if rows:
        raise InputContractError(
            f"{source.path}: row {rows.row}: the cell in column {rows.column!r} holds {rows.lines:,} lines that look "
            f"like rows, such as {rows.example[:80]!r}; a quote is left open there: {DOUBLE}, or add "
            f"--multiline {rows.column!r} if that is its text"
        )


def require_no_ragged(source: Source, rows: list[RejectedRow], quotes: QuoteCheck | None) -> None:
    """Raise InputContractError for a row of too many or too few cells which holds lines that look like rows."""
    if quotes and quotes.swallowed:
        raise InputContractError(_crossed(source, quotes.swallowed))
    if quotes and rows:
        one = rows[0]
        escape = ESCAPE if '\\"' in one.text and source.dialect.escape is None else ""
        raise InputContractError(
            f"{source.path}: row {one.row}: {one.expected} cells expected, {one.found} found over several lines that "
            f"look like rows ({one.text[:60]!r}); a quote is left open there: {escape}{DOUBLE}"
        )


def require_whole(source: Source, quotes: QuoteCheck, rows: int) -> None:
    """Raise InputContractError where a quote is open at the end, or the rows are not those that the lines make up."""
    require_own_rows(source, quotes, None)
    if quotes.open:
        raise InputContractError(
            f"{source.path}: row {quotes.open.row}: a quote is left open near {quotes.open.text!r} and swallows "
            f"{quotes.open.lines:,} lines to the end of the file; {_remedy(source, quotes.open)}"
        )
    if quotes.rows != rows:
        raise InputContractError(
            f"{source.path}: {rows:,} rows were read, but its lines and quotes make up {quotes.rows:,}; {DOUBLE}"
        )


def long_row(source: Source, quotes: QuoteCheck, limit: int) -> str:
    """Return the message for a row that does not end within a block."""
    if quotes.swallowed:
        return _crossed(source, quotes.swallowed)
    row = quotes.unfinished()
    return (
        f"{source.path}: row {row.row}: a row is longer than {limit >> 20} MiB ({row.text!r}); is a quote left open? "
        f"{_remedy(source, row)}"
    )


def _crossed(source: Source, row: QuotedRow) -> str:
    return (
        f"{source.path}: row {row.row}: a quote that opens a cell is closed {row.lines - 1:,} lines further down, with "
        f"text directly behind it ({row.text!r}): the rows between would be swallowed; {_remedy(source, row)}"
    )


def _remedy(source: Source, row: QuotedRow) -> str:
    return f"{ESCAPE if row.escaped and source.dialect.escape is None else ''}{DOUBLE}"
