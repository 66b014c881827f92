"""The backend of NVIDIA GPUs: CuPy arrays, cuDF for Parquet, our own kernels for centers and sums.

The one module that knows RAPIDS, and it imports nothing of it before the first array is asked for: a process that did
so before a cluster of GPUs starts would put every worker on the first GPU.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Moments, Nearest, Sides, kernels
from tamscore.backend.coded import dense
from tamscore.backend.launch import SOURCE, Kernels
from tamscore.backend.namespace import Namespace
from tamscore.errors import DeviceError, InputContractError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.backend import Array
    from tamscore.backend.coded import Block
    from tamscore.schema import Partition

RELEASE_SHARE = 0.5
"""So much of a device's memory its pool keeps when it has nothing to hold."""
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
                "that the extra gpu-cu12 or gpu-cu13 is installed whole and fits the driver, or set device = 'cpu'"
            ) from error


@cache
def _device() -> Device:
    os.environ["CUPY_TF32"] = "0"  # products must be those of float32: labels rely on how little they are off
    import array_api_compat.cupy
    import cupy as cp

    cp.cuda.runtime.getDeviceCount()
    memory = int(cp.cuda.runtime.memGetInfo()[1])
    _one_pool(cp, memory)
    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.runtime.getDevice())
    own = Kernels(cp, _kernel, int(properties["multiProcessorCount"]))
    return Device(cp, Namespace(array_api_compat.cupy, cp), own, memory, _peak)


def bus_address() -> str:
    """The address of the GPU of this process on its machine's bus; DeviceError where there is none that works."""
    cp = device().cp
    return str(cp.cuda.runtime.deviceGetPCIBusId(cp.cuda.runtime.getDevice()))


def _one_pool(cp: Any, memory: int) -> None:
    """Let cuDF, cuML and CuPy draw from one pool, which counts: a worker's own, where it has been given one."""
    import rmm
    import rmm.statistics
    from rmm.allocators.cupy import rmm_cupy_allocator

    if isinstance(rmm.mr.get_current_device_resource(), rmm.mr.CudaMemoryResource):
        pool = rmm.mr.CudaAsyncMemoryResource(release_threshold=int(memory * RELEASE_SHARE))
        rmm.mr.set_current_device_resource(pool)
    rmm.statistics.enable_statistics()
    cp.cuda.set_allocator(rmm_cupy_allocator)


def _peak() -> int:
    """The most bytes that this process has drawn from its pool at once."""
    import rmm.statistics

    counted = rmm.statistics.get_statistics()
    return int(counted.peak_bytes) if counted else 0


@cache
def _kernel(width: int, name: str) -> Any:
    """A kernel of `kernels.cu`, compiled for this device together with those of its width."""
    return _module(width).get_function(name)


@cache
def _module(width: int) -> Any:
    import cupy as cp

    return cp.RawModule(
        code=SOURCE.read_text(encoding="utf-8"), options=("-std=c++17", f"-DONLY={width}"), backend="nvrtc"
    )


class CudaBackend:
    """CuPy on an NVIDIA GPU; see `Backend` for the verbs."""

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
        """The columns of a partition as float64 arrays (m,), nulls as NaN, all at once; of the `rows` if given."""
        import cudf

        cp = self.device.cp
        paths = [piece.file for piece in partition.pieces]
        groups = [list(piece.row_groups) for piece in partition.pieces]
        try:
            table = cudf.read_parquet(paths, columns=columns, row_groups=groups)
            found = [table[name].astype("float64").to_cupy(na_value=np.nan) for name in columns]
        except (RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputContractError(f"{partition.where}: {str(error).strip()}; write the file again") from error
        if any(len(column) != partition.rows for column in found):
            raise InputContractError(f"{partition.where}: there are not as many rows as its footer tells of")
        at = slice(None) if rows is None else cp.asarray(rows)
        yield [cp.ascontiguousarray(column[at]) for column in found]

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

    def memory(self) -> int:
        """The bytes of memory that the GPU of this process has."""
        return self.device.memory

    def peak_device_bytes(self) -> int:
        """The most bytes of the GPU's memory that this process has held at once."""
        return self.device.peak()

    def sync(self) -> None:
        """Wait until the device has done all that was asked of it."""
        self.device.cp.cuda.get_current_stream().synchronize()
