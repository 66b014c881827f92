"""The CUDA kernels compile for every architecture that is promised, within the registers that keep a GPU busy."""

from __future__ import annotations

import re

import pytest

from tamscore.backend import cubins, launch
from tests.emulated import NEEDS, names

BY_WIDTH = {8: (96, 128), 12: (128, 168), 16: (128, 168), 32: (168, 255), 64: (255, 255)}
"""The most registers a thread by width of the scores, in float32 and in float64.

With 128 threads a block, 65,536 registers hold 16 warps up to k = 16, and 8 beyond 32.
"""
LABELS = {8: 128, 12: 168}
"""The same for labels alone of four rows a thread: 16 warps, and 12."""
SERVING_ALL = 128
SPILLED = {"nearest_64": 64}
"""Bytes that a kernel may put aside in memory; the others none. 64 scores in float64 fill half of all registers."""
SHARED = 48 * 1024
"""Bytes of shared memory that every architecture gives a block without being asked."""
FOUND = re.compile(
    r"entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers([^\n]*)",
    re.DOTALL,
)


class Log:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def most_registers(name: str) -> int:
    """The budget of a kernel."""
    kind, _, width = name.rpartition("_")
    if kind == "label" and int(width) in LABELS:
        return LABELS[int(width)]
    return BY_WIDTH[int(width)][kind == "nearest"] if width.isdigit() else SERVING_ALL


@pytest.mark.parametrize("capability", cubins.ARCHITECTURES, ids=str)
def test_every_kernel_compiles_within_its_budget(capability):
    """No driver and no GPU is asked for. What comes out is what a wheel takes along: all kernels are in it."""
    log = Log()
    code = cubins.compile_cubin(launch.SOURCE.read_text(encoding="utf-8"), capability, log, ptxas_options=["-v"])
    assert "warning" not in log.text
    assert code.startswith(b"\x7fELF")
    assert all(name.encode() in code for _, name in names())
    found = {name: (int(spilled), int(registers), rest) for name, spilled, registers, rest in FOUND.findall(log.text)}
    assert set(found) == {name for _, name in names()}
    for name, (spilled, registers, rest) in found.items():
        assert spilled <= SPILLED.get(name, 0), name
        assert registers <= most_registers(name), name
        shared = re.search(r"(\d+) bytes smem", rest)
        assert (int(shared[1]) if shared else 0) <= SHARED, name
        if name in NEEDS:  # what the choice of tiles is tested with
            assert registers <= NEEDS[name][0], name
            assert shared, name
            assert NEEDS[name][1] - 64 < int(shared[1]) <= NEEDS[name][1], name


@pytest.mark.parametrize("width", [0, *launch.WIDTHS])
def test_a_process_compiles_only_what_it_calls(width):
    """As the backend does: the kernels of one width, or those that serve all."""
    log = Log()
    options = {"ptxas_options": ["-v"], "define_macro": f"ONLY={width}"}
    cubins.compile_cubin(launch.SOURCE.read_text(encoding="utf-8"), (9, 0), log, **options)
    found = {name for name, *_ in FOUND.findall(log.text)}
    assert found >= {name for of, name in names() if of == width}
    assert not found & {name for of, name in names() if of not in (0, width)}


def test_a_budget_that_is_broken_is_seen():
    """The pattern reads registers and spills out of the compiler's own words."""
    log = "entry function 'f' for 'sm_90'\n 8 bytes stack, 12 bytes spill stores\nUsed 40 registers, 1 bytes smem"
    assert FOUND.findall(log) == [("f", "12", "40", ", 1 bytes smem")]


@pytest.mark.parametrize(
    ("k", "width"), [(1, 8), (8, 8), (9, 12), (13, 16), (17, 32), (33, 64), (64, 64), (65, 0), (10_000, 0)]
)
def test_the_narrowest_width_serves(k, width):
    assert launch.width_of(k) == width
