"""One heap for all threads of a process: what one gives back, the next one takes."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

_ARENA_MAX = -8
"""`M_ARENA_MAX` of the GNU C library's `mallopt`."""


@cache
def share() -> None:
    """Let NumPy and Arrow take memory from one place, once in a process.

    By default each thread has an arena, and Arrow a pool of its own, and each keeps what it has once had: a quarter of
    the peak of a run. Where the C library is another, nothing changes.
    """
    import pyarrow as pa

    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
        pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Give the system what lies free in the heap, where the C library can: worth it after many things are gone.

    In their places nothing larger would fit, so that the heap would grow although it is half empty.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
