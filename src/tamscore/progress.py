"""Progress of a run: stages with their progress, and notices."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_UNITS = {"guard": "party types", "fit": "party types", "inspect": "bytes", "write": "bytes"}
"""The units of stages that do not count rows."""


def unit_of(stage: str) -> str:
    """Return the unit that a stage counts."""
    return _UNITS.get(stage, "rows")


@dataclass(frozen=True)
class StageTime:
    """The time of a stage: wall and CPU seconds of this process; and the number of its units (see `unit_of`)."""

    stage: str
    seconds: float
    cpu_seconds: float
    done: int = 0


class Listener:
    """A display of progress: a bar, a log, a stream of JSON lines. Methods that it does not override do nothing."""

    def name_of(self, run_key: str) -> None:
        """Take the key of the run."""

    def begin(self, stage: str, total: int | None) -> None:
        """Take the beginning of a stage of `total` units (None if not known)."""

    def advance(self, stage: str, by: int) -> None:
        """Take the progress of a stage by some units."""

    def end(self, spent: StageTime) -> None:
        """Take the end of a stage."""

    def notice(self, text: str) -> None:
        """Take a notice for a person."""


@dataclass(frozen=True)
class Peak:
    """The peak memory of a process in bytes: of the host, and of its device (0 without one)."""

    host: int
    device: int = 0


@dataclass
class Progress:
    """The one timer of a run, for the listener, the manifest, the metrics and the benchmarks.

    `reached` is the stage that began last; `figures` are numbers for the metrics besides those of the manifest.
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
        """Set the key of the run."""
        self.run_key = run_key
        if self.listener:
            self.listener.name_of(run_key)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Time a stage; the function that is yielded reports finished units."""
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
        """Give a notice, and record it for the manifest."""
        self.notices.append(text)
        if self.listener:
            self.listener.notice(text)

    def _advance(self, name: str, by: int) -> None:
        self._done += by
        if self.listener:
            self.listener.advance(name, by)
