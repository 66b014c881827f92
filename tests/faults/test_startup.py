"""Workers of our own that do not come up: an end in time, a message that says what is short, and few words."""

from __future__ import annotations

import errno
import gc
import logging
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from functools import partial
from io import StringIO
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tamscore.config import Engine
from tamscore.engine import connect, fork_server, startup
from tamscore.engine import processes as cluster_processes
from tamscore.errors import DeviceError, RetryableError
from tests.faults.clusters import BUSY_S, wait_until, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Dask leaves the sockets of a cluster that did not start to the garbage collector, which warns of them."""
FEW_BYTES = 2_000
"""A message and a notice or two; a single traceback of Dask is longer."""


def processes(workers: int = 2) -> Any:
    return connect.connect(Engine(kind="processes", workers=workers))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """However a start fails, no more worker processes are there afterwards, nor sockets that later tests trip over."""
    before = set(workers_of())
    yield
    assert wait_until(lambda: set(workers_of()) <= before, 60), set(workers_of()) - before
    gc.collect()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def limited(files: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


@pytest.mark.parametrize("files", [16, 24, 40])
def test_a_limit_on_open_files_ends_a_run_at_once_with_its_number_and_the_one_needed(tmp_path, files):
    """F29: exit code 5, the whole program; before, it went on without end and wrote megabytes a second."""
    from tamscore.synthetic import write_market

    write_market(tmp_path / "market", 600, seed=1, files=1)
    code = "from tamscore.cli import main; main()"
    settings = ["--set", "engine.kind=processes", "--set", "engine.workers=2", "--set", "device=cpu"]
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(tmp_path / "market" / "job.toml"), *settings],
        preexec_fn=limited(files),
        capture_output=True,
        text=True,
        timeout=startup.START_S,
        check=False,
    )
    assert done.returncode == 5
    assert f"2 workers need 56 open files in this process, and the limit is {files}; raise it (`ulimit -n 56`)" in (
        done.stderr
    )
    assert len(done.stderr) < FEW_BYTES
    assert not (tmp_path / "market" / "scores").exists() or not list((tmp_path / "market").rglob("manifest.json"))


def test_as_many_open_files_as_are_asked_for_are_enough(monkeypatch):
    """Else the message would ask for too few: the most that the processes of a run have open is within it."""
    most, over = [0], threading.Event()

    def drift_setup() -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], open_files())

    before = open_files()
    watcher = threading.Thread(target=drift_setup)
    watcher.start()
    try:
        with processes(3) as flow:
            assert list(flow.map(abs, range(-20, 0))) == list(range(20, 0, -1))
    finally:
        over.set()
        watcher.join()
    assert most[0] - before <= 3 * startup.FILES_PER_WORKER + startup.FILES


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EMFILE, "open files (`ulimit -n`)"),
        (errno.EAGAIN, "processes and threads (`ulimit -u`"),
        (errno.ENOSPC, "space in the folder for temporary files or in /dev/shm"),
        (errno.EADDRINUSE, "free ports"),
        (errno.ENOMEM, "memory"),
    ],
)
def test_what_the_machine_is_short_of_is_named_wherever_it_shows(monkeypatch, number, words):
    """F29: in the error, in one that led to it, and in what Dask logs and does not raise."""
    short = OSError(number, os.strerror(number))

    def raised() -> None:
        raise short

    def wrapped() -> None:
        try:
            raise short
        except OSError as error:
            raise RuntimeError("Nanny failed to start.") from error

    def logged() -> None:
        try:
            raise short
        except OSError:
            logging.getLogger("distributed.nanny").exception("Failed to start process")
        raise RuntimeError("Nanny failed to start.")

    for fail in (raised, wrapped, logged):
        with (
            pytest.raises(RetryableError, match="the workers do not start: the machine is short of") as caught,
            startup.explain_startup("processes"),
        ):
            fail()
        assert words in str(caught.value)
        assert caught.value.exit_code == 5


def test_the_process_to_fork_from_that_cannot_start_is_reported_the_same_way(monkeypatch):
    """F29: it is the first that meets a limit on processes, or a full folder for temporary files."""

    def fail() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/pymp-x")  # noqa: S108 - a name in a message

    monkeypatch.setattr(fork_server, "begin", fail)
    for start in (connect.begin, connect.connect):
        with pytest.raises(RetryableError, match="short of space in the folder for temporary files"):
            start(Engine(kind="processes", workers=1))


def test_threads_that_cannot_start_are_a_limit_on_processes():
    with pytest.raises(RetryableError, match=r"short of processes and threads"), startup.explain_startup("processes"):
        raise RuntimeError("can't start new thread")


def test_a_mistake_of_ours_is_not_taken_for_a_limit_nor_an_error_of_ours_for_another():
    with pytest.raises(ZeroDivisionError), startup.explain_startup("processes"):
        1 / 0  # noqa: B018 - raises
    with pytest.raises(DeviceError, match="no GPU"), startup.explain_startup("cuda"):
        raise DeviceError("no GPU")


def test_workers_that_die_while_they_start_end_the_start(capfd):
    """F30: exit code 5, no endless attempts, and no process left."""
    over = threading.Event()

    def killing() -> None:
        while not over.wait(0.005):
            for child in multiprocessing.active_children():
                child.kill()

    killer = threading.Thread(target=killing)
    killer.start()
    try:
        with pytest.raises(RetryableError, match=r"engine.kind = 'processes': the workers do not start"):
            processes()
    finally:
        over.set()
        killer.join()
    assert len(capfd.readouterr().err) < FEW_BYTES


def test_workers_that_do_not_come_up_are_given_up_and_ended(monkeypatch):
    """F30: a process that hangs while it imports, say; here nobody waits for any."""
    monkeypatch.setattr(startup, "START_S", 0.01)
    began = time.monotonic()
    with pytest.raises(RetryableError, match=r"the workers do not start .*not there within 0.01 s"):
        processes()
    assert time.monotonic() - began < 4 * BUSY_S
    assert wait_until(lambda: not [one for one in threading.enumerate() if one.name == startup.THREAD], 60)


def test_a_close_that_was_cut_off_keeps_nobody_waiting(monkeypatch):
    """F30: else the thread that starts a cluster given up waits without end for the close that ran out of time."""
    from distributed import LocalCluster, Status

    monkeypatch.setattr(cluster_processes, "CLOSE_S", 0.1)
    cluster = LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0")
    cluster.close()
    cluster.status = Status.closing
    cluster_processes.end([cluster])
    startup.within(BUSY_S, cluster.close, undo=print)
    assert cluster.status is Status.closed


@pytest.mark.parametrize(
    ("name", "printer"),
    [
        ("distributed", "distributed"),
        ("distributed.nanny", "distributed"),
        ("distributed.client", "distributed.client"),
        ("tornado.application", "tornado.application"),
    ],
)
def test_what_libraries_log_while_workers_start_is_bounded_and_printed_only_if_they_do(name, printer):
    printed, log, prints = StringIO(), logging.getLogger(name), logging.getLogger(printer)
    handler = logging.StreamHandler(printed)
    prints.addHandler(handler)
    try:
        with startup.held_back():
            for number in range(1000):
                log.error("attempt %d", number)
            assert printed.getvalue() == ""
        assert printed.getvalue().count("attempt") == startup.RECORDS
        with pytest.raises(ZeroDivisionError), startup.held_back():
            fail_loudly(log)
        assert printed.getvalue().count("attempt") == startup.RECORDS
    finally:
        prints.removeHandler(handler)


def fail_loudly(log: logging.Logger) -> None:
    log.error("attempt")
    raise ZeroDivisionError


def test_within_gives_what_came_or_failed_in_time_and_undoes_what_comes_later():
    undone: list[object] = []
    assert startup.within(60, lambda: 7, undone.append) == 7
    with pytest.raises(KeyError, match="name"):
        startup.within(60, partial(getitem, {}, "name"), undone.append)
    over = threading.Event()
    with pytest.raises(TimeoutError, match=r"not there within 0.01 s"):
        startup.within(0.01, lambda: over.wait() and 8, undone.append)
    assert not undone
    over.set()
    assert wait_until(lambda: undone == [8], 60)
    with pytest.raises(TimeoutError, match="its own"):
        startup.within(60, own_timeout, undone.append)


def own_timeout() -> None:
    raise TimeoutError("its own")
