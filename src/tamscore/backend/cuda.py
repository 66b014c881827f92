"""The backend of NVIDIA GPUs: CuPy arrays, our own kernels for centers and sums, one of two readers for Parquet.

Nothing of the GPU libraries is imported before the first array is asked for: a process that did so before a cluster of
GPUs starts would put every worker on the first GPU.
"""

from __future__ import annotations

import os
from contextlib import suppress
from ctypes import CDLL, byref, c_int, create_string_buffer
from dataclasses import dataclass
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from tamscore.backend import Moments, Nearest, Sides, kernels, lean, rmm_pool
from tamscore.backend.coded import dense
from tamscore.backend.cubins import FOLDER, find_cubin
from tamscore.backend.host import READ_ROWS
from tamscore.backend.launch import SOURCE, Kernels
from tamscore.backend.namespace import Namespace
from tamscore.backend.reader import choose_reader
from tamscore.errors import DeviceError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tamscore.backend import Array
    from tamscore.backend.coded import Block
    from tamscore.schema import Partition

PINNED = {"CUPY_TF32": "0", "CUPY_CUDA_PER_THREAD_DEFAULT_STREAM": "0"}
"""Products must be those of float32, since labels rely on how little they are off; and all threads share one stream,
since a block that one thread has filled is read by others."""
PER_THREAD_STREAM = 2
"""The number that CUDA gives a default stream of a thread's own."""
os.environ.update(PINNED)  # CuPy looks when it is imported, which a worker may do before the first array
RELEASE_SHARE = 0.5
"""So much of a device's memory its pool keeps when it has nothing to hold."""
DRIVER = "libcuda.so.1"
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Device:
    """The GPU of this process: CuPy, the same by the array-API standard, our kernels, and its memory in bytes.

    `peak` tells how much of that memory has been held at once.
    """

    cp: Any
    xp: Any
    kernels: Kernels
    memory: int
    peak: Callable[[], int]


def device() -> Device:
    """The GPU of this process, made ready once; DeviceError where that fails, in whatever way it does."""
    with _ONE_AT_A_TIME:
        try:
            return _device()
        except TamscoreError:
            raise
        except Exception as error:
            first = first_line(error)
            raise DeviceError(
                f"device = 'cuda': the GPU cannot be used: {type(error).__name__}: {first}; look at nvidia-smi, see "
                "that an extra for GPUs (gpu-cu13, say) is installed whole and fits the driver, or set device = 'cpu'"
            ) from error


@cache
def _device() -> Device:
    import array_api_compat.cupy
    import cupy as cp

    cp.cuda.runtime.getDeviceCount()
    require_one_stream(cp)
    memory = int(cp.cuda.runtime.memGetInfo()[1])
    start_pool = rmm_pool.start_pool if choose_reader().name == "full" else lean.start_pool
    peak = start_pool(cp, int(memory * RELEASE_SHARE))
    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.runtime.getDevice())
    own = Kernels(cp, _kernel, int(properties["multiProcessorCount"]), has_blas)
    return Device(cp, Namespace(array_api_compat.cupy, cp, own.product), own, memory, peak)


def _warm_up() -> None:
    with suppress(Exception):  # who needs the GPU meets the same error, and says it
        device()
        _kernel(0, "spread_label")


@cache
def has_blas() -> bool:
    """Whether CuPy finds cuBLAS, with which it multiplies matrices."""
    try:
        from cupy.cuda import cublas  # noqa: F401
    except ImportError:
        return False
    return True


def require_one_stream(cp: Any) -> None:
    """Raise DeviceError if CuPy was imported with a default stream for each thread."""
    if cp.cuda.get_current_stream().ptr == PER_THREAD_STREAM:
        raise DeviceError(
            "device = 'cuda': CuPy was imported with CUPY_CUDA_PER_THREAD_DEFAULT_STREAM=1, but threads of a run share "
            "arrays; unset it, then start again"
        )


def gpu_of_process() -> str:
    """The UUID of the GPU of this process, or of its slice of one (MIG); DeviceError where there is none that works."""
    cp = device().cp
    return uuid_of(CDLL(DRIVER), cp.cuda.runtime.getDevice())


def uuid_of(driver: Any, place: int) -> str:
    """The UUID of the GPU at a place among those that the driver shows this process."""
    handle, uuid = c_int(), create_string_buffer(16)
    for code in (driver.cuDeviceGet(byref(handle), place), driver.cuDeviceGetUuid_v2(uuid, handle)):
        if code:
            raise DeviceError(f"device = 'cuda': the NVIDIA driver does not name GPU {place}: error {code}")
    return str(UUID(bytes=uuid.raw))


@cache
def _kernel(width: int, name: str) -> Any:
    """A kernel of `kernels.cu`, compiled for this device together with those of its width."""
    return _module(width).get_function(name)


@cache
def _module(width: int) -> Any:
    import cupy as cp

    return _shipped_module() or compiled_module(cp, width)


@cache
def _shipped_module() -> Any | None:
    import cupy as cp

    return shipped_module(cp, FOLDER)


def shipped_module(cp: Any, folder: Path) -> Any | None:
    """The kernels as they came with the package; None if they did not, or if the driver does not take them."""
    number = cp.cuda.Device().compute_capability
    path = find_cubin(SOURCE.read_text(encoding="utf-8"), (int(number[:-1]), int(number[-1])), folder)
    if path is None:
        return None
    module = cp.RawModule(path=str(path))
    try:
        module.get_function("add_rows")
    except cp.cuda.driver.CUDADriverError:
        return None
    return module


def compiled_module(cp: Any, width: int) -> Any:
    """The kernels of one width, or those that serve all, compiled when the first is called."""
    source = SOURCE.read_text(encoding="utf-8")
    return cp.RawModule(code=source, options=("-std=c++17", f"-DONLY={width}"), backend="nvrtc")


class CudaBackend:
    """CuPy on an NVIDIA GPU, fed by the lean reader; see `Backend` for the verbs."""

    name = "cuda"
    takes_codes = False
    block_rows = 2**20
    """So many rows of 32 features keep the device busy for longer than it takes to ask for the next."""

    @property
    def device(self) -> Device:
        """The GPU of this process."""
        return device()

    @property
    def xp(self) -> Any:
        """CuPy by the array-API standard."""
        return self.device.xp

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """The columns of a partition as float64 arrays (m,), nulls as NaN, a few at a time; of the `rows` if given."""
        return lean.read(self.device.cp.asarray, partition, columns, rows)

    def put(self, host: Any) -> Array:
        """A host array on the device."""
        return self.device.cp.asarray(host)

    def get(self, device: Array) -> Any:
        """A device array as a NumPy array."""
        return self.device.cp.asnumpy(device)

    def scaler_stats(self, x: Array) -> Moments:
        """The moments of the rows of a feature-major array (d, m)."""
        return kernels.scaler_stats(self.xp, x, self.get)

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """The sum of the rows (d, m) of each label, as (segments, d) float64."""
        return self.device.kernels.sums(rows, label, segments)[0]

    def segment_count(self, label: Array, segments: int) -> Array:
        """The number of rows of each label (segments,) int64."""
        return self.device.cp.bincount(label, minlength=segments)

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Values sorted within label, and the host offsets (segments + 1,) where each label begins."""
        cp = self.device.cp
        order = cp.argsort(value)
        order = order[cp.argsort(label[order], kind="stable")]
        counts = self.get(self.segment_count(label, segments))
        return value[order], np.concatenate(([0], np.cumsum(counts)))

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """The label of every row: in float32, and again in float64 where rounding could have decided."""
        return self.device.kernels.label(dense(self.xp, x), sq_norms, centers)

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """The nearest and second nearest center of every row of a block."""
        return self.device.kernels.nearest(dense(self.xp, x), centers)

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """Labels, sums and counts in one pass over memory: to start from a pass before would save nothing."""
        del before
        return Sides(*self.device.kernels.sides(dense(self.xp, x), sq_norms, centers))

    def warm_up(self) -> None:
        """Import the libraries, make the context and load the kernels in a thread; whoever comes earlier waits."""
        Thread(target=_warm_up, name="tamscore warm-up", daemon=True).start()

    def memory(self) -> int:
        """The bytes of memory that the GPU of this process has."""
        return self.device.memory

    def reading_bytes(self, rows: int, columns: int) -> int:
        """A batch, whose columns are put together once all are there."""
        return 8 * columns * min(rows, lean.BATCH_ROWS + READ_ROWS)

    def peak_device_bytes(self) -> int:
        """The most bytes of the GPU's memory that this process has held at once."""
        return self.device.peak()

    def sync(self) -> None:
        """Wait until the device has done all that was asked of it."""
        self.device.cp.cuda.get_current_stream().synchronize()
