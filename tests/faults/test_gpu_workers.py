"""Workers on GPUs, as far as it shows without one: how they are started and checked, and what a run makes of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster
from sklearn import preprocessing

from tamscore import backend as backends
from tamscore import job_file, pipeline
from tamscore.backend import scalers
from tamscore.backend.host import HostBackend
from tamscore.backend.reader import Reader
from tamscore.config.job import Engine
from tamscore.engine import connect, device, gpus, versions
from tamscore.engine.device import DeviceChoice
from tamscore.errors import DeviceError, JobFileError, RetryableError, UsageError
from tamscore.progress import Progress
from tests.conftest import make_backend

if TYPE_CHECKING:
    from tamscore.store.run_directory import RunDirectory

TWO_GPUS = DeviceChoice("cuda", "as asked", ("NVIDIA H200", "NVIDIA H200"))
FOR_GPUS = ("protocol", "rmm_async", "rmm_release_threshold", "device_memory_limit", "pre_import")
READERS = {name: Reader(name, "as the test says") for name in ("lean", "full")}


def pretend(monkeypatch: pytest.MonkeyPatch, start: Any) -> None:
    """A module `dask_cuda` whose cluster is whatever `start` returns."""
    module = ModuleType("dask_cuda")
    module.__spec__ = ModuleSpec("dask_cuda", None)
    module.LocalCUDACluster = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dask_cuda", module)


def failing(error: Exception) -> Any:
    def start(**_: Any) -> Any:
        raise error

    return start


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Worker processes in the place of those on GPUs, and the settings they were given."""
    seen: dict[str, Any] = {}

    def start(**settings: Any) -> LocalCluster:
        seen.update(settings)
        return LocalCluster(**{name: value for name, value in settings.items() if name not in FOR_GPUS})

    pretend(monkeypatch, start)
    return seen


def test_each_gpu_gets_one_worker_over_tcp_on_loopback_with_a_pool_of_memory(started):
    with connect.connect(Engine(kind="cuda"), replace(TWO_GPUS, reader=READERS["full"])) as flow:
        assert (flow.workers, flow.memories) == (2 * gpus.THREADS, 2)
        assert list(flow.map(abs, [-1, -2, -3])) == [1, 2, 3]
    assert started["n_workers"] == 2
    assert (started["protocol"], started["host"]) == ("tcp", "127.0.0.1")
    assert started["rmm_async"] is True
    assert 0 < started["rmm_release_threshold"] < 1
    assert {"cudf", "cupy"} <= set(started["pre_import"].split(","))


def test_workers_with_the_lean_reader_neither_import_cudf_nor_ask_for_its_pool(monkeypatch):
    seen: dict[str, Any] = {}
    pretend(monkeypatch, lambda **settings: seen.update(settings))
    gpus.cluster({}, full=False)
    assert set(seen) == {"threads_per_worker", "protocol", "device_memory_limit", "pre_import"}
    assert "cudf" not in seen["pre_import"]


def test_without_dask_cuda_it_is_named_with_the_extra_that_brings_it():
    with pytest.raises(DeviceError, match=r"Dask-CUDA is not installed.*rapids-cu12.*engine.kind = 'local'"):
        gpus.cluster({}, full=False)


def test_more_workers_than_gpus_are_refused(started):
    with pytest.raises(DeviceError, match=r"engine.workers: expected at most 2, .* got 3"):
        connect.connect(Engine(kind="cuda", workers=3), TWO_GPUS)
    assert not started


@pytest.mark.parametrize("error", [ValueError("no such device"), ImportError("libcudart"), KeyError("name")])
def test_whatever_a_library_raises_while_workers_start_is_a_device_error(monkeypatch, error):
    pretend(monkeypatch, failing(error))
    with pytest.raises(DeviceError, match=r"engine.kind = 'cuda': the workers do not start on the GPUs: .*nvidia-smi"):
        connect.connect(Engine(kind="cuda"), TWO_GPUS)


def test_a_port_or_disk_that_fails_meanwhile_may_be_tried_again(monkeypatch):
    pretend(monkeypatch, failing(OSError("address in use")))
    with pytest.raises(RetryableError, match=r"engine.kind = 'cuda': the workers do not start"):
        connect.connect(Engine(kind="cuda"), TWO_GPUS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"tcp://a:1": "- no driver"}, "worker tcp://a:1 has no GPU that works: no driver"),
        ({"tcp://a:1": "0000:01", "tcp://a:2": "0000:01"}, "worker tcp://a:1 shares GPU 0000:01 with 1 more"),
    ],
)
def test_a_worker_of_others_without_a_gpu_of_its_own_is_named(found, expected):
    with pytest.raises(DeviceError, match=expected):
        gpus.require_workers(found)


def test_gpus_of_one_address_on_several_machines_are_several():
    gpus.require_workers({"tcp://a:1": "0000:01", "tcp://b:1": "0000:01", "tcp://a:2": "0000:02"})


def test_a_fleet_without_gpus_ends_a_run_on_gpus():
    """Workers for CPUs have joined a scheduler that a run with device = "cuda" is told of."""
    free = "127.0.0.1:0"  # with None, Dask takes port 8787, which another test may have
    with LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address=free, worker_dashboard_address=free) as cluster:
        engine = Engine(kind="remote", scheduler=cluster.scheduler_address)
        with connect.connect(engine) as flow:
            assert flow.memories == 1
        with pytest.raises(DeviceError, match="has no GPU that works: device = 'cuda': the GPU cannot be used"):
            connect.connect(engine, TWO_GPUS)


def test_the_process_that_starts_the_workers_imports_no_gpu_library():
    """One that did would put every worker on the first GPU."""
    code = (
        "import sys; import tamscore.pipeline, tamscore.engine.gpus; from tamscore import backend; "
        "import pickle; pickle.dumps(backend.load('cuda')); "
        "print(sorted({'cupy', 'cudf', 'cuml', 'rmm', 'numba', 'dask_cuda'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("kind", "asked"), [("cuda", "cpu"), ("processes", "cuda")])
def test_workers_that_do_not_fit_the_device_are_a_problem_of_the_job_file(kind, asked):
    with pytest.raises(JobFileError, match=rf"engine.kind: expected workers for device = \"{asked}\""):
        job_file.parse(job_of("in", "out", {"kind": kind}) | {"device": asked})


def job_of(market: str, output: str, engine: dict[str, Any]) -> dict[str, Any]:
    return {
        "input": {"path": market},
        "output": {"path": output},
        "columns": {},
        "features": {"numeric": {"size": "log_standard", "age": "standard"}},
        "clusters": {"k": 4, "fit_rows": "all", "stability": False},
        "leakage": {"action": "off"},
        "engine": engine,
    }


def write(folder: Path) -> None:
    draw = np.random.default_rng(1)
    sizes, ages, sales = draw.lognormal(0, 1, 800), draw.normal(0, 1, 800), draw.lognormal(0, 1, 800)
    columns = {"account_id": [f"C{i}" for i in range(800)], "sales": sales, "size": sizes, "age": ages}
    folder.mkdir()
    for part in range(2):
        pq.write_table(pa.table(columns).slice(400 * part, 400), folder / f"part-{part}.parquet")


def scored(folder: Path, engine: dict[str, Any], backend: Any) -> RunDirectory:
    job = job_file.parse(job_of(str(folder.parent / "market"), str(folder), engine))
    return pipeline.run(job, Progress(), backend)


def scores(made: RunDirectory) -> list[bytes]:
    return [path.read_bytes() for path in sorted(made.path.rglob("part-*.parquet"))]


def test_a_run_on_two_gpus_writes_what_threads_on_the_host_write(tmp_path, monkeypatch, started):
    """Two worker processes with the kernels on the processor: rows stay with the workers, the bytes are the same."""
    write(tmp_path / "market")
    emulated = make_backend("emulated")
    monkeypatch.setattr(device, "choose", lambda *_, **__: TWO_GPUS)
    there = scored(tmp_path / "gpus", {"kind": "cuda"}, emulated)
    assert started["n_workers"] == 2
    monkeypatch.setattr(device, "choose", lambda *_, **__: connect.CPU)
    here = scored(tmp_path / "host", {"kind": "local"}, backends.load("cpu"))
    assert scores(there) == scores(here)
    assert_gpu_is_recorded(there.manifest() or {}, here.manifest() or {})


class SklearnHost(HostBackend):
    """The host with scikit-learn's scalers in the place of cuML's."""

    def fit_scaler(self, kind: str, column: Any) -> tuple[float, float]:
        return scalers.fit_scaler(preprocessing, kind, column)


def test_a_model_is_the_same_with_the_scalers_of_a_library_and_without(tmp_path):
    """Bytes of scores and model do not depend on what is installed; where scales differ, a notice names the column."""
    write(tmp_path / "market")
    made = {}
    for name, backend in (("with", SklearnHost()), ("without", HostBackend())):
        tables = job_of(str(tmp_path / "market"), str(tmp_path / name), {"workers": 1})
        tables["clusters"]["fit_rows"] = 1000
        tables["features"] = {"numeric": {"size": "robust", "age": "standard"}}
        made[name] = pipeline.run(job_file.parse(tables), Progress(), backend)
    assert scores(made["with"]) == scores(made["without"])
    models = [sorted(Path(str(one.model)).glob("*.safetensors")) for one in made.values()]
    assert [path.read_bytes() for path in models[0]] == [path.read_bytes() for path in models[1]] != []
    notices = {name: " ".join((one.manifest() or {})["notices"]) for name, one in made.items()}
    assert "the library's scalers find other values for size; ours count" in notices["with"]
    assert "scalers" not in notices["without"]


def assert_gpu_is_recorded(there: dict[str, Any], here: dict[str, Any]) -> None:
    """C43: which GPUs, driver and libraries computed stands in the manifest, and in that of no run on a CPU."""
    assert there["device"]["gpus"] == list(TWO_GPUS.gpus)
    assert there["device"]["driver"]
    assert (there["device"]["reader"], "cuDF" in there["device"]["reader_reason"]) == ("lean", True)
    assert set(there["packages"]) - set(here["packages"]) == set(versions.GPU_LIBRARIES)
    assert {"cupy", "cudf", "cuml", "rmm", "cuda-runtime"} <= set(there["packages"])
    assert set(here["device"]) == {"name", "reason"}


def test_the_driver_and_the_libraries_are_read_where_they_stand(tmp_path, monkeypatch):
    """No library is imported for it, and no GPU touched; what is not there is said to be missing."""
    monkeypatch.setattr(versions, "DRIVER_FILE", tmp_path / "version")
    assert versions.driver_version() == "unknown"
    (tmp_path / "version").write_text("580.95.05\n")
    assert versions.driver_version() == "580.95.05"
    installed = {"cupy-cuda12x": "14.0.1", "rmm-cu12": "26.10.0"}

    def version(package: str) -> str:
        if package not in installed:
            raise PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(versions, "version", version)
    found = versions.gpu_libraries()
    assert (found["cupy"], found["rmm"], found["cudf"]) == ("14.0.1", "26.10.0", "missing")


@pytest.mark.parametrize("library", versions.GPU_LIBRARIES)
def test_workers_of_others_with_another_gpu_library_are_refused(library):
    """F23: only where GPUs compute; on a CPU it makes no difference what else is installed."""
    here = versions.versions(gpu=True)
    with pytest.raises(UsageError, match=f"worker 1 has {library} 'other', here"):
        versions.require_same(here, {"worker 1": here | {library: "other"}})
    assert library not in versions.versions()
