"""A run that ends early keeps census, model and assignment: the next one goes on from there to the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tamscore import admission, pipeline
from tamscore.progress import Progress
from tamscore.store import checkpoints, disk
from tamscore.store.run_directory import RunDirectory
from tests.end_to_end import market
from tests.fake_gpu import FakeGpu

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.config import Job

ROWS, FILES = 900, 6
CHANGES = {"clusters.stability": True, "clusters.k": "auto", "clusters.k_range": [2, 4]}


class KilledError(BaseException):
    """The run is over, whatever it was about to do."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with rows to be rejected, and rows of one id that are added up."""
    table = market.accounts(ROWS)
    twice = table.slice(0, 5).set_column(8, "sales", table["sales"].slice(5, 5).fill_null(1.0))
    import pyarrow as pa

    return market.write(pa.concat_tables([table, twice]), tmp_path_factory.mktemp("market"), files=FILES)


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "GROUP_ROWS", 300)


def job_of(tables: Path, output: Path, **more: Any) -> Job:
    return market.job(tables, output, CHANGES | {"rows.duplicates": "sum"} | more)


def files_of(directory: RunDirectory) -> dict[str, bytes]:
    """Every file but the manifest, which holds times."""
    paths = [path for path in sorted(directory.path.rglob("*")) if path.is_file()]
    return {directory.name_of(path): path.read_bytes() for path in paths if path.name != "manifest.json"}


def told_of(directory: RunDirectory) -> dict[str, Any]:
    """The manifest without times, and without the notices of a resumed run."""
    manifest = dict(directory.manifest() or {})
    manifest["notices"] = [text for text in manifest["notices"] if not text.startswith("resumed: ")]
    del manifest["stages"]
    del manifest["job"]["output"]
    return manifest


@pytest.fixture(scope="module")
def whole(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run that nothing interrupted."""
    return pipeline.run(job_of(tables, tmp_path_factory.mktemp("whole") / "scores"), Progress())


def cut_off(monkeypatch: pytest.MonkeyPatch, job: Job, step: str, backend: Any = None) -> None:
    """Run the job and end it at the function of that name in `pipeline`."""

    def end(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, step, end)
        with pytest.raises(KilledError):
            pipeline.run(job, Progress(), backend)


STEPS = {
    "assign": "resumed: census, model were there already",
    "value": "resumed: census, model, assignment were there already",
    "write_outcome": "resumed: census, model, assignment were there already",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_run_goes_on_after_each_stage_and_comes_to_the_same_bytes(monkeypatch, tmp_path, tables, whole, step):
    """F33: what is kept is told, is the same to the bit, and is gone when the run is complete."""
    job, progress = job_of(tables, tmp_path), Progress()
    cut_off(monkeypatch, job, step)
    assert list((tmp_path / "_checkpoints").iterdir()) == [tmp_path / "_checkpoints" / whole.run_key]
    here = pipeline.run(job, progress)
    assert STEPS[step] in progress.notices
    assert files_of(here) == files_of(whole)
    assert told_of(here) == told_of(whole)
    assert not (tmp_path / "_checkpoints").exists()
