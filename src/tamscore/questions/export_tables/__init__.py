"""Exports into tables of databases and lakes: merged by id in one transaction, changes only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tamscore.errors import UsageError
from tamscore.questions import export_file, export_rows
from tamscore.questions.export_ids import SmallIds
from tamscore.questions.export_rows import ExportCounts
from tamscore.questions.export_tables.content import Content, TableTarget, refusal, require_types
from tamscore.questions.export_tables.delta import DeltaTarget
from tamscore.questions.export_tables.duckdb_file import DuckDbTarget
from tamscore.questions.export_tables.postgresql import PostgresTarget
from tamscore.store.handed_out import note, notes, require_outside
from tamscore.store.location import location

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.progress import Progress
    from tamscore.questions.export import Order
    from tamscore.questions.export_tables.content import ExistingTable, OpenTable
    from tamscore.questions.stored import StoredRun
    from tamscore.store.run_directory import RunDirectory

__all__ = ["TableTarget", "table_target", "write"]

_WITH_SECRET = ("postgresql://", "postgres://", "postgresql:postgresql://")


def table_target(text: str) -> TableTarget | None:
    """Return the table that an option names, None if it names a file; raise UsageError if the name is not complete."""
    kind, _, rest = text.partition(":")
    if text.startswith(_WITH_SECRET):  # not repeated: it may hold a password
        raise UsageError(
            "--to: expected the name of a table, such as postgresql:SCHEMA.TABLE, got an address; say where it is with "
            "PGHOST, PGDATABASE, PGUSER, and PGPASSWORD or a password file"
        )
    return _TARGETS[kind](rest) if kind in _TARGETS else None


def _delta_target(text: str) -> DeltaTarget:
    """Return the Delta table in a folder or at an address."""
    if not text:
        raise UsageError("--to: expected the folder or the address of a Delta table, such as delta:lake/scores")
    return DeltaTarget(location(text))


def _duckdb_target(text: str) -> DuckDbTarget:
    """Return the table in a DuckDB file, in the schema main if none is named."""
    file, _, table = text.rpartition("#")
    names = table.split(".")
    if not file or len(names) > 2 or not all(names):
        raise UsageError(f"--to: expected duckdb:FILE#TABLE or duckdb:FILE#SCHEMA.TABLE, got 'duckdb:{text}'")
    return DuckDbTarget(Path(file), names[0] if len(names) > 1 else "main", names[-1])


def _postgresql_target(text: str) -> PostgresTarget:
    """Return the table in PostgreSQL, in the first schema of the search path if none is named."""
    names = text.split(".")
    if len(names) > 2 or not all(names):
        raise UsageError(f"--to: expected postgresql:TABLE or postgresql:SCHEMA.TABLE, got 'postgresql:{text}'")
    return PostgresTarget(names[0] if len(names) > 1 else None, names[-1])


_TARGETS: dict[str, Callable[[str], TableTarget]] = {
    "delta": _delta_target,
    "duckdb": _duckdb_target,
    "postgresql": _postgresql_target,
}
"""The kinds of tables by the prefixes of their names."""


def write(
    run: StoredRun,
    order: Order,
    target: TableTarget,
    gone: Literal["mark", "delete"],
    progress: Progress,
    *,
    overwrite: bool,
) -> tuple[ExportCounts, str]:
    """Merge an export into a table, and return the counts of its changes and the name of the table.

    All changes are made or none. Raise UsageError if the table was not made by an export of these scores, or has other
    columns, unless `overwrite` allows it to be created again. Otherwise raise as `TableTarget.open_up` does.
    """
    if isinstance(target.location, Path) and isinstance(run.directory.output, Path):
        require_outside(run.directory.output, target.location)
    tally, ids = ExportCounts(), SmallIds()
    accounts = "all" if order.only is None else f"{order.only[0]}={order.only[1]}"
    content = Content.of(export_file.schema_of(run, order), order.key, run.name, gone, accounts)
    with target.open_up() as table:
        require_types(content, table)
        there = _to_merge_into(table, content, run.directory, overwrite=overwrite)
        note(run.directory, "export", table.name, progress)  # first, so that a killed export may write it again
        with progress.stage("export", run.manifest["rows"]["scored"]) as done:
            rows = export_file.report_batches(export_rows.rows(run, order, None, tally, ids), tally, done)
            merged = table.merge(content, content.batches(batch.table for batch in rows), there)
    tally.new, tally.changed, tally.gone = merged.inserted, merged.updated, merged.gone
    tally.exported = merged.inserted + merged.updated
    return tally, table.name


def _to_merge_into(
    table: OpenTable, content: Content, directory: RunDirectory, *, overwrite: bool
) -> ExistingTable | None:
    """Return the existing table, None if it must be created; raise UsageError if it must not be changed."""
    there, ours = table.standing(), bool(notes(directory, "export", table.name))
    if there is None or (ours and not there.columns):
        return None
    why = refusal(there, content, table, ours=ours)
    if why and not overwrite:
        raise UsageError(f"{table.name}: {why}; name another table, or add --overwrite to drop it and create it again")
    return None if why else there
