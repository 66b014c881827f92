"""The interface of backends: the operations that the array-API standard lacks, or that are slow with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tamscore.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.backend.coded import Block
    from tamscore.schema import Partition

__all__ = [
    "DEVICE_LIBRARIES",
    "Array",
    "Backend",
    "CountsMemory",
    "FitsScalers",
    "Gaps",
    "Moments",
    "Nearest",
    "PreparesColumns",
    "Sides",
    "SortsRows",
    "Treatment",
    "WarmsUp",
    "holder",
    "load",
]

Array = Any
"""An array of the backend's namespace, on the backend's device."""


@dataclass(frozen=True)
class Moments:
    """Count (), mean (d,) and variance (d,) of rows, on the host in float64."""

    rows: int
    mean: Any
    variance: Any


@dataclass(frozen=True)
class Treatment:
    """The steps from a column as read to a feature: fill, clip, logarithm, center, scale, round, limit, in this order.

    `fill` (segments,) replaces a missing value in each market segment. `logarithm` turns x into log(1 + x), with
    `is_signed` into log(1 + |x|) with the sign of x. Then (x - center) * factor is rounded to whole `units`, at most
    `limit` of them.
    """

    fill: Any
    low: float
    high: float
    logarithm: bool
    is_signed: bool
    center: float
    factor: float
    units: float
    limit: float


@dataclass(frozen=True)
class Nearest:
    """Label (m,) int64 of the nearest center of each row, and squared distances (m,) to it and to the second one."""

    label: Array
    sq_distance: Array
    second_sq_distance: Array


@dataclass(frozen=True)
class Gaps:
    """By how many units (m,) at least the nearest of the `centers` (k, d) is nearer to a row than the others."""

    centers: Array
    least: Array


@dataclass(frozen=True)
class Sides:
    """The label (m,) of each row, and the sums (k, d) and counts (k,) of every label.

    Labels are integers of any width. `gaps` is present if the backend starts the next pass from it.
    """

    label: Array
    sums: Array
    counts: Array
    gaps: Gaps | None = None


class Backend(Protocol):
    """The device that holds arrays, and the operations on them.

    Blocks are feature-major `(d, m)` float32 and hold whole numbers (see `stages.grid`), at most `block_rows` rows.
    `label`, `nearest` and `sides` also take blocks with codes for categories (see `backend.coded`).
    """

    name: str
    block_rows: int
    takes_codes: bool
    """Whether these methods are faster on blocks with codes for categories than on blocks with indicators."""

    @property
    def xp(self) -> Any:
        """The array library that follows the array-API standard."""

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """Yield the columns of a partition as float64 arrays (m,), nulls as NaN, a few rows at a time.

        Yield at least once. If ascending positions `rows` are given, yield these rows only. Raise InputContractError if
        the file has more or fewer rows than its footer states.
        """

    def put(self, host: Any) -> Array:
        """Return a host array on the device."""

    def get(self, device: Array) -> Any:
        """Return a device array as a NumPy array."""

    def scaler_stats(self, x: Array) -> Moments:
        """Return the moments of the rows of a feature-major float64 array (d, m)."""

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """Return the sum of the rows (d, m) of each label, as (segments, d) float64; exact for whole numbers."""

    def segment_count(self, label: Array, segments: int) -> Array:
        """Return the number of rows of each label (segments,) int64."""

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Return values (m,) sorted within label, and the host offsets (segments + 1,) where each label begins."""

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """Return the label (m,) that `nearest` gives every row, without distances; integers of any width.

        `sq_norms` (m,) float64 are the squared norms of the rows.
        """

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """Return the nearest and second nearest of the centers (k, d) for every row of a block (d, m)."""

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """Return the labels that `label` gives the rows of a block, and their exact sums and counts.

        `before` is an earlier result for the same rows with equally many centers; a backend may start from it.
        """

    def memory(self) -> int:
        """Return the bytes of memory that the device of this process has."""

    def reading_bytes(self, rows: int, columns: int) -> int:
        """Return the most bytes of that memory that a read of so many rows takes beside the columns themselves."""

    def sync(self) -> None:
        """Wait until the device has finished all its work."""


@runtime_checkable
class CountsMemory(Protocol):
    """A backend that knows how much of its device's memory this process has used."""

    def peak_device_bytes(self) -> int:
        """Return the most bytes of device memory that this process has held at once."""


@runtime_checkable
class WarmsUp(Protocol):
    """A backend whose device takes time to start."""

    def warm_up(self) -> None:
        """Begin to start the device, and return at once; problems appear with the first array."""


@runtime_checkable
class FitsScalers(Protocol):
    """A backend whose libraries have scalers of their own."""

    def fit_scaler(self, kind: str, column: Array) -> tuple[float, float]:
        """Return the parameters that a scaler fits to a column (m,) without NaN; see `backend.scalers`."""


@runtime_checkable
class PreparesColumns(Protocol):
    """A backend that prepares a column in one pass over memory."""

    def prepare(self, column: Array, segment: Array, treatment: Treatment, out: Array) -> None:
        """Write the feature (m,) float32 of a column (m,) float64 with segments (m,) int64 to `out`, as integers."""


@runtime_checkable
class SortsRows(Protocol):
    """A backend whose device sorts all rows faster than one thread of the host."""

    def sort_rows(self, keys: Sequence[Any]) -> Any:
        """Return the host order (n,) int64 of rows by the first of some host keys (n,), ties by the next, and so on.

        Keys hold no NaN. Rows with equal keys keep their order. Raise MemoryError if the device is full.
        """


DEVICE_LIBRARIES = {"cupy": "cuda"}
"""Libraries whose arrays are on a device, and the backend of that device."""


def holder(array: object) -> Backend | None:
    """Return the backend of the device that holds an array; None for arrays on the host. Import no library."""
    name = DEVICE_LIBRARIES.get(type(array).__module__.partition(".")[0])
    return load(name) if name and hasattr(array, "shape") else None


@cache
def load(name: str, reader: str | None = None) -> Backend:
    """Return the backend of a device, `cpu` or `cuda`, created once per process; `reader` names the reader of a GPU.

    The GPU stays unused until the first array. Raise DeviceError if there is no such backend.
    """
    if name == "cpu":
        from tamscore.backend.host import HostBackend

        return HostBackend()
    if name == "cuda":
        from tamscore.backend.cuda import CudaBackend
        from tamscore.backend.rapids import RapidsBackend
        from tamscore.backend.reader import choose_reader

        return RapidsBackend() if (reader or choose_reader().name) == "full" else CudaBackend()
    raise DeviceError(f"device = {name!r}: this version has no such backend; set device = 'cpu'")
