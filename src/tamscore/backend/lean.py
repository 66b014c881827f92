"""The lean reader: Arrow decodes on the host and checks every page, one copy brings a batch to the GPU; CuPy's pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.backend import Array
    from tamscore.schema import Partition

BATCH_ROWS = 2**18
"""So many rows are copied at a time: 64 MB of 32 columns, which takes far longer than to ask for it."""


def read(
    put: Callable[[Any], Array], partition: Partition, columns: list[str], rows: Any | None = None
) -> Iterator[list[Array]]:
    """Yield the columns of a partition as float64 arrays (m,) on the GPU, a batch at a time; see `Backend.read`."""
    for batch in batches(HostBackend().read(partition, columns, rows)):
        together = put(batch)
        yield [together[j] for j in range(len(columns))]


def batches(read: Iterator[list[Any]]) -> Iterator[Any]:
    """Yield blocks (d, m) float64 of the columns that come a few rows at a time, about BATCH_ROWS rows each."""
    held: list[list[Any]] = []
    for arrays in read:
        held.append(arrays)
        if sum(len(items[0]) for items in held) >= BATCH_ROWS:
            yield _join(held)
            held = []
    if held:
        yield _join(held)


def _join(parts: list[list[Any]]) -> Any:
    """Return a block (d, m) float64 of the columns of several parts, one after another; no column is copied twice."""
    block = np.empty((len(parts[0]), sum(len(arrays[0]) for arrays in parts)))
    start = 0
    for arrays in parts:
        stop = start + len(arrays[0])
        for row, column in zip(block, arrays, strict=True):
            row[start:stop] = column
        start = stop
    return block


def start_pool(cp: Any, release_threshold: int) -> Callable[[], int]:
    """Let CuPy draw from the driver's own pool, and return what counts the most bytes that were held at once.

    A GPU without such pools (some virtual ones) gets CuPy's, which counts what it holds.
    """
    here = cp.cuda.runtime.getDevice()
    if not cp.cuda.runtime.deviceGetAttribute(cp.cuda.runtime.cudaDevAttrMemoryPoolsSupported, here):
        held = cp.cuda.MemoryPool()
        cp.cuda.set_allocator(held.malloc)
        return lambda: int(held.total_bytes())
    pool = cp.cuda.MemoryAsyncPool()
    pool.set_limit(size=release_threshold)
    cp.cuda.set_allocator(pool.malloc)
    handle = cp.cuda.runtime.deviceGetMemPool(here)
    return lambda: int(cp.cuda.runtime.memPoolGetAttribute(handle, cp.cuda.runtime.cudaMemPoolAttrUsedMemHigh))
