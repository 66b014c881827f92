"""Whole runs on processes that die: the bytes of an undisturbed run, or an exit code with the old result untouched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tamscore import pipeline
from tamscore.engine import device
from tamscore.errors import DeviceError, MemoryLimitError, RetryableError
from tamscore.progress import Listener, Progress
from tamscore.scoring.fit.resident_rows import ResidentRows
from tamscore.store import verify
from tests.end_to_end import market
from tests.fake_gpu import FakeGpu
from tests.faults.clusters import BUSY_S, alive, cluster, wait_for_workers, wait_until, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

ROWS, FILES = 3000, 20
SAMPLE = {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}
ALL_ROWS = {"clusters.fit_rows": "all", "clusters.seed_rows": 1000, "clusters.max_passes": 4}
PROCESSES = {"engine": {"kind": "processes", "workers": 2, "stall_timeout": 60}}


@pytest.fixture(scope="module", autouse=True)
def small_partitions() -> Any:
    """Files of a small market stay apart: bundles of at most their rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tamscore.store.partitions.PARTITION_ROWS", ROWS // FILES)
        yield


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market.write(market.accounts(ROWS, seed=3), tmp_path_factory.mktemp("faults") / "market", files=FILES)


@pytest.fixture(scope="module")
def undisturbed(where, tmp_path_factory) -> Callable[[dict[str, Any]], RunDirectory]:
    """The run on threads, made once for each fit."""
    made: dict[str, RunDirectory] = {}

    def run(fit: dict[str, Any]) -> RunDirectory:
        key = repr(fit)
        if key not in made:
            made[key] = market.run(where, tmp_path_factory.mktemp("undisturbed") / "scores", fit)
        return made[key]

    return run


def files_of(run: RunDirectory) -> dict[str, bytes]:
    """Every file of a run but those that hold times or the digest of the code."""
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and not path.match("_part-*.json")
    }


class Saboteur(Listener):
    """A listener who does something once, when so many rows of a stage are done."""

    def __init__(self, stage: str, rows: float, act: Callable[[], None]) -> None:
        self.stage, self.rows, self.act, self.done, self.acted = stage, rows, act, 0, False

    def advance(self, stage: str, by: int) -> None:
        self.done += by if stage == self.stage else 0
        if self.done >= self.rows and not self.acted:
            self.acted = True
            self.act()


def kill_one() -> None:
    wait_until(workers_of, 60)
    workers_of()[0].kill()


def kill_all() -> None:
    for worker in workers_of():
        worker.kill()


@pytest.mark.parametrize(
    ("stage", "share", "act"),
    [("score", 0.1, kill_one), ("score", 0.5, kill_one), ("score", 0.9, kill_one), ("assign", 0.5, kill_all)],
    ids=["10 %", "50 %", "90 %", "all of them"],
)
def test_a_run_whose_workers_are_killed_gives_the_same_bytes(where, tmp_path, undisturbed, stage, share, act):
    """F01, F03: scores, rejected rows, tables and model; nothing temporary is left."""
    saboteur = Saboteur(stage, share * ROWS, act)
    done = pipeline.run(market.job(where, tmp_path / "scores", SAMPLE | PROCESSES), Progress(saboteur))
    assert saboteur.acted
    assert not [path.name for path in done.output.rglob("_tmp*")], "killed writers leave files: the seal must sweep"
    assert files_of(done) == files_of(undisturbed(SAMPLE))


def test_rows_kept_for_the_fit_are_made_again_when_their_workers_die(where, tmp_path, undisturbed, monkeypatch):
    """F03: the fit on all rows keeps blocks on the workers; lost, they are computed again to the same bytes."""
    passes = 0
    accumulate = ResidentRows.accumulate

    def disturbed(self: ResidentRows, *arguments: Any) -> Any:
        nonlocal passes
        passes += 1
        if passes in {2, 4}:
            (kill_one if passes == 2 else kill_all)()
        return accumulate(self, *arguments)

    monkeypatch.setattr(ResidentRows, "accumulate", disturbed)
    done = market.run(where, tmp_path / "scores", ALL_ROWS | PROCESSES)
    assert passes > 4
    monkeypatch.undo()
    monkeypatch.setattr("tamscore.store.partitions.PARTITION_ROWS", ROWS // FILES)
    assert files_of(done) == files_of(undisturbed(ALL_ROWS))


def test_a_scheduler_killed_while_scores_are_written_leaves_the_old_result_and_can_be_resumed(
    where, tmp_path, undisturbed
):
    """F16: exit code 5; the pointer and the old version stay; the next run ends with the undisturbed bytes."""
    output = tmp_path / "scores"
    old = market.run(where, output, SAMPLE | {"clusters.seed": 1})
    before = (output / "_CURRENT.json").read_bytes(), files_of(old)
    with cluster(1) as theirs:
        remote = {"engine": {"kind": "remote", "scheduler": theirs.address, "connect_timeout": 15}}
        job = market.job(where, output, SAMPLE | remote)
        wait_for_workers(theirs.address)
        with pytest.raises(RetryableError, match=r"the scheduler at .* was lost") as caught:
            pipeline.run(job, Progress(Saboteur("score", ROWS / 2, theirs.scheduler.kill)))
    assert caught.value.exit_code == 5
    assert ((output / "_CURRENT.json").read_bytes(), files_of(old)) == before
    resumed = market.run(where, output, SAMPLE)
    assert files_of(resumed) == files_of(undisturbed(SAMPLE))


def test_a_worker_that_stops_does_not_stop_the_run_on_a_cluster_which_is_left_as_it_was(where, tmp_path, undisturbed):
    """Scheduler and two workers started by hand: one is ended half-way; the other has nothing of ours in the end."""
    from distributed import Client

    with cluster(2) as theirs:
        wait_for_workers(theirs.address, 2)
        remote = {"engine": {"kind": "remote", "scheduler": theirs.address, "connect_timeout": 15}}
        saboteur = Saboteur("score", ROWS / 2, theirs.workers[0].terminate)
        done = pipeline.run(market.job(where, tmp_path / "scores", SAMPLE | remote), Progress(saboteur))
        assert saboteur.acted
        assert files_of(done) == files_of(undisturbed(SAMPLE))
        assert theirs.workers[0].wait(timeout=30) is not None
        with Client(theirs.address, timeout=20, set_as_default=False) as client:
            assert wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1, 30)
            assert wait_until(lambda: not client.run_on_scheduler(tasks_of), 30)
            assert client.submit(sum, [1, 2, 3]).result(timeout=30) == 6


def tasks_of(dask_scheduler: Any) -> list[str]:
    """What a scheduler still knows of."""
    return [str(key) for key in dask_scheduler.tasks]


def program(job: Path, output: Path) -> subprocess.Popen[str]:
    """The command line at work on two processes; it would take long."""
    long = ["clusters.restarts=600", "engine.kind=processes", "engine.workers=2", "device=cpu"]
    sets = [part for one in [*long, f"output.path={output}"] for part in ("--set", one)]
    return subprocess.Popen(
        [sys.executable, "-c", "from tamscore.cli import main; main()", "run", str(job), *sets],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    from tamscore.synthetic import write_market

    write_market(tmp_path / "market", 3000, seed=5, files=4)
    return tmp_path / "market" / "job.toml"


def until_stage(process: subprocess.Popen[str], stage: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if f"name={stage}" in line:
            return
    raise AssertionError(f"ended before {stage}")


@pytest.mark.parametrize(
    ("number", "to_group"),
    [(signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGINT, True)],
    ids=["SIGTERM", "SIGHUP", "SIGINT to all, as from a keyboard"],
)
def test_a_stopped_run_takes_its_worker_processes_along(synthetic, tmp_path, number, to_group):
    """F07, F08: 128 + the signal within 10 s, one line, no process left, nothing visible of the run."""
    with program(synthetic, tmp_path / "scores") as process:
        until_stage(process, "sample")
        workers = workers_of(process.pid)
        assert len(workers) == 2
        sent = time.monotonic()
        (os.killpg if to_group else os.kill)(process.pid, number)
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - sent < 10 + BUSY_S
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}" in err
    assert wait_until(lambda: not any(alive(worker) for worker in workers), 10 + BUSY_S)
    assert not list((tmp_path / "scores").rglob("manifest.json"))


SWALLOWED = """
import gc, os, signal, sys, time
from tamscore.cli.failures import stoppable, report_errors

def collect(phase, info):
    if gc.callbacks:
        gc.callbacks.clear()
        os.kill(os.getpid(), signal.SIGTERM)

with stoppable(), report_errors(as_json=False):
    gc.callbacks.append(collect)
    try:
        gc.collect()
        time.sleep(30)
    finally:
        time.sleep(1)
        print("cleaned up")
"""


def test_a_signal_that_comes_while_garbage_is_collected_is_not_lost():
    """F07: what is raised there goes nowhere; it is raised again, and never into the cleaning up."""
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=60, check=False)
    assert "Exception ignored in" in done.stderr
    assert done.stderr.splitlines()[-1] == "stopped by SIGTERM"
    assert done.stdout == "cleaned up\n"
    assert done.returncode == 143


STUCK = """
import sys, time
from tamscore.cli.failures import stoppable, report_errors

with stoppable(), report_errors(as_json=False):
    try:
        print("at work", flush=True)
        time.sleep(30)
    finally:
        print("cleaning up", flush=True)
        time.sleep(30)
"""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_second_signal_ends_at_once_whatever_the_end_is_waiting_for(second):
    """F09: the cleaning up is not waited for; the exit code is that of the second signal."""
    process = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.terminate()
    assert process.stdout.readline() == "cleaning up\n"
    sent = time.monotonic()
    process.send_signal(second)
    assert process.wait(timeout=BUSY_S) == 128 + second
    assert time.monotonic() - sent < BUSY_S
    process.stdout.close()


def test_a_run_that_is_asked_twice_to_stop_leaves_no_process_and_can_be_resumed(synthetic, tmp_path):
    """F09: two signals 0.2 s apart while workers are ended; nothing of the run is visible, a rerun completes."""
    with program(synthetic, tmp_path / "scores") as process:
        until_stage(process, "sample")
        workers = workers_of(process.pid)
        process.terminate()
        time.sleep(0.2)
        sent = time.monotonic()
        process.terminate()
        process.communicate(timeout=60)
        assert time.monotonic() - sent < BUSY_S
    assert process.returncode == 128 + signal.SIGTERM
    assert wait_until(lambda: not any(alive(worker) for worker in workers), 10 + BUSY_S)
    assert not list((tmp_path / "scores").rglob("manifest.json"))
    with program(synthetic, tmp_path / "scores") as process:
        process.communicate(timeout=900)
    assert process.returncode == 0
    assert verify.problems_of_output(tmp_path / "scores") == []


def test_a_killed_run_leaves_no_process_behind(synthetic, tmp_path):
    """F10: its workers notice within 10 s."""
    with program(synthetic, tmp_path / "scores") as process:
        until_stage(process, "sample")
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        process.kill()
        process.communicate(timeout=60)
    assert wait_until(lambda: not any(alive(worker) for worker in workers), 10 + BUSY_S)


def test_a_gpu_that_is_asked_for_and_not_there_is_refused_with_no_fallback(where, tmp_path, monkeypatch):
    """F24: exit code 7 before anything is written."""
    monkeypatch.setattr(device, "DRIVER", "libnothere.so.1")
    with pytest.raises(DeviceError, match=r"device = 'cuda': no NVIDIA driver found") as caught:
        market.run(where, tmp_path / "scores", {"device": "cuda"})
    assert caught.value.exit_code == 7
    assert not (tmp_path / "scores").exists()


class SmallGpu(FakeGpu):
    """A device without room for more than so many rows at once, from the assignment on."""

    capacity = 1 << 30

    def nearest(self, x: Any, centers: Any) -> Any:
        if x.shape[1] > SmallGpu.capacity:
            raise MemoryError("out of device memory")
        return super().nearest(x, centers)


def set_capacity(rows: int) -> None:
    SmallGpu.capacity = rows


def test_a_device_with_too_little_memory_gets_smaller_blocks_and_gives_the_same_bytes(where, tmp_path, monkeypatch):
    """F25: blocks of 257 rows become 64; where even that is too much: exit code 6 with the partition."""
    monkeypatch.setattr(SmallGpu, "capacity", 1 << 30)

    def run(output: str, rows: int) -> RunDirectory:
        set_capacity(1 << 30)
        saboteur = Saboteur("fit", 1, partial(set_capacity, rows))
        return pipeline.run(market.job(where, tmp_path / output, SAMPLE), Progress(saboteur), copy(SmallGpu()))

    assert files_of(run("small", 64)) == files_of(run("large", 1 << 30))
    with pytest.raises(
        MemoryLimitError, match=r"part-\d+\.parquet.*: out of memory \(out of device memory\)"
    ) as caught:
        run("none", 3)
    assert caught.value.exit_code == 6
