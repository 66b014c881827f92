"""Score a whole total addressable market: clusters of peers, sales potential, whitespace and coverage for all.

The names below are the public face; what stands elsewhere in the package may change. They are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.cluster import MiniBatchKMeans
    from tamscore.errors import (
        DeviceError,
        GateError,
        InputContractError,
        JobFileError,
        MemoryLimitError,
        NothingToDo,
        RetryableError,
        TamscoreError,
        UsageError,
    )
    from tamscore.finished import FinishedRun, open_run
    from tamscore.jobs import load_job, refresh, run, score
    from tamscore.potential import Ladders, Money, potential_table, whitespace

__version__ = "0.2.0"
__all__ = [
    "DeviceError",
    "FinishedRun",
    "GateError",
    "InputContractError",
    "JobFileError",
    "Ladders",
    "MemoryLimitError",
    "MiniBatchKMeans",
    "Money",
    "NothingToDo",
    "RetryableError",
    "TamscoreError",
    "UsageError",
    "__version__",
    "load_job",
    "open_run",
    "potential_table",
    "refresh",
    "run",
    "score",
    "whitespace",
]
_HOMES = {
    "cluster": ("MiniBatchKMeans",),
    "finished": ("FinishedRun", "open_run"),
    "jobs": ("load_job", "refresh", "run", "score"),
    "potential": ("Ladders", "Money", "potential_table", "whitespace"),
}
"""The module of each public name; errors are all in `errors`."""


def __getattr__(name: str) -> Any:
    """Return a public name from the module that holds it; raise AttributeError if there is no such name."""
    if name not in __all__:
        raise AttributeError(f"module 'tamscore' has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), "errors")
    result = getattr(import_module(f"tamscore.{home}"), name)
    globals()[name] = result
    return result


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
