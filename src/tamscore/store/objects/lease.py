"""Holding an output in an object store alone: a lock object that its holder keeps changing for as long as it lives.

No clock is asked what time it is, and no two clocks are compared. Who finds the lock taken watches it for a while: if
it changes, the holder lives and is named; if it does not, the holder is dead and its lock is taken over, in one
conditional request that only one can win. A holder that was only asleep finds the lock taken when it wakes, and its
run fails before the pointer is set. All else it may still write is what its successor would write too.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tamscore.errors import RetryableError, UsageError
from tamscore.store.objects.bucket import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.store.objects.bucket import StoredObject
    from tamscore.store.objects.path import ObjectPath

_LOCK = "_lock"
BEAT_S, SILENT_S, LOOK_S = 5.0, 30.0, 1.0
"""Seconds between two signs of life, without one until a holder counts as dead, and between two looks at it."""
MARK = secrets.token_hex(8)


def _mine() -> str:
    """Return what marks the locks of this process."""
    return f"{os.getpid()}-{MARK}"


@contextmanager
def hold(output: ObjectPath, purpose: str) -> Iterator[None]:
    """Hold an output alone while what is inside runs.

    Raises RetryableError that names the holder where a living one has it; UsageError where the store cannot be
    written to, or does not keep the conditions that all of this rests on.
    """
    lock, over = output / _LOCK, threading.Event()
    beating = threading.Thread(target=_beat, args=(lock, purpose, over), daemon=True)
    _take(lock, purpose)
    try:
        require_conditions(lock, purpose)
        beating.start()
        yield
    finally:
        over.set()
        if beating.is_alive():
            beating.join(BEAT_S)
        _release(lock)


def _take(lock: ObjectPath, purpose: str) -> None:
    """Take the lock where it is free or its holder is dead; RetryableError with the holder's name else."""
    row, before = read_lock(lock)
    if row:
        before = _unchanged_for(lock, before, SILENT_S)
    try:
        _write(lock, _record(purpose), before)
    except ConflictError:
        raise _take_lease(lock) from None


def _unchanged_for(lock: ObjectPath, before: StoredObject | None, seconds: float) -> StoredObject | None:
    """The lock where its holder gave no sign of life for so long; RetryableError with its name as soon as it does."""
    patience = time.monotonic() + seconds
    while time.monotonic() < patience:
        time.sleep(LOOK_S)
        row, now = read_lock(lock)
        if not row:
            return now
        if now != before:
            raise _take_lease(lock)
    return before


def require_conditions(lock: ObjectPath, purpose: str) -> None:
    """Raise UsageError unless the store refuses what its conditions forbid."""
    _, earlier = read_lock(lock)
    _write(lock, _record(purpose), earlier)
    for stale in (None, earlier):
        try:
            lock.bucket.put(lock.key, json.dumps(_record(purpose)).encode(), over=stale)
        except ConflictError:
            continue
        raise UsageError(
            f"{lock.parent}: the store takes conditional writes without keeping their condition, so that two runs "
            "could damage each other's results; use a store that keeps If-None-Match and If-Match"
        )


def _beat(lock: ObjectPath, purpose: str, over: threading.Event) -> None:
    """Give signs of life until it is over, or the lock belongs to somebody else."""
    while not over.wait(BEAT_S):
        with suppress(RetryableError):  # the next one may get through
            row, before = read_lock(lock)
            if not _is_mine(row):
                return
            with suppress(ConflictError):
                _write(lock, _record(purpose), before)


def _release(lock: ObjectPath) -> None:
    """Free the lock, if it is still ours; where that fails it goes stale by itself."""
    with suppress(RetryableError, ConflictError):
        row, before = read_lock(lock)
        if _is_mine(row):
            _write(lock, {}, before)


def require_free(output: ObjectPath) -> None:
    """Raise RetryableError if somebody else holds the output, with the holder's name."""
    row, _ = read_lock(output / _LOCK)
    if row and not _is_mine(row):
        raise _take_lease(output / _LOCK)


def _write(lock: ObjectPath, content: dict[str, Any], before: StoredObject | None) -> None:
    """Write the lock over the version looked at; an answer that was lost is made up for by reading."""
    try:
        lock.bucket.put(lock.key, json.dumps(content).encode(), over=before)
    except (ConflictError, RetryableError):
        if read_lock(lock)[0] != content:
            raise


def _record(purpose: str) -> dict[str, Any]:
    """Return what the lock of this process says: never the same twice, so that each writing shows."""
    return {
        "holder": f"process {os.getpid()} on {socket.gethostname()}, {purpose}",
        "mark": _mine(),
        "beat": secrets.token_hex(8),
    }


def read_lock(lock: ObjectPath) -> tuple[dict[str, Any], StoredObject | None]:
    """Return what the lock says, nothing where it is free, and its version; of one moment."""
    try:
        data, entry = lock.bucket.get(lock.key)
    except FileNotFoundError:
        return {}, None
    try:
        row = json.loads(data)
    except ValueError:
        return {}, entry
    return (row if isinstance(row, dict) else {}), entry


def _is_mine(row: dict[str, Any]) -> bool:
    """Return whether a lock was written by this process."""
    return row.get("mark") == _mine()


def _take_lease(lock: ObjectPath) -> RetryableError:
    """The error that names the holder."""
    return RetryableError(f"{lock.parent}: held by {read_lock(lock)[0].get('holder', 'another run')}; wait for it")
