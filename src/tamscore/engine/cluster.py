"""Work on a Dask cluster: a result is fetched as soon as it is there, then forgotten by the cluster.

So a lost worker costs what was under way on it and nothing that was done. What is shared or kept is made anew by the
cluster where it is lost, since every handle is the outcome of a task.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from tamscore.engine import trouble
from tamscore.engine.flow import InOrder, Suspected
from tamscore.engine.task import Failed, perform, perform_and_tell
from tamscore.errors import TamscoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from concurrent.futures import Future

    from tamscore.engine.flow import Arrived

LOOK_S = 2.0
"""So often the workers are counted while work is under way."""
SPREAD_S = 30.0
"""So long the copying of a shared value to all workers may hold up the work that needs it."""


@dataclass(frozen=True)
class Kept:
    """A result that stays on the cluster, and what a person would call it."""

    future: Any
    name: str


@dataclass(frozen=True)
class Boxed:
    """A value that Dask does not look into."""

    value: Any
    name: str = "a value that all workers share"


def given(box: Boxed) -> Any:
    """The value in the box: a task that can be done again wherever the value was lost."""
    return box.value


class DaskFlow:
    """Workers of a Dask cluster."""

    def __init__(
        self,
        client: Any,
        workers: int,
        close: Callable[[], None],
        stall_timeout: float,
        tend: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self.workers, self._close, self._tend = client, workers, close, tend
        self._stall_timeout = stall_timeout
        self._shared: list[Any] = []
        self._known: set[str] = set()
        self._looked, self._looking = monotonic(), self._on_loop(self._look())

    def share(self, value: Any) -> Any:
        """A future of the value, on every worker."""
        [kept] = self.keep(given, [Boxed(value)])
        self._shared.append(kept.future)
        self._on_loop(self._spread([kept.future])).result()
        return kept.future

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Results in the order of the items."""

        def start(name: str, item: Any, alone: bool) -> Future[Any]:  # noqa: FBT001
            where = item.future if isinstance(item, Kept) else item
            return self._on_loop(
                self._fetched(self._submit(perform_and_tell, function, name, where, *shared), name, alone)
            )

        return iter(InOrder(start, items, 2 * self.workers, 4 * self.workers, self._wait))

    def keep(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """Futures, computed and held by the workers."""

        def start(name: str, item: Any, alone: bool) -> Future[Any]:  # noqa: FBT001
            return self._on_loop(self._ended(self._submit(perform, function, name, item, *shared), name, alone))

        return list(InOrder(start, items, 2 * self.workers, 4 * self.workers, self._wait))

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """The answers of the workers, in the order of their addresses."""
        asked = self._client.run(question, *arguments, on_error="ignore", asynchronous=True)
        answers = self._on_loop(trouble.answered(asked, {})).result()
        return [answers[address] for address in sorted(answers)]

    def __enter__(self) -> Self:
        """The flow."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster, and stop it where this flow started it."""
        self._shared.clear()
        self._close()

    def _submit(self, how: Callable[..., Any], function: Callable[..., Any], *arguments: Any) -> Any:
        """A future; `pure` is off, since equal calls may read other bytes."""
        key = f"{getattr(function, '__name__', 'work')}-{uuid4().hex}"
        return self._client.submit(how, function, *arguments, key=key, pure=False)

    def _on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._client.loop.asyncio_loop)

    async def _fetched(self, future: Any, name: str, alone: bool) -> Any:  # noqa: FBT001
        """The result, which the cluster forgets.

        Shielded, since the client fetches for all who wait at once: one that is called off would end it for the others,
        and for every fetch to come.
        """
        try:
            await self._ended(future, name, alone)
            result = await asyncio.shield(self._client.gather(future, asynchronous=True))
        except (TamscoreError, Suspected):
            raise
        except Exception as error:  # noqa: BLE001 - told as what it is
            await trouble.tell(self._client, error, name, alone)
        finally:
            future.release()
        if isinstance(result, Failed):
            raise result.error
        return result

    async def _ended(self, future: Any, name: str, alone: bool) -> Kept:  # noqa: FBT001
        """The handle of a result, as soon as it is there."""
        error = await future.exception(asynchronous=True)
        if error is not None:
            await trouble.tell(self._client, error, name, alone)
        return Kept(future, name)

    async def _spread(self, futures: list[Any]) -> None:
        """Copies on every worker; who has none fetches it when it is needed, so that a failure here costs time only."""
        copying = (self._client.replicate([future], asynchronous=True) for future in futures)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*copying, return_exceptions=True), SPREAD_S)

    async def _look(self) -> None:
        """Tend and count the workers; those that came since the last look get their copies of what is shared."""
        with suppress(Exception):
            self._tend()
            threads = await asyncio.wait_for(self._client.scheduler.ncores(workers=None), SPREAD_S)
            came, self._known = set(threads) - self._known, set(threads)
            self.workers = sum(threads.values()) or self.workers
            if came and self._shared:
                await self._spread(self._shared)

    def _wait(self, arrived: Arrived, names: Iterable[str]) -> int:
        """The next position to arrive; RetryableError where none does for too long."""
        since = monotonic()
        while True:
            left = since + self._stall_timeout - monotonic()
            if self._looking.done() and monotonic() - self._looked > LOOK_S:
                self._looked, self._looking = monotonic(), self._on_loop(self._look())
            try:
                return arrived.get(timeout=max(0.0, min(LOOK_S, left)))
            except Empty:
                if left <= 0:
                    seen = self._on_loop(trouble.what_is_seen(self._client)).result()
                    raise trouble.stalled(self._stall_timeout, names, seen) from None
