"""An export on its way into a file: CSV that no spreadsheet runs, or Parquet; or into a folder of Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tamscore.errors import InputContractError, UsageError
from tamscore.questions import export, export_rows
from tamscore.questions.export import EarlierExport
from tamscore.questions.export_ids import SmallIds, twins_notice
from tamscore.questions.export_rows import Batch, ExportCounts
from tamscore.store import commit, csv_output, folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tamscore.progress import Progress
    from tamscore.questions.export import Order
    from tamscore.questions.stored import StoredRun

_FORMATS = (".csv", ".parquet")
_PART, _PARTS = "part-{:05}.parquet", "part-*.parquet"


@dataclass(frozen=True)
class Target:
    """Where an export goes: a CSV file, in which texts are guarded unless said otherwise, or a Parquet file.

    With `folder` it is a folder of Parquet files, one for each part of the scores that has rows. `null` is the text for
    cells that the reader must clear; `bom` puts a byte-order mark before a CSV file. What is `passed_on` is a file for
    a moment only, on its way to standard output.
    """

    path: Path
    is_guarded: bool = True
    null: str | None = None
    bom: bool = False
    folder: bool = False
    is_passed_on: bool = False

    @property
    def is_csv(self) -> bool:
        """Return whether it is a CSV file."""
        return self.path.suffix == ".csv" and not self.folder

    def require_format(self) -> None:
        """Raise UsageError if the name tells no format, or the format has no use for an option."""
        if self.path.suffix not in _FORMATS and not self.folder:
            raise UsageError(
                f"--to: {self.path}: expected a name that ends in {' or '.join(_FORMATS)}, or parquet:FOLDER, "
                "delta:FOLDER, duckdb:FILE#TABLE or postgresql:TABLE"
            )
        if not self.is_csv and (self.null is not None or self.bom):
            option = "--bom" if self.null is None else "--null"
            raise UsageError(f"{option}: expected a CSV file, got {self.path}; Parquet says null and UTF-8 by itself")
        if self.null is not None and (not self.null.strip() or (self.is_guarded and csv_output.runs(self.null))):
            raise UsageError(f"--null: expected a text such as '#N/A' that is no formula, got {self.null!r}")


def write(run: StoredRun, since: StoredRun | None, order: Order, target: Target, progress: Progress) -> ExportCounts:
    """Write an export, and return what was exported; the file is there in full, or as it was before."""
    target.require_format()
    before = None
    if since is not None:
        with progress.stage("read earlier"):
            before = EarlierExport.of(since, order)
    tally, ids = ExportCounts(), SmallIds()
    with progress.stage("export", run.manifest["rows"]["scored"]) as done:
        batches = report_batches(export_rows.rows(run, order, before, tally, ids), tally, done)
        schema = schema_of(run, order)
        if target.folder:
            _write_folder(batches, schema, target.path)
        else:
            put = _write_csv if target.is_csv else _write_parquet
            commit.place_free(target.path, lambda file: put(batches, schema, file, order, target))
    if groups := ids.twins(order.read(run, [export.KEY]), export.KEY):
        tally.case_twins = sum(map(len, groups))
        progress.notice(twins_notice(groups))
    return tally


def report_batches(batches: Iterator[Batch], tally: ExportCounts, done: Any) -> Iterator[Batch]:
    """The rows as they come, with word of how far the reading has got."""
    seen = 0
    for batch in batches:
        yield batch
        done(tally.accounts - seen)
        seen = tally.accounts
    done(tally.accounts - seen)


def schema_of(run: StoredRun, order: Order) -> pa.Schema:
    """Return the schema of an export, taken from an export of no rows."""
    kinds = export.fields_of(run)
    nothing = pa.table({name: pa.array([], kinds[name]) for name in order.fields})
    ids = pa.chunked_array([], kinds[export.KEY])
    return export_rows.file_rows(ids, nothing, run, order, ExportCounts(), pa.array([], pa.large_string())).schema


def put_tables(tables: Iterable[pa.Table], schema: pa.Schema, key: str, file: Any, target: Target) -> None:
    """Write tables whose ids are the column `key` as the target says.

    Raise InputContractError if an id begins like a formula in a CSV file that is guarded against them.
    """
    if target.is_csv:
        rows = _require_plain_ids(tables, key) if target.is_guarded else tables
        csv_output.write(rows, schema, file, is_guarded=target.is_guarded, bom=target.bom)
    else:
        _put_parquet(tables, schema, file)


def _require_plain_ids(tables: Iterable[pa.Table], key: str) -> Iterator[pa.Table]:
    """Yield tables as they are; see `_require_ids`."""
    for table in tables:
        _require_ids(table[key])
        yield table


def _put_parquet(tables: Iterable[pa.Table], schema: pa.Schema, file: Any) -> None:
    """Write tables as Parquet."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table)


def _write_parquet(batches: Iterator[Batch], schema: pa.Schema, file: Any, _: Order, __: Target) -> None:
    """Write the rows as Parquet."""
    _put_parquet((batch.table.cast(schema) for batch in batches), schema, file)


def _write_folder(batches: Iterator[Batch], schema: pa.Schema, path: Path) -> None:
    """Write the rows as a folder of Parquet files, each batch one; the folder changes in one step.

    Raise UsageError if it cannot be replaced as a whole. Files of an earlier export go, all others stay.
    """
    if path.is_dir() and (reason := folders.fixed_by(path)):
        raise UsageError(f"--to: {path}: cannot be replaced as a whole, since {reason}; name another folder")
    commit.sweep_beside(path)
    mine = {file.name for file in path.glob(_PARTS)} if path.is_dir() else set()
    with folders.stage(path) as folder:
        number = -1
        for number, batch in enumerate(batches):
            commit.place_parquet(batch.table.cast(schema), folder / _PART.format(number))
        if number < 0:
            commit.place_parquet(schema.empty_table(), folder / _PART.format(0))
        folders.put_in_place(folder, path, mine)


def _write_csv(batches: Iterator[Batch], schema: pa.Schema, file: Any, order: Order, target: Target) -> None:
    """Write the rows as CSV; cells that must be cleared hold the text for that, where there is one."""

    def text() -> Iterator[pa.Table]:
        for batch in batches:
            if target.is_guarded:
                _require_ids(batch.table[order.key])
            flat = Batch(batch.table.cast(schema), batch.keys, batch.cleared)
            yield flat.table if target.null is None else _with_nulls(flat, order, target.null)

    columns = schema if target.null is None else _texts_where_cleared(schema, order)
    csv_output.write(text(), columns, file, is_guarded=target.is_guarded, bom=target.bom)


def _texts_where_cleared(schema: pa.Schema, order: Order) -> pa.Schema:
    """The columns of an export, as texts where a cell may hold the text for cleared ones."""
    for header in export_rows.to_clear(Batch(schema.empty_table(), pa.array([], pa.large_string())), order):
        place = schema.get_field_index(header)
        schema = schema.set(place, pa.field(header, pa.string()))
    return schema


def _with_nulls(batch: Batch, order: Order, null: str) -> pa.Table:
    """The rows with a text in all cells that must be cleared; InputContractError if a value is that very text."""
    table = csv_output.plain_cells(batch.table)
    for header, cells in export_rows.to_clear(batch, order).items():
        texts = table[header].cast(pa.string())
        if pc.any(pc.equal(texts, null)).as_py():
            raise InputContractError(f"--null: {header!r} has accounts whose value is {null!r}; choose another text")
        place = table.column_names.index(header)
        table = table.set_column(place, header, pc.if_else(pa.array(cells), pa.scalar(null), texts))
    return table.cast(_texts_where_cleared(table.schema, order))


def _require_ids(ids: pa.ChunkedArray) -> None:
    """Raise InputContractError if an id begins like a formula: an id that is guarded would be another id."""
    is_formula = ids.filter(csv_output.is_formula(ids))
    if len(is_formula):
        raise InputContractError(
            f"--to: {len(is_formula):,} account ids such as {is_formula[0].as_py()!r} would run as formulas in a "
            "spreadsheet; "
            "write Parquet, or give --no-guard where no spreadsheet will open the file"
        )
