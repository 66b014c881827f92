"""One algorithm text, two devices: the few verbs that array algebra cannot say, or says slowly."""

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
    """Count (), mean (d,) and variance (d,) of the rows seen, on the host in float64."""

    rows: int
    mean: Any
    variance: Any


@dataclass(frozen=True)
class Treatment:
    """What makes a column as read a feature of a block: fill, clip, bend, center, scale, round, bound, in this order.

    `fill` (segments,) is what stands for a missing value in each market segment. `logarithm` bends x to log(1 + x),
    with `is_signed` to log(1 + |x|) with the sign of x. Then (x - center) * factor is rounded to whole `units`, at
    most `limit` of them.
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
    """For every row: label (m,) int64 of the nearest center, and the squared distances (m,) to it and to the second."""

    label: Array
    sq_distance: Array
    second_sq_distance: Array


@dataclass(frozen=True)
class Gaps:
    """How many units (m,) nearer than any other the nearest of the centers (k, d) of a pass is at least, by row."""

    centers: Array
    least: Array


@dataclass(frozen=True)
class Sides:
    """The sides that rows have taken: the label (m,) of each, and the sums (k, d) and counts (k,) of every label.

    Labels are integers of any width. `gaps` are there where the backend starts the next pass from them.
    """

    label: Array
    sums: Array
    counts: Array
    gaps: Gaps | None = None


class Backend(Protocol):
    """Where arrays live and who computes on them.

    Blocks are feature-major `(d, m)` float32 and hold whole numbers (see `stages.grid`), `block_rows` rows at the most;
    `label`, `nearest` and `sides` take those with codes for categories as well (see `backend.coded`).
    """

    name: str
    block_rows: int
    takes_codes: bool
    """Whether blocks with codes for categories cost its verbs less than those with indicators."""

    @property
    def xp(self) -> Any:
        """The array library, by the array-API standard."""

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Array]]:
        """The columns of a partition as float64 arrays (m,), nulls as NaN, a few rows at a time.

        Once at least, and of the `rows` alone, ascending, where they are given. InputContractError where there
        are more or fewer than the footer tells of.
        """

    def put(self, host: Any) -> Array:
        """A host array on the device."""

    def get(self, device: Array) -> Any:
        """A device array as a NumPy array."""

    def scaler_stats(self, x: Array) -> Moments:
        """The moments of the rows of a feature-major float64 array (d, m)."""

    def segment_sum(self, rows: Array, label: Array, segments: int) -> Array:
        """The sum of the rows (d, m) of each label, as (segments, d) float64; exact for whole numbers."""

    def segment_count(self, label: Array, segments: int) -> Array:
        """The number of rows of each label (segments,) int64."""

    def segment_order(self, value: Array, label: Array, segments: int) -> tuple[Array, Any]:
        """Values (m,) sorted within label, label by label, and the host offsets (segments + 1,) where each begins."""

    def label(self, x: Block, sq_norms: Array, centers: Array) -> Array:
        """The label (m,) that `nearest` gives every row, for passes that need no distances; integers of any width.

        `sq_norms` (m,) float64 are the squared norms of the rows.
        """

    def nearest(self, x: Block, centers: Array) -> Nearest:
        """The nearest and second nearest of the centers (k, d) for every row of a block (d, m)."""

    def sides(self, x: Block, sq_norms: Array, centers: Array, before: Sides | None = None) -> Sides:
        """The labels that `label` gives the rows of a block, and their sums and counts, exactly.

        `before` is what this verb said of the same rows under as many other centers: who likes may start from it.
        """

    def memory(self) -> int:
        """The bytes of memory that the device of this process has."""

    def reading_bytes(self, rows: int, columns: int) -> int:
        """The most bytes of that memory that reading so many rows of numbers takes beside the columns themselves."""

    def sync(self) -> None:
        """Wait until the device has done all that was asked of it."""


@runtime_checkable
class CountsMemory(Protocol):
    """A backend that knows how much of its device's memory this process has used."""

    def peak_device_bytes(self) -> int:
        """The most bytes of device memory that this process has held at once."""


@runtime_checkable
class WarmsUp(Protocol):
    """A backend whose device takes time to start."""

    def warm_up(self) -> None:
        """Begin to start it, and return at once; problems show when the first array is asked for."""


@runtime_checkable
class FitsScalers(Protocol):
    """A backend whose libraries have scalers of their own."""

    def fit_scaler(self, kind: str, column: Array) -> tuple[float, float]:
        """Return what a scaler of that kind finds in a column (m,) without NaN; see `backend.scalers`."""


@runtime_checkable
class PreparesColumns(Protocol):
    """A backend that prepares a column in one pass over memory."""

    def prepare(self, column: Array, segment: Array, treatment: Treatment, out: Array) -> None:
        """Write the whole numbers (m,) float32 that a column (m,) float64 with segments (m,) int64 becomes to `out`."""


@runtime_checkable
class SortsRows(Protocol):
    """A backend on whose device a sort of all rows takes less than on one thread of the host."""

    def sort_rows(self, keys: Sequence[Any]) -> Any:
        """Return the host order (n,) int64 of rows by the first of some host keys (n,), ties by the next, and so on.

        Keys hold no NaN; rows that all keys leave together stay as they are. Raises MemoryError if the device is full.
        """


DEVICE_LIBRARIES = {"cupy": "cuda"}
"""Libraries whose arrays lie on a device, and the backend of that device."""


def holder(array: object) -> Backend | None:
    """Return the backend of the device that an array lies on; None for what lies on the host. Imports no library."""
    name = DEVICE_LIBRARIES.get(type(array).__module__.partition(".")[0])
    return load(name) if name and hasattr(array, "shape") else None


@cache
def load(name: str, reader: str | None = None) -> Backend:
    """The backend of a device, `cpu` or `cuda`, made once per process; a GPU is fed by the `reader`, if one is named.

    Nothing is asked of a GPU before the first array is. Raises DeviceError where there is no such backend.
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
