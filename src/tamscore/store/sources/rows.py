"""Formats whose rows are copied to Parquet before they are read: Arrow files and streams, and lines of JSON."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    _Rows = tuple[pa.Schema, Iterable[pa.RecordBatch]]

_BLOCK_BYTES = 64 << 20
"""So many bytes of JSON are parsed at a time; no line may be longer."""
_GZIP = b"\x1f\x8b"


def arrow_file(path: Path) -> _Rows:
    """Return schema and rows of an Arrow file (Feather, version 2)."""
    import pyarrow as pa

    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    return reader.schema, map(reader.get_batch, range(reader.num_record_batches))


def arrow_stream(path: Path) -> _Rows:
    """Return schema and rows of an Arrow stream that was written to a file."""
    import pyarrow as pa

    reader = pa.ipc.open_stream(pa.memory_map(str(path)))
    return reader.schema, reader


def json_lines(path: Path) -> _Rows:
    """Return schema and rows of a file with one JSON object a line, packed by gzip or not; nested columns left out.

    A column has one type in the whole file, so all of it is looked at before a row is handed out.
    """
    import pyarrow as pa
    from pyarrow import json

    with path.open("rb") as plain:
        is_packed = plain.read(len(_GZIP)) == _GZIP
    with gzip.open(path) if is_packed else path.open("rb") as file:
        table = json.read_json(file, json.ReadOptions(block_size=_BLOCK_BYTES))
    flat = table.drop_columns([field.name for field in table.schema if pa.types.is_nested(field.type)])
    return flat.schema, flat.to_batches()
