"""A sample of the rows of a table for a first look: rows from all over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tamscore.arrow import plain_table
from tamscore.store import tables
from tamscore.store.contents import source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.schema import Piece
    from tamscore.store.partitions import Plan

SAMPLED_ROWS = 100_000
_PLACES = 16


def sample_rows(plan: Plan, columns: Sequence[str], rows: int = SAMPLED_ROWS) -> pa.Table:
    """Return the columns of at most `rows` rows: the first ones of row groups spread evenly over the table.

    These are 16 row groups, or more of them if they are small. InputContractError if they cannot be decoded.
    """
    import pyarrow as pa

    groups = [(piece, group) for part in plan.partitions for piece in part.pieces for group in piece.row_groups]
    wanted = min(max(_PLACES, -(-rows * len(groups) // plan.rows)), len(groups))
    places = np.unique(np.linspace(0, len(groups) - 1, wanted).round().astype(int)).tolist()
    chosen, number = [groups[place] for place in places], -(-rows // len(places))
    return pa.concat_tables([_first_rows(piece, group, columns, number) for piece, group in chosen]).slice(0, rows)


def _first_rows(piece: Piece, row_group: int, columns: Sequence[str], rows: int) -> pa.Table:
    """Return the first rows of a row group as its file holds them; InputContractError if they cannot be decoded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        tables.decoding(piece),
        pq.ParquetFile(
            source(piece.file, None if piece.copy else piece.stamp), page_checksum_verification=True
        ) as file,
    ):
        record = {constant.name: constant for constant in piece.constants if constant.name in columns}
        stored = [name for name in columns if name not in record]
        batches = file.iter_batches(rows, row_groups=[row_group], columns=stored, use_threads=False)
        result = pa.Table.from_batches([next(batches)])
        for constant in record.values():
            result = result.append_column(constant.name, tables.constant_column(constant, len(result), ()))
        return plain_table(result.select(list(columns)))
