"""The commit protocol on an object store: conditional requests in place of the moves and flushes of `disk`.

An object appears as a whole or not at all, in one request. So there is nothing temporary: no upload in parts is begun,
and none can be left behind. An object is new, or replaces the exact version that was read before. If the answer to a
request is lost, the object is read to see whether the request succeeded.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from tamscore.errors import RetryableError, UsageError
from tamscore.store.objects.bucket import ConflictError
from tamscore.store.objects.lease import lock, require_free
from tamscore.store.placed import HashingFile, Placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.objects.bucket import StoredObject
    from tamscore.store.objects.path import ObjectPath

__all__ = [
    "discard",
    "lock",
    "place",
    "prepare",
    "put",
    "remove",
    "remove_folder",
    "require_held",
    "swap",
    "sweep",
    "sweep_beside",
    "version_at",
]

_TRIES = 4


def place(path: ObjectPath, write: Callable[[HashingFile], None]) -> Placed:
    """Write an object to the path with `write`, and return its size and hash.

    If another process puts the same bytes there, the work is done; a damaged object is replaced. Raise RetryableError
    if the store does not answer, or another process keeps writing to the path.
    """
    buffer = io.BytesIO()
    sink = HashingFile(buffer)
    write(sink)
    data, placed, before = buffer.getbuffer(), sink.place(), None
    for _ in range(_TRIES):
        if put(path, data, before):
            return placed
        lies_there, before = version_at(path)
        if lies_there == placed:
            return placed
    raise RetryableError(f"{path}: another process keeps writing to it; run again when it has ended")


def put(path: ObjectPath, data: bytes | memoryview, before: StoredObject | None) -> bool:
    """Return whether the object was put; if the answer was lost, the object is read to find out."""
    try:
        path.bucket.put(path.key, data, over=before)
    except ConflictError:
        return False
    except RetryableError:
        with suppress(RetryableError):
            if version_at(path)[0] == Placed.of_bytes(data):
                return True
        raise
    return True


def version_at(path: ObjectPath) -> tuple[Placed | None, StoredObject | None]:
    """Return size and hash of the object at a path, and its version; None twice if there is no object."""
    try:
        data, entry = path.bucket.get(path.key)
    except FileNotFoundError:
        return None, None
    return Placed.of_bytes(data), entry


def swap(path: ObjectPath, data: bytes) -> None:
    """Write these bytes to the pointer of an output, which must lie in the folder of the output.

    Raise RetryableError if another run holds the output by now, or has moved the pointer in between.
    """
    wanted = Placed.of_bytes(data)
    lies_there, before = version_at(path)
    require_free(path.parent)
    if lies_there == wanted or put(path, data, before) or version_at(path)[0] == wanted:
        return
    raise RetryableError(f"{path}: another run has moved it; nothing was removed, run again to make this one current")


def prepare(folder: ObjectPath) -> None:
    """Do nothing: object stores have no folders, and taking the lock shows whether the output is writable."""


def sweep(folder: ObjectPath, *, open_too: bool = False) -> None:
    """Do nothing: a killed run leaves no temporary object and no unfinished upload."""


def sweep_beside(path: ObjectPath) -> None:
    """Do nothing, as `sweep` does."""


def remove(path: ObjectPath, output: ObjectPath) -> None:
    """Remove an object; raise RetryableError if another process holds the output by now.

    A process that was frozen and has lost the output learns this before the request. One round trip lies between the
    two.
    """
    require_free(output)
    path.bucket.delete(path.key)


def require_held(output: ObjectPath) -> None:
    """Raise RetryableError if another process holds the output by now."""
    require_free(output)


def discard(folder: ObjectPath) -> None:
    """Remove all objects in a folder as far as possible; a missing right to delete is no error."""
    with suppress(RetryableError, UsageError):
        folder.bucket.delete_all([path.key for path in folder.below()])


def remove_folder(folder: ObjectPath) -> None:
    """Do nothing: a folder disappears with its last object."""
