"""Rows that are left out: rejected ones, each with its reason, and blank ones; counted, so that all rows add up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.csv_import.quotes import QuotedRow
    from tamscore.store.csv_import.source import CsvSource

_EXAMPLES = 5
_SHOWN_CHARACTERS = 120
TRAILING = "behind the last delimiter"
"""How the names of the columns behind the delimiters at the end of every row begin; their cells are empty."""


@dataclass(frozen=True)
class RejectedRow:
    """One row that is left out; `row` as a spreadsheet counts, the header being row 1. `why` says more than counts."""

    file: str
    row: int
    expected: int
    found: int
    text: str
    why: str = ""

    @property
    def reason(self) -> str:
        """Return why the row is rejected, as it stands in files and messages."""
        counts = f"{self.expected} cells expected, {self.found} found"
        return self.why if self.expected == self.found else f"{counts}{f': {self.why}' if self.why else ''}"


@dataclass
class Intake:
    """What one pass over one file met besides good rows; `keep` is handed every rejected row in full.

    `lines` are those of the file, `inner` line ends within cells; `sloppy` cells lose quotes, as in `sloppy_rows`.
    """

    rejected: int = 0
    blank: int = 0
    examples: list[RejectedRow] = field(default_factory=list)
    keep: Callable[[RejectedRow], None] | None = None
    lines: int = 0
    inner: int = 0
    sloppy: int = 0
    sloppy_rows: list[QuotedRow] = field(default_factory=list)

    def reject(self, row: RejectedRow) -> None:
        """Count a rejected row, keep the first as examples."""
        self.rejected += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(replace(row, text=row.text[:_SHOWN_CHARACTERS]))
        if self.keep:
            self.keep(row)


def without_extra(source: CsvSource, batch: Any, numbers: np.ndarray, intake: Intake) -> tuple[Any, np.ndarray]:
    """Return the batch without the column behind the last delimiter; rows that hold something there are rejected."""
    import pyarrow.compute as pc

    if not source.trailing:
        return batch, numbers
    extra = [name for name in batch.schema.names if name.startswith(TRAILING)]
    for name in extra:
        filled = pc.not_equal(pc.utf8_trim_whitespace(batch.column(name)), "")
        why = "text behind the delimiter at the end"
        batch, numbers = _reject_where(source, batch, numbers, filled, why, intake)
    return batch.drop_columns(extra), numbers


def without_headers(source: CsvSource, batch: Any, numbers: np.ndarray, intake: Intake) -> tuple[Any, np.ndarray]:
    """Return the batch without rows that are the header again, as files put together have them; they are rejected."""
    import pyarrow.compute as pc

    same = None
    for place, name in enumerate(source.header):
        cells = batch.column(place) if place == 0 else pc.utf8_trim_whitespace(batch.column(place))
        fits = pc.equal(cells, name if place == 0 else name.strip())
        same = fits if same is None else pc.and_(same, fits)
        if not pc.any(same).as_py():
            return batch, numbers
    return _reject_where(source, batch, numbers, same, "the header again", intake)


def _reject_where(
    source: CsvSource, batch: Any, numbers: np.ndarray, mask: Any, why: str, intake: Intake
) -> tuple[Any, np.ndarray]:
    """Return the batch without the rows of a mask, which are rejected."""
    import pyarrow as pa

    bad = mask.to_numpy(zero_copy_only=False)
    if not bad.any():
        return batch, numbers
    width = batch.num_columns
    for place in np.flatnonzero(bad):
        cells = [column[int(place)].as_py() for column in batch.columns]
        text = str(source.dialect.delimiter).join(cells)
        intake.reject(RejectedRow(str(source.path), int(numbers[place]), width, width, text, why))
    return batch.filter(pa.array(~bad)), numbers[~bad]


def without_blank(batch: Any, numbers: np.ndarray, intake: Intake) -> tuple[Any, np.ndarray]:
    """Return the batch without blank rows, which are counted."""
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
