"""Files of a table that cannot be read as they lie: their rows as Parquet in a temporary folder, once a process."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

ROW_GROUP = 131_072
_numbers = count()


def copied(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Path:
    """Return a Parquet file of its own that holds the batches, texts of either length as plain texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in schema])
    path = temporary_folder() / f"source-{next(_numbers)}.parquet"
    with pq.ParquetWriter(path, schema, compression="lz4", write_page_checksum=True) as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema), row_group_size=ROW_GROUP)
    return path
