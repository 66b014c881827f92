"""Queries of a SQLite file, through ADBC. In SQLite a column has no type, so that its values are asked for theirs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tamscore.errors import InputContractError
from tamscore.store.sources.sql.database import KEY, asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.store.sources.sql.database import SourceDatabase

_CLASSES = ("integer", "real", "text", "blob")
_EXAMPLES = {"real": "0.0", "text": "''"}
"""A literal of each class that is not an integer."""


@contextmanager
def reader(database: SourceDatabase, sql: str) -> Iterator[pa.RecordBatchReader]:
    """Give the rows of a query; raise as `asking`, and InputContractError for a column of no one type."""
    from adbc_driver_sqlite import dbapi

    address = f"file:{quote(str(Path(database.address).absolute()))}?mode=ro"
    with ExitStack() as opened:
        with asking(database):
            connection = opened.enter_context(dbapi.connect(address))
            cursor = opened.enter_context(connection.cursor())
            kinds = _classes(cursor, f"(\n{sql}\n)")
            cursor.execute(_convert(kinds, f"(\n{sql}\n)"))
            rows = cursor.fetch_record_batch()
        yield _behind_the_first(rows)


def _classes(cursor: Any, query: str) -> dict[str, str]:
    """Return the class of each column's values; numbers are real where one of them is, integer where there are none."""
    cursor.execute(f"SELECT * FROM {query} LIMIT 0")  # noqa: S608 - the query is the user's own
    names = cursor.fetch_record_batch().schema.names
    asked = ", ".join(f"max(typeof({quote_sqlite(name)}) = '{text}')" for name in names for text in _CLASSES)
    cursor.execute(f"SELECT {asked} FROM {query}")  # noqa: S608
    answers = iter(cursor.fetchone() or ())
    record = {name: {text for text in _CLASSES if next(answers)} for name in names}
    for name, there in record.items():
        if "blob" in there or len(there - {"real"} | ({"integer"} if "real" in there else set())) > 1:
            raise InputContractError(
                f"{KEY}: column {name!r} holds values of the types {' and '.join(sorted(there))}; cast it in the query"
            )
    return {name: max(there, default="integer") for name, there in record.items()}


def _convert(kinds: dict[str, str], query: str) -> str:
    """Return the query with one row of the right types in front: the driver takes types from the first rows."""
    first = ", ".join(f"{_EXAMPLES.get(kind, '0')} AS {quote_sqlite(name)}" for name, kind in kinds.items())
    rest = ", ".join(
        f"CAST({quote_sqlite(n)} AS REAL)" if kind == "real" else quote_sqlite(n) for n, kind in kinds.items()
    )
    return f"SELECT {first} UNION ALL SELECT {rest} FROM {query}"  # noqa: S608


def _behind_the_first(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return the rows without the one that `_convert` puts in front."""
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        first = next(rows)
        if any(first.column(place)[0].as_py() not in {0, ""} for place in range(first.num_columns)):
            raise AssertionError("the row in front came elsewhere")
        yield first.slice(1)
        yield from rows

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def quote_sqlite(name: str) -> str:
    """Return a name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'
