"""A run that ends early keeps census, model and assignment: the next one goes on from there to the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tamscore import pipeline
from tamscore.progress import Progress
from tamscore.scoring import input_change as before
from tamscore.scoring import model_source
from tamscore.scoring.census import partition as census
from tamscore.scoring.fit import choose_k as choosing
from tamscore.scoring.fit import fit, guard
from tamscore.scoring.fit.fit import polish_centers
from tamscore.store import checkpoints, contents, pruning
from tests.end_to_end import market
from tests.fake_gpu import FakeGpu
from tests.faults import objects

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.config import Job
    from tamscore.store.run_directory import RunDirectory

CHANGES = {"clusters.stability": True, "clusters.k": "auto", "clusters.k_range": [2, 4], "rows.duplicates": "sum"}
EVERYTHING = "resumed: census, model, assignment were there already"


class KilledError(BaseException):
    """The run is over, whatever it was about to do."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market of six files with rows to be rejected, and rows of one id that are added up."""
    table = market.accounts(900)
    more = table.slice(0, 5).set_column(8, "sales", table["sales"].slice(5, 5).fill_null(1.0))
    return market.write(pa.concat_tables([table, more]), tmp_path_factory.mktemp("market"), files=6)


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "GROUP_ROWS", 300)


@pytest.fixture(scope="module")
def whole(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run that nothing interrupted."""
    return pipeline.run(job_of(tables, tmp_path_factory.mktemp("whole") / "scores"), Progress())


def job_of(tables: Path, output: Path | str, **more: Any) -> Job:
    return market.job(tables, output, CHANGES | more)


def files_of(directory: RunDirectory) -> dict[str, bytes]:
    """Every file but the manifest, which holds times."""
    paths = [path for path in sorted(directory.path.rglob("*")) if path.is_file()]
    return {directory.name_of(path): path.read_bytes() for path in paths if path.name != "manifest.json"}


def manifest_without_times(directory: RunDirectory) -> dict[str, Any]:
    """The manifest without times and output, and without the notices of a resumed run."""
    manifest = dict(directory.manifest() or {})
    manifest["notices"] = [text for text in manifest["notices"] if not text.startswith("resumed: ")]
    del manifest["stages"], manifest["job"]["output"]
    return manifest


def forbid(patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    """Make a function end the run that calls it."""

    def end(*_: object, **__: object) -> None:
        raise KilledError

    patch.setattr(place, name, end)


def cut_off(monkeypatch: pytest.MonkeyPatch, job: Job, step: str = "_value", backend: Any = None) -> None:
    """Run the job and end it at the function of that name in `pipeline`."""
    with monkeypatch.context() as patch:
        forbid(patch, pipeline, step)
        with pytest.raises(KilledError):
            pipeline.run(job, Progress(), backend, accept=True)


COMPUTED = {
    "_assign": [(census, "take_census"), (census, "count_again"), (model_source, "fit_parties")],
    "_value": [(census, "take_census"), (model_source, "fit_parties"), (pipeline, "assign_rows")],
    "write_run": [(census, "take_census"), (pipeline, "assign_rows"), (contents, "placed_table")],
}
"""What a run that ended at a step does not do again."""


@pytest.mark.parametrize("step", COMPUTED)
def test_a_run_goes_on_after_each_stage_and_comes_to_the_same_bytes(monkeypatch, tmp_path, tables, whole, step):
    """F51: what was kept is not computed again, is told, and is gone when the run is complete."""
    job, progress = job_of(tables, tmp_path), Progress()
    cut_off(monkeypatch, job, step)
    assert [path.name for path in (tmp_path / "_checkpoints").iterdir()] == [whole.run_key]
    for place, name in COMPUTED[step]:
        forbid(monkeypatch, place, name)
    here = pipeline.run(job, progress)
    assert files_of(here) == files_of(whole)
    assert manifest_without_times(here) == manifest_without_times(whole)
    assert [text for text in progress.notices if text.startswith("resumed: census, model")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_CURRENT.json", "_history.jsonl", "_lock", "versions"]


def test_a_run_that_ends_in_the_fit_of_a_party_type_goes_on_with_what_it_had_found(
    monkeypatch, tmp_path, tables, whole
):
    """F51: the verdicts of the guard, the numbers of clusters, and the model of the party type before."""
    job, progress = job_of(tables, tmp_path), Progress()
    with monkeypatch.context() as patch:

        def polish_one(*given: Any) -> Any:
            forbid(patch, fit, "polish_centers")
            return polish_centers(*given)

        patch.setattr(fit, "polish_centers", polish_one)
        with pytest.raises(KilledError):
            pipeline.run(job, Progress())
    forbid(monkeypatch, guard, "inspect")
    forbid(monkeypatch, choosing, "choose")
    here = pipeline.run(job, progress)
    found = "census, guard, model of end_user, number of clusters of channel"
    assert f"resumed: {found} were there already" in progress.notices
    assert files_of(here) == files_of(whole)
    assert manifest_without_times(here) == manifest_without_times(whole)


def test_a_run_on_threads_goes_on_in_processes(monkeypatch, tmp_path, tables, whole):
    """F51: what is kept knows nothing of workers."""
    cut_off(monkeypatch, job_of(tables, tmp_path))
    (tmp_path / "_checkpoints" / whole.run_key / "assignment-00001").unlink()
    progress = Progress()
    here = pipeline.run(job_of(tables, tmp_path, engine={"kind": "processes", "workers": 1}), progress)
    assert "resumed: census, model, 4 of 6 parts of assignment were there already" in progress.notices
    assert files_of(here) == files_of(whole)


def test_a_run_on_a_device_goes_on(monkeypatch, tmp_path, tables):
    """F51: nothing that is kept lies on the device."""
    job, progress = job_of(tables, tmp_path / "scores"), Progress()
    wanted = pipeline.run(job_of(tables, tmp_path / "whole"), Progress(), FakeGpu())
    cut_off(monkeypatch, job, backend=FakeGpu())
    here = pipeline.run(job, progress, FakeGpu())
    assert EVERYTHING in progress.notices
    assert files_of(here) == files_of(wanted)


def test_a_run_into_an_object_store_goes_on(monkeypatch, tables, whole):
    """F51: the same, and no object is left beside the version."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    job, progress = job_of(tables, f"{objects.URL}/scores"), Progress()
    cut_off(monkeypatch, job)
    here = pipeline.run(job, progress)
    assert EVERYTHING in progress.notices
    found = objects.bytes_below(objects.place("scores") / "versions" / here.run_key)
    del found["manifest.json"]
    assert found == files_of(whole)
    assert not (objects.place("scores") / "_checkpoints").is_dir()


def test_what_is_damaged_is_computed_again_and_reported(monkeypatch, tmp_path, tables, whole):
    """S51: a bit flipped in each of the files."""
    job, progress = job_of(tables, tmp_path), Progress()
    cut_off(monkeypatch, job, "write_run")
    files = sorted((tmp_path / "_checkpoints" / whole.run_key).iterdir())
    names = {"census", "duplicates", "guard", "choice", "model", "assignment", "score"}
    assert {path.name.partition("-")[0] for path in files} == names
    for number, path in enumerate(files):
        data = bytearray(path.read_bytes())
        data[(number * 7919) % len(data)] ^= 1 << number % 8
        path.write_bytes(bytes(data))
    here = pipeline.run(job, progress)
    entries = {text.partition(": not used")[0] for text in progress.notices if ": not used, computed again" in text}
    assert entries == {str(path) for path in files}
    assert files_of(here) == files_of(whole)


def test_the_comparison_with_the_run_before_is_kept_as_long_as_that_run_is_the_current_one(monkeypatch, tmp_path):
    """F51: and made again where another version is current by now."""
    old, now = (market.write(market.plain_accounts(300, seed), tmp_path / f"{seed}") for seed in (1, 2))
    first = market.run(old, tmp_path / "scores", market.PLAIN)
    second = market.run(old, tmp_path / "scores", market.PLAIN | {"clusters.k": 3})
    job = market.job(now, tmp_path / "scores", market.PLAIN)
    cut_off(monkeypatch, job)
    with monkeypatch.context() as patch:
        forbid(patch, before, "read_sales")
        cut_off(patch, job, "_write_scores")
    first.point_here()
    here = pipeline.run(job, Progress(), accept=True)
    assert (here.manifest() or {})["input_change"]["run"] == first.run_key != second.run_key


def test_what_a_killed_run_kept_goes_with_the_next_run_that_is_complete_or_a_prune(monkeypatch, tmp_path):
    """S19: runs that are never started again leave nothing of it."""
    where = market.write(market.plain_accounts(60), tmp_path / "market")
    killed, remaining = market.job(where, tmp_path / "scores", market.PLAIN), tmp_path / "scores" / "_checkpoints"
    cut_off(monkeypatch, killed)
    assert remaining.exists()
    done = market.run(where, tmp_path / "scores", market.PLAIN | {"clusters.k": 3})
    assert not remaining.exists()
    cut_off(monkeypatch, killed)
    assert remaining.exists()
    pruning.prune(tmp_path / "scores", 1)
    assert not remaining.exists()
    assert done.is_complete()
