"""A GPU against the CPU, against itself, and against cuML. Needs a GPU: none of this has run on one yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tamscore import backend as backends
from tamscore import job_file, pipeline
from tamscore.backend import FitsScalers, kernels
from tamscore.model import files as model
from tamscore.progress import Progress
from tamscore.stages import prepare, scale
from tamscore.stages.blocks import BlockRows, DrawnBlock
from tamscore.stages.grid import fit_grid
from tamscore.stages.kmeans import lloyd
from tamscore.stages.scale import NumericColumn
from tamscore.stages.scaling import MODES
from tamscore.synthetic import write_market
from tests.conftest import gpu_missing

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

pytestmark = pytest.mark.gpu
ROWS = 60_000


@pytest.fixture(scope="module", autouse=True)
def gpu() -> None:
    if (reason := gpu_missing()) is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu") / "market"
    write_market(folder, ROWS, seed=3, files=6)
    return folder


def run(market: Path, output: Path, device: str, **engine: Any) -> RunDirectory:
    overrides = [f"device={device}", f"output.path={output}", "clusters.fit_rows=all", "clusters.polish_passes=2"]
    overrides += ["leakage.action=off"]
    overrides += [f"engine.{key}={value}" for key, value in engine.items()]
    return pipeline.run(job_file.load(market / "job.toml", overrides), Progress())


def scores(directory: RunDirectory) -> Any:
    return pq.read_table(sorted(directory.path.rglob("scores/part-*.parquet")))


def files(directory: RunDirectory) -> list[bytes]:
    return [path.read_bytes() for path in sorted(directory.path.rglob("scores/part-*.parquet"))]


@pytest.fixture(scope="module")
def on_gpu(market, tmp_path_factory):
    return run(market, tmp_path_factory.mktemp("cuda"), "cuda", workers=2)


def test_a_gpu_gives_the_labels_centers_and_potentials_of_the_cpu(market, on_gpu, tmp_path):
    """Labels agree on 99.99 % of rows, centers to 1e-5, potentials to the cent where a ladder saw the same labels."""
    on_cpu = run(market, tmp_path, "cpu")
    ours, theirs = scores(on_gpu), scores(on_cpu)
    assert ours["account_id"].equals(theirs["account_id"])
    same = np.asarray(ours["cluster"].to_pylist()) == np.asarray(theirs["cluster"].to_pylist())
    assert same.mean() >= 0.9999
    (_, a), (_, b) = model.read_raw(on_gpu.model), model.read_raw(on_cpu.model)
    for name in (name for name in a if name.endswith(".centers")):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-5 * np.abs(b[name]).max())
    if same.all():
        assert ours["potential"].to_pylist() == theirs["potential"].to_pylist()
        assert ours["whitespace"].to_pylist() == theirs["whitespace"].to_pylist()


def test_a_gpu_gives_the_same_bytes_from_run_to_run(market, on_gpu, tmp_path):
    assert files(run(market, tmp_path, "cuda", workers=4)) == files(on_gpu)


def test_a_gpu_gives_the_same_bytes_with_a_worker_process_and_without_room(market, on_gpu, tmp_path):
    assert files(run(market, tmp_path / "a", "cuda", kind="cuda")) == files(on_gpu)
    assert files(run(market, tmp_path / "b", "cuda", resident_share=0.0)) == files(on_gpu)


def blocks(rows: int, d: int, k: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(7)
    centers = np.rint(draw.normal(0, 3e5, (k, d)))
    block = np.rint(centers[draw.integers(0, k, rows)].T + draw.normal(0, 2e5, (d, rows)))
    limit = fit_grid(np.full(d, 1.0)).limit[:, None]
    return np.clip(block, -limit, limit).astype(np.float32), centers


@pytest.mark.parametrize("k", [8, 11, 64, 1000])
def test_many_rows_take_the_sides_of_the_host(k):
    """Several thousand blocks of threads add to the same sums at once; whole numbers do not mind."""
    host, cuda = backends.load("cpu"), backends.load("cuda")
    block, centers = blocks(400_000, 32, k)
    on_device = cuda.put(block)
    norms = kernels.sq_norms(cuda.xp, on_device)
    answers = [cuda.sides(on_device, norms, cuda.put(centers)) for _ in range(3)]
    label = host.label(block, kernels.sq_norms(np, block), centers)
    for found in answers:
        assert np.array_equal(cuda.get(found.label), label)
        assert np.array_equal(cuda.get(found.sums), host.segment_sum(block, label, k))
        assert np.array_equal(cuda.get(found.counts), host.segment_count(label, k))


@pytest.mark.parametrize("scaling", ["standard", "log_standard", "minmax", "robust"])
def test_cumls_scalers_give_the_scale_of_the_shared_text(scaling):
    """To the bit, after rounding. At 100,001 values quartiles are values, not between two."""
    backend = backends.load("cuda")
    if not isinstance(backend, FitsScalers):
        pytest.skip("the lean reader has no cuML")
    values = np.random.default_rng(5).lognormal(5.0, 1.0, 100_001)
    column, on_device = NumericColumn("x", scaling), backend.put(values)
    at = backend.put(np.zeros(len(values), np.int64))
    ordered = prepare.sort_column(backend, on_device, at, 1)
    ours = scale.before_moments(column, prepare.order_statistics(ordered, column.shares))
    if MODES[scaling].standard:
        moments = scale.bent_moments(backend, (ours,), {"x": on_device}, at)
        ours = scale.with_moments(ours, column.weight, float(moments.mean[0]), float(moments.variance[0]))
    assert scale.by_library(backend, backend.xp, ours, column.weight, on_device, at) == ours


def test_cuml_reaches_no_lower_inertia_from_the_same_start():
    """Lloyd is Lloyd: the same data, the same start, the same number of passes, inertia within a thousandth."""
    from cuml.cluster import KMeans

    cuda = backends.load("cuda")
    block, centers = blocks(200_000, 32, 11)
    start = centers + np.random.default_rng(1).integers(-50_000, 50_000, centers.shape)
    drawn = DrawnBlock(cuda.put(block), np.arange(block.shape[1], dtype=np.uint64))
    ours = lloyd(BlockRows(cuda, [drawn]), start, 30, tolerance=0.0)
    theirs = KMeans(n_clusters=11, init=start.astype(np.float32), n_init=1, max_iter=30, tol=0.0)
    theirs.fit(cuda.put(np.ascontiguousarray(block.T)))
    assert ours.inertia <= 1.001 * float(theirs.inertia_)


def test_memory_does_not_grow_over_fifty_passes():
    import cupy

    cuda = backends.load("cuda")
    block, centers = blocks(300_000, 32, 11)
    rows = BlockRows(cuda, [DrawnBlock(cuda.put(block), np.arange(block.shape[1], dtype=np.uint64))])
    free = []
    for _ in range(50):
        rows.accumulate(centers)
        rows.farthest(centers)
        cuda.sync()
        free.append(cupy.cuda.runtime.memGetInfo()[0])
    assert min(free[5:]) >= free[4]
