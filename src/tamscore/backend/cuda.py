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
    """CuPy on an NVIDIA GPU, fed by the lean reader; see `Backend` for the verbs."""

    name = "cuda"
    takes_codes = False
    block_rows = 2**20
    """So many rows of 32 features keep the device busy for longer than it takes to ask for the next."""

    @property
    def device(self) -> Device:
        """The GPU of this process."""
        return cuda_device.device()

    @property
    def xp(self) -> Any:
        """CuPy by the array-API standard."""
        return self.device.xp

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """The columns of a partition as float64 arrays (m,), nulls as NaN, a few at a time; of the `rows` if given."""
        return lean.read(self.device.cp.asarray, partition, columns, rows)

    def put(self, host: Any) -> Array:
        """A host array on the device."""
        return self.device.cp.asarray(host)

    def get(self, device: Array) -> Any:
        """A device array as a NumPy array."""
        return self.device.cp.asnumpy(device)

    def scaler_stats(self, x: Array) -> Moments:
        """The moments of the rows of a feature-major array (d, m)."""
        return kernels.scaler_stats(self.xp, x, self.get)

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """The sum of the rows (d, m) of each label, as (segments, d) float64."""
        return self.device.kernels.sums(rows, label, segments)[0]

    def segment_count(self, label: Array, segments: int) -> Array:
        """The number of rows of each label (segments,) int64."""
        return self.device.cp.bincount(label, minlength=segments)

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Values sorted within label, and the host offsets (segments + 1,) where each label begins."""
        cp = self.device.cp
        order = cp.argsort(value)
        order = order[cp.argsort(label[order], kind="stable")]
        counts = self.get(self.segment_count(label, segments))
        return value[order], np.concatenate(([0], np.cumsum(counts)))

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """The label of every row: in float32, and again in float64 where rounding could have decided."""
        return self.device.kernels.label(dense(self.xp, x), sq_norms, centers)

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """The nearest and second nearest center of every row of a block."""
        return self.device.kernels.nearest(dense(self.xp, x), centers)

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """Labels, sums and counts in one pass over memory: to start from a pass before would save nothing."""
        del before
        return Sides(*self.device.kernels.sides(dense(self.xp, x), sq_norms, centers))

    def prepare(self, column: Array, segment: Array, treatment: Treatment, out: Array) -> None:
        """Write the whole numbers (m,) that a column becomes to `out`, in one pass over memory."""
        self.device.kernels.prepare(column, segment, treatment, out)

    def sort_rows(self, keys: Sequence[Any]) -> Any:
        """The host order (n,) of rows by host keys (n,); see `SortsRows`."""
        with device_errors():
            return kernels.sort_rows(self, keys)

    def warm_up(self) -> None:
        """Import the libraries, make the context and load the kernels in a thread; whoever comes earlier waits."""
        cuda_device.warm_up(lambda: self.device)

    def memory(self) -> int:
        """The bytes of memory that the GPU of this process has."""
        return self.device.memory

    def reading_bytes(self, rows: int, columns: int) -> int:
        """A batch, whose columns are put together once all are there."""
        return 8 * columns * min(rows, lean.BATCH_ROWS + READ_ROWS)

    def peak_device_bytes(self) -> int:
        """The most bytes of the GPU's memory that this process has held at once."""
        return self.device.peak()

    def sync(self) -> None:
        """Wait until the device has done all that was asked of it."""
        self.device.cp.cuda.get_current_stream().synchronize()
