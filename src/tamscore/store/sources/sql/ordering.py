"""Rows in an order of their own: databases promise none, and other bytes would be another input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.errors import RetryableError, TamscoreError, first_line
from tamscore.store.sources.sql.database import KEY
from tamscore.store.sources.sql.duckdb_file import within_memory
from tamscore.store.sources.sql.sqlite import quote_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_BATCH_ROWS = 131_072


def in_order(rows: pa.RecordBatchReader, key: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema and the rows in order of a column, rows of one value in order of a hash of all columns."""
    import pyarrow as pa

    schema, refusals = rows.schema, list[TamscoreError]()

    def until_refused() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except TamscoreError as error:  # DuckDB would raise one of its own
            refusals.append(error)
            raise

    def batches() -> Iterator[pa.RecordBatch]:
        import duckdb

        names = [quote_sqlite(name) for name in schema.names]
        first = quote_sqlite(key) if key in schema.names else names[0]
        with duckdb.connect(config=within_memory()) as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.register("answer", pa.RecordBatchReader.from_batches(schema, until_refused()))
            try:
                ordered = connection.sql(f"SELECT * FROM answer ORDER BY {first}, hash({', '.join(names)})")  # noqa: S608
                for batch in ordered.to_arrow_reader(_BATCH_ROWS):
                    yield batch.cast(schema)
            except duckdb.Error as error:
                if refusals:
                    raise refusals[0] from None
                raise RetryableError(
                    f"{KEY}: the rows cannot be put in order ({first_line(error)}); make room in the folder for "
                    "temporary files, then run again"
                ) from error

    return schema, batches()
