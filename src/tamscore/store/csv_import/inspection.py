"""The first pass of an import: every cell of every file is looked at, and a plan made. Nothing is written."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store.csv_import import forms as csv_forms
from tamscore.store.csv_import import rows as csv_rows
from tamscore.store.csv_import import source as csv_source
from tamscore.store.csv_import.columns import ScannedColumn, plans
from tamscore.store.csv_import.evidence import wish
from tamscore.store.csv_import.left_out import Intake
from tamscore.store.csv_import.plan import ImportPlan, SourcePlan, meter
from tamscore.store.csv_import.scan import Scan
from tamscore.store.csv_import.types import column_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tamscore.store.csv_import.plan import Progress
    from tamscore.store.csv_import.source import CsvSource
    from tamscore.store.csv_import.types import ColumnType


def inspect(  # noqa: PLR0913 - the options of the command, each by name
    paths: Iterable[Path | str],
    types: Mapping[str, str] | None = None,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    thousands: str | None = None,
    escape: str | None = None,
    skip: int | None = None,
    multiline: Sequence[str] = (),
    null_values: Sequence[str] = (),
    drop: Sequence[str] = (),
    max_bad_share: float | None = None,
    sample_rows: int = 3,
    may_be_empty: bool = False,
    progress: Progress | None = None,
) -> ImportPlan:
    """Return the plan of an import after one pass over every row of every file, in bounded memory.

    `paths` are files, folders and globs with one set of columns. `types` fixes types by column (string, int, float,
    number, range, bool, date, timestamp, timestamp_utc; dates also as date:dmy, date:mdy, date:%d/%m/%Y; numbers as
    number:credit_negative); others are inferred, and a column becomes numbers or dates while at most `max_bad_share`
    (None: 0.01) of its filled cells do not read as such and none of these holds digits. Only if `max_bad_share` is
    given may cells with digits of a column of `types` become null. `decimal` and `thousands` fix the marks of all
    columns; None: the cells decide. `escape` stands before a quote in a cell, `skip` lines above the header;
    `multiline` cells may hold lines like rows; `null_values` are more tokens of no value. `progress` gets ("inspect",
    bytes done, bytes in all).
    UsageError for unknown columns, types, paths; InputContractError names file, row and remedy.
    """
    if max_bad_share is not None and not 0 <= max_bad_share < 1:
        raise UsageError(f"max_bad_share: expected a number from 0 up to but not including 1, got {max_bad_share!r}")
    wanted = wish(decimal, thousands)
    rules = csv_source.dialect(delimiter, encoding, escape, skip, multiline)
    sources = [csv_source.open_source(path, rules) for path in csv_source.find(paths)]
    _refuse_other_columns(sources)
    always = csv_forms.ALWAYS_EMPTY | {token.strip().lower() for token in null_values}
    names = sources[0].names
    given = _given_types(types or {}, names)
    _refuse_unknown("multiline", multiline, names)
    columns = [
        ScannedColumn(Scan(name, always, sample_rows), given.get(name)) for name in _columns_to_read(names, drop)
    ]
    files = tuple(_scan(source, columns, progress, sources) for source in sources)
    _require_rows(files, may_be_empty=may_be_empty)
    columns = _with_content(columns, sources)
    members = {column.scan.name for column in columns}
    dropped = tuple(name for name in names if name not in members)
    return ImportPlan(files, plans(columns, wanted, max_bad_share), dropped, always)


def _with_content(columns: list[ScannedColumn], sources: Sequence[CsvSource]) -> list[ScannedColumn]:
    """Return the columns that have a name or a value; a delimiter at the end of each line makes others."""
    blank = {
        name for source in sources for name, cell in zip(source.names, source.header, strict=True) if not cell.strip()
    }
    some = [column for column in columns if column.scan.name not in blank or column.scan.filled]
    return some or columns


def _require_rows(files: Sequence[SourcePlan], *, may_be_empty: bool) -> None:
    if not may_be_empty and not sum(file.rows + file.rejected for file in files):
        raise InputContractError(f"{files[0].source.path}: expected rows below the header, got none")


def _given_types(types: Mapping[str, str], names: Sequence[str]) -> dict[str, ColumnType]:
    _refuse_unknown("types", types, names)
    return {name: column_type(name, text) for name, text in types.items()}


def _columns_to_read(names: Sequence[str], drop: Sequence[str]) -> list[str]:
    _refuse_unknown("drop", drop, names)
    items = [name for name in names if name not in drop]
    if not items:
        raise UsageError("drop: every column would be dropped; keep at least one")
    return items


def _scan(
    source: CsvSource, columns: list[ScannedColumn], progress: Progress | None, sources: list[CsvSource]
) -> SourcePlan:
    intake, rows = Intake(), 0
    for batch, numbers in csv_rows.batches(source, intake, meter("inspect", progress, source, sources), check=True):
        rows += batch.num_rows
        for column in columns:
            column.add(batch.column(column.scan.name), numbers, str(source.path))
    return SourcePlan(
        source=source,
        rows=rows,
        rejected=intake.rejected,
        rejected_examples=tuple(intake.examples),
        blank=intake.blank,
        lines=intake.lines,
        inner=intake.inner,
        sloppy=intake.sloppy,
        sloppy_rows=tuple(intake.sloppy_rows),
    )


def _refuse_other_columns(sources: list[CsvSource]) -> None:
    first = sources[0]
    for source in sources[1:]:
        missing = [name for name in first.names if name not in source.names]
        extra = [name for name in source.names if name not in first.names]
        if missing or extra:
            raise InputContractError(
                f"{source.path}: its columns differ from those of {first.path}: "
                f"{f'missing {missing!r}' if missing else ''}{', ' if missing and extra else ''}"
                f"{f'not expected {extra!r}' if extra else ''}; import the files one by one, or drop the column there"
            )


def _refuse_unknown(what: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the columns are {', '.join(map(repr, known))}"
            raise UsageError(f"{what}: no column {name!r}; {hint}")
