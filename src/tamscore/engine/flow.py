"""Keep, map and fold over partitions: the same three words in this process, in others, on other machines."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, Self

from tamscore.engine import heap
from tamscore.engine.task import name_of, perform
from tamscore.errors import TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Flow(Protocol):
    """Runs functions on items, several at a time, and hands results back in the order of the items."""

    workers: int
    memories: int
    """How many machines, or GPUs, the workers share between them: each has a memory of its own."""

    def share(self, value: Any) -> Any:
        """A handle of a value that many calls use, sent to every worker once."""

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """`function(item, *shared)` for every item, in order; no more than a few results are waiting at any time."""

    def keep(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """Handles of `function(item, *shared)`, kept where they were computed; handles serve as items later."""

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """`question(*arguments)` of every process that works here; one that does not answer soon is left out."""

    def __enter__(self) -> Self:
        """The flow."""

    def __exit__(self, *_: object) -> None:
        """Give back what was started, and nothing else."""


Arrived = SimpleQueue[int]
"""Positions of items whose work has ended, in the order in which it did."""


class Suspected(Exception):  # noqa: N818 - not an error yet
    """Workers died while this item was under way, but so were others: only alone can it be blamed."""


@dataclass(frozen=True)
class _WorkItem:
    """An item under way, and what a person would call it."""

    name: str
    item: Any
    future: Future[Any]


class InOrder:
    """Results in the order of the items; at most `width` under way, and at most `ahead` of them not yet taken.

    So memory does not grow with the items. `start` puts an item, with its name, under way and is told whether it is
    suspected and alone; `wait` hands out the next position to arrive, given the names of what is under way. The first
    error that arrives is raised at once, with the name of its item where it tells none; the rest is called off.
    """

    def __init__(
        self,
        start: Callable[[str, Any, bool], Future[Any]],
        items: Iterable[Any],
        width: int,
        ahead: int,
        wait: Callable[[Arrived, Iterable[str]], int],
    ) -> None:
        self._start, self._fresh, self._width, self._ahead, self._wait = start, enumerate(items), width, ahead, wait
        self._arrived: Arrived = SimpleQueue()
        self._running: dict[int, _WorkItem] = {}
        self._done: dict[int, Any] = {}
        self._suspects: list[tuple[int, Any]] = []
        self._begun = self._taken = 0

    def __iter__(self) -> Iterator[Any]:
        """The results."""
        try:
            while True:
                self._begin_some()
                if self._taken in self._done:
                    yield self._done.pop(self._taken)
                    self._taken += 1
                elif self._running:
                    self._settle_one()
                else:
                    return
        finally:
            for work in self._running.values():
                work.future.cancel()

    def _begin_some(self) -> None:
        """Put under way what may be: fresh items side by side, or one suspect when all else has ended."""
        if self._suspects:
            if not self._running:
                self._begin(*self._suspects.pop(), alone=True)
            return
        while len(self._running) < self._width and self._begun - self._taken < self._ahead:
            entry = next(self._fresh, None)
            if entry is None:
                return
            self._begun += 1
            self._begin(*entry, alone=False)

    def _begin(self, number: int, item: Any, *, alone: bool) -> None:
        name = name_of(item, f"item {number}")
        future = self._start(name, item, alone)
        self._running[number] = _WorkItem(name, item, future)
        future.add_done_callback(lambda _: self._arrived.put(number))

    def _settle_one(self) -> None:
        """Wait for one item to end, and note its result; raises its error."""
        number = self._wait(self._arrived, [work.name for work in self._running.values()])
        work = self._running.pop(number)
        try:
            self._done[number] = _result_of(work.future, work.name)
        except Suspected:
            self._suspects.append((number, work.item))


def _result_of(future: Future[Any], name: str) -> Any:
    """The result of work that has ended; an error that nobody foresaw gets the name of the item."""
    try:
        return future.result()
    except (TamscoreError, Suspected):
        raise
    except Exception as error:
        first = first_line(error)
        raise TamscoreError(
            f"{name}: unexpected {type(error).__name__}: {first}; set TAMSCORE_DEBUG=1 to see where it comes from"
        ) from error


class LocalFlow:
    """Threads of this process: Arrow, NumPy and BLAS let go of the interpreter while they work.

    The process is set up to save memory unless it is a `guest` in one that others own.
    """

    def __init__(self, workers: int | None = None, *, guest: bool = False) -> None:
        from threadpoolctl import threadpool_limits

        if not guest:
            heap.share()
        self.memories = 1
        self.workers = workers or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="tamscore")
        self._blas = threadpool_limits(1)

    def share(self, value: Any) -> Any:
        """The value itself."""
        return value

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Results in the order of the items."""

        def start(name: str, item: Any, _: bool) -> Future[Any]:  # noqa: FBT001
            return self._pool.submit(perform, function, name, item, *shared)

        return iter(InOrder(start, items, self.workers, 2 * self.workers, lambda arrived, _: arrived.get()))

    def keep(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """The results themselves."""
        return list(self.map(function, items, *shared))

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """The answer of this process."""
        return [question(*arguments)]

    def __enter__(self) -> Self:
        """The flow."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads and give BLAS its own back."""
        self._pool.shutdown(cancel_futures=True)
        self._blas.restore_original_limits()
