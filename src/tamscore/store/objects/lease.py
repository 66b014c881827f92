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

LOCK = "_lock"
BEAT_S, SILENT_S, LOOK_S = 5.0, 30.0, 1.0
"""Seconds between two signs of life, without one until a holder counts as dead, and between two looks at it."""
MARK = secrets.token_hex(8)


def mine() -> str:
    """What marks the locks of this process."""
    return f"{os.getpid()}-{MARK}"


@contextmanager
def hold(output: ObjectPath, purpose: str) -> Iterator[None]:
    """Hold an output alone while what is inside runs.

    Raises RetryableError that names the holder where a living one has it; UsageError where the store cannot be
    written to, or does not keep the conditions that all of this rests on.
    """
    lock, over = output / LOCK, threading.Event()
    beating = threading.Thread(target=beat, args=(lock, purpose, over), daemon=True)
    take(lock, purpose)
    try:
        require_conditions(lock, purpose)
        beating.start()
        yield
    finally:
        over.set()
        if beating.is_alive():
            beating.join(BEAT_S)
        release(lock)


def take(lock: ObjectPath, purpose: str) -> None:
    """Take the lock where it is free or its holder is dead; RetryableError with the holder's name else."""
    row, before = read_lock(lock)
    if row:
        before = unchanged_for(lock, before, SILENT_S)
    try:
        write(lock, record(purpose), before)
    except ConflictError:
        raise take_lease(lock) from None


def unchanged_for(lock: ObjectPath, before: StoredObject | None, seconds: float) -> StoredObject | None:
    """The lock where its holder gave no sign of life for so long; RetryableError with its name as soon as it does."""
    patience = time.monotonic() + seconds
    while time.monotonic() < patience:
        time.sleep(LOOK_S)
        row, now = read_lock(lock)
        if not row:
            return now
        if now != before:
            raise take_lease(lock)
    return before


def require_conditions(lock: ObjectPath, purpose: str) -> None:
    """Nothing, where the store refuses what its conditions forbid; UsageError else."""
    _, earlier = read_lock(lock)
    write(lock, record(purpose), earlier)
    for stale in (None, earlier):
        try:
            lock.bucket.put(lock.key, json.dumps(record(purpose)).encode(), over=stale)
        except ConflictError:
            continue
        raise UsageError(
            f"{lock.parent}: the store takes conditional writes without keeping their condition, so that two runs "
            "could damage each other's results; use a store that keeps If-None-Match and If-Match"
        )


def beat(lock: ObjectPath, purpose: str, over: threading.Event) -> None:
    """Give signs of life until it is over, or the lock belongs to somebody else."""
    while not over.wait(BEAT_S):
        with suppress(RetryableError):  # the next one may get through
            row, before = read_lock(lock)
            if not is_mine(row):
                return
            with suppress(ConflictError):
                write(lock, record(purpose), before)


def release(lock: ObjectPath) -> None:
    """Free the lock, if it is still ours; where that fails it goes stale by itself."""
    with suppress(RetryableError, ConflictError):
        row, before = read_lock(lock)
        if is_mine(row):
            write(lock, {}, before)


def require_free(output: ObjectPath) -> None:
    """Nothing, where nobody else holds the output; RetryableError with the holder's name else."""
    row, _ = read_lock(output / LOCK)
    if row and not is_mine(row):
        raise take_lease(output / LOCK)


def write(lock: ObjectPath, content: dict[str, Any], before: StoredObject | None) -> None:
    """Write the lock over the version looked at; an answer that was lost is made up for by reading."""
    try:
        lock.bucket.put(lock.key, json.dumps(content).encode(), over=before)
    except (ConflictError, RetryableError):
        if read_lock(lock)[0] != content:
            raise


def record(purpose: str) -> dict[str, Any]:
    """What the lock of this process says: never the same twice, so that each writing shows."""
    return {
        "holder": f"process {os.getpid()} on {socket.gethostname()}, {purpose}",
        "mark": mine(),
        "beat": secrets.token_hex(8),
    }


def read_lock(lock: ObjectPath) -> tuple[dict[str, Any], StoredObject | None]:
    """What the lock says, nothing where it is free, and its version; of one moment."""
    try:
        data, entry = lock.bucket.get(lock.key)
    except FileNotFoundError:
        return {}, None
    try:
        row = json.loads(data)
    except ValueError:
        return {}, entry
    return (row if isinstance(row, dict) else {}), entry


def is_mine(row: dict[str, Any]) -> bool:
    """Whether a lock was written by this process."""
    return row.get("mark") == mine()


def take_lease(lock: ObjectPath) -> RetryableError:
    """The error that names the holder."""
    return RetryableError(f"{lock.parent}: held by {read_lock(lock)[0].get('holder', 'another run')}; wait for it")
