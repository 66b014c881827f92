"""The backend of a CPU: NumPy arrays, PyArrow for Parquet."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column
from tamscore.backend import Array, Moments, Nearest, Sides, bounds, kernels
from tamscore.backend.coded import category_norm, numbers_of
from tamscore.backend.host_scores import least_two
from tamscore.errors import InputContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.backend.coded import Block
    from tamscore.schema import Partition


def batches(partition: Partition, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a partition a few at a time, so that no row group is in memory twice."""
    import pyarrow.parquet as pq

    for piece in partition.pieces:
        with pq.ParquetFile(piece.file, **_READING) as file:
            yield from file.iter_batches(
                READ_ROWS, row_groups=list(piece.row_groups), columns=columns, use_threads=False
            )


_READING: dict[str, Any] = {"page_checksum_verification": True, "pre_buffer": False, "buffer_size": 1 << 16}
"""Options for reading files: a small buffer, since loading whole columns first costs memory and time."""
READ_ROWS = 65_536
"""Number of Arrow rows that are turned into numbers at a time."""
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_FEW_SEGMENTS = 64
"""Up to so many segments, a product with the indicator matrix is faster than counting feature by feature."""


class HostBackend:
    """NumPy on the host; see `Backend` for the methods."""

    name = "cpu"
    xp: Any = np
    takes_codes = True
    block_rows = 16_384
    """So many rows of 32 features stay in a core's second-level cache."""

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """Yield columns of a partition as float64 arrays (m,), nulls as NaN, in batches; only `rows` if given."""
        import pyarrow as pa

        stop = 0
        for batch in batches(partition, columns):
            start, stop = stop, stop + len(batch)
            if stop > partition.rows:
                break
            if rows is not None:
                first, end = np.searchsorted(rows, (start, stop))
                batch = batch.take(pa.array(rows[first:end] - start))  # noqa: PLW2901
            yield [float_column(batch[name]) for name in columns]
        if stop != partition.rows:
            raise InputContractError(
                f"{partition.where}: the number of rows differs from its footer; write the file again"
            )
        if stop == 0:
            yield [np.empty(0) for _ in columns]

    def put(self, host: Any) -> Array:
        """Return the array itself: the host is the device."""
        return np.asarray(host)

    def get(self, device: Array) -> Any:
        """Return the array itself."""
        return device

    def scaler_stats(self, x: Array) -> Moments:
        """Return the moments of the rows of a feature-major array (d, m)."""
        return kernels.scaler_stats(np, x, np.asarray)

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """Return the sum of the rows (d, m) of each label, as (segments, d) float64."""
        if segments > _FEW_SEGMENTS:
            sums = [np.bincount(label, weights=feature, minlength=segments) for feature in rows]
            return np.array(sums).reshape(-1, segments).T
        return (label == np.arange(segments)[:, None]).astype(np.float64) @ rows.astype(np.float64).T

    def segment_count(self, label: Array, segments: int) -> Array:
        """Return the number of rows of each label (segments,) int64."""
        return np.bincount(label, minlength=segments)

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Return values sorted within label, and the offsets (segments + 1,) where each label begins."""
        offsets = np.concatenate(([0], np.cumsum(self.segment_count(label, segments))))
        narrow = label.astype(np.uint16 if segments <= 2**16 else np.int64)  # NumPy sorts short numbers by their digits
        ordered = value[np.argsort(narrow, kind="stable")]
        for start, stop in pairwise(offsets):
            ordered[start:stop].sort()
        return ordered, offsets

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """Return the label of every row: in float32, and again in float64 if rounding could change it."""
        return bounds.label_with_gap(x, sq_norms, centers)[0]

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """Return the nearest and second nearest center of every row: `kernels.nearest` with arrays that are reused."""
        numbers = numbers_of(x).astype(np.float64)
        label, best, second = least_two(centers, x, numbers)
        norm = np.einsum("ij,ij->j", numbers, numbers) + category_norm(x)
        return Nearest(label, best + norm, second + norm)

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """Return labels, sums and counts of rows; recompute only rows whose label can have changed."""
        return bounds.sides(self, x, sq_norms, centers, before)

    def memory(self) -> int:
        """Return the bytes of memory that this machine, or the container around this process, has."""
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        limits = [Path(path).read_text(encoding="ascii").strip() for path in _CONTAINER_LIMITS if Path(path).exists()]
        return min([whole, *(int(limit) for limit in limits if limit.isdecimal())])

    def reading_bytes(self, rows: int, columns: int) -> int:
        """Return 0: a few rows of Arrow are negligible beside the columns."""
        del rows, columns
        return 0

    def sync(self) -> None:
        """Do nothing: the host has no work left to wait for."""
