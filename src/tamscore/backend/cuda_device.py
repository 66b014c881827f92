"""The GPU of a process: initialized once, with its kernels and its memory pool; any failure is a DeviceError.

GPU libraries are imported with the first array only. If a process imported them before a cluster of GPUs starts, every
worker would use the first GPU.
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

from tamscore.backend import lean
from tamscore.backend.cubins import FOLDER, find_cubin
from tamscore.backend.launch import SOURCE, Kernels, Limits
from tamscore.backend.namespace import Namespace
from tamscore.errors import DeviceError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PINNED = {"CUPY_TF32": "0", "CUPY_CUDA_PER_THREAD_DEFAULT_STREAM": "0"}
"""Products need the precision of float32, since labels rely on their error bound. All threads share one stream, since
other threads read a block that one thread has filled."""
_PER_THREAD_STREAM = 2
"""The number that CUDA gives the default stream of a single thread."""
os.environ.update(_PINNED)  # CuPy reads these when it is imported, which a worker may do before the first array
_RELEASE_SHARE = 0.5
"""Share of a device's memory that its pool keeps while it is unused."""
_DRIVER = "libcuda.so.1"
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Device:
    """The GPU of this process: CuPy, CuPy with the array-API standard, our kernels, and its memory in bytes.

    `peak` returns the most bytes of that memory that were held at once.
    """

    cp: Any
    xp: Any
    kernels: Kernels
    memory: int
    peak: Callable[[], int]


def device(start_pool: Callable[[Any, int], Callable[[], int]] = lean.start_pool) -> Device:
    """Return the GPU of this process, initialized once with the memory pool of its reader.

    Raise DeviceError if that fails for any reason.
    """
    with _ONE_AT_A_TIME:
        try:
            return _device(start_pool)
        except TamscoreError:
            raise
        except Exception as error:
            first = first_line(error)
            raise DeviceError(
                f"device = 'cuda': the GPU cannot be used: {type(error).__name__}: {first}; look at nvidia-smi, see "
                "that an extra for GPUs (gpu-cu13, say) is installed whole and fits the driver, or set device = 'cpu'"
            ) from error


@cache
def _device(start_pool: Callable[[Any, int], Callable[[], int]]) -> Device:
    import array_api_compat.cupy
    import cupy as cp

    cp.cuda.runtime.getDeviceCount()
    require_one_stream(cp)
    memory = int(cp.cuda.runtime.memGetInfo()[1])
    peak = start_pool(cp, int(memory * _RELEASE_SHARE))
    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.runtime.getDevice())
    own = Kernels(cp, _kernel, Limits.of(properties), _has_blas)
    return Device(cp, Namespace(array_api_compat.cupy, cp, own.product), own, memory, peak)


def warm_up(make_ready: Callable[[], Device] = device) -> None:
    """Import the libraries, create the context and load the kernels in a thread; earlier callers wait."""
    Thread(target=_warm_up, args=(make_ready,), name="tamscore warm-up", daemon=True).start()


def _warm_up(make_ready: Callable[[], Device]) -> None:
    with suppress(Exception):  # the first use of the GPU raises the same error
        make_ready()
        _kernel(0, "spread_label")


@cache
def _has_blas() -> bool:
    """Return whether CuPy finds cuBLAS, which it needs to multiply matrices."""
    try:
        from cupy.cuda import cublas  # noqa: F401
    except ImportError:
        return False
    return True


def require_one_stream(cp: Any) -> None:
    """Raise DeviceError if CuPy was imported with a default stream for each thread."""
    if cp.cuda.get_current_stream().ptr == _PER_THREAD_STREAM:
        raise DeviceError(
            "device = 'cuda': CuPy was imported with CUPY_CUDA_PER_THREAD_DEFAULT_STREAM=1, but threads of a run share "
            "arrays; unset it, then start again"
        )


def gpu_of_process() -> str:
    """Return the UUID of the GPU, or slice of a GPU (MIG), of this process. Raise DeviceError if none works."""
    cp = device().cp
    return uuid_of(CDLL(_DRIVER), cp.cuda.runtime.getDevice())


def uuid_of(driver: Any, place: int) -> str:
    """Return the UUID of a GPU, given its number among those that the driver shows this process."""
    handle, uuid = c_int(), create_string_buffer(16)
    for code in (driver.cuDeviceGet(byref(handle), place), driver.cuDeviceGetUuid_v2(uuid, handle)):
        if code:
            raise DeviceError(f"device = 'cuda': the NVIDIA driver does not name GPU {place}: error {code}")
    return str(UUID(bytes=uuid.raw))


@cache
def _kernel(width: int, name: str) -> Any:
    """Return a kernel of `kernels.cu`, compiled for this device together with those of its width."""
    return _module(width).get_function(name)


@cache
def _module(width: int) -> Any:
    import cupy as cp

    return _shipped_module() or _compiled_module(cp, width)


@cache
def _shipped_module() -> Any | None:
    import cupy as cp

    return shipped_module(cp, FOLDER)


def shipped_module(cp: Any, folder: Path) -> Any | None:
    """Return the compiled kernels of the package; None if it has none, or if the driver does not load them."""
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


def _compiled_module(cp: Any, width: int) -> Any:
    """Return the kernels of one width, or those for all widths, compiled at the first call."""
    source = SOURCE.read_text(encoding="utf-8")
    return cp.RawModule(code=source, options=("-std=c++17", f"-DONLY={width}"), backend="nvrtc")
