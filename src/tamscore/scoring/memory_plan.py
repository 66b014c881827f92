"""Memory of rows, estimated before it is used: which rows stay between passes, and whether a run can start."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from tamscore.errors import MemoryLimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.engine.flow import Flow
    from tamscore.schema import InputColumns, Partition

_SMALLEST_BLOCK = 8
"""Blocks are halved when memory runs out, down to this part of what they were."""


def resident_bytes(rows: int, row_bytes: int) -> int:
    """What rows take that stay between passes: so many bytes each of their block; norm, label, gap and draw number."""
    return rows * (row_bytes + 28)


def resident(sizes: Sequence[int], capacity: float) -> list[bool]:
    """Return which of some things of these sizes in bytes may stay: the first, as long as they fit together."""
    return [total <= capacity for total in accumulate(sizes)]


def resident_capacity(flow: Flow, backend: Backend, share: float) -> float:
    """Return so many bytes of rows may stay on all devices of a flow together."""
    return float(share * backend.memory() * flow.memories)


def row_bytes(columns: InputColumns) -> int:
    """Return what a row of a partition takes while it is worked on: columns as read and as taken, codes, results."""
    return 16 * len(columns.numeric) + 8 * (len(columns.categorical) + 1) + 64


def block_bytes(columns: InputColumns) -> int:
    """Return what a row of a block takes beside that: as float32, and in float64 while distances are computed."""
    return 20 * (len(columns.numeric) + len(columns.categorical))


def require_start(partitions: Sequence[Partition], columns: InputColumns, backend: Backend, flow: Flow) -> None:
    """Raise an error unless the largest partition leaves room for those beside it, or there is none at all.

    MemoryLimitError else, with a size of row groups that would do.
    """
    if not partitions:
        return
    largest = max(partitions, key=lambda partition: partition.rows)
    at_once = max(1, min(flow.workers // flow.memories, len(partitions)))
    block = min(largest.rows, backend.block_rows // _SMALLEST_BLOCK) * block_bytes(columns)
    block += backend.reading_bytes(largest.rows, len(columns.numeric) + 1)
    has, needs = backend.memory(), at_once * (largest.rows * row_bytes(columns) + block)
    if needs > has:
        fits = max(0, int((has / at_once - block) / row_bytes(columns)))
        raise MemoryLimitError(
            f"{largest.where}: {largest.rows:,} rows need about {_gib(needs)} GiB where {at_once} partitions are under "
            f"way at once, and the {backend.name} device has {_gib(has)}; write the input with row groups of at most "
            f"{_round_off(fits):,} rows, or set engine.workers lower"
        )


def _gib(size: float) -> str:
    """Bytes in GiB."""
    return f"{size / 2**30:.2f}"


def _round_off(rows: int) -> int:
    """The rows to two digits, downwards."""
    unit = int(10 ** max(0, len(str(rows)) - 2))
    return max(1, rows - rows % unit)
