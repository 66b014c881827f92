"""Work on a Dask cluster: a result is fetched as soon as it is ready, then released by the cluster.

So a lost worker costs its unfinished work, and no finished work. The cluster computes a kept value again if it is lost,
since every handle is the result of a task. Shared values come to every worker from the scheduler.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from tamscore.engine import trouble
from tamscore.engine.connection import Connection
from tamscore.engine.flow import InOrder, Suspected
from tamscore.engine.task import Failed, perform, perform_and_tell
from tamscore.errors import TamscoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from concurrent.futures import Future

    from tamscore.engine.flow import Arrived

LOOK_S = 2.0
"""Seconds between counts of the workers while work is in progress."""
_SPREAD_S = 30.0
"""Most seconds that distributing a shared value may delay the work that needs it."""
_TAKE_BACK_S = 3.0
"""Most seconds that taking back shared values may delay the end of a run."""


@dataclass(frozen=True)
class _ClusterResult:
    """A result that stays on the cluster, and its name for people."""

    future: Any
    name: str


class DaskFlow:
    """Workers of a Dask cluster; `tend` supervises them if this process started the cluster."""

    def __init__(
        self,
        client: Any,
        workers: int,
        close: Callable[[], None],
        stall_timeout: float,
        tend: Callable[[], None] | None = None,
        memories: int = 1,
    ) -> None:
        self._client, self.workers, self._close, self._tend = client, workers, close, tend
        self._connection = Connection(client)
        self.memories = memories
        self._stall_timeout = stall_timeout
        self._shared: list[str] = []
        self._looked, self._looking = monotonic(), self._on_loop(self._look())

    def share(self, value: Any) -> Any:
        """Return a handle of the value, which every worker has, including workers that come later.

        Raise RetryableError if the scheduler was lost.
        """
        from tamscore.engine.shared import Handle, Shared

        if not self._tend and not self._shared:  # workers that this flow started end with this process
            self._on_loop(self._name_owner()).result()
        shared = Shared(value, self._client.id)
        self._on_loop(self._hand_out(shared)).result()
        return Handle(shared.name)

    def map(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> Iterator[Any]:
        """Yield results in the order of the items."""

        def start(name: str, item: Any, alone: bool) -> Future[Any]:  # noqa: FBT001
            where = item.future if isinstance(item, _ClusterResult) else item
            future = self._submit(perform_and_tell, function, name, where, *shared)
            return self._on_loop(self._fetched(future, name, alone))

        return iter(InOrder(start, items, 2 * self.workers, 4 * self.workers, self._wait))

    def persist(self, function: Callable[..., Any], items: Iterable[Any], *shared: Any) -> list[Any]:
        """Return futures, computed and held by the workers."""

        def start(name: str, item: Any, alone: bool) -> Future[Any]:  # noqa: FBT001
            future = self._submit(perform, function, name, item, *shared)
            return self._on_loop(self._ended(future, name, alone))

        return list(InOrder(start, items, 2 * self.workers, 4 * self.workers, self._wait))

    def ask(self, question: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return the answers of the workers, in the order of their addresses."""
        if self._connection.is_lost():
            return []
        asked = self._client.run(question, *arguments, on_error="ignore", asynchronous=True)
        answers = self._on_loop(trouble.answer(asked, {})).result()
        return [answers[address] for address in sorted(answers)]

    def __enter__(self) -> Self:
        """Return the flow."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster, and stop it if this flow started it."""
        if self._tend:
            self.ask(_silence_logs)
        elif self._shared and not self._connection.is_lost():
            self._on_loop(self._take_back()).result()
        self._close()

    def _submit(self, how: Callable[..., Any], function: Callable[..., Any], name: str, *arguments: Any) -> Any:
        """Return a future; `pure` is off, since equal calls may read other bytes."""
        from tamscore.engine.shared import with_values

        key = f"{getattr(function, '__name__', 'work')}-{uuid4().hex}"
        with self._connection.guard(name):
            return self._client.submit(with_values, how, function, name, *arguments, key=key, pure=False)

    def _on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._client.loop.asyncio_loop)

    async def _fetched(self, future: Any, name: str, alone: bool) -> Any:  # noqa: FBT001
        """Return the result, which the cluster then releases.

        Shielded, since the client fetches for all waiting calls at once: cancelling one would end the fetch for the
        others, and every fetch to come.
        """
        try:
            await self._ended(future, name, alone)
            result = await asyncio.shield(self._client.gather(future, asynchronous=True))
        except (TamscoreError, Suspected):
            raise
        except Exception as error:  # noqa: BLE001 - reported with its true cause
            await trouble.explain(self._connection, error, name, alone)
        finally:
            future.release()
        if isinstance(result, Failed):
            raise result.error
        return result

    async def _ended(self, future: Any, name: str, alone: bool) -> _ClusterResult:  # noqa: FBT001
        """Return the handle of a result, as soon as it is ready."""
        error = await future.exception(asynchronous=True)
        if error is not None:
            await trouble.explain(self._connection, error, name, alone)
        return _ClusterResult(future, name)

    async def _hand_out(self, plugin: Any) -> None:
        """Send a value to the scheduler, and through it to all present and future workers.

        A worker that dies or does not answer meanwhile is no error here: the others have the value.
        """
        with self._connection.guard(), suppress(OSError, TimeoutError):
            self._shared.append(plugin.name)
            await asyncio.wait_for(self._client.register_plugin(plugin), _SPREAD_S)
        self._connection.require()

    async def _name_owner(self) -> None:
        """Let the workers drop the shared values of this client after it is gone, if the scheduler records clients."""
        from tamscore.engine.shared import Owner, is_gone

        with self._connection.guard():
            noted = await trouble.answer(self._client.scheduler.events(topic=self._client.id), ())
        if not is_gone(noted):
            await self._hand_out(Owner(self._client.id))

    async def _take_back(self) -> None:
        """Release all shared values; a cluster in trouble does not delay the end."""
        taken = (self._client.unregister_worker_plugin(name) for name in self._shared)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*taken, return_exceptions=True), _TAKE_BACK_S)

    async def _look(self) -> None:
        """Supervise and count the workers."""
        with suppress(Exception):
            if self._tend:
                self._tend()
            threads = await asyncio.wait_for(self._client.scheduler.ncores(workers=None), _SPREAD_S)
            self.workers = sum(threads.values()) or self.workers

    def _wait(self, arrived: Arrived, names: Iterable[str]) -> int:
        """Return the next position to arrive; raise RetryableError on a stall, or if the scheduler was lost."""
        since = monotonic()
        while True:
            left = since + self._stall_timeout - monotonic()
            if self._looking.done() and monotonic() - self._looked > LOOK_S:
                self._looked, self._looking = monotonic(), self._on_loop(self._look())
            try:
                return arrived.get(timeout=max(0.0, min(LOOK_S, left)))
            except Empty:
                self._connection.require(next(iter(names)))
                if left <= 0:
                    seen = self._on_loop(trouble.what_is_seen(self._connection)).result()
                    raise trouble.stall_error(self._stall_timeout, names, seen) from None


def _silence_logs() -> None:
    """Silence a worker from here on: its activity while the cluster ends, such as a heartbeat, may fail."""
    logging.disable()
