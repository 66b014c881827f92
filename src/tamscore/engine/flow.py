"""Keep, map and fold over partitions: the same three verbs in this process, in other processes, on other machines."""

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
    """Runs functions on items, several at a time, and returns results in the order of the items."""

    workers: int
    memories: int
    """Number of machines, or GPUs, that the workers share: each has its own memory."""

    def share(self, value: Any) -> Any:
        """Return a handle of a value that many calls use, sent to every worker once."""

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Yield `function(item, *shared)` for every item, in order; only a few results are waiting at any time."""

    def persist(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """Return handles of `function(item, *shared)`, kept where they were computed; handles serve as items later."""

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return `question(*arguments)` of every worker process; a process that does not answer soon is left out."""

    def __enter__(self) -> Self:
        """Return the flow."""

    def __exit__(self, *_: object) -> None:
        """Release what was started, and nothing else."""


Arrived = SimpleQueue[int]
"""Positions of items whose work has ended, in the order of their ends."""


class Suspected(Exception):  # noqa: N818 - not an error yet
    """Workers died while this item and others were in progress: it can be blamed only when it runs alone."""


@dataclass(frozen=True)
class _WorkItem:
    """An item in progress, and its name for people."""

    name: str
    item: Any
    future: Future[Any]


class InOrder:
    """Results in the order of the items; at most `width` in progress, and at most `ahead` of them not yet taken.

    So memory does not grow with the items. `start` begins the work on an item, given its name and whether it runs alone
    as a suspect. `wait` returns the next position to arrive, given the names of the items in progress. The first error
    that arrives is raised at once, with the name of its item if its message has none; the other work is cancelled.
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
        """Yield the results."""
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
        """Begin the work that may begin: fresh items side by side, or one suspect when all other work has ended."""
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
        """Wait for one item to end, and store its result; raise its error."""
        number = self._wait(self._arrived, [work.name for work in self._running.values()])
        work = self._running.pop(number)
        try:
            self._done[number] = _result_of(work.future, work.name)
        except Suspected:
            self._suspects.append((number, work.item))


def _result_of(future: Future[Any], name: str) -> Any:
    """Return the result of work that has ended; an unexpected error gets the name of the item."""
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
    """Threads of this process: Arrow, NumPy and BLAS release the interpreter while they work.

    The process is set up to save memory, unless the flow is a `guest` in a process of another program.
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
        """Return the value itself."""
        return value

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Yield results in the order of the items."""

        def start(name: str, item: Any, _: bool) -> Future[Any]:  # noqa: FBT001
            return self._pool.submit(perform, function, name, item, *shared)

        return iter(InOrder(start, items, self.workers, 2 * self.workers, lambda arrived, _: arrived.get()))

    def persist(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """Return the results themselves."""
        return list(self.map(function, items, *shared))

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return the answer of this process."""
        return [question(*arguments)]

    def __enter__(self) -> Self:
        """Return the flow."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads and restore the limits of BLAS."""
        self._pool.shutdown(cancel_futures=True)
        self._blas.restore_original_limits()
