"""Errors of GPU libraries as our own errors: DeviceError for a GPU that fails, MemoryError for a full one."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tamscore.errors import DeviceError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = {"cupy", "cupy_backends", "cupyx", "cudf", "pylibcudf", "rmm", "cuml", "numba", "cuda", "pynvml"}
"""Packages whose own error classes come from a GPU."""
_OF_CUDA = re.compile(r"\bCUDA error\b|\bcudaError[A-Z]\w*|\b(CUDA|NVRTC)_ERROR_\w+|\bCUBLAS_STATUS_\w+")
_OF_MEMORY = re.compile(r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|out_of_memory|CUBLAS_STATUS_ALLOC_FAILED")


def is_of_gpu(error: BaseException) -> bool:
    """Return whether an error comes from a GPU or its libraries, and not from its input data."""
    if isinstance(error, TamscoreError | MemoryError | ImportError):
        return False
    of_library = type(error).__module__.partition(".")[0] in _LIBRARIES
    return of_library or bool(isinstance(error, RuntimeError) and _OF_CUDA.search(str(error)))


def explain_error(error: BaseException) -> DeviceError | MemoryError:
    """Return the error to raise in place of a GPU's error: MemoryError if its memory is full, else DeviceError."""
    text = f"{type(error).__name__}: {first_line(error)}"
    if _OF_MEMORY.search(str(error)):
        return MemoryError(f"on the GPU: {text}")
    return DeviceError(
        f"the GPU fails: {text}; look at nvidia-smi and the system's log (Xid), run again where it was a passing "
        "fault, or set device = 'cpu'"
    )


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn errors of GPU libraries inside the context into DeviceError or MemoryError; raise all others unchanged."""
    try:
        yield
    except Exception as error:
        if not is_of_gpu(error):
            raise
        raise explain_error(error) from error
