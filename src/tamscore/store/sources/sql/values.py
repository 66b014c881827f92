"""What databases give, as Parquet holds it: numbers, texts, truth values, dates and times; else refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.arrow import plain_type
from tamscore.errors import InputContractError
from tamscore.store.sources.sql.database import KEY, asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.store.sources.sql.database import SourceDatabase

_POSTGRESQL_TYPE = b"POSTGRESQL:type"


def plain_rows(rows: pa.RecordBatchReader, database: SourceDatabase) -> pa.RecordBatchReader:
    """Return the rows with columns of plain types.

    Decimals without limits become float64, UUIDs and JSON texts. Raise InputContractError that names the columns of
    other types, or two columns of one name.
    """
    import pyarrow as pa

    names = rows.schema.names
    problems = [f"column {name!r} stands {names.count(name)} times" for name in {*names} if names.count(name) > 1]
    problems += [] if names else ["the query gives no columns"]
    problems += [f"column {field.name!r} is {_type_name(field)}" for field in rows.schema if _plain(field) is None]
    if problems:
        remedy = "name each column once, cast to text or number, or leave columns out"
        raise InputContractError(f"{KEY}: {'; '.join(sorted(problems))}: {remedy}")
    schema = pa.schema([(field.name, _plain(field)) for field in rows.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        with asking(database):
            for batch in rows:
                yield pa.record_batch([_cast(*pair) for pair in zip(batch.columns, schema, strict=True)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _plain(field: pa.Field) -> pa.DataType | None:
    """Return the type that a column gets, None where it is not read."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = plain_type(field.type)
    if _type_name(field) == "money":  # the driver gives hundredths, whatever the server's currency has
        return None
    if isinstance(kind, pa.OpaqueType):
        return pa.float64() if kind.type_name == "numeric" else None
    if isinstance(kind, pa.UuidType | pa.JsonType) or t.is_string(kind) or t.is_large_string(kind):
        return pa.string()
    if t.is_timestamp(kind):
        return pa.timestamp(kind.unit, "UTC" if kind.tz else None)
    known = (t.is_integer, t.is_floating, t.is_decimal, t.is_boolean, t.is_date, t.is_time)
    return kind if any(is_so(kind) for is_so in known) else None


def _type_name(field: pa.Field) -> str:
    """Return what a database calls the type of a column, as far as its driver says so."""
    return str((field.metadata or {}).get(_POSTGRESQL_TYPE, str(field.type).encode()), "utf-8")


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    """Return a column as the type that it gets; raise InputContractError that names it where a value has none."""
    import pyarrow as pa

    try:
        if isinstance(column.type, pa.UuidType):
            return pa.array([None if item is None else str(item) for item in column.to_pylist()], pa.string())
        plain_column = column.storage if isinstance(column, pa.ExtensionArray) else column
        return plain_column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise InputContractError(f"{KEY}: column {field.name!r}: {error}; cast it in the query") from None
