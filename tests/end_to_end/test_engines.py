"""One answer from threads, from processes of our own, and from a cluster of somebody else, which is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tamscore import pipeline
from tamscore.engine import device
from tamscore.errors import RetryableError, UsageError
from tamscore.progress import Listener, Progress, StageTime
from tamscore.scoring import context
from tests.end_to_end import market
from tests.faults.clusters import workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.store.run_directory import RunDirectory

ALL_ROWS = {"clusters.fit_rows": "all", "clusters.seed_rows": 1000, "clusters.polish_passes": 1}
FITS = {"on a sample": {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}, "on all rows": ALL_ROWS}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market.write(market.accounts(2000, seed=2), tmp_path_factory.mktemp("engines") / "market", files=5)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two worker processes on loopback that somebody else runs."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as running:
        yield running


def local(where: Path, output: Path, changes: dict[str, Any]) -> RunDirectory:
    return market.run(where, output, changes | {"engine": {"workers": 2}})


def assert_same(one: RunDirectory, other: RunDirectory) -> None:
    """Scores, rejected rows and model are the same files, byte for byte; so are the tables."""
    for pattern in ("scores/*", "rejected/*", "model/*", "tables/*"):
        names = sorted(one.name_of(path) for path in one.path.glob(pattern))
        assert names == sorted(other.name_of(path) for path in other.path.glob(pattern))
        for name in names:
            assert (one.path / name).read_bytes() == (other.path / name).read_bytes(), name


def listening(of: psutil.Process) -> set[str]:
    """The addresses at which a process and its descendants listen."""
    found = set()
    for process in (of, *of.children(recursive=True)):
        try:
            connections = process.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue
        found |= {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}
    return found


@dataclass
class Watcher(Listener):
    """Notes, whenever a stage begins or ends, who listens where and which processes there are."""

    addresses: set[str] = field(default_factory=set)
    children: set[int] = field(default_factory=set)
    stages: list[str] = field(default_factory=list)

    def replace_lost(self) -> None:
        me = psutil.Process()
        self.addresses |= listening(me)
        self.children |= {child.pid for child in me.children(recursive=True)}

    def begin(self, stage: str, total: int | None) -> None:
        self.stages.append(stage)
        self.replace_lost()

    def end(self, spent: StageTime) -> None:
        self.replace_lost()


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())
def test_processes_give_the_bytes_of_threads_listen_on_loopback_only_and_are_gone_after(where, tmp_path, fit):
    """C17: whoever listens during a run, main process or worker, does so on loopback."""
    watcher = Watcher()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    changes = fit | {"engine": {"kind": "processes", "workers": 2}}
    done = pipeline.run(market.job(where, tmp_path / "processes", changes), Progress(watcher))
    assert_same(local(where, tmp_path / "local", fit), done)
    assert watcher.addresses <= {"127.0.0.1", "::1"}
    assert watcher.addresses
    assert len(watcher.children - before) >= 2
    assert {"census", "sample", "guard", "fit", "assign", "potential", "priority", "score"} == set(watcher.stages)
    assert workers_of() == []


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())
def test_a_remote_cluster_gives_the_bytes_of_threads_and_lives_on_without_a_trace(where, tmp_path, cluster, fit):
    """It is joined, never stopped; no result and no shared value of ours is left on it."""
    from distributed import Client

    with Client(cluster.scheduler_address) as client:
        before = sorted(client.scheduler_info(n_workers=-1)["workers"])
        changes = fit | {"engine": {"kind": "remote", "scheduler": cluster.scheduler_address}}
        done = market.run(where, tmp_path / "remote", changes)
        assert_same(local(where, tmp_path / "local", fit), done)
        assert sorted(client.scheduler_info(n_workers=-1)["workers"]) == before
        assert len(before) == 2
        assert client.submit(sum, [1, 2, 3]).result() == 6
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) <= 1


def test_workers_elsewhere_read_copies_that_lie_beside_the_output(tmp_path, cluster):
    import pyarrow as pa

    table = market.accounts(600, seed=4)
    with pa.ipc.new_file(str(tmp_path / "market.arrow"), table.schema) as writer:
        writer.write_table(table)
    remote = {"engine": {"kind": "remote", "scheduler": cluster.scheduler_address}}
    done, here = (market.run(tmp_path / "market.arrow", tmp_path / to, on) for to, on in (("r", remote), ("l", {})))
    assert_same(here, done)
    assert {path.name for path in (tmp_path / "r" / "_sources").glob("*.parquet")} == {
        *(done.manifest() or {})["inputs"]["copies"]
    }


def test_a_file_that_workers_do_not_see_is_named_before_anything_is_computed(where, tmp_path, cluster):
    """The client sees a file that is gone by the time the workers are asked, as one on its own disk is for others."""
    from tamscore.engine import connect

    job = market.job(where, tmp_path / "scores", {"engine": {"kind": "remote", "scheduler": cluster.scheduler_address}})
    plan = context.plan_of(job)
    lost = Path(plan.read_files[3]).rename(tmp_path / "aside")
    try:
        refusal = pytest.raises(UsageError, match=r"2 of the workers do not see .*part-00003\.parquet.*share")
        with connect.connect(job.engine, device.choose("cpu")) as flow, refusal:
            context.require_seen(plan, flow)
    finally:
        lost.rename(plan.read_files[3])


def test_a_failed_run_leaves_a_remote_cluster_alive(tmp_path, cluster):
    from distributed import Client

    bad = market.write(market.accounts(300).set_column(0, "account_id", [["same"] * 300]), tmp_path / "market")
    engine = {"kind": "remote", "scheduler": cluster.scheduler_address}
    with pytest.raises(Exception, match="rows rejected"):
        market.run(bad, tmp_path / "scores", {"engine": engine})
    with Client(cluster.scheduler_address) as client:
        assert client.submit(sum, [1, 2, 3]).result() == 6


def test_a_cluster_without_workers_is_named_and_not_waited_for(where, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty:
        engine = {"kind": "remote", "scheduler": empty.scheduler_address}
        with pytest.raises(RetryableError, match="has no workers; start some"):
            market.run(where, tmp_path / "scores", {"engine": engine})


def test_processes_rescore_and_refresh_as_threads_do(where, tmp_path):
    """A frozen model, drift, hysteresis and matching: the same files wherever the work is done."""
    sampled: dict[str, Any] = {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}
    first = local(where, tmp_path / "first", sampled)
    later = market.write(market.accounts(2000, seed=2).slice(0, 1900), tmp_path / "later", files=4)
    done = {}
    for kind in ("local", "processes"):
        changes: dict[str, Any] = {**sampled, "engine": {"kind": kind, "workers": 2}}
        job = market.job(later, tmp_path / kind, changes)
        scored = pipeline.score(job, Progress(), str(first.path), accept=True)
        done[kind] = scored, pipeline.refresh(job, Progress(), str(first.path), accept=True)
    for one, other in zip(*done.values(), strict=True):
        assert_same(one, other)
