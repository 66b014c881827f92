"""Failures of a Dask cluster as messages that name the work and say what to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NoReturn

from tamscore.engine.flow import Suspected
from tamscore.errors import MemoryLimitError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.engine.connection import Connection

_ANSWER_S = 3.0
"""So long the cluster may take to say what is wrong with it."""
_NO_WORKERS = "the cluster has no workers left; start some, then run again"


async def explain(connection: Connection, error: BaseException, name: str, alone: bool) -> NoReturn:  # noqa: FBT001
    """Raise what a person should see: faults of the cluster as errors of ours, those of the work as they are.

    A death is put down to an item that was `alone`; until then it is only Suspected.
    """
    text = await _explain_trouble(connection, error, name, alone)
    if text is None:
        raise error
    raise text from error


async def _explain_trouble(
    connection: Connection,
    error: BaseException,
    name: str,
    alone: bool,  # noqa: FBT001
) -> Exception | None:
    """The error to raise in place of a fault of the cluster, None for one of the work."""
    from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

    if isinstance(error, KilledWorker) and not connection.is_lost():
        return await _kill(connection.client, error, name, alone)
    if isinstance(error, NoWorkerError | NoValidWorkerError):
        return RetryableError(f"{name}: {_NO_WORKERS}")
    if connection.is_lost() or isinstance(error, CancelledError | OSError):  # work raises neither: see `task.perform`
        return connection.error(name, error)
    return None


async def _kill(client: Any, error: Any, name: str, alone: bool) -> Exception:  # noqa: FBT001
    """Return why several workers in a row died of one item, as far as the cluster knows."""
    deaths, last = error.allowed_failures + 1, error.last_worker
    events = await answer(client.scheduler.events(topic="worker-restart-memory"), ())
    if any(event.get("worker") == last.address for _, event in events):
        return MemoryLimitError(
            f"{name}: out of memory: {deaths} workers in a row went over their memory limit of "
            f"{last.memory_limit / 2**30:.2f} GiB on it; raise engine.worker_memory_gib, set engine.workers lower, "
            "or write the input with smaller row groups"
        )
    if not alone:
        return Suspected()
    return RetryableError(
        f"{name}: {deaths} workers in a row died while they worked on it; where the system's log shows that they were "
        "killed for memory, set engine.workers lower; else look at this part of the input, then run again"
    )


def stall_error(seconds: float, names: Iterable[str], seen: str) -> RetryableError:
    """The error where nothing moves."""
    first, *more = names
    others = f" and {len(more)} more" if more else ""
    return RetryableError(
        f"{first}{others}: no work finished within {seconds:g} s: {seen}; "
        "raise engine.stall_timeout where a partition may take longer"
    )


async def what_is_seen(connection: Connection) -> str:
    """Return what the cluster looks like from here while nothing moves."""
    with connection.guard():
        identity = await answer(connection.client.scheduler.identity(n_workers=-1), None)
    if identity is None:
        return f"the scheduler at {connection.address} does not answer; see that it runs, then run again"
    workers = identity["workers"].values()
    if not workers:
        return _NO_WORKERS
    statuses = Counter(worker["status"] for worker in workers)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    text = f"of {len(workers)} workers {counts}"
    if statuses.get("paused"):
        text += await _why_paused(connection.client)
    return text


async def _why_paused(client: Any) -> str:
    """Return why workers take no more work."""
    fails = await answer(client.run(_spilling_fails, on_error="ignore", asynchronous=True), {})
    if any(fails.values()):
        return (
            ", since their memory is full and the scratch folder takes no more (full disk?); "
            "free space there, or name another folder in engine.scratch, then run again"
        )
    return (
        ", since their memory is full; raise engine.worker_memory_gib, or run on machines with more memory, "
        "then run again"
    )


def _spilling_fails(dask_worker: Any) -> bool:
    """Return whether more lies in the memory of a worker than it would leave there, could it put it on disk."""
    fast = getattr(dask_worker.data, "fast", None)
    return fast is not None and bool(fast.total_weight > fast.n)


async def answer(question: Any, otherwise: Any) -> Any:
    """Return what the cluster answers within a short time, or the value given."""
    try:
        return await asyncio.wait_for(question, _ANSWER_S)
    except Exception:  # noqa: BLE001 - it is in trouble already: any failure means that it does not tell
        return otherwise
