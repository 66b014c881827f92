"""A table in PostgreSQL; server, user and password come from the environment, as libpq reads it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, RetryableError, TamscoreError, UsageError, first_line, without_secrets
from tamscore.questions.export_tables import sql
from tamscore.questions.export_tables.content import ExistingTable, stream
from tamscore.questions.export_tables.package import library
from tamscore.questions.sql_names import literal, quote_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.questions.export_tables.content import Content, Merged

_CONNECT_S = 10
WAIT_S, TRY_S = 60, 2
"""How long to wait for another writer, and for how long at a time: in between a signal can end the wait."""
_LOCKED = "55P03"
_TYPES = {
    "bool": "boolean",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "float": "real",
    "double": "double precision",
    "string": "text",
    "date32[day]": "date",
    "time64[us]": "time without time zone",
    "timestamp[us]": "timestamp without time zone",
    "timestamp[us, tz=UTC]": "timestamp with time zone",
}
_DIALECT = sql.SqlDialect(_TYPES, decimal="numeric", key=' COLLATE "C" PRIMARY KEY')
_HOPELESS = ("authentication failed", "does not exist", "no password supplied", "pg_hba.conf", "not permitted")
"""What a server says that will refuse the same connection again."""


@dataclass(frozen=True)
class PostgresTarget:
    """A table, which may name its schema."""

    schema: str | None
    table: str
    location: None = None

    @contextmanager
    def open_up(self) -> Iterator[_PostgresTable]:
        """Open the table, see `TableTarget`."""
        dbapi = library("adbc_driver_postgresql.dbapi", "sql", "a PostgreSQL table")
        asked = f"postgresql:{f'{self.schema}.' if self.schema else ''}{self.table}"
        with _refusals(dbapi, asked), _connect(dbapi) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_database(), current_schema()")
            database, first = cursor.fetchone()
            schema = self.schema or first
            if schema is None:
                raise UsageError(f"{asked}: no schema is on the search path; name one: postgresql:SCHEMA.TABLE")
            name = f"postgresql:{schema}.{self.table} in the database {database!r} of {_server()}"
            with _refusals(dbapi, name):
                yield _PostgresTable(name, connection, cursor, schema, self.table)


@dataclass(frozen=True)
class _PostgresTable:
    """The table, see `OpenTable`."""

    name: str
    connection: Any
    cursor: Any
    schema: str
    table: str

    @property
    def place(self) -> str:
        """The quoted name of the table."""
        return f"{quote_name(self.schema)}.{quote_name(self.table)}"

    def type_name(self, kind: pa.DataType) -> str | None:
        """Return how PostgreSQL calls a type."""
        return _DIALECT.name_of(kind)

    def standing(self) -> ExistingTable | None:
        """Return the table that is there, held until the transaction ends so that nobody else writes to it."""
        number = f"to_regclass({literal(self.place)})"
        kind = self.row(f"SELECT relkind::text FROM pg_class WHERE oid = {number}")
        if kind is None:
            return None
        if kind[0] not in {"r", "p"}:
            raise UsageError(f"{self.name}: expected a table, got a view or the like; name another")
        self.lock()
        self.cursor.execute(
            f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = {number} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        columns = dict(self.cursor.fetchall())
        mark = self.row(f"SELECT obj_description({number}, 'pg_class')")
        return ExistingTable(columns, mark and mark[0])

    def row(self, statement: str) -> Any:
        """Return the first row that a query gives, None where it gives none."""
        self.cursor.execute(statement)
        return self.cursor.fetchone()

    def lock(self) -> None:
        """Wait until no other writer holds the table; raise RetryableError if that takes too long."""
        until = time.monotonic() + WAIT_S
        while True:
            try:
                self.run(f"SET LOCAL lock_timeout = '{TRY_S}s'")
                self.run(f"LOCK TABLE {self.place} IN SHARE ROW EXCLUSIVE MODE")
                self.run("SET LOCAL lock_timeout = 0")
            except Exception as error:
                if getattr(error, "sqlstate", None) != _LOCKED or time.monotonic() > until:
                    raise
                self.connection.rollback()
            else:
                return

    def merge(self, content: Content, batches: Iterator[pa.RecordBatch], there: ExistingTable | None) -> Merged:
        """Bring the table to what the batches say."""
        merged = sql.merge(self, self.place, _DIALECT, content, batches, there)
        self.connection.commit()
        return merged

    def run(self, statement: str) -> int:
        """Return how many rows a statement has changed."""
        self.cursor.execute(statement)
        return max(int(self.cursor.rowcount), 0)

    def stage(self, batches: Iterator[pa.RecordBatch], content: Content) -> str:
        """Return the name of a temporary table that holds the batches."""
        self.run(f"CREATE TEMPORARY TABLE {sql.STAGED} ({_DIALECT.columns(content, keyed=False)}) ON COMMIT DROP")
        with stream(content.schema, batches) as reader:
            self.cursor.adbc_ingest(sql.STAGED, reader, mode="append", temporary=True)
        self.run(f"ANALYZE pg_temp.{sql.STAGED}")
        return f"pg_temp.{sql.STAGED}"


@contextmanager
def _connect(dbapi: Any) -> Iterator[Any]:
    """Give a connection; what was not committed when it is closed is taken back."""
    wait = "" if "PGCONNECT_TIMEOUT" in os.environ else f"?connect_timeout={_CONNECT_S}"
    connection = dbapi.connect(f"postgresql://{wait}")
    try:
        yield connection
    finally:
        connection.close()


def _server() -> str:
    """Return what the environment calls the server."""
    if service := os.environ.get("PGSERVICE"):
        return f"the service {service!r}"
    host = os.environ.get("PGHOST") or os.environ.get("PGHOSTADDR") or "this machine"
    return f"{host}:{os.environ['PGPORT']}" if os.environ.get("PGPORT") else host


@contextmanager
def _refusals(dbapi: Any, name: str) -> Iterator[None]:
    """Raise what the driver refuses as an error of ours."""
    try:
        yield
    except dbapi.Error as error:
        raise _refuse(name, error) from error


def _refuse(name: str, error: Any) -> TamscoreError:
    """Return the error of ours for what the server, or the driver that cannot reach it, says."""
    state = error.sqlstate or ""
    record = dict(error.details or ()).get("PG_DIAG_MESSAGE_PRIMARY", b"").decode(errors="replace")
    text = record or without_secrets(first_line(error).rpartition("] ")[2])
    if state == _LOCKED:
        return RetryableError(f"{name}: another writer holds the table; wait for it, then run again")
    if state.startswith(("22", "23502", "23514")):
        return InputContractError(f"{name}: the server refuses a value ({text}); change it at its source")
    if state.startswith(("42P07", "23505", "42701", "42710")):
        return RetryableError(f"{name}: another writer made the table at the same time ({text}); run again")
    if state.startswith(("42", "2B", "3F", "0A", "25")):
        return UsageError(f"{name}: the server refuses this ({text}); give the user rights, or name another table")
    if not state and any(words in text for words in _HOPELESS):
        return UsageError(
            f"{name}: no connection ({text}); correct PGHOST, PGDATABASE, PGUSER, PGPASSWORD or PGSERVICE"
        )
    return RetryableError(f"{name}: the server does not answer as it should ({text}); look at it, then run again")
