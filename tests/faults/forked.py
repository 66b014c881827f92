"""A scheduler and workers of somebody else, forked from a process that has imported Dask: there in a moment."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tamscore.engine import fork_server
from tests.faults.clusters import wait_for_workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection


class Forked:
    """The address of a cluster, its scheduler, and its workers: each a process that may be killed."""

    def __init__(self, workers: int) -> None:
        address, sender = multiprocessing.Pipe(duplex=False)
        self.scheduler = begin(scheduler, sender)
        sender.close()
        self.address = str(address.recv())
        self.workers = [begin(worker, self.address) for _ in range(workers)]


@contextmanager
def forked_cluster(workers: int = 1) -> Iterator[Forked]:
    """A cluster whose workers have joined; all killed in the end."""
    theirs = Forked(workers)
    try:
        wait_for_workers(theirs.address, workers)
        yield theirs
    finally:
        for process in (theirs.scheduler, *theirs.workers):
            process.kill()
            process.join()


def begin(serve: Any, *arguments: Any) -> Any:
    """A process that runs a function, forked from the server that workers of ours are forked from."""
    fork_server.begin()
    context: Any = multiprocessing.get_context(fork_server.METHOD)
    process = context.Process(target=serve, args=arguments, daemon=True)
    process.start()
    return process


def scheduler(sender: Connection) -> None:
    """Be a scheduler until killed, at a port that the system gives; what it logs says that others were killed."""
    logging.disable()
    from distributed import Scheduler

    async def serve() -> None:
        async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as server:
            sender.send(server.address)
            await server.finished()

    asyncio.run(serve())


def worker(address: str) -> None:
    """Be a worker until killed, or as long as its scheduler lives; it logs nothing either."""
    logging.disable()
    from distributed import Worker

    async def serve() -> None:
        async with Worker(address, nthreads=1, dashboard=False, host="127.0.0.1") as server:
            await server.finished()

    asyncio.run(serve())
