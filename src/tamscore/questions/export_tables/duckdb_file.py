"""A table in a DuckDB file."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import MemoryLimitError, RetryableError, TamscoreError, UsageError, first_line
from tamscore.questions.export_tables import sql
from tamscore.questions.export_tables.content import ExistingTable, stream
from tamscore.questions.export_tables.package import library
from tamscore.questions.sql_names import literal, quote_name
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from tamscore.questions.export_tables.content import Content, Merged

_INTERRUPTED, _AGAIN_S = "Query interrupted", 1.0
"""What DuckDB makes of the exception that a signal raises; within this time the command line raises it again."""
_MEMORY = "1GB"
"""What DuckDB may hold; the rest goes to the folder for temporary files."""
_DIALECT = sql.SqlDialect(
    {
        "bool": "BOOLEAN",
        "int16": "SMALLINT",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float": "FLOAT",
        "double": "DOUBLE",
        "string": "VARCHAR",
        "date32[day]": "DATE",
        "time64[us]": "TIME",
        "timestamp[us]": "TIMESTAMP",
        "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
    },
    decimal="DECIMAL",
    key=" NOT NULL",
)


@dataclass(frozen=True)
class DuckDbTarget:
    """A table, which may name its schema, in a DuckDB file that may not be there yet."""

    location: Path
    schema: str
    table: str

    @contextmanager
    def open_up(self) -> Iterator[_DuckDbTable]:
        """Open the table, see `TableTarget`; DuckDB lets one process at a time write to a file."""
        duckdb = library("duckdb", "sql", "a DuckDB file")
        name = f"duckdb:{self.location.absolute()}#{self.schema}.{self.table}"
        settings = {"memory_limit": _MEMORY, "temp_directory": str(temporary_folder() / "duckdb")}
        offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        with _refusals(duckdb, name):
            self.location.parent.mkdir(parents=True, exist_ok=True)
            with duckdb.connect(str(self.location), config={**settings, **offline}) as connection:
                connection.begin()  # a connection that is closed takes back what was not committed
                yield _DuckDbTable(name, connection, self.schema, self.table)


@dataclass(frozen=True)
class _DuckDbTable:
    """The table, see `OpenTable`."""

    name: str
    connection: Any
    schema: str
    table: str

    def type_name(self, kind: pa.DataType) -> str | None:
        """Return how DuckDB calls a type."""
        return _DIALECT.name_of(kind)

    def standing(self) -> ExistingTable | None:
        """Return the table that is there."""
        where = f"database_name = current_database() AND schema_name = {literal(self.schema)}"
        ask = self.connection.execute
        if ask(f"SELECT 1 FROM duckdb_views() WHERE {where} AND view_name = {literal(self.table)}").fetchone():
            raise UsageError(f"{self.name}: expected a table, got a view; name another")
        where += f" AND table_name = {literal(self.table)}"
        result = ask(f"SELECT comment FROM duckdb_tables() WHERE {where}").fetchone()
        columns = ask(f"SELECT column_name, data_type FROM duckdb_columns() WHERE {where}").fetchall()
        return ExistingTable(dict(columns), result[0]) if result else None

    def merge(self, content: Content, batches: Iterator[pa.RecordBatch], there: ExistingTable | None) -> Merged:
        """Bring the table to what the batches say."""
        place = f"{quote_name(self.schema)}.{quote_name(self.table)}"
        merged = sql.merge(self, place, _DIALECT, content, batches, there)
        self.run(f"DROP TABLE temp.{sql.STAGED}")
        self.connection.commit()
        return merged

    def run(self, statement: str) -> int:
        """Return how many rows a statement has changed."""
        counted = self.connection.execute(statement).fetchone()
        return int(counted[0]) if counted else 0

    def stage(self, batches: Iterator[pa.RecordBatch], content: Content) -> str:
        """Return the name of a temporary table that holds the batches."""
        staged = f"temp.{sql.STAGED}"
        self.run(f"CREATE TEMPORARY TABLE {sql.STAGED} ({_DIALECT.columns(content, keyed=False)})")
        with stream(content.schema, batches) as reader:
            self.connection.register("tamscore_incoming", reader)
            self.run(f"INSERT INTO {staged} SELECT * FROM tamscore_incoming")
        self.connection.unregister("tamscore_incoming")
        return staged


@contextmanager
def _refusals(duckdb: Any, name: str) -> Iterator[None]:
    """Raise what DuckDB refuses as an error of ours."""
    try:
        yield
    except RuntimeError as error:
        if _INTERRUPTED in str(error):
            time.sleep(_AGAIN_S)
        raise
    except duckdb.OutOfMemoryException as error:
        raise MemoryLimitError(f"{name}: {first_line(error)}; free memory, then run again") from error
    except (duckdb.Error, OSError) as error:
        raise _refuse(name, error) from error


def _refuse(name: str, error: Exception) -> TamscoreError:
    """Return the error of ours for what DuckDB or the system says."""
    text = first_line(error)
    if "Could not set lock" in text:
        return RetryableError(f"{name}: another process has the file open; wait for it, then run again")
    if "not a valid DuckDB" in text or "database file" in text:
        return UsageError(f"{name}: expected a DuckDB file ({text}); name another")
    if "ermission denied" in text or "read-only" in text:
        return UsageError(f"{name}: {text}; give the user who runs this access, or name another")
    if "IO Error" in text or "Failed to commit" in text or isinstance(error, OSError):
        return RetryableError(f"{name}: cannot be written ({text}); free space or check rights, then run again")
    return UsageError(f"{name}: DuckDB refuses this ({text})")
