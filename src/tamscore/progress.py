"""What a run tells while it works: stages with their progress, and notices."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_UNITS = {"guard": "party types", "fit": "party types", "inspect": "bytes", "write": "bytes"}
"""What the stages count, where it is not rows."""


def unit_of(stage: str) -> str:
    """Return what a stage counts."""
    return _UNITS.get(stage, "rows")


@dataclass(frozen=True)
class StageTime:
    """How long a stage took: wall and CPU seconds of this process; and how many units it did (see `unit_of`)."""

    stage: str
    seconds: float
    cpu_seconds: float
    done: int = 0


class Listener:
    """Someone who shows progress: a bar, a log, a stream of JSON lines. What it says nothing of, it leaves as here."""

    def name_of(self, run_key: str) -> None:
        """The run has its key."""

    def begin(self, stage: str, total: int | None) -> None:
        """A stage of `total` units begins (None where that is not known)."""

    def advance(self, stage: str, by: int) -> None:
        """Some more units of the stage are done."""

    def end(self, spent: StageTime) -> None:
        """The stage is over."""

    def notice(self, text: str) -> None:
        """Something a person should know."""


@dataclass(frozen=True)
class Peak:
    """The most memory in bytes that a process has had: of the host, and of its device (0 where there is none)."""

    host: int
    device: int = 0


@dataclass
class Progress:
    """The one timer of a run: it feeds the listener, the manifest, the metrics and the benchmark alike.

    `reached` is the stage that began last; `figures` are numbers that the metrics have beside those of the manifest.
    """

    listener: Listener | None = None
    times: list[StageTime] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    run_key: str | None = None
    reached: str | None = None
    figures: dict[str, float] = field(default_factory=dict)
    peaks: list[Peak] = field(default_factory=list)
    _done: int = field(default=0, init=False)

    def set_run_key(self, run_key: str) -> None:
        """Take the key of the run."""
        self.run_key = run_key
        if self.listener:
            self.listener.name_of(run_key)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Time a stage; the function handed out reports units done."""
        if self.listener:
            self.listener.begin(name, total)
        self.reached, self._done = name, 0
        wall, cpu = time.perf_counter(), time.process_time()
        yield partial(self._advance, name)
        spent = StageTime(name, time.perf_counter() - wall, time.process_time() - cpu, self._done)
        self.times.append(spent)
        if self.listener:
            self.listener.end(spent)

    def notice(self, text: str) -> None:
        """Tell a person, and remember it for the manifest."""
        self.notices.append(text)
        if self.listener:
            self.listener.notice(text)

    def _advance(self, name: str, by: int) -> None:
        self._done += by
        if self.listener:
            self.listener.advance(name, by)
