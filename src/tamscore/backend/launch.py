"""How the kernels of `kernels.cu` are called: which one for which k, how many blocks, what lies where.

The array library comes as an argument, so that the same calls run on CuPy, and in the tests on a processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.backend import Array, Treatment

SOURCE = Path(__file__).with_name("kernels.cu")
WIDTHS = (8, 12, 16, 32, 64)
"""Scores a row that the kernels for few centers are made for; beyond the last a matrix product makes them."""
_THREADS = 128
_BLOCKS_A_PROCESSOR = 8
_COPIES = 16
"""Tables of sums that blocks add to, so that they do not wait for each other."""
_PRODUCT_BYTES = 2**29
"""So much memory a matrix of scores may take; more rows are taken in slices."""


def width_of(k: int) -> int:
    """The narrowest width that holds k scores, 0 where there is none."""
    return next((width for width in WIDTHS if k <= width), 0)


@dataclass(frozen=True)
class Kernels:
    """The kernels on one device: its array library, its kernels by width and name, its number of processors.

    `has_blas` says whether the array library can multiply matrices; else a kernel of ours does. It is asked only when a
    product is, since loading cuBLAS takes time.
    """

    cp: Any
    function: Callable[[int, str], Any]
    processors: int
    has_blas: Callable[[], bool]

    def label(self, x: Array, sq_norms: Array, centers: Array) -> Array:
        """The label (m,) of every row of a block, without distances."""
        x, centers, label = _align(self.cp, x), self.cp.ascontiguousarray(centers), self.labels(x)
        if width := width_of(len(centers)):
            self.launch(width, f"label_{width}", x, *self.spread_label(centers, width), label)
            return label
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
        label, tables = self.labels(x), self.tables(k, len(x))
        laid_out = self.spread_label(centers, width)
        self.launch(width, f"accumulate_{width}", x, *laid_out, label, tables, np.int32(len(tables)))
        return label, *self.add(tables)

    def sums(self, x: Array, label: Array, k: int) -> tuple[Array, Array]:
        """The sums (k, d) float64 and counts (k,) int64 of the rows by label."""
        x, label, tables = _align(self.cp, x), self.cp.ascontiguousarray(label), self.tables(k, len(x))
        self.launch(0, "add_rows", x, np.int32(k), label, tables, np.int32(len(tables)))
        return self.add(tables)

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
        """The arguments that tell a kernel of a width of its centers."""
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
        """Start a kernel with as many blocks as so many rows need, or as the processors hold; none for no rows."""
        if rows:
            blocks = min(-(-rows // _THREADS), self.processors * _BLOCKS_A_PROCESSOR)
            self.function(width, name)((blocks,), (_THREADS,), args)

    def labels(self, x: Array) -> Array:
        """Room for the labels (m,) of a block."""
        return self.cp.empty(x.shape[1], np.int64)

    def tables(self, k: int, features: int) -> Array:
        """Tables (copies, k, d + 1) of sums and counts, all zero."""
        copies = max(1, min(_COPIES, 2**22 // (k * (features + 1))))
        return self.cp.zeros((copies, k, features + 1), np.int64)

    def add(self, tables: Array) -> tuple[Array, Array]:
        """Sums (k, d) float64 and counts (k,) int64 of all tables: whole numbers, in whatever order they were added."""
        table = self.cp.sum(tables, axis=0)
        return table[:, :-1].astype(np.float64), self.cp.ascontiguousarray(table[:, -1])


def _align(cp: Any, x: Array) -> Array:
    """The block in float32 with the values of each feature side by side."""
    x = x if x.dtype == np.float32 else x.astype(np.float32)
    return x if x.strides[1] == x.itemsize else cp.ascontiguousarray(x)


def _slices(x: Array, k: int, itemsize: int) -> Iterator[slice]:
    """The rows of a block in slices whose scores (k, b) fit the memory for them."""
    rows = max(1, _PRODUCT_BYTES // (k * itemsize))
    return (slice(start, min(start + rows, x.shape[1])) for start in range(0, x.shape[1], rows))
