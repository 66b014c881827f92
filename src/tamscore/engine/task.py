"""One piece of work on its worker: repeated after passing failures of storage or memory, with a name in its errors."""

from __future__ import annotations

import copy
import errno
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.backend.gpu_errors import device_errors
from tamscore.errors import MemoryLimitError, RetryableError, TamscoreError
from tamscore.schema import Partition

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSES_S = (0.2, 1.0)
"""Seconds to wait before a piece of work is repeated after a passing failure of the storage."""
_HALVINGS = 3
"""How often the block is halved when memory runs out; the numbers of a run do not depend on its size."""
_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        *("EAGAIN", "EBUSY", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EINTR", "EIO"),
        *("ENETDOWN", "ENETRESET", "ENETUNREACH", "EREMOTEIO", "ESTALE", "ETIMEDOUT"),
    )
    if hasattr(errno, name)
)
"""Errors of the storage that may pass in a moment; a full disk or a missing file are not among them."""


def name_of(item: Any, otherwise: str) -> str:
    """Return the name of an item for people: the file and row groups of its partition, if it has one."""
    partition = _partition_of(item)
    return partition.where if partition else str(getattr(item, "name", otherwise))


def _partition_of(item: Any) -> Partition | None:
    """Return the partition that an item is about, None if it is not about a partition."""
    if isinstance(item, tuple) and item:
        return _partition_of(item[0])
    partition = item if isinstance(item, Partition) else getattr(item, "partition", None)
    return partition if isinstance(partition, Partition) else None


def perform(function: Callable[..., Any], name: str, item: Any, *shared: Any) -> Any:
    """Return `function(item, *shared)`, repeated after passing failures of the storage, with smaller blocks on need.

    Raise RetryableError if the storage fails, MemoryLimitError if memory runs out, each with the item's name, and
    DeviceError if a GPU fails. Other errors pass through.
    """
    tries, halvings = iter(_PAUSES_S), 0
    while True:
        try:
            with device_errors():
                return function(item, *shared)
        except (MemoryError, OSError, TamscoreError) as error:
            cause = _reason(error)
            if isinstance(cause, MemoryError):
                smaller = _with_half_blocks(shared, halvings)
                if smaller is None:
                    raise _out_of_memory(name, item, cause) from cause
                shared, halvings = smaller, halvings + 1
                continue
            pause = next(tries, None) if _is_passing(cause) else None
            if pause is None and not _is_of_storage(error, cause):
                raise
            if pause is None:
                raise RetryableError(f"{name}: the storage fails ({cause}); look after it, then run again") from cause
        time.sleep(pause)


@dataclass(frozen=True)
class Failed:
    """An error of this package as a result, so that it is reported once, and not in the log of every worker, too."""

    error: TamscoreError


def perform_and_tell(function: Callable[..., Any], name: str, item: Any, *shared: Any) -> Any:
    """Return what `perform` returns, or its error if it is one of this package."""
    try:
        return perform(function, name, item, *shared)
    except TamscoreError as error:
        return Failed(error)


def _reason(error: BaseException) -> BaseException:
    """Return the cause of an error of this package: the failure of storage or memory, or the error itself."""
    below = error.__cause__
    return below if isinstance(error, TamscoreError) and isinstance(below, MemoryError | OSError) else error


def _is_passing(error: BaseException) -> bool:
    """Return whether the same work may succeed a moment later."""
    return isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno in _PASSING)


def _is_of_storage(error: BaseException, cause: BaseException) -> bool:
    """Return whether an error comes from the storage and has no message of this package yet."""
    return isinstance(error, OSError) or (_is_passing(cause) and not isinstance(error, RetryableError))


def _with_half_blocks(shared: tuple[Any, ...], halvings: int) -> tuple[Any, ...] | None:
    """Return the shared values, each backend with half its block; None after the last halving, or without any."""
    halved = tuple(map(halve, shared))
    same = all(item is other for item, other in zip(halved, shared, strict=True))
    return None if same or halvings >= _HALVINGS else halved


def _out_of_memory(name: str, item: Any, error: MemoryError) -> MemoryLimitError:
    """Return the error for memory that no smaller block saves, with the size of row groups to try."""
    detail = f" ({error})" if str(error) else ""
    partition = _partition_of(item)
    smaller = f"row groups of at most {max(1, partition.rows // 2):,} rows" if partition else "smaller row groups"
    return MemoryLimitError(
        f"{name}: out of memory{detail}; set engine.workers lower, write the input with {smaller}, "
        "or run on a machine with more memory"
    )


def halve(value: Any) -> Any:
    """Return a backend with half its block; anything else, and the smallest block, unchanged."""
    rows = getattr(value, "block_rows", None)
    if not isinstance(rows, int) or rows < 2:
        return value
    smaller = copy.copy(value)
    smaller.block_rows = rows // 2
    return smaller
