"""The whole run on a device that NumPy cannot read gives what it gives on the host: the same files, to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tamscore import job_file, pipeline
from tamscore.model import files as model
from tamscore.progress import Progress
from tamscore.synthetic import write_market
from tests.conftest import gpu_missing, make_backend
from tests.fake_gpu import FakeGpu
from tests.frozen_host import FrozenHost

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.backend import Backend
    from tamscore.store.run_directory import RunDirectory

ROWS = 3000
EVERY_SCALING = {
    "employees": {"scaling": "log_standard", "missing_indicator": True},
    "revenue": "log_standard",
    "founded_year": "quantile_normal",
    "research_share": "standard",
    "revenue_growth": {"scaling": "robust", "weight": 2.0},
    "operating_margin": {"scaling": "minmax", "winsorise": [0.05, 0.95]},
    "credit_score": {"scaling": "none", "winsorise": False, "weight": 0.05},
    "assets": {"scaling": "standard", "winsorise": False, "missing_indicator": True},
}
JOBS: dict[str, dict[str, Any]] = {
    "on a sample": {
        "clusters": {"k": {"end_user": 50, "channel": 3}, "fit_rows": 1000},
    },
    "on all rows, polished": {
        "clusters": {"k": 5, "fit_rows": "all", "polish_passes": 4},
        "potential": {"preset": "p80", "boundary": "strictly_below", "top_step": "p99", "stability": True},
        "quadrant": {"threshold": "median", "level": "cluster"},
    },
    "on a sample, polished": {
        "clusters": {"k": 4, "fit_rows": 1500, "polish_passes": 2},
        "potential": {"cut_lines": [0.5, 0.9], "top_step": "next_step", "min_customers": 60},
        "quadrant": {"threshold": "capacity", "capacity": 300},
    },
    "at level account, with stability": {
        "clusters": {"k": {"end_user": 6, "channel": 2}, "fit_rows": 1500},
        "potential": {"level": "account", "stability": True},
    },
}
RECIPE = {"seed_rows": 1000, "restarts": 3, "batch_rows": 200}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline") / "market"
    write_market(folder, ROWS, seed=5, files=3)
    return folder


def run(market: Path, output: Path, backend: Backend, changes: dict[str, Any]) -> RunDirectory:
    """The run of a job that uses every kind of feature, on a backend."""
    tables = {
        "device": "cpu",
        "input": {"path": str(market / "market")},
        "output": {"path": str(output)},
        "columns": {"party_type": "party_type", "market_segment": "industry", "revenue": "revenue", "name": "name"},
        "rows": {"non_negative": ["employees"]},
        "features": {"numeric": EVERY_SCALING, "categorical": ["country", "technology"], "category_weight": 1.5},
        "campaigns": {"size": "employees"},
        **changes,
        "clusters": RECIPE | changes["clusters"],
    }
    return pipeline.run(job_file.parse(tables), Progress(), backend)


def scores(directory: RunDirectory) -> list[Path]:
    """The files of the scores in order."""
    return [path for path in sorted(directory.path.rglob("part-*.parquet")) if path.parent.name != "rejected"]


def results(directory: RunDirectory) -> list[tuple[str, bytes]]:
    """The scores, rejected rows, tables and model of a run: the format and the bytes of each file, in order."""
    files = [path for path in sorted(directory.path.rglob("*")) if path.suffix in {".parquet", ".csv", ".safetensors"}]
    return [(path.suffix, path.read_bytes()) for path in [*files, directory.model / "model.json"]]


@pytest.fixture(scope="module", params=list(JOBS))
def changes(request: pytest.FixtureRequest) -> dict[str, Any]:
    return JOBS[request.param]


@pytest.fixture(scope="module")
def on_host(market: Path, changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run(market, tmp_path_factory.mktemp("host"), FrozenHost(), changes)


@pytest.mark.parametrize("block_rows", [257, 1000])
def test_a_fake_gpu_writes_the_files_of_the_host(market, on_host, tmp_path, changes, block_rows):
    """Scores, rejected rows, tables and arrays of the model: every byte, whatever the width of the blocks."""
    there = run(market, tmp_path, FakeGpu(block_rows), changes)
    assert len(scores(there)) == len(scores(on_host)) == 3
    assert results(there) == results(on_host)


def test_the_kernels_of_a_gpu_write_the_files_of_the_host(market, on_host, tmp_path, changes):
    """The CUDA backend with its kernels on the processor: every byte."""
    there = run(market, tmp_path, make_backend("emulated"), changes)
    assert results(there) == results(on_host)


def test_the_job_exercises_what_it_should(on_host, changes):
    """Two party types, several clusters each, both kinds, missing values: else sameness would mean little."""
    table = pq.read_table(scores(on_host))
    assert set(table["party_type"].unique().to_pylist()) == {"end_user", "channel"}
    assert len(table["cluster"].unique()) >= 7
    assert set(table["kind"].unique().to_pylist()) == {"acquisition", "expansion"}
    description, arrays = model.read_raw(on_host.model)
    scalings = {column["scaling"] for column in description["parties"][0]["columns"]}
    assert scalings == {"log_standard", "quantile_normal", "standard", "robust", "minmax", "none"}
    assert arrays["end_user.centers"].shape[1] == len(description["parties"][0]["features"])
    assert "sales_missing" in table["flags"].unique().to_pylist()


@pytest.mark.gpu
def test_a_gpu_gives_the_scores_of_the_host_within_rounding(market, on_host, tmp_path, changes):
    """Logarithms may differ in their last bit from one device to another, so a row on a border may move."""
    if (reason := gpu_missing()) is not None:
        pytest.skip(reason)
    there = run(market, tmp_path, make_backend("cuda"), changes)
    ours, theirs = (pq.read_table(scores(directory))["cluster"].to_pylist() for directory in (on_host, there))
    assert sum(map(str.__eq__, ours, theirs)) >= 0.999 * len(ours)
