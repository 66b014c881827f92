"""The lock of an output in an object store: an object that its holder changes for as long as the holder lives.

No clock time is read, and no two clocks are compared. A process that finds the lock taken watches it for a while. If it
changes, the holder lives and is named in the error. If not, the holder is dead and its lock is taken over, in one
conditional request that only one process can win. A holder that was only suspended finds the lock taken when it wakes,
and its run fails before the pointer is set. Everything else that it may still write equals what its successor writes.
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
"""Seconds between signs of life, without a sign until a holder counts as dead, and between looks at the lock."""
MARK = secrets.token_hex(8)


def _mine() -> str:
    """Return the mark of this process's locks."""
    return f"{os.getpid()}-{MARK}"


@contextmanager
def lock(output: ObjectPath, purpose: str) -> Iterator[None]:
    """Hold the lock of an output during the block.

    Raise RetryableError, with the holder's name, if a living process has the lock. Raise UsageError if the store is not
    writable, or does not keep the conditions of requests that the lock depends on.
    """
    lock, over = output / _LOCK, threading.Event()
    beating = threading.Thread(target=_beat, args=(lock, purpose, over), daemon=True)
    _acquire(lock, purpose)
    try:
        require_conditions(lock, purpose)
        beating.start()
        yield
    finally:
        over.set()
        if beating.is_alive():
            beating.join(BEAT_S)
        _release(lock)


def _acquire(lock: ObjectPath, purpose: str) -> None:
    """Take the lock if it is free or its holder is dead; else raise RetryableError with the holder's name."""
    row, before = read_lock(lock)
    if row:
        before = _unchanged_for(lock, before, SILENT_S)
    try:
        _write(lock, _record(purpose), before)
    except ConflictError:
        raise _take_lease(lock) from None


def _unchanged_for(lock: ObjectPath, before: StoredObject | None, seconds: float) -> StoredObject | None:
    """Return the lock if its holder gave no sign of life for so long; raise RetryableError with its name on a sign."""
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
    """Raise UsageError unless the store refuses requests whose conditions do not hold."""
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
    """Give signs of life until `over` is set, or the lock belongs to another process."""
    while not over.wait(BEAT_S):
        with suppress(RetryableError):  # the next one may get through
            row, before = read_lock(lock)
            if not _is_mine(row):
                return
            with suppress(ConflictError):
                _write(lock, _record(purpose), before)


def _release(lock: ObjectPath) -> None:
    """Free the lock if it still belongs to this process; if that fails, the lock becomes stale."""
    with suppress(RetryableError, ConflictError):
        row, before = read_lock(lock)
        if _is_mine(row):
            _write(lock, {}, before)


def require_free(output: ObjectPath) -> None:
    """Raise RetryableError with the holder's name if another process holds the output."""
    row, _ = read_lock(output / _LOCK)
    if row and not _is_mine(row):
        raise _take_lease(output / _LOCK)


def _write(lock: ObjectPath, content: dict[str, Any], before: StoredObject | None) -> None:
    """Write the lock over the version that was read; if the answer is lost, the lock is read to see the outcome."""
    try:
        lock.bucket.put(lock.key, json.dumps(content).encode(), over=before)
    except (ConflictError, RetryableError):
        if read_lock(lock)[0] != content:
            raise


def _record(purpose: str) -> dict[str, Any]:
    """Return the content of this process's lock: never the same twice, so that each write is visible."""
    return {
        "holder": f"process {os.getpid()} on {socket.gethostname()}, {purpose}",
        "mark": _mine(),
        "beat": secrets.token_hex(8),
    }


def read_lock(lock: ObjectPath) -> tuple[dict[str, Any], StoredObject | None]:
    """Return content and version of the lock at one moment; the content is empty if the lock is free."""
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
    """Return the error that names the holder."""
    return RetryableError(f"{lock.parent}: held by {read_lock(lock)[0].get('holder', 'another run')}; wait for it")
