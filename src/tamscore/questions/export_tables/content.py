"""What an export puts into a table, and what it finds there: columns in types that every database has."""

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
"""The column that names the version of the scores in which an account was missing first; null where it is there."""
_WIDER = {pa.int8(): pa.int16(), pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
_WIDER |= {pa.uint64(): pa.decimal128(20), pa.float16(): pa.float32(), pa.date64(): pa.date32()}
_WIDER |= {pa.large_string(): pa.string()}
_MARK = "tamscore export;"


@dataclass(frozen=True)
class Content:
    """What a table is to hold: `schema` is that of the rows, `key` names the column with the ids.

    `gone` says whether accounts that the version lacks are marked or deleted. `mark` is what the table says of itself.
    """

    schema: pa.Schema
    key: str
    version: str
    gone: Literal["mark", "delete"]
    mark: str

    @classmethod
    def of(cls, schema: pa.Schema, key: str, version: str, gone: Literal["mark", "delete"], accounts: str) -> Content:
        """Return what a table with the columns of an export is to hold; UsageError where it cannot have one of them."""
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
        """Yield the rows of an export as the table takes them; raise InputContractError where a value does not fit."""
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
    """A table that is there: its columns with the names of their types, and what it says of itself.

    Without columns it is no table but something else in its place, such as what a killed first export has left.
    """

    columns: dict[str, str]
    mark: str | None


@dataclass(frozen=True)
class Merged:
    """How many rows of a table were inserted, updated, and marked or deleted."""

    inserted: int
    updated: int
    gone: int


class OpenTable(Protocol):
    """A table within one transaction, which ends with `merge`."""

    @property
    def name(self) -> str:
        """Return how people find it; no user and no password."""

    def standing(self) -> ExistingTable | None:
        """Return the table that is there, None where there is none."""

    def type_name(self, kind: pa.DataType) -> str | None:
        """Return how the database calls a type, None where it has no such type."""

    def merge(self, content: Content, batches: Iterator[pa.RecordBatch], there: ExistingTable | None) -> Merged:
        """Bring the table to what the batches say, all of it or nothing; with no `there` it is made anew."""


class TableTarget(Protocol):
    """A table that an option names."""

    @property
    def location(self) -> Location | None:
        """Return where it lies, None where a server keeps it."""

    def open_up(self) -> AbstractContextManager[OpenTable]:
        """Open the table for one export; nothing has changed where `merge` was not reached, or failed.

        Raise UsageError where the request makes no sense there, InputContractError where it refuses a value,
        RetryableError where it cannot be reached, is held by another writer, or has no room.
        """


def _table_type(field: pa.Field) -> pa.DataType:
    """Return the type of a column in a table; raise UsageError where tables have none such."""
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
    """Return why a table must not be merged into, None where nothing speaks against it; new columns do not."""
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
    """Give batches as a stream to a library that makes a text of an error raised on the way; that error is raised."""
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
