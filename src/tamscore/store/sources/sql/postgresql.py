"""Queries that a PostgreSQL server answers, through ADBC: one transaction that cannot write, rows as they arrive."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tamscore.store.sources.sql.database import asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.store.sources.sql.database import SourceDatabase

_CONNECT_S = 30


@contextmanager
def reader(database: SourceDatabase, sql: str) -> Iterator[pa.RecordBatchReader]:
    """Give the rows of a query; raise as `asking`."""
    from adbc_driver_postgresql import dbapi

    with ExitStack() as opened:
        with asking(database):
            connection = opened.enter_context(dbapi.connect(_within_time(database.address)))
            cursor = opened.enter_context(connection.cursor())
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(sql)
            rows = cursor.fetch_record_batch()
        yield rows


def _within_time(address: str) -> str:
    """Return the address with a limit on the time to connect, unless somebody has set one."""
    if "connect_timeout" in address or "PGCONNECT_TIMEOUT" in os.environ:
        return address
    return f"{address}{'&' if '?' in address else '?'}connect_timeout={_CONNECT_S}"
