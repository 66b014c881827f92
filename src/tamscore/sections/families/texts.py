"""Ids as texts, of some rows of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import strings
from tamscore.stages.folding import fold_ids
from tamscore.store import tables

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.schema import Partition
    from tamscore.scoring.context import Run
    from tamscore.stages.folding import IdForm


def ids_at(run: Run, column: str, rows: Any, written: Any | None = None) -> pa.Array:
    """Return the ids (r,) in a column of some rows (r,) of the market, as ids are compared.

    Where `written` (r,) bool they are as the input has them.
    """
    import pyarrow as pa

    ends = np.cumsum([partition.rows for partition in run.plan.partitions])
    order = np.argsort(rows, kind="stable")
    pieces = np.split(order, np.searchsorted(rows[order], ends[:-1]))
    starts = ends - [partition.rows for partition in run.plan.partitions]
    asked = [
        (partition, rows[piece] - start)
        for partition, piece, start in zip(run.plan.partitions, pieces, starts, strict=True)
        if len(piece)
    ]
    items = list(run.flow.map(_read_ids, asked, column))
    texts = pa.chunked_array([pa.array([], pa.large_string()), *items], pa.large_string()).combine_chunks()
    texts = texts.take(pa.array(np.argsort(order, kind="stable")))
    return _as_compared(texts, run.columns.id_form, written)


def _read_ids(asked: tuple[Partition, Any], column: str) -> pa.Array:
    """Return the ids of some rows (r,) of a partition as texts; the run has read the column before."""
    partition, rows = asked
    return strings(tables.read(partition, [column], seen=[column])[column].take(rows))


def _as_compared(texts: pa.Array, form: IdForm, written: Any | None) -> pa.Array:
    """Return ids (r,) as they are compared, or as they are where `written` (r,) bool."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folded = fold_ids(texts, form)
    return folded if written is None else pc.if_else(pa.array(written), texts, folded)


def alphabetical(texts: pa.Array) -> Any:
    """Return the place (r,) of each text in the order of all."""
    import pyarrow.compute as pc

    rank = np.empty(len(texts), np.int64)
    rank[pc.sort_indices(texts).to_numpy()] = np.arange(len(texts))
    return rank
