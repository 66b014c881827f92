"""Values that all workers share: each gets them from the scheduler as soon as it is there, none from another worker.

So no death makes anybody wait for a copy that is gone: who comes later is given all of them before its first work.
A client takes its values back when it leaves. If it dies, the workers of others drop them: see `Owner`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from distributed import WorkerPlugin, get_worker
from tornado.ioloop import PeriodicCallback

from tamscore.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ARRIVES_S = 60.0
"""So long work waits for a value that is on its way to its worker."""
_PAUSE_S = 0.02
"""So long between two looks for it."""
OWNER_CHECK_S = 10.0
"""Each worker asks this often whether the scheduler still knows the client whose values it holds."""
_JITTER = 0.5
"""Workers that start together ask at different times: each pause differs by up to this share."""


class Shared(WorkerPlugin):
    """A value that a worker holds until its client, named by Dask's id of it, takes it back or is gone."""

    def __init__(self, value: Any, client: str) -> None:
        self.value, self.client, self.name = value, client, f"tamscore-{uuid4().hex}"


class Owner(WorkerPlugin):
    """Drops the values of a client on all workers once the scheduler has removed the client.

    Every worker has one for each client. The scheduler needs no code of ours for it: it answers a question, and takes
    plugins back as it does for a client. A client that is frozen, or slow, still counts as there: what ends it is the
    end of its connection.
    """

    def __init__(self, client: str) -> None:
        self.client, self.every, self.name = client, OWNER_CHECK_S, f"tamscore-owner-{client}"

    def setup(self, worker: Any) -> None:
        """Begin to ask."""
        self._worker = worker
        self._asking = PeriodicCallback(self._check, 1000 * self.every, jitter=_JITTER)
        self._asking.start()

    def teardown(self, worker: Any) -> None:
        """Stop asking."""
        del worker
        self._asking.stop()

    async def _check(self) -> None:
        """Drop the values if the client is gone; if the scheduler does not answer, ask again later."""
        scheduler = self._worker.scheduler
        with suppress(Exception):
            if not is_gone(await scheduler.events(topic=self.client)):
                return
            plugins = self._worker.plugins.values()
            held = [plugin.name for plugin in plugins if isinstance(plugin, Shared) and plugin.client == self.client]
            for name in (*held, self.name):
                with suppress(ValueError):  # another worker was first
                    await scheduler.unregister_worker_plugin(name=name)


def is_gone(events: Iterable[tuple[float, Any]]) -> bool:
    """Return whether a client is gone, by what the scheduler noted about it; it forgets those that are long gone."""
    actions = [event.get("action") for _, event in events if isinstance(event, dict)]
    known = [action for action in actions if action in {"add-client", "remove-client"}]
    return not known or known[-1] == "remove-client"


@dataclass(frozen=True)
class Handle:
    """The placeholder for a shared value in the arguments of work."""

    name: str


def with_values(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, each handle among them replaced by the value that this worker holds for it."""
    return function(*(value_of(argument) if isinstance(argument, Handle) else argument for argument in arguments))


def value_of(handle: Handle) -> Any:
    """The value; raise RetryableError if it does not arrive."""
    plugins: dict[str, Any] = get_worker().plugins
    until = time.monotonic() + ARRIVES_S
    while (held := plugins.get(handle.name)) is None:
        if time.monotonic() > until:
            raise RetryableError(
                f"a worker did not get within {ARRIVES_S:g} s what all workers share; "
                "look at the network between scheduler and workers, then run again"
            )
        time.sleep(_PAUSE_S)
    return held.value
