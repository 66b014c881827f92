"""The two sets of GPU libraries: CuPy alone, with files decoded on the host, or RAPIDS, which decodes on the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LEAN = {"cupy": "CuPy", "array_api_compat": "array-api-compat"}
"""What every run on a GPU imports, by module."""
RAPIDS = {"cudf": "cuDF", "pylibcudf": "pylibcudf", "rmm": "RMM", "cuml": "cuML"}
"""What the full reader imports besides."""


_DECODE_SECONDS = 0.5 / 30e6
"""Seconds in which one processor decodes a number of a Parquet file: Arrow, 30 columns, measured on a CPU."""
_IMPORT_SECONDS = 5.8
"""CPU seconds that importing cuDF, RMM and cuML takes beyond CuPy, measured on a CPU."""


@dataclass(frozen=True)
class ReadingWork:
    """What a run reads: so many numbers in all, and the processors of the host there are for each GPU."""

    numbers: int
    processors: float

    @property
    def lean_seconds(self) -> float:
        """The seconds in which those processors decode all the numbers once."""
        return self.numbers * _DECODE_SECONDS / max(self.processors, 1.0)


@dataclass(frozen=True)
class Reader:
    """How columns reach the GPU, and why so; `missing` names what is not installed of the libraries of every reader."""

    name: Literal["lean", "full"]
    reason: str
    missing: tuple[str, ...] = ()


def choose_reader(find: Callable[[str], Any] = find_spec, work: ReadingWork | None = None) -> Reader:
    """Return the reader that costs less of those that are installed; imports no library.

    The lean one needs no RAPIDS, but the host decodes; the full one imports more, but the GPU decodes. Without `work`
    the full one is taken where RAPIDS is installed whole.
    """
    missing = tuple(name for module, name in LEAN.items() if find(module) is None)
    absent = [name for module, name in RAPIDS.items() if find(module) is None]
    if not absent:
        return _cheaper(work, missing)
    some = f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed"
    return Reader("lean", f"{some}: the host decodes, one copy a batch", missing)


def _cheaper(work: ReadingWork | None, missing: tuple[str, ...]) -> Reader:
    """Return the reader that costs less for the work where both are installed."""
    if work is None:
        return Reader("full", "RAPIDS is installed: cuDF decodes on the GPU, cuML scales", missing)
    size = f"{work.numbers:,} numbers, {work.processors:g} processors a GPU"
    costs = f"{size}: the host decodes in about {work.lean_seconds:.1f} s, RAPIDS is imported in {_IMPORT_SECONDS} s"
    if work.lean_seconds < _IMPORT_SECONDS:
        return Reader("lean", f"{costs}; one copy a batch", missing)
    return Reader("full", f"{costs}; cuDF decodes on the GPU, cuML scales", missing)
