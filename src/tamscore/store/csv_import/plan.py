"""The plan of a CSV import: what the files hold, which type each column gets and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.store.csv_import.scan import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.store.csv_import.left_out import RejectedRow
    from tamscore.store.csv_import.marks import NumberFormat
    from tamscore.store.csv_import.quotes import QuotedRow
    from tamscore.store.csv_import.scan import CsvCell
    from tamscore.store.csv_import.source import CsvSource
    from tamscore.store.csv_import.types import ColumnType

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ColumnPlan:
    """One column of an import: its type, why, and what its cells hold.

    `filled` cells hold something, `empty` cells nothing (`empty_tokens` says how they are written); `bad` of the filled
    ones do not read as the type and will be null, for the reasons in `losses`. `layout` is how its numbers are written.
    `padded` cells have spaces around them, which are taken off.
    """

    name: str
    type: str
    why: str
    given: bool
    samples: tuple[str, ...]
    filled: int
    empty: int
    empty_tokens: tuple[tuple[str, int], ...]
    bad: int
    bad_examples: tuple[CsvCell, ...]
    padded: int
    kind: ColumnType
    layout: NumberFormat
    losses: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SourcePlan:
    """One file of an import: rows that can be written, rows that cannot, and blank lines, which are no rows.

    `lines` are those of the file, `inner` of them further lines of cells and of the header; `sloppy` cells have text
    behind their closing quote and lose their quotes.
    """

    source: CsvSource
    rows: int
    rejected: int
    rejected_examples: tuple[RejectedRow, ...]
    blank: int
    lines: int
    inner: int
    sloppy: int
    sloppy_rows: tuple[QuotedRow, ...]

    @property
    def account_of_lines(self) -> str:
        """Return what the lines of the file are; the parts add up to them."""
        parts = {
            "rows": self.rows,
            "header": 1,
            "above the header": self.source.skip,
            "rejected": self.rejected,
            "blank": self.blank,
            "further lines of cells": self.inner,
        }
        return f"{self.lines:,} lines = " + " + ".join(f"{count:,} {what}" for what, count in parts.items() if count)


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do; `rows` without the rejected ones, `dropped` columns left out: asked for, or blank."""

    files: tuple[SourcePlan, ...]
    columns: tuple[ColumnPlan, ...]
    dropped: tuple[str, ...]
    always_empty: frozenset[str]

    @property
    def rows(self) -> int:
        """The rows that can be written."""
        return sum(file.rows for file in self.files)

    @property
    def rejected(self) -> int:
        """The rows that cannot be written: of more or fewer cells than the header, or the header again."""
        return sum(file.rejected for file in self.files)

    @property
    def rejected_examples(self) -> tuple[RejectedRow, ...]:
        """The first rejected rows over all files."""
        return tuple(row for file in self.files for row in file.rejected_examples)[:EXAMPLES]


def meter(
    stage: str, progress: Progress | None, source: CsvSource, sources: Sequence[CsvSource]
) -> Callable[[int], None]:
    """Return a function that reports the bytes done over all files, given those done of this one."""
    total = sum(source.size for source in sources)
    before = sum(source.size for source in sources[: sources.index(source)])
    return (lambda done: progress(stage, before + done, total)) if progress else (lambda _: None)
