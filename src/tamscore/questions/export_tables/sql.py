"""The statements that bring an SQL table to what a staged one says; DuckDB and PostgreSQL take the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow.types as t

from tamscore.questions.export import HASH
from tamscore.questions.export_tables.content import GONE, Merged
from tamscore.questions.sql_names import literal, quote_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from tamscore.questions.export_tables.content import Content, ExistingTable

STAGED = "tamscore_staged"


class _TargetDatabase(Protocol):
    """An SQL database within a transaction."""

    def run(self, statement: str) -> int:
        """Return how many rows a statement has changed."""

    def stage(self, batches: Iterator[pa.RecordBatch], content: Content) -> str:
        """Return the name of a temporary table that holds the batches."""


@dataclass(frozen=True)
class SqlDialect:
    """How a database calls types, what it writes behind a column of ids, and whether it keeps that column unique."""

    types: Mapping[str, str]
    decimal: str
    key: str

    def name_of(self, kind: pa.DataType) -> str | None:
        """Return how the database calls a type, None where it has no such type."""
        return f"{self.decimal}({kind.precision},{kind.scale})" if t.is_decimal(kind) else self.types.get(str(kind))

    def columns(self, content: Content, *, keyed: bool) -> str:
        """Return the columns of a table as a statement that makes it lists them."""
        return ", ".join(
            f"{quote_name(field.name)} {self.name_of(field.type)}"
            + (self.key if keyed and field.name == content.key else "")
            for field in content.schema
        )


def merge(
    database: _TargetDatabase,
    place: str,
    dialect: SqlDialect,
    content: Content,
    batches: Iterator[pa.RecordBatch],
    there: ExistingTable | None,
) -> Merged:
    """Bring the table at a quoted place to what the batches say, and return how many rows that changed."""
    if there is None:
        database.run(f"DROP TABLE IF EXISTS {place}")
        database.run(f"CREATE TABLE {place} ({dialect.columns(content, keyed=True)})")
        database.run(f"COMMENT ON TABLE {place} IS {literal(content.mark)}")
    for field in content.schema:
        if there is not None and field.name not in there.columns:
            database.run(f"ALTER TABLE {place} ADD COLUMN {quote_name(field.name)} {dialect.name_of(field.type)}")
    staged = database.stage(batches, content)
    updated = database.run(_update(place, staged, content))
    inserted = database.run(_insert(place, staged, content))
    return Merged(inserted, updated, database.run(_remove(place, staged, content)))


def _same(content: Content) -> str:
    """Return the condition that two rows are of one account."""
    return f"t.{quote_name(content.key)} = s.{quote_name(content.key)}"


def _update(place: str, staged: str, content: Content) -> str:
    """Return the statement that brings accounts that are there to what is staged, where that differs."""
    values = ", ".join(
        f"{quote_name(name)} = s.{quote_name(name)}" for name in content.schema.names if name != content.key
    )
    differs = f"t.{quote_name(HASH)} IS DISTINCT FROM s.{quote_name(HASH)} OR t.{quote_name(GONE)} IS NOT NULL"
    return f"UPDATE {place} AS t SET {values} FROM {staged} AS s WHERE {_same(content)} AND ({differs})"


def _insert(place: str, staged: str, content: Content) -> str:
    """Return the statement that adds the accounts that are staged and not there."""
    names = ", ".join(map(quote_name, content.schema.names))
    missing = f"NOT EXISTS (SELECT 1 FROM {place} AS t WHERE {_same(content)})"
    return f"INSERT INTO {place} ({names}) SELECT {names} FROM {staged} AS s WHERE {missing}"


def _remove(place: str, staged: str, content: Content) -> str:
    """Return the statement that marks or deletes the accounts that are not staged."""
    missing = f"NOT EXISTS (SELECT 1 FROM {staged} AS s WHERE {_same(content)})"
    if content.gone == "delete":
        return f"DELETE FROM {place} AS t WHERE {missing}"
    marked = f"{quote_name(GONE)} = {literal(content.version)}"
    return f"UPDATE {place} AS t SET {marked} WHERE t.{quote_name(GONE)} IS NULL AND {missing}"
