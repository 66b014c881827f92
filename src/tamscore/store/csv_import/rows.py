"""The rows of CSV files as text, in bounded memory.

Nothing is interpreted here: every cell comes back as the text it is, beside its row as a spreadsheet numbers it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.store.csv_import.source import open_bytes, wrong_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.store.csv_import.source import Source

BLOCK_BYTES = 4 << 20
EXAMPLES = 5
SHOWN_CHARACTERS = 120


@dataclass(frozen=True)
class RejectedRow:
    """One row with more or fewer cells than the header; `row` as a spreadsheet counts, the header being row 1."""

    file: str
    row: int
    expected: int
    found: int
    text: str

    @property
    def reason(self) -> str:
        """Why the row is rejected, as it stands in files and messages."""
        return f"{self.expected} cells expected, {self.found} found"


@dataclass
class Intake:
    """What one pass over one file met besides good rows; `keep` is handed every rejected row in full."""

    rejected: int = 0
    blank: int = 0
    examples: list[RejectedRow] = field(default_factory=list)
    keep: Callable[[RejectedRow], None] | None = None


def batches(source: Source, intake: Intake, progress: Callable[[int], None]) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield Arrow batches of text columns with the row number of each row, blank rows left out.

    Ragged rows and blank rows are counted in `intake`; `progress` gets the bytes of the file consumed so far.
    InputContractError names the file for wrong encoding, an open quote or a damaged archive.
    """
    import pyarrow as pa

    rejected: list[int] = []
    raw, stream = open_bytes(source.path)
    last: Any = None
    done = 0
    try:
        for batch in _reader(source, stream, intake, rejected):
            numbers = _row_numbers(done, batch.num_rows, source.skip, rejected)
            done += batch.num_rows
            last = batch.slice(batch.num_rows - 1) if batch.num_rows else last
            yield _without_blank(pa.RecordBatch.from_arrays(batch.columns, names=list(source.names)), numbers, intake)
            progress(raw.tell())
    except (pa.ArrowInvalid, UnicodeError, OSError) as error:
        if "Empty CSV file" in str(error):  # a header without a line end: there are no rows
            return
        raise InputContractError(_explain(source, error)) from error
    finally:
        stream.close()
    _refuse_open_quote(source, last, intake)


def _reader(source: Source, stream: Any, intake: Intake, rejected: list[int]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def reject(row: Any) -> str:
        rejected.append(row.number)
        intake.rejected += 1
        one = RejectedRow(str(source.path), row.number, row.expected_columns, row.actual_columns, row.text)
        if len(intake.examples) < EXAMPLES:
            intake.examples.append(replace(one, text=one.text[:SHOWN_CHARACTERS]))
        if intake.keep:
            intake.keep(one)
        return "skip"

    return arrow_csv.open_csv(
        stream,
        # One thread: only then does the reader know the numbers of the rows that it rejects.
        read_options=arrow_csv.ReadOptions(
            use_threads=False, block_size=BLOCK_BYTES, skip_rows=source.skip, encoding=source.dialect.encoding
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=source.dialect.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,  # they count as rows in a spreadsheet, so they must in our row numbers
            invalid_row_handler=reject,
        ),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(source.header, pa.string())),
    )


def _row_numbers(done: int, rows: int, skip: int, rejected: list[int]) -> np.ndarray:
    """Return the spreadsheet row of each accepted row: its place, moved down by the header and by rejected rows."""
    places = np.arange(done, done + rows) + skip + 2
    ranks = np.asarray(rejected, dtype=np.int64) - np.arange(len(rejected))
    moved: np.ndarray = places + np.searchsorted(ranks, places, side="right")
    return moved


def _without_blank(batch: Any, numbers: np.ndarray, intake: Intake) -> tuple[Any, np.ndarray]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batch.num_rows:
        return batch, numbers
    blank = np.ones(batch.num_rows, dtype=bool)
    for column in batch.columns:
        if not blank.any():
            return batch, numbers
        blank &= pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    intake.blank += int(blank.sum())
    return batch.filter(pa.array(~blank)), numbers[~blank]


def _explain(source: Source, error: Exception) -> str:
    text = str(error)
    if isinstance(error, UnicodeError) or "UTF8" in text:
        return wrong_encoding(source.path, source.dialect.encoding)
    if "straddling" in text:
        return f"{source.path}: a row is longer than {BLOCK_BYTES >> 20} MiB; is a quote left open?"
    return f"{source.path}: cannot be read: {text}"


def _refuse_open_quote(source: Source, last: Any, intake: Intake) -> None:
    """Raise when a quote opened near the end swallowed rows: the reader takes them for one long cell."""
    ends = [str(cell) for column in last.columns for cell in column.to_pylist()] if last is not None else []
    ends += [one.text for one in intake.examples]
    if not any("\n" in text for text in ends):
        return
    with open_bytes(source.path)[1] as stream:
        quotes = sum(block.count(b'"') for block in iter(lambda: stream.read(BLOCK_BYTES), b""))
    if quotes % 2:
        start = next(text for text in reversed(ends) if "\n" in text)[:40]
        raise InputContractError(f"{source.path}: a quote is left open near {start!r}; close it or export again")
