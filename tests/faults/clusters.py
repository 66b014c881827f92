"""Clusters that somebody else runs, in processes that a test may kill; and the processes around a test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUSY_S = 15.0
"""What a machine with other work may add to any wait: limits tell waits that end from those that do not."""


@contextmanager
def cluster(
    workers: int = 1, scheme: str = "tcp", options: tuple[str, ...] = (), settings: dict[str, str] | None = None
) -> Iterator[Cluster]:
    """A scheduler and workers without nannies; all killed in the end."""
    address = f"{scheme}://127.0.0.1:{free_port()}"
    running = Cluster(address, settings or {}, options)
    try:
        running.start("scheduler", "--dashboard-address", "127.0.0.1:0", "--host", address)
        for _ in range(workers):
            running.start_worker()
        yield running
    finally:
        for process in running.processes:
            process.kill()
            process.wait()


class Cluster:
    """The processes of a cluster: the scheduler first, then its workers."""

    def __init__(self, address: str, settings: dict[str, str], options: tuple[str, ...]) -> None:
        self.address, self.processes, self._options = address, list[subprocess.Popen[bytes]](), options
        self._environment = {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)}

    @property
    def scheduler(self) -> subprocess.Popen[bytes]:
        return self.processes[0]

    @property
    def workers(self) -> list[subprocess.Popen[bytes]]:
        return self.processes[1:]

    def start_worker(self) -> None:
        host = f"{self.address.partition('://')[0]}://127.0.0.1"
        self.start("worker", self.address, "--no-nanny", "--nthreads", "1", "--host", host)

    def start(self, role: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *arguments, *self._options]
        quiet = subprocess.DEVNULL
        self.processes.append(subprocess.Popen(command, env=self._environment, stdout=quiet, stderr=quiet))


def wait_for_workers(address: str, count: int = 1) -> None:
    """Wait until a scheduler answers and so many workers have joined it."""
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def free_port() -> int:
    [port] = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """So many ports, no two the same."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def alive(process: psutil.Process) -> bool:
    """Whether a process works still; it may go between two questions."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(true: Callable[[], Any], seconds: float) -> bool:
    """Whether it became true in time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def workers_of(pid: int | None = None) -> list[psutil.Process]:
    """The worker processes below a process, this one where none is given; the one they are forked from is none."""
    found = []
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if is_forked(child) and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.Error:
            continue
    return sorted(found, key=lambda process: process.pid)


def is_forked(process: psutil.Process) -> bool:
    """Whether a process was forked from the server that workers are forked from."""
    parent = process.parent()
    return parent is not None and "forkserver" in " ".join(parent.cmdline())
