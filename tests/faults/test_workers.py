"""Workers that die, freeze, run out of memory or disk: the same answer as undisturbed, or an error that says why."""

from __future__ import annotations

import errno
import os
import random
import signal
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tamscore.engine import cluster as clusters_of_ours
from tamscore.engine import connect, dask_settings
from tamscore.engine import shared as shared_values
from tamscore.engine.flow import LocalFlow
from tamscore.errors import InputContractError, MemoryLimitError, RetryableError, TamscoreError, UsageError
from tests.faults import tasks
from tests.faults.clusters import BUSY_S, alive, cluster, wait_until, workers_of
from tests.faults.tasks import Plan, partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tamscore.engine.cluster import DaskFlow

ITEMS = 40
SQUARES = [number**2 for number in range(ITEMS)]
FIVE = "market/part-00005.parquet: row groups (0,): "


def processes(workers: int = 2, **settings: Any) -> Any:
    from tamscore.config import Engine

    return connect.connect(Engine(kind="processes", workers=workers, **settings))


@pytest.fixture(scope="module")
def flow() -> Iterator[DaskFlow]:
    """Two worker processes that may be killed; a third death in a row is put down to the task."""
    with processes(stall_timeout=30.0) as running:
        running._client.run_on_scheduler(partial(tasks.set_allowed_failures, 1))
        yield running


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(str(tmp_path))


def items(number: int = ITEMS) -> Iterator[Any]:
    return map(partition, range(number))


def kill_a_worker(which: int = 0) -> None:
    wait_until(lambda: len(workers_of()) > which, 60)
    workers_of()[which].kill()


def disturbed(results: Iterator[Any], at: int, disturb: Callable[[], None]) -> list[Any]:
    """The results; once so many are taken, something happens."""
    taken = []
    for result in results:
        taken.append(result)
        if len(taken) == at:
            disturb()
    return taken


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_killed_worker_costs_the_tasks_under_way_and_nothing_that_was_done(flow, plan, share):
    """F01: the log tells how often each task ran; nothing that was handed out runs again."""
    done_before: list[str] = []

    def kill() -> None:
        done_before.extend(str(number) for number in range(int(share * ITEMS)))
        kill_a_worker()

    results = flow.map(tasks.square, items(), plan)
    assert disturbed(results, int(share * ITEMS), kill) == SQUARES
    again = Counter(plan.log()) - Counter(map(str, range(ITEMS)))
    assert again.total() <= 2, again
    assert not set(again) & set(done_before)
    assert set(plan.log()) == set(map(str, range(ITEMS)))


def test_a_worker_killed_after_its_file_is_in_place_leaves_every_part_once(flow, plan, tmp_path):
    """F02: the task runs again and writes the same file; nothing is doubled or left over."""
    assert list(flow.map(tasks.write_and_die_once, items(8), plan)) == list(range(8))
    assert {path.name: path.read_text() for path in tmp_path.glob("*[0-9]")} == {
        f"part-{number}": f"rows of {number}" for number in range(8)
    }
    assert set(plan.log()) == {"1", "5"}
    assert min(Counter(plan.log()).values()) >= 2


def test_all_workers_killed_at_once_are_survived_with_what_they_shared_and_kept(flow, plan):
    """F03: shared values and kept results are made again; the answer is the same."""

    def kill_all() -> None:
        for worker in workers_of():
            worker.kill()

    shared = flow.share(plan)
    assert disturbed(flow.map(tasks.square, items(), shared), ITEMS // 2, kill_all) == SQUARES
    remaining = flow.persist(tasks.block, items(6), 1)
    sums = [float(number * 2**17) for number in range(6)]
    assert list(flow.map(tasks.total, remaining)) == sums
    kill_all()
    assert list(flow.map(tasks.total, remaining)) == sums


def test_workers_killed_at_random_are_survived(flow, plan):
    """F04: as on machines that are taken away at any time."""
    over, chance = threading.Event(), random.Random(4)

    def killing() -> None:
        while not over.wait(1.0 + chance.random()):
            if alive := workers_of():
                chance.choice(alive).kill()

    killer = threading.Thread(target=killing)
    killer.start()
    try:
        assert list(flow.map(tasks.square, items(), Plan(plan.folder, 0.2))) == SQUARES
    finally:
        over.set()
        killer.join()


def test_a_task_that_kills_its_workers_is_named_and_no_other_is_blamed(flow, plan):
    """F11: exit code 5 and the input file; tasks that were under way beside it are not blamed."""
    with pytest.raises(RetryableError) as caught:
        list(flow.map(tasks.poison_five, items(12), plan))
    assert str(caught.value).startswith(f"{FIVE}2 workers in a row died while they worked on it; ")
    assert caught.value.exit_code == 5
    assert list(flow.map(tasks.square, items(4), plan)) == SQUARES[:4]


def test_a_task_that_only_happened_to_be_there_when_workers_died_is_acquitted(flow, plan):
    """F11: alone on the cluster it does not die again, and the run goes on."""
    assert list(flow.map(tasks.unlucky_five, items(12), plan)) == SQUARES[:12]


@pytest.fixture(params=["threads", "processes"])
def either(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "processes":
        yield request.getfixturevalue("flow")
    else:
        with LocalFlow(2) as running:
            yield running


def test_a_passing_fault_of_the_storage_is_tried_again_where_the_task_runs(either, plan):
    """F12: two failures are survived, as the storage or as the reader of a table tells them."""
    assert list(either.map(tasks.flaky, items(3), plan, 2, errno.EIO)) == [0, 1, 2]
    assert sorted(plan.log()) == sorted("012" * 3)
    assert list(either.map(tasks.wrapped_flaky, items(3), Plan(plan.folder + "/.."), 2)) == [0, 1, 2]


def test_a_lasting_fault_of_the_storage_is_retryable_and_named(either, plan):
    """F12: a third failure, and a fault that time does not mend, end the run with exit code 5."""
    with pytest.raises(RetryableError, match=r"^market/part-00000\.parquet: row groups \(0,\): the storage fails"):
        list(either.map(tasks.flaky, items(1), plan, 3, errno.EIO))
    assert len(plan.log()) == 3
    with pytest.raises(RetryableError, match=r"the storage fails .*No space left"):
        list(either.map(tasks.flaky, map(partition, [7]), plan, 1, errno.ENOSPC))
    assert plan.log().count("7") == 1


def test_bad_input_is_not_tried_again(either, plan):
    """F12: only the storage is; a broken contract stays broken."""
    with pytest.raises(InputContractError, match="column 'x' is missing"):
        list(either.map(tasks.refuse, items(1), plan))
    assert plan.log() == ["0"]


def test_what_nobody_foresaw_arrives_with_the_name_of_its_item(either):
    with pytest.raises(TamscoreError, match=r"row groups \(0,\): unexpected KeyError: 'nobody foresaw") as caught:
        list(either.map(tasks.stumble, items(3)))
    assert caught.value.exit_code == 1
    assert isinstance(caught.value.__cause__, KeyError)


def test_memory_that_runs_out_within_a_task_is_reported_with_its_partition(either):
    """F19: exit code 6, the file, and what to do."""
    with pytest.raises(MemoryLimitError) as caught:
        list(either.map(tasks.allocate, items(3)))
    text = str(caught.value)
    assert "market/part-0000" in text
    assert "row groups (0,): out of memory (" in text
    assert "set engine.workers lower" in text
    assert caught.value.exit_code == 6


def test_work_that_is_called_off_takes_no_later_work_with_it(flow, plan):
    """One item fails while results of others are on their way: what comes after is not called off as well."""
    for _ in range(40):
        with pytest.raises(MemoryLimitError):
            list(flow.map(tasks.allocate, items(3)))
        assert list(flow.map(tasks.square, items(4), plan)) == SQUARES[:4]


def test_a_frozen_worker_is_given_up_and_its_work_done_elsewhere(monkeypatch, plan):
    """F13: within its time to live and half a minute; the frozen process is gone."""
    monkeypatch.setattr(dask_settings, "WORKER_TTL_S", 2.0)
    frozen: list[psutil.Process] = []

    def freeze() -> None:
        frozen.append(freeze_one(running))

    with processes() as running:
        began = time.monotonic()
        assert disturbed(running.map(tasks.square, items(20), plan), 4, freeze) == SQUARES[:20]
        assert time.monotonic() - began < 2 + 30 + BUSY_S
    assert wait_until(lambda: not frozen[0].is_running(), 60)


def freeze_one(running: Any) -> psutil.Process:
    worker = psutil.Process(next(iter(running._client.run(os.getpid).values())))
    worker.suspend()
    return worker


def test_a_frozen_worker_is_ended_by_force_when_the_run_is_over():
    """F10: neither the run nor Python's own end waits for a process that cannot hear."""
    with processes(1) as running:
        frozen = freeze_one(running)
        began = time.monotonic()
    assert time.monotonic() - began < 4 * BUSY_S
    assert wait_until(lambda: not alive(frozen), 60)


def test_a_worker_that_wakes_after_its_task_was_redone_changes_nothing(plan, tmp_path):
    """F14: without a nanny nobody kills it; it writes the same bytes to the same place."""
    ttl = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "2s"}
    with cluster(2, settings=ttl) as theirs, joined(theirs, 2) as running:
        slow = Plan(plan.folder, 1.0)

        def freeze_one() -> None:
            wait_until(lambda: len(plan.log()) >= 3, 60)
            theirs.workers[0].send_signal(signal.SIGSTOP)

        assert disturbed(running.map(tasks.write_slowly, items(4), slow), 1, freeze_one) == [0, 1, 2, 3]
        parts = {path.name: (path.read_text(), path.stat().st_ino) for path in tmp_path.glob("part-*")}
        begun = [line.partition(":")[0] for line in plan.log() if ":" in line]
        assert len(begun) > 4, "one task was begun by the frozen worker and done by the other"
        theirs.workers[0].send_signal(signal.SIGCONT)
        time.sleep(1.5)
        assert {path.name: path.read_text() for path in tmp_path.glob("part-*")} == {
            name: text for name, (text, _) in parts.items()
        }
        assert sorted(parts) == [f"part-{number}" for number in range(4)]


def joined(theirs: Any, workers: int = 1, **settings: Any) -> Any:
    """A flow on a cluster of somebody else, as soon as so many workers are there."""
    from tamscore.config import Engine

    engine = Engine(kind="remote", scheduler=theirs.address, **settings)
    last: RetryableError | None = None
    for _ in range(100):
        try:
            running = connect.connect(engine)
        except RetryableError as error:
            last = error
        else:
            if running.workers >= workers:
                return running
            running.__exit__()
        time.sleep(0.1)
    raise AssertionError(f"no cluster: {last}")


def test_a_scheduler_that_dies_ends_the_run_at_once(plan):
    """F16: exit code 5, the address, and nothing hangs; neither does leaving."""
    with cluster(1) as theirs:
        began = 0.0

        def kill() -> None:
            nonlocal began
            began = time.monotonic()
            theirs.scheduler.kill()

        with joined(theirs) as running, pytest.raises(RetryableError) as caught:
            disturbed(running.map(tasks.square, items(), plan), 3, kill)
        assert time.monotonic() - began < BUSY_S
    assert f"the scheduler at {theirs.address} was lost" in str(caught.value)
    assert str(caught.value).startswith("market/part-0")
    assert caught.value.exit_code == 5


def test_a_scheduler_that_freezes_is_given_up_in_time(plan):
    """F16, frozen instead of dead: no message arrives, the watch ends the run."""
    with cluster(1) as theirs, joined(theirs, stall_timeout=3.0) as running:
        began = time.monotonic()
        with pytest.raises(RetryableError, match=r"no work finished within 3 s: the scheduler at .* does not answer"):
            disturbed(running.map(tasks.square, items(), plan), 3, partial(stop, theirs.scheduler.pid))
        assert time.monotonic() - began < 3 + 5 + BUSY_S
        os.kill(theirs.scheduler.pid, signal.SIGCONT)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def test_a_cluster_whose_workers_are_all_gone_is_given_up_in_time(plan):
    """F17: within the stall timeout and 5 seconds, and the message says so."""
    with cluster(1) as theirs, joined(theirs, stall_timeout=3.0) as running:
        began = time.monotonic()
        with pytest.raises(RetryableError, match="no work finished within 3 s: the cluster has no workers left"):
            disturbed(running.map(tasks.square, items(), plan), 3, theirs.workers[0].kill)
        assert time.monotonic() - began < 3 + 5 + BUSY_S


def test_a_worker_over_its_memory_limit_is_reported_as_memory_with_file_and_limit():
    """F18: exit code 6; the nanny ends such workers, and Dask alone would only say that they died."""
    with processes(1, worker_memory_gib=0.4) as running:
        running._client.run_on_scheduler(partial(tasks.set_allowed_failures, 0))
        with pytest.raises(MemoryLimitError) as caught:
            list(running.map(tasks.grow, items(1), 4096))
    text = str(caught.value)
    assert text.startswith("market/part-00000.parquet: row groups (0,): out of memory: 1 workers in a row")
    assert "their memory limit of 0.40 GiB" in text
    assert "raise engine.worker_memory_gib" in text
    assert caught.value.exit_code == 6


def test_kept_results_larger_than_memory_go_to_disk_and_come_back():
    """F20: the same sums."""
    with processes(1, worker_memory_gib=0.5, stall_timeout=30.0) as running:
        remaining = running.persist(tasks.block, items(12), 48)
        on_disk = running._client.run(tasks.spilled)
        assert sum(on_disk.values()) > 100 * 2**20
        assert list(running.map(tasks.total, remaining)) == [float(number * 48 * 2**17) for number in range(12)]


def test_a_full_scratch_folder_ends_the_run_in_time_and_is_named():
    """F21: workers pause for ever without a word; the watch says that their scratch takes no more."""
    with processes(1, worker_memory_gib=0.4, stall_timeout=4.0) as running:
        running._client.run(tasks.limit_files)
        began = time.monotonic()
        with pytest.raises(RetryableError) as caught:
            running.persist(tasks.block, items(100), 8, 0.05)
        assert time.monotonic() - began < 4 + 5 + BUSY_S
    text = str(caught.value)
    assert "no work finished within 4 s: of 1 workers 1 paused, since their memory is full and the scratch" in text
    assert "engine.scratch" in text
    assert caught.value.exit_code == 5


def test_a_scratch_folder_that_cannot_be_used_is_refused_before_any_process_starts(tmp_path, monkeypatch):
    """F22: exit code 2 for one that is not there or not ours, 5 for one that is nearly full."""
    (tmp_path / "file").write_text("")
    before = workers_of()
    for bad in (tmp_path / "nothing", tmp_path / "file", Path("/proc")):
        with pytest.raises(UsageError, match=r"engine\.scratch: .* cannot be written to") as caught:
            processes(scratch=str(bad))
        assert str(bad) in str(caught.value)
    monkeypatch.setattr(dask_settings, "LEAST_SCRATCH", 2**60)
    with pytest.raises(RetryableError, match="free some, or name another folder"):
        processes(scratch=str(tmp_path))
    assert workers_of() == before


def test_a_newcomer_gets_what_is_shared_and_takes_part(flow, plan, monkeypatch):
    """F01: the process that comes for a killed one works on; the other does not do all alone."""
    monkeypatch.setattr(clusters_of_ours, "LOOK_S", 0.2)
    assert wait_until(lambda: len(registered(flow)) == 2, 30)
    before = registered(flow)
    shared = flow.share(Plan(plan.folder, 0.1))
    kill_a_worker()
    assert wait_until(lambda: len(registered(flow)) == 2 and registered(flow) != before, 30)
    held = [all(flow._client.run(tasks.holds, shared.name).values()) for _ in noting(flow, shared)]
    assert held == [True] * ITEMS
    took_part = {int(line.partition(":")[2]) for line in plan.log() if ":" in line}
    assert took_part == set(flow._client.run(os.getpid).values())


def test_what_is_shared_comes_to_each_worker_once_and_from_no_other(flow, plan):
    """F01: so whoever dies takes nothing along that others would have to fetch from it or make again."""
    assert wait_until(lambda: len(registered(flow)) == 2, 60)
    fetched = flow._client.run(tasks.fetched)
    shared = flow.share(tasks.NotedPlan(plan.folder, 0.0))
    assert list(flow.map(tasks.square, items(), shared)) == SQUARES
    arrived = sorted(line for line in plan.log() if line.startswith("arrived"))
    assert arrived == sorted(f"arrived:{pid}" for pid in flow._client.run(os.getpid).values())
    assert flow._client.run(tasks.fetched) == fetched


def test_kept_rows_stay_where_they_are_though_a_newcomer_has_nothing_to_do(flow):
    """F32: work goes to the rows; after a death they stay with those that made them again, and nobody fetches any."""
    assert wait_until(lambda: len(registered(flow)) == 2, 60)
    remaining = flow.persist(tasks.rows_in_memory, items(8), 20_000)
    sizes = flow._client.run_on_scheduler(tasks.sizes, [one.future.key for one in remaining])
    assert min(sizes) > 96 * 20_000
    before = registered(flow)
    kill_a_worker()
    assert list(flow.map(tasks.pass_over, remaining, 0.0)) == [20_000] * 8
    assert wait_until(lambda: len(registered(flow)) == 2 and registered(flow) != before, 60)
    held, fetched = flow._client.run(tasks.keeps), flow._client.run(tasks.fetched)
    assert sum(map(len, held.values())) == 8
    for _ in range(3):
        assert list(flow.map(tasks.pass_over, remaining, 0.1)) == [20_000] * 8
    assert flow._client.run(tasks.fetched) == fetched
    assert flow._client.run(tasks.keeps) == held


def test_who_joins_a_cluster_of_others_late_gets_what_is_shared_though_all_who_had_it_are_dead(plan):
    """F03: without nannies the newcomer is another process under another address."""
    with cluster(1) as theirs, joined(theirs, stall_timeout=60.0) as running:
        shared = running.share(plan)
        [first] = theirs.workers
        first.kill()
        theirs.start_worker()
        assert list(running.map(tasks.square, items(4), shared)) == SQUARES[:4]


def test_a_cluster_of_others_holds_nothing_of_ours_once_a_run_has_left(plan):
    """What was shared is taken back from its workers, and no worker to come is given it."""
    with cluster(1) as theirs:
        with joined(theirs) as running:
            shared = running.share(plan)
            assert list(running._client.run(tasks.holds, shared.name).values()) == [True]
            assert running._client.run_on_scheduler(tasks.hands_out, shared.name)
        with joined(theirs) as running:
            assert list(running._client.run(tasks.holds, shared.name).values()) == [False]
            assert not running._client.run_on_scheduler(tasks.hands_out, shared.name)


def test_work_waits_for_a_shared_value_that_is_on_its_way_and_says_so_where_it_never_comes(monkeypatch):
    """F13: a worker that was frozen while the others got theirs."""
    plugins: dict[str, Any] = {}
    monkeypatch.setattr(shared_values, "get_worker", lambda: SimpleNamespace(plugins=plugins))
    arrives = iter([None, partial(plugins.update, late=shared_values.Shared(7, "client"))])
    monkeypatch.setattr(time, "sleep", lambda _: (next(arrives) or int)())
    assert shared_values.with_values(max, shared_values.Handle("late"), 3) == 7
    monkeypatch.setattr(shared_values, "ARRIVES_S", -1.0)
    with pytest.raises(RetryableError, match=r"a worker did not get within .* what all workers share"):
        shared_values.value_of(shared_values.Handle("never"))


def registered(flow: DaskFlow) -> set[str]:
    """The addresses of the workers that take work."""
    return set(flow._client.ncores())


def noting(flow: DaskFlow, shared: Any) -> Iterator[Any]:
    """Work that notes which process does it."""
    return flow.map(tasks.write_slowly, items(), shared)
