"""The content of an exported table, and of the table that exists: columns in types that every database has."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import pyarrow as pa
import pyarrow.types as t

from tamscore.errors import InputContractError, UsageError
from tamscore.questions.export import HASH, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from tamscore.store.location import Location

GONE = "gone_in"
"""The column with the version of the scores that an account was first missing from; null for an account that exists."""
_WIDER = {pa.int8(): pa.int16(), pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
_WIDER |= {pa.uint64(): pa.decimal128(20), pa.float16(): pa.float32(), pa.date64(): pa.date32()}
_WIDER |= {pa.large_string(): pa.string()}
_MARK = "tamscore export;"


@dataclass(frozen=True)
class Content:
    """The content that a table shall have: `schema` is that of the rows, `key` names the column with the ids.

    `gone` says whether accounts that the version lacks are marked or deleted. `mark` is the comment stored in the
    table.
    """

    schema: pa.Schema
    key: str
    version: str
    gone: Literal["mark", "delete"]
    mark: str

    @classmethod
    def of(cls, schema: pa.Schema, key: str, version: str, gone: Literal["mark", "delete"], accounts: str) -> Content:
        """Return the content of a table with an export's columns; raise UsageError if the table cannot hold one."""
        fields = [pa.field(field.name, _table_type(field)) for field in schema]
        names = [field.name.lower() for field in fields]
        if GONE in names or len(set(names)) < len(names):
            raise UsageError(
                f"--fields: expected headers that differ in more than capitals and none {GONE!r}, got "
                f"{', '.join(schema.names)}"
            )
        mark = f"{_MARK} key={key}; accounts={accounts}"
        return cls(pa.schema([*fields, pa.field(GONE, pa.string())]), key, version, gone, mark)

    def batches(self, tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an export in the table's types; raise InputContractError if a value does not fit."""
        for table in tables:
            whole = table.append_column(GONE, pa.nulls(table.num_rows, pa.string()))
            try:
                yield from whole.cast(self.schema).combine_chunks().to_batches()
            except pa.ArrowInvalid as error:
                raise InputContractError(
                    f"--to: a value does not fit a table: {error}; leave its column out"
                ) from error


@dataclass(frozen=True)
class ExistingTable:
    """A table that exists: its columns with the names of their types, and its comment.

    Without columns it is not a table but something else of that name, such as the rest of a killed first export.
    """

    columns: dict[str, str]
    mark: str | None


@dataclass(frozen=True)
class Merged:
    """Counts of the rows of a table that were inserted, updated, and marked or deleted."""

    inserted: int
    updated: int
    gone: int


class OpenTable(Protocol):
    """A table within one transaction, which ends with `merge`."""

    @property
    def name(self) -> str:
        """The name of the table for people; without user and password."""

    def standing(self) -> ExistingTable | None:
        """Return the table that exists, None if there is none."""

    def type_name(self, kind: pa.DataType) -> str | None:
        """Return the database's name of a type, None if it has no such type."""

    def merge(self, content: Content, batches: Iterator[pa.RecordBatch], there: ExistingTable | None) -> Merged:
        """Merge the batches into the table, all of them or none; without `there` the table is created."""


class TableTarget(Protocol):
    """A table that an option names."""

    @property
    def location(self) -> Location | None:
        """The place of the table, None if a server keeps it."""

    def open_up(self) -> AbstractContextManager[OpenTable]:
        """Open the table for one export; nothing changes if `merge` is not reached, or fails.

        Raise UsageError if the request is not possible there, InputContractError if the table refuses a value,
        RetryableError if it cannot be reached, is locked by another writer, or has no space.
        """


def _table_type(field: pa.Field) -> pa.DataType:
    """Return the type of a column in a table; raise UsageError if tables have no such type."""
    kind = _WIDER.get(field.type, field.type)
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if t.is_time(kind):
        return pa.time64("us")
    if t.is_decimal(kind) and kind.precision <= 38:
        return pa.decimal128(kind.precision, kind.scale)
    if t.is_integer(kind) or t.is_floating(kind) or t.is_string(kind) or t.is_boolean(kind) or t.is_date(kind):
        return kind
    raise UsageError(f"--fields: {field.name!r} holds {field.type}, for which tables have no type; leave it out")


def require_types(content: Content, table: OpenTable) -> None:
    """Raise UsageError if a database has no type for a column."""
    for field in content.schema:
        if table.type_name(field.type) is None:
            raise UsageError(f"--fields: {field.name!r} holds {field.type}, for which {table.name} has no type")


def refusal(there: ExistingTable, content: Content, table: OpenTable, *, ours: bool) -> str | None:
    """Return why a table must not be merged into, None if it may be; new columns are no obstacle."""
    if not ours or there.mark is None or not there.mark.startswith(_MARK):
        return "is there already, and no export of these scores"
    if there.mark != content.mark:
        return f"says of itself {there.mark!r}, expected {content.mark!r}"
    types = {field.name: table.type_name(field.type) for field in content.schema}
    if missing := [name for name in there.columns if name not in types]:
        return f"has columns that this export lacks: {', '.join(missing)}"
    other = [f"{name} is {kind}, expected {types[name]}" for name, kind in there.columns.items() if kind != types[name]]
    if other or not {content.key, HASH, VERSION, GONE} <= there.columns.keys():
        return f"has other columns: {'; '.join(other) or 'its own are missing'}"
    return None


@contextmanager
def stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatchReader]:
    """Yield batches as a stream for a library that turns errors on the way into text; the original error is raised."""
    raised: list[BaseException] = []

    def passed() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BaseException as error:
            raised.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(schema, passed())
    except Exception:
        if raised:
            raise raised[0] from None
        raise
