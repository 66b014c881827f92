"""What workers are asked to do in the tests of faults: each function is found again by name in another process."""

from __future__ import annotations

import errno
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.errors import InputContractError
from tamscore.schema import Partition, Piece
from tamscore.stages.blocks import BlockRows


@dataclass(frozen=True)
class Plan:
    """Where the work leaves traces, and how long it takes."""

    folder: str
    seconds: float = 0.05

    def note(self, what: object) -> int:
        """Append a line to the log; how often it stands there now. A line of this length is written whole."""
        log = Path(self.folder) / "log"
        with log.open("ab", buffering=0) as stream:
            stream.write(f"{what}\n".encode())
        return log.read_text().split().count(str(what))

    def log(self) -> list[str]:
        """Every line noted so far."""
        log = Path(self.folder) / "log"
        return log.read_text().split() if log.exists() else []


@dataclass(frozen=True)
class NotedPlan(Plan):
    """A plan that notes every process which it arrives in."""

    def __reduce__(self) -> Any:
        """How it is unpacked."""
        return arrived, (self.folder, self.seconds)


def arrived(folder: str, seconds: float) -> NotedPlan:
    plan = NotedPlan(folder, seconds)
    plan.note(f"arrived:{os.getpid()}")
    return plan


def partition(number: int) -> Partition:
    return Partition(number, (Piece(f"market/part-{number:05d}.parquet", (0,), 10),))


def square(item: Partition, plan: Plan) -> int:
    """Slow enough to be killed."""
    plan.note(item.index)
    time.sleep(plan.seconds)
    return item.index**2


def write_and_die_once(item: Partition, plan: Plan) -> int:
    """Put a file into place; the first time, die before anybody hears of it."""
    part = Path(plan.folder) / f"_tmp-{os.getpid()}-{item.index}"
    part.write_text(f"rows of {item.index}")
    part.replace(Path(plan.folder) / f"part-{item.index}")
    if item.index % 4 == 1 and plan.note(item.index) == 1:
        die()
    return item.index


def write_slowly(item: Partition, plan: Plan) -> int:
    """Note when it begins, and put a file into place when it ends."""
    plan.note(f"{item.index}:{os.getpid()}")
    time.sleep(plan.seconds)
    part = Path(plan.folder) / f"_tmp-{os.getpid()}-{item.index}"
    part.write_text(f"rows of {item.index}")
    part.replace(Path(plan.folder) / f"part-{item.index}")
    plan.note(f"written-{item.index}")
    return item.index


def poison_five(item: Partition, plan: Plan) -> int:
    """Item 5 kills whoever touches it."""
    if item.index == 5:
        die()
    return square(item, plan)


def unlucky_five(item: Partition, plan: Plan) -> int:
    """Item 5 is there when workers die, as often as would be put down to it."""
    if item.index == 5 and plan.note("unlucky") <= 2:
        die()
    return square(item, plan)


def flaky(item: Partition, plan: Plan, fails: int, number: int) -> int:
    """The storage fails some times before it works."""
    if plan.note(item.index) <= fails:
        raise OSError(number, os.strerror(number), item.path)
    return item.index


def wrapped_flaky(item: Partition, plan: Plan, fails: int) -> int:
    """The same, as readers of tables tell it."""
    try:
        return flaky(item, plan, fails, errno.EIO)
    except OSError as error:
        raise InputContractError(f"{item.path}: {error}; write the file again") from error


def refuse(item: Partition, plan: Plan) -> None:
    plan.note(item.index)
    raise InputContractError(f"{item.path}: column 'x' is missing")


def stumble(item: Partition) -> None:
    raise KeyError("nobody foresaw this")


def allocate(item: Partition) -> Any:
    """More than any machine has."""
    return np.zeros(2**58)


def grow(item: Partition, mebibytes: int) -> int:
    """Fill memory bit by bit, as a task that is too large does."""
    held = []
    for _ in range(mebibytes // 16):
        held.append(np.ones(2 * 2**20))
        time.sleep(0.02)
    return len(held)


def block(item: Partition, mebibytes: int, seconds: float = 0.0) -> Any:
    time.sleep(seconds)
    return np.full(mebibytes * 2**17, float(item.index))


def rows_in_memory(item: Partition, rows: int) -> BlockRows:
    """Rows as a fit keeps them on its workers: 96 bytes each and a few more."""
    return BlockRows.of(HostBackend(), np.full((24, rows), float(item.index), np.float32))


def pass_over(rows: BlockRows, seconds: float) -> int:
    """A pass that takes a while, so that others would have time to help."""
    time.sleep(seconds)
    return int(rows.accumulate(np.zeros((2, 24))).counts.sum())


def keeps(dask_worker: Any) -> list[str]:
    """The kept rows alone: results that were handed back are released a moment later than they arrive."""
    return sorted(key for key in dask_worker.data if key.startswith(rows_in_memory.__name__))


def total(rows: Any) -> float:
    return float(rows.sum())


def limit_files() -> None:
    """From now on no file of this process may grow: to the spiller it is a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def spilled(dask_worker: Any) -> int:
    return int(dask_worker.data.spilled_total.disk)


def holds(name: str, dask_worker: Any) -> bool:
    """Whether a worker has a shared value."""
    return name in dask_worker.plugins


def fetched(dask_worker: Any) -> int:
    """How often a worker has fetched something from another."""
    return len(dask_worker.transfer_incoming_log)


def sizes(keys: list[str], dask_scheduler: Any) -> list[int]:
    """How large a scheduler takes results to be."""
    return [dask_scheduler.tasks[key].nbytes for key in keys]


def hands_out(name: str, dask_scheduler: Any) -> bool:
    """Whether a scheduler gives a shared value to every worker that comes."""
    return name in dask_scheduler.worker_plugins


def set_allowed_failures(number: int, dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
