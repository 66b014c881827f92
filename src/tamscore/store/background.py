"""Files that a thread of its own puts in place, so that nobody waits for the disk or the store."""

from __future__ import annotations

from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

from tamscore.errors import first_line
from tamscore.store import commit

if TYPE_CHECKING:
    from tamscore.store.location import Location

_WAITING = 2
"""So many files wait at the most; who has another one waits, too."""
_PATIENCE_S = 3.0
"""So long may the thread take to end."""


class BackgroundWriter:
    """Puts files in place, one after the other; `problem` says why it has stopped doing so, None while it has not."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._files: Queue[tuple[Location, bytes] | None] = Queue(_WAITING)
        self._dropped = Event()
        self._thread: Thread | None = None

    def put(self, path: Location, data: bytes) -> None:
        """Put a file in place soon; nothing where an earlier one could not be."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="tamscore-checkpoints", daemon=True)
            self._thread.start()
        if self.problem is None:
            self._files.put((path, data))

    def end(self, *, drop: bool) -> None:
        """End the thread: at once with `drop`, and the files that wait are not written; else after these."""
        if self._thread is None:
            return
        if drop:
            self._dropped.set()
        with suppress(Full):
            self._files.put(None, timeout=_PATIENCE_S)
        self._thread.join(_PATIENCE_S)

    def _work(self) -> None:
        while (entry := self._files.get()) is not None:
            if self._dropped.is_set() or self.problem is not None:
                continue
            try:
                commit.place_bytes(entry[1], entry[0])
            except BaseException as error:  # noqa: BLE001 - reported by the caller; the run goes on
                self.problem = first_line(error)
