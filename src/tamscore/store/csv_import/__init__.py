"""CSV exports of a CRM to Parquet: types inferred over every row, shown, overridable; bad cells and rows reported.

Two passes in bounded memory: `inspect` reads everything and decides the types, `write` turns text into columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.store import commit
from tamscore.store.csv_import import rows as csv_rows
from tamscore.store.csv_import import source as csv_source
from tamscore.store.csv_import.destination import free_targets, require_destination, still_free
from tamscore.store.csv_import.inspection import inspect
from tamscore.store.csv_import.left_out import Intake, RejectedRow
from tamscore.store.csv_import.output import written
from tamscore.store.csv_import.plan import ColumnPlan, ImportPlan, meter
from tamscore.store.csv_import.scan import EXAMPLES, bad_cells
from tamscore.store.csv_import.table import is_csv, require_cell, table_plan
from tamscore.store.csv_import.values import values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tamscore.store.csv_import.plan import Progress, SourcePlan
    from tamscore.store.csv_import.scan import CsvCell

__all__ = [
    "ROW_GROUP_ROWS",
    "ImportPlan",
    "ImportReport",
    "ImportedColumn",
    "inspect",
    "is_csv",
    "read_table",
    "require_destination",
    "write",
]

ROW_GROUP_ROWS = 131_072


@dataclass(frozen=True)
class ImportedColumn:
    """One column as written: `nulls` in all, of which `bad` cells held text that is no value of the type."""

    name: str
    type: str
    nulls: int
    bad: int
    bad_examples: tuple[CsvCell, ...]


@dataclass(frozen=True)
class ImportReport:
    """What an import wrote: rows_read = rows_written + rows_rejected; blank lines are no rows and counted apart."""

    files: tuple[Path, ...]
    columns: tuple[ImportedColumn, ...]
    rows_read: int
    rows_written: int
    rows_rejected: int
    rejected_examples: tuple[RejectedRow, ...]
    rejected_file: Path | None
    blank_lines: int

    @property
    def bad_cells(self) -> int:
        """The number of cells that were set to null because they could not be read."""
        return sum(column.bad for column in self.columns)


@dataclass
class _Tally:
    plan: ColumnPlan
    nulls: int = 0
    bad: int = 0
    examples: list[CsvCell] = field(default_factory=list)


def write(
    plan: ImportPlan,
    destination: Path,
    *,
    max_rejected_share: float = 0.01,
    row_group_rows: int = ROW_GROUP_ROWS,
    overwrite: bool = False,
    is_private: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Return the report after the planned files are written as Parquet: all of them, or none.

    A destination that ends in .parquet gets all rows in one file; else it is a folder with one file per CSV file.
    Rejected rows go, as text with their reason, to a CSV file beside it whose name begins with `_rejected`.
    A destination `is_private` if no other process writes there.
    `progress` gets ("write", bytes done, bytes in all). UsageError where files are there and `overwrite` is false;
    InputContractError above `max_rejected_share` and for a file that changed since it was inspected.
    """
    if row_group_rows < 1:
        raise UsageError(f"row_group_rows: expected an integer from 1, got {row_group_rows!r}")
    _refuse_rejected(plan, max_rejected_share)
    commit.sweep_beside(destination)
    targets = free_targets(destination, plan, overwrite=overwrite)
    tallies = [_Tally(column) for column in plan.columns]
    single = destination in targets
    log = destination.with_name(f"_rejected.{destination.stem}.csv") if single else destination / "_rejected.csv"
    free = still_free(destination, plan, overwrite=overwrite, is_private=is_private)
    output = written(targets, _schema(plan), row_group_rows, log, rejects=plan.rejected > 0, free=free)
    with output as (writers, keep):
        intakes = [Intake(keep=keep) for _ in plan.files]
        for file, intake, target in zip(plan.files, intakes, targets, strict=True):
            for table in _tables(plan, file, intake, tallies, progress):
                writers[target].add(table)
            _refuse_change(file, intake)
    return _report(plan, tuple(dict.fromkeys(targets)), tallies, intakes, log if plan.rejected else None)


def read_table(path: Path | str, types: Mapping[str, str], encoding: str = "utf-8") -> Any:
    """Return a whole CSV file as an Arrow table: columns in `types` as those (float, bool, …), all others as text.

    Cells come without spaces around them, empty ones as null. InputContractError names the row, or row and column, of
    what cannot be read.
    """
    import pyarrow as pa

    plan = table_plan(path, types, encoding)
    tallies = [_Tally(column) for column in plan.columns]
    parts = list(_tables(plan, plan.files[0], Intake(), tallies, None))
    for tally in tallies:
        require_cell(path, tally.plan, tally.examples)
    return pa.concat_tables(parts) if parts else _schema(plan).empty_table()


def _refuse_rejected(plan: ImportPlan, limit: float) -> None:
    rows = plan.rows + plan.rejected
    if plan.rejected > limit * rows:
        row = plan.rejected_examples[0]
        raise InputContractError(
            f"{row.file}: {plan.rejected:,} of {rows:,} rows do not have as many cells as the header, more than the "
            f"share allowed ({limit:g}); first row {row.row}: {row.reason} in {row.text!r}; "
            "check the delimiter and the quotes, add --skip N where N lines stand above the header, or raise "
            "--max-rejected-share"
        )


def _refuse_change(file: SourcePlan, intake: Intake) -> None:
    if not csv_source.unchanged(file.source) or intake.rejected != file.rejected:
        raise InputContractError(f"{file.source.path}: the file changed while it was imported; run the import again")


def _schema(plan: ImportPlan) -> Any:
    import pyarrow as pa

    return pa.schema([(column.name, column.kind.arrow) for column in plan.columns])


def _tables(
    plan: ImportPlan, file: SourcePlan, intake: Intake, tallies: list[_Tally], progress: Progress | None
) -> Iterator[Any]:
    import pyarrow as pa

    sources = [file.source for file in plan.files]
    name = str(file.source.path)
    for batch, rows in csv_rows.batches(file.source, intake, meter("write", progress, file.source, sources)):
        columns = []
        for tally in tallies:
            texts = batch.column(tally.plan.name)
            typed, bad = values(texts, tally.plan.kind, tally.plan.layout, plan.always_empty)
            tally.nulls += typed.null_count
            tally.bad += int(bad.sum())
            tally.examples += bad_cells(texts, rows, bad, name, EXAMPLES - len(tally.examples))
            columns.append(typed)
        yield pa.Table.from_arrays(columns, schema=_schema(plan))


def _report(
    plan: ImportPlan, files: tuple[Path, ...], tallies: list[_Tally], intakes: list[Intake], log: Path | None
) -> ImportReport:
    columns = tuple(
        ImportedColumn(tally.plan.name, tally.plan.type, tally.nulls, tally.bad, tuple(tally.examples))
        for tally in tallies
    )
    rejected = sum(intake.rejected for intake in intakes)
    return ImportReport(
        files=files,
        columns=columns,
        rows_read=plan.rows + rejected,
        rows_written=_rows_in(files),
        rows_rejected=rejected,
        rejected_examples=plan.rejected_examples,
        rejected_file=log,
        blank_lines=sum(intake.blank for intake in intakes),
    )


def _rows_in(files: tuple[Path, ...]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in files)
