"""An export on its way into a file: CSV that no spreadsheet runs, or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tamscore.errors import InputContractError, UsageError
from tamscore.insight import export, export_rows
from tamscore.insight.export import Since
from tamscore.insight.export_rows import Tally
from tamscore.store import commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tamscore.insight.export import Order
    from tamscore.insight.stored import StoredRun
    from tamscore.progress import Progress

FORMULA = r"^[=+\-@\t\r]"
"""How a cell begins that a spreadsheet would run instead of showing it."""
GUARD = "'"
FORMATS = (".csv", ".parquet")


@dataclass(frozen=True)
class Target:
    """Where an export goes: a CSV file, in which texts are guarded unless said otherwise, or a Parquet file."""

    path: Path
    guarded: bool = True

    def check(self) -> None:
        """Nothing, where the name tells the format; UsageError else."""
        if self.path.suffix not in FORMATS:
            raise UsageError(f"--to: {self.path}: expected a name that ends in {' or '.join(FORMATS)}")


def write(run: StoredRun, since: StoredRun | None, order: Order, target: Target, progress: Progress) -> Tally:
    """What was exported; the file is there in full, or as it was before."""
    target.check()
    before = None
    if since is not None:
        with progress.stage("read earlier"):
            before = Since.of(since, order)
    tally = Tally()
    with progress.stage("export", run.manifest["rows"]["scored"]) as done:
        tables = told_of(export_rows.rows(run, order, before, tally), tally, done)
        schema = schema_of(run, order)
        put = write_csv if target.path.suffix == ".csv" else write_parquet
        commit.place(target.path, lambda file: put(tables, schema, file, order.key, guarded=target.guarded))
    return tally


def told_of(tables: Iterator[pa.Table], tally: Tally, done: Any) -> Iterator[pa.Table]:
    """The tables as they come, with word of how far the reading has got."""
    seen = 0
    for table in tables:
        yield table
        done(tally.accounts - seen)
        seen = tally.accounts
    done(tally.accounts - seen)


def schema_of(run: StoredRun, order: Order) -> pa.Schema:
    """The columns of an export: told by what no rows at all come to."""
    kinds = export.kinds_of(run)
    nothing = pa.table({name: pa.array([], kinds[name]) for name in order.fields})
    ids = pa.chunked_array([], kinds[export.KEY])
    return export_rows.finished(ids, nothing, run, order, Tally()).schema


def write_parquet(tables: Iterator[pa.Table], schema: pa.Schema, file: Any, _: str, *, guarded: bool) -> None:  # noqa: ARG001 - Parquet runs nothing
    """Write the tables as Parquet."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table.cast(schema))


def write_csv(tables: Iterator[pa.Table], schema: pa.Schema, file: Any, key: str, *, guarded: bool) -> None:
    """Write the tables as CSV with a header, texts that begin like a formula behind an apostrophe."""
    from pyarrow import csv

    with csv.CSVWriter(file, schema) as writer:
        for table in tables:
            flat = table.cast(schema)
            if guarded:
                check_ids(flat[key])
                flat = guard(flat)
            writer.write_table(flat)


def check_ids(ids: pa.ChunkedArray) -> None:
    """Nothing, where no id begins like a formula: an id that is guarded would be another id."""
    found = ids.filter(pc.match_substring_regex(ids, FORMULA))
    if len(found):
        raise InputContractError(
            f"--to: {len(found):,} account ids such as {found[0].as_py()!r} would run as formulas in a spreadsheet; "
            "write Parquet, or give --no-guard where no spreadsheet will open the file"
        )


def guard(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before texts that begin like a formula; numbers stay."""
    for place, one in enumerate(table.schema):
        if pa.types.is_string(one.type) or pa.types.is_large_string(one.type):
            column = table.column(place)
            marked = pc.binary_join_element_wise(pa.scalar(GUARD, one.type), column, pa.scalar("", one.type))
            runs = pc.match_substring_regex(column, FORMULA)
            table = table.set_column(place, one, pc.if_else(runs, marked, column))
    return table
