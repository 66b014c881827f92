"""Worker processes of a run on this machine, listening on loopback only."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from tamscore.engine import dask_settings, fork_server, startup
from tamscore.engine.cluster import DaskFlow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tamscore.config import Engine

CLOSE_S = 3.5
"""Seconds that the processes of a run may take to end by themselves."""


def start(engine: Engine, started: ExitStack) -> DaskFlow:
    """Return a flow on a Dask cluster of this run, one thread a process."""
    startup.begin(engine)
    import dask
    from distributed import LocalCluster

    workers = startup.requested_workers(engine)
    settings = settings_of(engine, started, workers) | {"env": dict(os.environ)}
    started.enter_context(dask.config.set({"distributed.worker.multiprocessing-method": fork_server.METHOD}))
    return start_attended(engine, started, lambda: LocalCluster(threads_per_worker=1, **settings), workers)


def settings_of(engine: Engine, started: ExitStack, workers: int) -> dict[str, Any]:
    """Return the settings of `workers` processes on this machine: equal shares of its memory, on loopback only."""
    import dask
    from distributed import Security

    scratch, given = dask_settings.scratch_folder(engine), engine.worker_memory_gib
    started.enter_context(dask.config.set(dask_settings.own(engine, dask_settings.max_spill(scratch, workers))))
    return {
        "n_workers": workers,
        "memory_limit": int(given * 2**30) if given else _memory_limit() // (workers + 1),
        "local_directory": str(scratch),
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "worker_dashboard_address": "127.0.0.1:0",
        "security": Security(require_encryption=False),
    }


def start_attended(
    engine: Engine, started: ExitStack, make: Callable[[], Any], workers: int, threads: int = 1, memories: int = 1
) -> DaskFlow:
    """Return a flow on the cluster that `make` starts, with supervised workers.

    Raise RetryableError if they do not start, or not in time.
    """
    from distributed import Client, SpecCluster

    startup.require_files(engine.kind, workers)
    with startup.explain_startup(engine.kind), ExitStack() as failed:
        others = set(SpecCluster._instances)  # noqa: SLF001 - one that does not come up is nowhere else
        failed.callback(lambda: end(set(SpecCluster._instances) - others))  # noqa: SLF001
        cluster = startup.within(startup.START_S, make, undo=lambda late: end([late]))
        client = Client(cluster, timeout=engine.connect_timeout, set_as_default=False)
        failed.pop_all()
    nannies = _Nannies(cluster, workers)
    started.callback(nannies.close)
    started.callback(quietly, client.close)
    close = started.pop_all().close
    return DaskFlow(client, workers * threads, close, engine.stall_timeout, nannies.replace_lost, memories)


def _memory_limit() -> int:
    """Return the memory limit in bytes of this machine, or of the container around this process."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def quietly(close: Callable[..., Any]) -> None:
    """Close a connection in any state: a run must not hang or fail at its end because of it."""
    with suppress(Exception):
        close(timeout=CLOSE_S)


def end(clusters: Iterable[Any]) -> None:
    """End clusters that did not start, with their processes."""
    for cluster in clusters:
        _Nannies(cluster, 0).close()


class _Nannies:
    """The nannies that supervise worker processes; Dask forgets a nanny whose process died during the start."""

    def __init__(self, cluster: Any, wanted: int) -> None:
        self._cluster, self._wanted = cluster, wanted
        self._without: set[Any] = set()

    def replace_lost(self) -> None:
        """Replace nannies that are gone, or had no process at the last look either; runs on the cluster's loop."""
        nannies = self._cluster.workers
        without = {name for name, nanny in nannies.items() if not _has_process(nanny)}
        lost = without & self._without
        self._without = without - lost
        for name in lost:
            closing = asyncio.ensure_future(nannies.pop(name).close(timeout=CLOSE_S))
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())
        if len(nannies) < self._wanted:
            self._cluster.scale(self._wanted)

    def close(self) -> None:
        """End all processes, by force if they no longer listen: Python would wait for them without end."""
        made = self._cluster._created  # noqa: SLF001 - also those that did not come up
        theirs = {getattr(getattr(nanny, "process", None), "pid", None) for nanny in made}
        quietly(self._cluster.close)
        for child in multiprocessing.active_children():
            if child.pid in theirs:
                child.kill()
        _release(self._cluster)


def _release(cluster: Any) -> None:
    """Mark a cluster as closed whose close was cut off: Dask lets every other close wait without end."""
    from distributed import Status

    if cluster.status is Status.closing:
        cluster.status = Status.closed


def _has_process(nanny: Any) -> bool:
    """Return whether the worker process of a nanny is alive."""
    process = getattr(nanny.process, "process", None)
    return process is not None and bool(process.is_alive())
