"""One pool of memory on a GPU for cuDF, cuML and CuPy: RMM's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def start_pool(cp: Any, release_threshold: int) -> Callable[[], int]:
    """Let cuDF, cuML and CuPy draw from one pool, and return what counts the most bytes that were drawn at once.

    A worker keeps the pool that it was started with.
    """
    import rmm
    import rmm.statistics
    from rmm.allocators.cupy import rmm_cupy_allocator

    if isinstance(rmm.mr.get_current_device_resource(), rmm.mr.CudaMemoryResource):
        rmm.mr.set_current_device_resource(rmm.mr.CudaAsyncMemoryResource(release_threshold=release_threshold))
    rmm.statistics.enable_statistics()
    cp.cuda.set_allocator(rmm_cupy_allocator)

    def peak() -> int:
        counted = rmm.statistics.get_statistics()
        return int(counted.peak_bytes) if counted else 0

    return peak
