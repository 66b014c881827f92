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


@dataclass(frozen=True)
class Reader:
    """How columns reach the GPU, and why so; `missing` names what is not installed of the libraries of every reader."""

    name: Literal["lean", "full"]
    reason: str
    missing: tuple[str, ...] = ()


def choose_reader(find: Callable[[str], Any] = find_spec) -> Reader:
    """Return the full reader if RAPIDS is installed whole, else the lean one; imports no library."""
    missing = tuple(name for module, name in LEAN.items() if find(module) is None)
    absent = [name for module, name in RAPIDS.items() if find(module) is None]
    if not absent:
        return Reader("full", "RAPIDS is installed: cuDF decodes on the GPU, cuML scales", missing)
    some = f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed"
    return Reader("lean", f"{some}: the host decodes, one copy a batch", missing)
