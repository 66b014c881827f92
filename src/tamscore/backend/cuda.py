"""The backend of NVIDIA GPUs: CuPy arrays, our own kernels for centers and sums, one of two readers for Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Moments, Nearest, Sides, cuda_device, kernels, lean
from tamscore.backend.coded import dense
from tamscore.backend.gpu_errors import device_errors
from tamscore.backend.host import READ_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.backend import Array, Treatment
    from tamscore.backend.coded import Block
    from tamscore.backend.cuda_device import Device
    from tamscore.schema import Partition


class CudaBackend:
    """CuPy on an NVIDIA GPU, with the lean reader; see `Backend` for the methods."""

    name = "cuda"
    takes_codes = False
    block_rows = 2**20
    """So many rows of 32 features keep the device busy for longer than the request of the next block takes."""

    @property
    def device(self) -> Device:
        """The GPU of this process."""
        return cuda_device.device()

    @property
    def xp(self) -> Any:
        """CuPy with the array-API standard."""
        return self.device.xp

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """Yield columns of a partition as float64 arrays (m,), nulls as NaN, in batches; only `rows` if given."""
        return lean.read(self.device.cp.asarray, partition, columns, rows)

    def put(self, host: Any) -> Array:
        """Return a host array on the device."""
        return self.device.cp.asarray(host)

    def get(self, device: Array) -> Any:
        """Return a device array as a NumPy array."""
        return self.device.cp.asnumpy(device)

    def scaler_stats(self, x: Array) -> Moments:
        """Return the moments of the rows of a feature-major array (d, m)."""
        return kernels.scaler_stats(self.xp, x, self.get)

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """Return the sum of the rows (d, m) of each label, as (segments, d) float64."""
        return self.device.kernels.sums(rows, label, segments)[0]

    def segment_count(self, label: Array, segments: int) -> Array:
        """Return the number of rows of each label (segments,) int64."""
        return self.device.cp.bincount(label, minlength=segments)

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Return values sorted within label, and the host offsets (segments + 1,) where each label begins."""
        cp = self.device.cp
        order = cp.argsort(value)
        order = order[cp.argsort(label[order], kind="stable")]
        counts = self.get(self.segment_count(label, segments))
        return value[order], np.concatenate(([0], np.cumsum(counts)))

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """Return the label of every row: in float32, and again in float64 if rounding could change it."""
        return self.device.kernels.label(dense(self.xp, x), sq_norms, centers)

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """Return the nearest and second nearest center of every row of a block."""
        return self.device.kernels.nearest(dense(self.xp, x), centers)

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """Return labels, sums and counts in one pass over memory; a start from an earlier pass would save nothing."""
        del before
        return Sides(*self.device.kernels.sides(dense(self.xp, x), sq_norms, centers))

    def prepare(self, column: Array, segment: Array, treatment: Treatment, out: Array) -> None:
        """Write the feature (m,) of a column to `out` in whole numbers, in one pass over memory."""
        self.device.kernels.prepare(column, segment, treatment, out)

    def sort_rows(self, keys: Sequence[Any]) -> Any:
        """Return the host order (n,) of rows by host keys (n,); see `SortsRows`."""
        with device_errors():
            return kernels.sort_rows(self, keys)

    def warm_up(self) -> None:
        """Import the libraries, create the context and load the kernels in a thread; earlier callers wait."""
        cuda_device.warm_up(lambda: self.device)

    def memory(self) -> int:
        """Return the bytes of memory that the GPU of this process has."""
        return self.device.memory

    def reading_bytes(self, rows: int, columns: int) -> int:
        """Return the bytes of one batch, whose columns are joined once all are read."""
        return 8 * columns * min(rows, lean.BATCH_ROWS + READ_ROWS)

    def peak_device_bytes(self) -> int:
        """Return the most bytes of the GPU's memory that this process has held at once."""
        return self.device.peak()

    def sync(self) -> None:
        """Wait until the device has finished all its work."""
        self.device.cp.cuda.get_current_stream().synchronize()
