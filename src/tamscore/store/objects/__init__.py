"""The commit protocol on an object store: what `disk` does with names and flushes, done with conditional requests.

An object appears whole or not at all, in one request, so that nothing temporary is ever there: no upload in parts is
begun, none can be left behind. An object is new, or takes the place of the very version that was looked at. An answer
that was lost is made up for by looking at what lies there.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from tamscore.errors import RetryableError, UsageError
from tamscore.store.objects.bucket import ConflictError
from tamscore.store.objects.lease import hold, require_free
from tamscore.store.placed import HashingFile, Placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.objects.bucket import StoredObject
    from tamscore.store.objects.path import ObjectPath

__all__ = [
    "discard",
    "hold",
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
    """Size and hash of the object that `write` has filled and that now lies at the path.

    Whoever else puts the same bytes there has done this one's work; a damaged object is replaced. Raises
    RetryableError where the store does not answer.
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
    raise RetryableError(f"{path}: somebody else keeps writing to it; run again when nobody does")


def put(path: ObjectPath, data: bytes | memoryview, before: StoredObject | None) -> bool:
    """Whether the object was put, as far as is known: an answer that was lost counts as none where it arrived."""
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
    """Size and hash of the object at a path and its version; None twice where there is none."""
    try:
        data, entry = path.bucket.get(path.key)
    except FileNotFoundError:
        return None, None
    return Placed.of_bytes(data), entry


def swap(path: ObjectPath, data: bytes) -> None:
    """Let the pointer of an output, which lies in the folder it is a pointer of, say this.

    Raises RetryableError where another run holds the output by now, or has moved the pointer in between.
    """
    wanted = Placed.of_bytes(data)
    lies_there, before = version_at(path)
    require_free(path.parent)
    if lies_there == wanted or put(path, data, before) or version_at(path)[0] == wanted:
        return
    raise RetryableError(f"{path}: another run has moved it; nothing was removed, run again to make this one current")


def prepare(folder: ObjectPath) -> None:
    """Do nothing: there are no folders to be made, and the lock tells whether anything can be written."""


def sweep(folder: ObjectPath, *, open_too: bool = False) -> None:
    """Do nothing: a killed run leaves no temporary object and no upload that was begun."""


def sweep_beside(path: ObjectPath) -> None:
    """Do nothing, as `sweep`."""


def remove(path: ObjectPath, output: ObjectPath) -> None:
    """Remove an object; raise RetryableError where another process holds the output by now.

    Who was frozen and has lost the output finds out before the request. Between the two lies one round trip.
    """
    require_free(output)
    path.bucket.delete(path.key)


def require_held(output: ObjectPath) -> None:
    """Raise RetryableError where another process holds the output by now."""
    require_free(output)


def discard(folder: ObjectPath) -> None:
    """Remove all objects in a folder, as far as that is possible: who may not delete needs no right to."""
    with suppress(RetryableError, UsageError):
        folder.bucket.delete_all([path.key for path in folder.below()])


def remove_folder(folder: ObjectPath) -> None:
    """Do nothing: a folder is gone with its last object."""
