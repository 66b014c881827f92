"""The CUDA kernels on a processor: their own text, compiled by the machine's C++ compiler, and called as on a GPU."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tamscore.backend import launch
from tamscore.backend.cuda import CudaBackend
from tamscore.backend.cuda_device import Device

COMPILER = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
FOR_WIDTH = ("label", "accumulate", "nearest")
SMALL = tuple((width, f"accumulate_small_{width}") for width in launch.WIDTHS if width < launch.WIDTHS[-1])
FOR_ALL = (
    *("spread_label", "spread_nearest", "add_rows", "add_rows_small", "fold_tables", "least_label", "least_nearest"),
    *("product_float", "product_double", "prepare"),
)
HERE = Path(__file__).parent
NEEDS = {
    "accumulate_8": (96, 34_500),
    "accumulate_12": (128, 35_044),
    "accumulate_16": (128, 35_600),
    "accumulate_32": (168, 37_776),
    "accumulate_64": (168, 25_500),
    "accumulate_small_8": (96, 17_860),
    "accumulate_small_12": (128, 18_404),
    "accumulate_small_16": (128, 18_948),
    "accumulate_small_32": (128, 21_124),
    "add_rows": (64, 33_920),
    "add_rows_small": (64, 17_024),
}
"""Registers a thread, at most, and bytes of shared memory of kernels with tiles of rows, as compilers report them."""
GPUS = {
    (7, 5): launch.Limits(40, 65_536, 65_536, 0, 1_024, 16),
    (8, 0): launch.Limits(108, 65_536, 167_936, 1_024, 2_048, 32),
    (8, 6): launch.Limits(72, 65_536, 102_400, 1_024, 1_536, 16),
    (8, 9): launch.Limits(58, 65_536, 102_400, 1_024, 1_536, 24),
    (9, 0): launch.Limits(132, 65_536, 233_472, 1_024, 2_048, 32),
    (10, 0): launch.Limits(148, 65_536, 233_472, 1_024, 2_048, 32),
    (12, 0): launch.Limits(170, 65_536, 102_400, 1_024, 1_536, 24),
}
"""What T4, A100, A10, L4, H100, B200 and GeForce RTX 5090 have, by compute capability, from NVIDIA's tables."""
FLAGS = ["-std=c++17", "-O1", "-fPIC", "-shared", "-x", "c++", "-Wno-unknown-pragmas", "-w"]


def names() -> list[tuple[int, str]]:
    """Every kernel, with the width that it is compiled for: 0 for those that serve all."""
    every = [(width, f"{name}_{width}") for width in launch.WIDTHS for name in FOR_WIDTH]
    return [*every, *SMALL, *((0, name) for name in FOR_ALL)]


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
    """A kernel that is called as CuPy calls one: grid, block, arguments; it needs what `NEEDS` says, as on a GPU."""
    del width
    entry = getattr(source or library(), f"run_{name}")

    def call(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        held = [np.array(one.ctypes.data if isinstance(one, np.ndarray) else one) for one in arguments]
        pointers = (ctypes.c_void_p * len(held))(*(one.ctypes.data for one in held))
        entry(grid[0], block[0], pointers)

    call.num_regs, call.shared_size_bytes = NEEDS.get(name, (64, 2_048))  # type: ignore[attr-defined]
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

    def __init__(self, *, blas: bool = True, capability: tuple[int, int] = (9, 0)) -> None:
        self.blas, self.capability = blas, capability

    @property
    def device(self) -> Device:
        return device_of(self.blas, self.capability)


@cache
def device_of(blas: bool, capability: tuple[int, int]) -> Device:
    """A GPU of a compute capability with one multiprocessor, so that each block has rows enough to go on with."""
    kernels = launch.Kernels(Processor(), function, replace(GPUS[capability], processors=1), lambda: blas)
    return Device(Processor(), np, kernels, 2**30, lambda: 0)
