"""How the kernels of `kernels.cu` are called: which one for which k, how many blocks, what lies where.

The array library comes as an argument, so that the same calls run on CuPy, and in the tests on a processor.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tamscore.backend import Array, Treatment

SOURCE = Path(__file__).with_name("kernels.cu")
WIDTHS = (8, 12, 16, 32, 64)
"""Scores a row that the kernels for few centers are made for; beyond the last a matrix product makes them."""
_LABELLED = {8: 4, 12: 4, 16: 2, 32: 2, 64: 1}
"""Rows a thread of the kernels for labels alone, by width."""
_SUMMED = {8: 2, 12: 2, 16: 2, 32: 2, 64: 1}
"""Rows a thread of the kernels that sum rows too, whose tile of rows lies in shared memory; small tiles hold one."""
_TWO_ROWS = ("nearest_8", "nearest_12")
_THREADS = 128
_REGISTERS_TOGETHER = 256
"""A warp's registers are given out in pieces of so many."""
_ENOUGH_BLOCKS = 3
"""With so many blocks at home, one computes while others wait; where a large tile leaves fewer, a small one may do."""
_COPIES = 16
"""Tables of sums that blocks add to, so that they do not wait for each other."""
_REUSED_TABLES = 2**20
"""Tables of at most so many numbers are kept for the next pass."""
_PRODUCT_BYTES = 2**29
"""So much memory a matrix of scores may take; more rows are taken in slices."""


@dataclass(frozen=True)
class Limits:
    """Resources of a multiprocessor of a GPU, and the number of multiprocessors.

    Registers, bytes of shared memory, of which each block takes `reserved` for itself, threads and blocks at home.
    """

    processors: int
    registers: int
    shared: int
    reserved: int
    threads: int
    blocks: int

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Limits:
        """The limits that CUDA's properties of a device state."""
        names = (
            *("multiProcessorCount", "regsPerMultiprocessor", "sharedMemPerMultiprocessor"),
            *("reservedSharedMemPerBlock", "maxThreadsPerMultiProcessor", "maxBlocksPerMultiProcessor"),
        )
        return cls(*(int(properties[name]) for name in names))

    def at_home(self, registers: int, shared: int) -> int:
        """How many blocks with so many registers a thread and bytes of shared memory a multiprocessor holds at once."""
        of_warp = -(-registers * 32 // _REGISTERS_TOGETHER) * _REGISTERS_TOGETHER
        by_registers = self.registers // max(1, of_warp) // (_THREADS // 32)
        by_shared = self.shared // (shared + self.reserved) if shared + self.reserved else self.blocks
        return min(self.blocks, self.threads // _THREADS, by_registers, by_shared)


@dataclass(frozen=True)
class KernelTile:
    """A kernel that does a piece of work, the rows that a block of it takes at a time, and what a block needs.

    That is registers a thread and bytes of shared memory.
    """

    name: str
    rows: int
    registers: int
    shared: int

    @classmethod
    def of(cls, kernel: Any, name: str, rows_a_thread: int) -> KernelTile:
        """The tile of a compiled kernel, by what the driver says of it."""
        return cls(name, _THREADS * rows_a_thread, int(kernel.num_regs), int(kernel.shared_size_bytes))


@dataclass(frozen=True)
class Launch:
    """Which kernel is started, how many rows a block takes at a time, how many blocks the whole GPU holds at once."""

    name: str
    rows: int
    blocks: int


def tiles_of(width: int, name: str) -> list[tuple[str, int]]:
    """The kernels that do the work of a name, the largest tile first, each with its rows a thread."""
    if name == "add_rows":
        return [(name, 2), ("add_rows_small", 1)]
    if name == f"accumulate_{width}":
        large = _SUMMED[width]
        return [(name, large), *([(f"accumulate_small_{width}", 1)] if large > 1 else [])]
    if name == f"label_{width}":
        return [(name, _LABELLED[width])]
    return [(name, 2 if name in _TWO_ROWS else 1)]


def fit_launch(limits: Limits, tiles: Sequence[KernelTile]) -> Launch:
    """Return the first tile of which enough blocks are at home on a multiprocessor, else that of most blocks."""
    at_home = [limits.at_home(tile.registers, tile.shared) for tile in tiles]
    enough = (place for place, blocks in enumerate(at_home) if blocks >= _ENOUGH_BLOCKS)
    place = next(enough, int(np.argmax(at_home)))
    return Launch(tiles[place].name, tiles[place].rows, limits.processors * max(1, at_home[place]))


def width_of(k: int) -> int:
    """The narrowest width that holds k scores, 0 where there is none."""
    return next((width for width in WIDTHS if k <= width), 0)


@dataclass(frozen=True)
class Kernels:
    """The kernels on one device: its array library, its kernels by width and name, what its multiprocessors have.

    `has_blas` says whether the array library can multiply matrices; else a kernel of ours does. It is asked only when a
    product is, since loading cuBLAS takes time. `spare` holds tables that no pass is using, all zero, by their size.
    """

    cp: Any
    function: Callable[[int, str], Any]
    limits: Limits
    has_blas: Callable[[], bool]
    spare: dict[int, list[Array]] = field(default_factory=lambda: defaultdict(list))
    launches: dict[tuple[int, str], Launch] = field(default_factory=dict)

    def label(self, x: Array, sq_norms: Array, centers: Array) -> Array:
        """The label (m,) of every row of a block, without distances."""
        x, centers = _align(self.cp, x), self.cp.ascontiguousarray(centers)
        if width := width_of(len(centers)):
            label = self.labels(x, np.uint8)
            self.launch(width, f"label_{width}", x, *self.spread_label(centers, width), label)
            return label
        label = self.labels(x)
        scaled, own64 = (-2.0 * centers).astype(np.float32), self.cp.sum(centers * centers, axis=1)
        own = self.cp.concatenate((own64, self.cp.max(own64, keepdims=True))).astype(np.float32)
        for rows in _slices(x, len(centers), 4):
            products = self.product(scaled, x[:, rows])
            norms = self.cp.ascontiguousarray(sq_norms[rows])
            self.launch(
                0, "least_label", x[:, rows], np.int32(len(centers)), own, centers, own64, norms, label[rows],
                before=(products,),
            )  # fmt: skip
        return label

    def sides(self, x: Array, sq_norms: Array, centers: Array) -> tuple[Array, Array, Array]:
        """The label (m,) of every row, sums (k, d) float64 and counts (k,) int64: in one pass for few centers."""
        k, width = len(centers), width_of(len(centers))
        if not width:
            label = self.label(x, sq_norms, centers)
            return label, *self.sums(x, label, k)
        x, centers = _align(self.cp, x), self.cp.ascontiguousarray(centers)
        label, laid_out = self.labels(x, np.uint8), self.spread_label(centers, width)
        return label, *self.summed(width, f"accumulate_{width}", x, k, *laid_out, label)

    def sums(self, x: Array, label: Array, k: int) -> tuple[Array, Array]:
        """The sums (k, d) float64 and counts (k,) int64 of the rows by label."""
        label = self.cp.ascontiguousarray(label.astype(np.int64, copy=False))
        return self.summed(0, "add_rows", _align(self.cp, x), k, np.int32(k), label)

    def summed(self, width: int, name: str, x: Array, k: int, *args: Any) -> tuple[Array, Array]:
        """The sums (k, d) float64 and counts (k,) int64 that a kernel adds to tables, in whatever order.

        Tables are whole and zero again before any other pass may have them; one that breaks off keeps them for itself.
        """
        cp, features = self.cp, len(x)
        entries = k * (features + 1)
        copies = max(1, min(_COPIES, 2**22 // entries))
        sums, counts = cp.empty((k, features), np.float64), cp.empty(k, np.int64)
        size = 1 << (copies * entries - 1).bit_length()
        tables = self.take_tables(size)
        self.launch(width, name, x, *args, tables, np.int32(copies))
        self.start(0, "fold_tables", entries, tables, np.int32(copies), np.int32(k), np.int32(features), sums, counts)
        if size <= _REUSED_TABLES:
            self.spare[size].append(tables)
        return sums, counts

    def take_tables(self, size: int) -> Array:
        """So many zeros (size,) int64 that no other pass has; those of a pass before, if they are free."""
        try:
            return self.spare[size].pop()
        except IndexError:
            return self.cp.zeros(size, np.int64)

    def nearest(self, x: Array, centers: Array) -> Nearest:
        """The nearest and second nearest center of every row, exactly."""
        cp, k, width = self.cp, len(centers), width_of(len(centers))
        x, centers = _align(cp, x), cp.ascontiguousarray(centers)
        label, nearest, following = self.labels(x), *(cp.empty(x.shape[1], np.float64) for _ in range(2))
        if width:
            scaled, own = cp.empty((len(x), width), np.float64), cp.empty(width + 1, np.float64)
            self.spread("spread_nearest", centers, width, scaled, own)
            self.launch(width, f"nearest_{width}", x, scaled, own, label, nearest, following)
            return Nearest(label, nearest, following)
        own = cp.concatenate((cp.sum(centers * centers, axis=1), cp.full(1, np.inf)))
        for rows in _slices(x, k, 8):
            block = x[:, rows].astype(np.float64)
            products, norms = self.product(-2.0 * centers, block), cp.sum(block * block, axis=0)
            args = (products, np.int64(block.shape[1]), np.int32(k), own, norms)
            self.start(0, "least_nearest", block.shape[1], *args, label[rows], nearest[rows], following[rows])
        return Nearest(label, nearest, following)

    def prepare(self, column: Array, segment: Array, treatment: Treatment, out: Array) -> None:
        """Write the whole numbers (m,) float32 that a column (m,) float64 becomes to `out`."""
        cp, fill = self.cp, self.cp.asarray(treatment.fill, dtype=np.float64)
        flags = np.int32(len(fill)), np.int32(treatment.logarithm), np.int32(treatment.is_signed)
        bounds = treatment.low, treatment.high, treatment.center, treatment.factor, treatment.units, treatment.limit
        column, segment, rows = cp.ascontiguousarray(column), cp.ascontiguousarray(segment), len(column)
        self.start(0, "prepare", rows, column, segment, np.int64(rows), fill, *flags, *map(np.float64, bounds), out)

    def product(self, a: Array, x: Array) -> Array:
        """The product (k, m) of a (k, d) and x (d, m), both float32 or both float64; exact for whole numbers."""
        if self.has_blas():
            return self.cp.matmul(a, x)
        name = "product_float" if x.dtype == np.float32 else "product_double"
        product = self.cp.empty((len(a), x.shape[1]), x.dtype)
        self.launch(0, name, x, np.int32(len(a)), self.cp.ascontiguousarray(a), product)
        return product

    def spread_label(self, centers: Array, width: int) -> tuple[Any, ...]:
        """Return the arguments that pass the centers to a kernel of a width."""
        k, features = centers.shape
        scaled, own = self.cp.empty((features, width), np.float32), self.cp.empty(width + 1, np.float32)
        own64 = self.cp.empty(k, np.float64)
        self.spread("spread_label", centers, width, scaled, own, own64)
        return np.int32(k), scaled, own, centers, own64

    def spread(self, name: str, centers: Array, width: int, *into: Array) -> None:
        """Lay out centers for the scores of a width."""
        k, features = centers.shape
        args = (centers, np.int32(k), np.int32(features), np.int32(width), *into)
        self.function(0, name)((1,), (_THREADS,), args)

    def launch(self, width: int, name: str, x: Array, *args: Any, before: tuple[Any, ...] = ()) -> None:
        """Start a kernel on the rows of a block."""
        features, rows = x.shape
        stride = np.int64(x.strides[0] // x.itemsize)
        self.start(width, name, rows, *before, x, stride, np.int64(rows), np.int32(features), *args)

    def start(self, width: int, name: str, rows: int, *args: Any) -> None:
        """Start a kernel with as many blocks as so many rows need, or as are at home on the GPU; none for no rows."""
        if rows:
            launch = self.launch_of(width, name)
            blocks = min(-(-rows // launch.rows), launch.blocks)
            self.function(width, launch.name)((blocks,), (_THREADS,), args)

    def launch_of(self, width: int, name: str) -> Launch:
        """What is started for a width and a name on this device, found out once."""
        if (width, name) not in self.launches:
            tiles = [KernelTile.of(self.function(width, item), item, rows) for item, rows in tiles_of(width, name)]
            self.launches[width, name] = fit_launch(self.limits, tiles)
        return self.launches[width, name]

    def labels(self, x: Array, kind: Any = np.int64) -> Array:
        """Memory for the labels (m,) of a block: one byte each where they are those of a width of scores."""
        return self.cp.empty(x.shape[1], kind)


def _align(cp: Any, x: Array) -> Array:
    """The block in float32 with the values of each feature side by side."""
    x = x if x.dtype == np.float32 else x.astype(np.float32)
    return x if x.strides[1] == x.itemsize else cp.ascontiguousarray(x)


def _slices(x: Array, k: int, itemsize: int) -> Iterator[slice]:
    """The rows of a block in slices whose scores (k, b) fit the memory for them."""
    rows = max(1, _PRODUCT_BYTES // (k * itemsize))
    return (slice(start, min(start + rows, x.shape[1])) for start in range(0, x.shape[1], rows))
