"""A GPU made of a CPU: arrays that follow the array-API standard to the letter, on a device that NumPy cannot read.

Every verb is the shared text of `backend.kernels`. So a NumPy function on a device array, an implicit copy to the
host, an array made on the wrong device, a mixture of types or a function outside the standard fails in a test, not on
somebody's GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_strict
import numpy as np
import pyarrow.parquet as pq

from tamscore.arrow import float_column
from tamscore.backend import kernels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.backend import Moments, Nearest, Sides
    from tamscore.schema import Partition

DEVICE = array_api_strict.Device("device1")
READ_ROWS = 611
"""So many rows are handed over at a time: more than a block, and no multiple of one."""


class FakeGpu:
    """A `Backend` on array-api-strict; blocks are small and odd, so that every loop over blocks turns often."""

    name = "fake_gpu"
    xp: Any = array_api_strict
    takes_codes = True

    def __init__(self, block_rows: int = 257) -> None:
        self.block_rows = block_rows

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Any]]:
        found = []
        for piece in partition.pieces:
            with pq.ParquetFile(piece.file) as file:
                found.append(file.read_row_groups(list(piece.row_groups), columns=columns))
        whole = [np.concatenate([float_column(table[name]) for table in found]) for name in columns]
        asked = [column if rows is None else column[rows] for column in whole]
        for start in range(0, max(len(asked[0]), 1), READ_ROWS):
            yield [self.put(column[start : start + READ_ROWS]) for column in asked]

    def put(self, host: Any) -> Any:
        if isinstance(host, array_api_strict._array_object.Array):
            raise TypeError("put: expected a host array, got one that is on a device already")
        copied = np.array(host)
        copied.flags.writeable = False
        return self.xp.asarray(copied, device=DEVICE)

    def get(self, device: Any) -> Any:
        if not isinstance(device, array_api_strict._array_object.Array):
            raise TypeError(f"get: expected a device array, got {type(device).__name__}")
        if device.device != DEVICE:
            raise ValueError(f"get: the array lies on {device.device}, where no stage should have made one")
        return np.array(device.to_device(array_api_strict.Device("CPU_DEVICE")))

    def scaler_stats(self, x: Any) -> Moments:
        return kernels.scaler_stats(self.xp, x, self.get)

    def segment_sum(self, rows: Any, label: Any, segments: int) -> Any:
        return kernels.segment_sum(self.xp, rows, label, segments)

    def segment_count(self, label: Any, segments: int) -> Any:
        return kernels.segment_count(self.xp, label, segments)

    def segment_order(self, value: Any, label: Any, segments: int) -> tuple[Any, Any]:
        ordered, offsets = kernels.segment_order(self.xp, value, label, segments)
        return ordered, self.get(offsets)

    def label(self, x: Any, sq_norms: Any, centers: Any) -> Any:
        del sq_norms
        return kernels.nearest(self.xp, x, centers).label

    def nearest(self, x: Any, centers: Any) -> Nearest:
        return kernels.nearest(self.xp, x, centers)

    def sides(self, x: Any, sq_norms: Any, centers: Any, before: Sides | None = None) -> Sides:
        return kernels.sides(self, x, sq_norms, centers, before)

    def sort_rows(self, keys: Sequence[Any]) -> Any:
        return kernels.sort_rows(self, keys)

    def memory(self) -> int:
        return 2**30

    def reading_bytes(self, rows: int, columns: int) -> int:
        return 8 * columns * min(rows, READ_ROWS)

    def sync(self) -> None:
        """Nothing runs behind our back."""
