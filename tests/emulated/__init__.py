"""The CUDA kernels on a processor: their own text, compiled by the machine's C++ compiler, and called as on a GPU."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tamscore.backend import launch
from tamscore.backend.cuda import CudaBackend
from tamscore.backend.cuda_device import Device

COMPILER = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
FOR_WIDTH = ("label", "accumulate", "nearest")
FOR_ALL = (
    *("spread_label", "spread_nearest", "add_rows", "least_label", "least_nearest"),
    *("product_float", "product_double", "prepare"),
)
HERE = Path(__file__).parent
FLAGS = ["-std=c++17", "-O1", "-fPIC", "-shared", "-x", "c++", "-Wno-unknown-pragmas", "-w"]


def names() -> list[tuple[int, str]]:
    """Every kernel, with the width that it is compiled for: 0 for those that serve all."""
    return [(width, f"{name}_{width}") for width in launch.WIDTHS for name in FOR_WIDTH] + [
        (0, name) for name in FOR_ALL
    ]


def text(source: str) -> str:
    """The kernels for a processor, and one entry for each that takes its arguments as CUDA's driver does."""
    entries = (
        f'extern "C" void run_{name}(int blocks, int threads, void** given) {{ run({name}, blocks, threads, given); }}'
        for _, name in names()
    )
    header = (HERE / "processor.h").read_text(encoding="utf-8")
    return "\n".join((header, source, *entries))


def compiled(source: str) -> Any:
    """The library of a text of the kernels, compiled once."""
    code = text(source)
    folder = Path(tempfile.gettempdir()) / f"tamscore-kernels-{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    library = folder / "kernels.so"
    if not library.exists():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            (Path(scratch) / "kernels.cpp").write_text(code, encoding="utf-8")
            made = Path(scratch) / "kernels.so"
            subprocess.run([str(COMPILER), *FLAGS, "-o", str(made), str(Path(scratch) / "kernels.cpp")], check=True)
            made.replace(library)
    return ctypes.PyDLL(str(library))  # one thread at a time: the fibers of a block are its own


@cache
def library() -> Any:
    """The kernels as they are shipped."""
    return compiled(launch.SOURCE.read_text(encoding="utf-8"))


def function(width: int, name: str, source: Any = None) -> Any:
    """A kernel that is called as CuPy calls one: grid, block, arguments."""
    del width
    entry = getattr(source or library(), f"run_{name}")

    def call(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        held = [np.array(one.ctypes.data if isinstance(one, np.ndarray) else one) for one in arguments]
        pointers = (ctypes.c_void_p * len(held))(*(one.ctypes.data for one in held))
        entry(grid[0], block[0], pointers)

    return call


class Processor:
    """NumPy in the place of CuPy: the few names that differ, the others as they are."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    asnumpy = staticmethod(np.asarray)

    class cuda:  # noqa: N801 - CuPy's name
        @staticmethod
        def get_current_stream() -> Any:
            return Stream


class Stream:
    """Nothing runs behind our back."""

    @staticmethod
    def synchronize() -> None: ...


class EmulatedCuda(CudaBackend):
    """The CUDA backend with its kernels on the processor and the lean reader; `blas` says who multiplies matrices."""

    name = "emulated"
    block_rows = 700

    def __init__(self, *, blas: bool = True) -> None:
        self.blas = blas

    @property
    def device(self) -> Device:
        kernels = launch.Kernels(Processor(), function, 3, lambda: self.blas)
        return Device(Processor(), np, kernels, 2**30, lambda: 0)
