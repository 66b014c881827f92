"""The rows of CSV files as text, in bounded memory.

Nothing is interpreted here: every cell comes back as the text it is, beside its row as a spreadsheet numbers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.store.csv_import import refusals
from tamscore.store.csv_import.encodings import wrong_encoding
from tamscore.store.csv_import.left_out import (
    TRAILING,
    RejectedRow,
    without_blank,
    without_extra,
    without_headers,
)
from tamscore.store.csv_import.quotes import QuoteCheck
from tamscore.store.csv_import.stream import RowBytes
from tamscore.store.csv_import.swallowed import RowLook, has_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.store.csv_import.left_out import Intake
    from tamscore.store.csv_import.source import CsvSource

BLOCK_BYTES = 4 << 20


def batches(
    source: CsvSource, intake: Intake, progress: Callable[[int], None], *, check: bool = False
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield Arrow batches of text columns with the row number of each row; blank and rejected rows are left out.

    They are counted in `intake`; `progress` gets the bytes of the file consumed so far. With `check` quotes are looked
    at as well. InputContractError names the file for wrong encoding, quotes that swallow rows or a damaged archive.
    """
    import pyarrow as pa

    first = source.skip + 2
    quotes = QuoteCheck(str(source.dialect.delimiter).encode(), source.dialect.escape, first) if check else None
    look = RowLook(str(source.dialect.delimiter), _all_names(source), source.dialect.multiline)
    rejected: list[int] = []
    ragged: list[RejectedRow] = []
    stream = RowBytes(source, quotes)
    done = 0
    try:
        for batch in _reader(source, stream, intake, rejected, ragged):
            numbers = _row_numbers(done, batch.num_rows, first, rejected)
            done += batch.num_rows
            if quotes:
                swallowed = look.check(batch, numbers) if quotes.inner else None
                refusals.require_own_rows(source, quotes, swallowed, ragged, until=int(numbers.max(initial=0)))
            batch, numbers = without_blank(batch, numbers, intake)  # noqa: PLW2901 - the same rows, fewer of them
            yield without_headers(source, *without_extra(source, batch, numbers, intake), intake)
            progress(stream.raw.tell())
    except (pa.ArrowInvalid, UnicodeError, OSError) as error:
        if "Empty CSV file" not in str(error):  # else there are no rows below the header
            raise InputContractError(_explain(source, error, quotes)) from error
    finally:
        stream.close()
    if quotes:
        refusals.require_own_rows(source, quotes, None, ragged)
        refusals.require_whole(source, quotes, done + len(rejected))
        intake.lines = source.skip + source.header_lines + quotes.rows + quotes.inner
        intake.inner = source.header_lines - 1 + quotes.inner
        intake.sloppy, intake.sloppy_rows = quotes.sloppy, quotes.examples


def _all_names(source: CsvSource) -> tuple[str, ...]:
    return (*source.names, *(f"{TRAILING} ({place})" for place in range(source.trailing)))


def _reader(source: CsvSource, stream: RowBytes, intake: Intake, rejected: list[int], ragged: list[RejectedRow]) -> Any:
    """Return the reader of a file; it fills `rejected` by row, and `ragged` by those of lines that look like rows."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = _all_names(source)

    def reject(row: Any) -> str:
        rejected.append(row.number)
        rejected_row = _rejected(source, row, len(names))
        if not ragged and has_row(row.text, str(source.dialect.delimiter), len(names)):
            ragged.append(rejected_row)
        intake.reject(rejected_row)
        return "skip"

    return arrow_csv.open_csv(
        stream,
        # One thread: only then does the reader know the numbers of the rows that it rejects.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names),
        parse_options=arrow_csv.ParseOptions(
            delimiter=source.dialect.delimiter,
            escape_char=source.dialect.escape or False,
            newlines_in_values=True,
            ignore_empty_lines=False,  # they count as rows in a spreadsheet, so they must in our row numbers
            invalid_row_handler=reject,
        ),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )


def _rejected(source: CsvSource, row: Any, width: int) -> RejectedRow:
    number = source.skip + 1 + row.number
    mark = str(source.dialect.delimiter)
    why = ""
    if row.actual_columns == width + 1 and row.text.rstrip().endswith(mark.strip() or mark):
        why = "a delimiter too many at the end, behind it an empty last cell"
    elif source.trailing and row.actual_columns == width - source.trailing:
        why = "no delimiter at the end, where most rows have one"
    return RejectedRow(str(source.path), number, width, row.actual_columns, row.text, why)


def _row_numbers(done: int, rows: int, first: int, rejected: list[int]) -> np.ndarray:
    """Return the spreadsheet row of each accepted row: its place, moved down by the header and by rejected rows."""
    places = np.arange(done, done + rows) + 1
    ranks = np.asarray(rejected, dtype=np.int64) - np.arange(len(rejected))
    moved: np.ndarray = places + np.searchsorted(ranks, places, side="right") + first - 1
    return moved


def _explain(source: CsvSource, error: Exception, quotes: QuoteCheck | None) -> str:
    text = str(error)
    if isinstance(error, UnicodeError) or "UTF8" in text:
        return wrong_encoding(source.path, source.dialect.encoding)
    if "straddling" in text and quotes:
        return refusals.long_row(source, quotes, BLOCK_BYTES)
    return f"{source.path}: cannot be read: {text}"
