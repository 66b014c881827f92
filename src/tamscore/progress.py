"""What a run tells while it works: stages with their progress, and notices."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Listener(Protocol):
    """Someone who shows progress: a bar, a log, a stream of JSON lines."""

    def begin(self, stage: str, total: int | None) -> None:
        """A stage of `total` units begins (None where that is not known)."""

    def advance(self, stage: str, by: int) -> None:
        """Some more units of the stage are done."""

    def end(self, stage: str, seconds: float, cpu_seconds: float) -> None:
        """The stage is over."""

    def notice(self, text: str) -> None:
        """Something a person should know."""


@dataclass(frozen=True)
class StageTime:
    """How long a stage took: wall and CPU seconds of this process."""

    stage: str
    seconds: float
    cpu_seconds: float


@dataclass
class Progress:
    """The one timer of a run: it feeds the listener, the manifest and the benchmark alike."""

    listener: Listener | None = None
    times: list[StageTime] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Time a stage; the function handed out reports units done."""
        if self.listener:
            self.listener.begin(name, total)
        wall, cpu = time.perf_counter(), time.process_time()
        yield partial(self._advance, name)
        spent = StageTime(name, time.perf_counter() - wall, time.process_time() - cpu)
        self.times.append(spent)
        if self.listener:
            self.listener.end(name, spent.seconds, spent.cpu_seconds)

    def notice(self, text: str) -> None:
        """Tell a person, and remember it for the manifest."""
        self.notices.append(text)
        if self.listener:
            self.listener.notice(text)

    def _advance(self, name: str, by: int) -> None:
        if self.listener:
            self.listener.advance(name, by)
