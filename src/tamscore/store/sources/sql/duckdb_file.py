"""Queries of a DuckDB file, by DuckDB itself: read-only, and of that file alone."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tamscore.store.sources.sql.database import asking
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.store.sources.sql.database import SourceDatabase

_BATCH_ROWS = 65_536
_MEMORY = "512MB"
"""Beyond that rows wait in the temporary folder."""


@contextmanager
def reader(database: SourceDatabase, sql: str) -> Iterator[pa.RecordBatchReader]:
    """Give the rows of a query; raise as `asking`."""
    import duckdb

    with ExitStack() as opened:
        with asking(database):
            connection = opened.enter_context(duckdb.connect(database.address, read_only=True, config=within_memory()))
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET enable_external_access = false")  # nobody can switch it on again
            result = connection.sql(f"SELECT * FROM (\n{sql}\n)")  # noqa: S608 - the query is the user's own
            rows = result.to_arrow_reader(_BATCH_ROWS)
        yield rows


def within_memory() -> dict[str, str | bool | int | float | list[str]]:
    """Return the settings of a connection that takes so much memory at most."""
    return {"memory_limit": _MEMORY, "temp_directory": str(temporary_folder() / "duckdb")}
