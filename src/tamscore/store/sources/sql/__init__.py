"""The rows of a query: read from a database once a run, in order of id, and kept as Parquet.

A query has no version that is cheap to ask for. Each run reads it, and what it gave is named after its bytes: the same
rows are the same input, in whatever order the database sends them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tamscore.store.sources.copies import folder_of, keep_copy, named_by_content, written
from tamscore.store.sources.extra import require_package
from tamscore.store.sources.found import FoundFiles, SourceFile
from tamscore.store.sources.sql import duckdb_file, postgresql, sqlite
from tamscore.store.sources.sql.database import KEY, Kind, SourceDatabase, database_at
from tamscore.store.sources.sql.ordering import in_order
from tamscore.store.sources.sql.values import plain_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from tamscore.schema import InputColumns

__all__ = ["find"]

_READERS: dict[Kind, Callable[[SourceDatabase, str], AbstractContextManager[pa.RecordBatchReader]]] = {
    "PostgreSQL": postgresql.reader,
    "SQLite": sqlite.reader,
    "DuckDB": duckdb_file.reader,
}
_PACKAGES: dict[Kind, str] = {
    "PostgreSQL": "adbc_driver_postgresql",
    "SQLite": "adbc_driver_sqlite",
    "DuckDB": "duckdb",
}
_answers: dict[tuple[str, str], tuple[Path, Kind]] = {}


def find(sql: str, connection: str, columns: InputColumns) -> FoundFiles:
    """Return the rows of a query as one Parquet file, beside the output or temporary; see `copies`.

    A run that begins (`columns.copies.make`) asks the database; whatever else this process plans reads the last answer.
    Raise UsageError for the connection and the query, RetryableError if the database does not answer, and
    InputContractError for a column of a type that is not read.
    """
    asked = sql, connection
    if columns.copies.make or asked not in _answers or not _answers[asked][0].is_file():
        _answers[asked] = _answer(sql, connection, columns)
    path, kind = _answers[asked]
    return FoundFiles(f"{kind} query", (SourceFile(path, path.name),))


def _answer(sql: str, connection: str, columns: InputColumns) -> tuple[Path, Kind]:
    """Return the Parquet file that holds the rows of a query now, and the kind of its database."""
    folder, database = folder_of(columns.copies, KEY), database_at(connection)
    for package in (_PACKAGES[database.kind], "duckdb"):
        require_package(package, "sql", KEY, f"a {database.kind} query")
    with _READERS[database.kind](database, sql.strip().rstrip(";")) as rows:
        order = partial(in_order, key=columns.account_id)
        path = written(*order(plain_rows(rows, database)))
    return named_by_content(path) if folder is None else keep_copy(path, folder), database.kind
