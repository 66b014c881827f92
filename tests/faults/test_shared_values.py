"""What clients share with the workers of somebody else's cluster: theirs as long as they live, and no longer."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from distributed import Client

from tamscore.config import Engine
from tamscore.engine import connect
from tamscore.engine import shared as shared_values
from tests.faults import tasks
from tests.faults.clusters import BUSY_S, wait_until
from tests.faults.forked import begin, forked_cluster, worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.forked import Forked

CHECK_S = 0.2
"""Workers look so often for the clients of these tests."""
FREED_S = 60.0
"""A few checks take two seconds at most; the rest is for a machine with other work."""
MEBIBYTES = 64


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_values, "OWNER_CHECK_S", CHECK_S)


@pytest.fixture
def theirs() -> Iterator[Forked]:
    with forked_cluster(2) as running:
        yield running


def joined(address: str) -> Any:
    return connect.connect(Engine(kind="remote", scheduler=address, connect_timeout=15 + BUSY_S))


def share_and_wait(address: str, folder: str, works: bool) -> None:
    """Be a client that shares a large value, says its name, and stays; one that `works` never runs out of work."""
    shared_values.OWNER_CHECK_S = CHECK_S
    with joined(address) as flow:
        shared = flow.share(np.ones(MEBIBYTES * 2**17))
        Path(folder, "shared.part").write_text(shared.name)
        Path(folder, "shared.part").rename(Path(folder, "shared"))
        plan = flow.share(tasks.Plan(folder))
        while True:
            if works:
                list(flow.map(tasks.square, map(tasks.partition, range(4)), plan))
            else:
                time.sleep(0.1)


def client_of(theirs: Forked, folder: Path, *, works: bool = False) -> tuple[Any, str]:
    """The process of a client that has shared a value, and the value's name."""
    process = begin(share_and_wait, theirs.address, str(folder), works)
    assert wait_until((folder / "shared").exists, FREED_S)
    return process, (folder / "shared").read_text()


def plugins(dask_worker: Any) -> list[str]:
    return [name for name in dask_worker.plugins if name.startswith("tamscore-")]


def handed_out(dask_scheduler: Any) -> list[str]:
    return [name for name in dask_scheduler.worker_plugins if name.startswith("tamscore-")]


def clients(dask_scheduler: Any) -> set[str]:
    return set(dask_scheduler.clients) - {"fire-and-forget"}


def left(client: Any) -> set[str]:
    """The names of all that workers hold, and that the scheduler would give to the next one."""
    on_workers = client.run(plugins).values()
    return {name for names in (*on_workers, client.run_on_scheduler(handed_out)) for name in names}


@pytest.mark.parametrize("works", [False, True], ids=["at rest", "with work under way"])
def test_what_a_killed_client_shared_is_dropped_and_what_another_shares_stays(theirs, tmp_path, works):
    """F31: on every worker, and on the scheduler for those to come."""
    with joined(theirs.address) as ours, Client(theirs.address, set_as_default=False) as look:
        plan = ours.share(tasks.Plan(str(tmp_path)))
        own = left(look)
        process, name = client_of(theirs, tmp_path, works=works)
        assert name in left(look) - own
        process.kill()
        assert wait_until(lambda: left(look) == own, FREED_S), left(look) - own
        assert list(ours.map(tasks.square, map(tasks.partition, range(6)), plan)) == [0, 1, 4, 9, 16, 25]
    with Client(theirs.address, set_as_default=False) as look:
        assert left(look) == set()


def test_the_memory_of_what_a_killed_client_shared_is_given_back(theirs, tmp_path):
    """F31: of every worker process, as the system sees it."""
    before = [resident(process) for process in theirs.workers]
    process, _ = client_of(theirs, tmp_path)
    assert wait_until(lambda: all(grown(theirs, before, 0.9)), FREED_S)
    process.kill()
    assert wait_until(lambda: not any(grown(theirs, before, 0.5)), FREED_S), grown(theirs, before, 0.5)


def resident(process: Any) -> int:
    return int(psutil.Process(process.pid).memory_info().rss)


def grown(theirs: Forked, before: list[int], share: float) -> list[bool]:
    """Which workers have grown by this share of the value that was shared."""
    now = [resident(process) for process in theirs.workers]
    return [here - there > share * MEBIBYTES * 2**20 for here, there in zip(now, before, strict=True)]


def test_a_worker_that_comes_after_a_client_was_killed_ends_up_with_nothing_of_it(theirs, tmp_path):
    """F31: even where no worker was there to notice the death."""
    process, name = client_of(theirs, tmp_path)
    for other in theirs.workers:
        other.kill()
    process.kill()
    with Client(theirs.address, set_as_default=False) as look:
        assert wait_until(lambda: not look.ncores() and look.run_on_scheduler(clients) == {look.id}, FREED_S)
        assert name in look.run_on_scheduler(handed_out)
        theirs.workers.append(begin(worker, theirs.address))
        look.wait_for_workers(1, timeout=FREED_S)
        assert wait_until(lambda: left(look) == set(), FREED_S), left(look)


def test_a_client_that_is_only_frozen_keeps_what_it_shared(theirs, tmp_path):
    """F31: a laptop that sleeps, a process that swaps: its connection stands."""
    process, name = client_of(theirs, tmp_path)
    os.kill(process.pid, signal.SIGSTOP)
    with Client(theirs.address, set_as_default=False) as look:
        until = time.monotonic() + 10 * CHECK_S
        while time.monotonic() < until:
            assert all(look.run(tasks.holds, name).values())
        os.kill(process.pid, signal.SIGCONT)
        assert all(look.run(tasks.holds, name).values())


def event(action: str) -> tuple[float, Any]:
    return 0.0, {"action": action, "client": "Client-1"}


@pytest.mark.parametrize(
    ("events", "gone"),
    [
        ((event("add-client"),), False),
        ((event("add-client"), event("remove-client")), True),
        ((event("add-client"), event("remove-client"), event("add-client")), False),
        ((event("add-client"), event("something else")), False),
        ((event("add-client"), event("remove-client"), (0.0, "what a user logged")), True),
        ((), True),
    ],
)
def test_a_client_is_gone_if_the_scheduler_removed_it_last_or_has_forgotten_it(events, gone):
    assert shared_values.is_gone(events) == gone
