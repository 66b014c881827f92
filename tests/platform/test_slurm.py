"""The SLURM scripts under a real controller with two nodes: exit codes, a cluster over both, a job that goes on."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.store import verify
from tamscore.synthetic import write_market
from tests.faults.clusters import wait_until
from tests.platform.slurm import Slurm, slurm

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.platform

SCRIPTS = Path(__file__).parents[2] / "jobs" / "slurm"
QUICK = ("--set", "clusters.restarts=2", "--set", "device=cpu")
SMALL = ("--cpus-per-task=2", "--mem=2G")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with slurm(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    write_market(tmp_path_factory.mktemp("market"), rows=3000, seed=5, files=4)
    return tmp_path_factory.getbasetemp() / "market0" / "job.toml"


def path_with(folder: Path, **programs: str) -> str:
    """A PATH on which `tamscore`, `dask` and `python3` are those of this environment, or the scripts given."""
    folder.mkdir()
    usual = {"tamscore": "tamscore", "dask": "dask", "python3": ""}
    for name, module in usual.items():
        run = f'exec {sys.executable} {f"-m {module} " if module else ""}"$@"\n'
        (folder / name).write_text(f"#!/bin/bash\n{programs.get(name, '')}{run}", encoding="utf-8")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def submit(
    running: Slurm, script: str, tmp_path: Path, job: Path, *sets: str, path: str | None = None, **extra: str
) -> str:
    options = [*SMALL, f"--gpus-per-node={extra.pop('gpus')}"] if "gpus" in extra else [*SMALL]
    arguments = [
        *options,
        str(SCRIPTS / script),
        str(job),
        "--set",
        f"output.path={tmp_path / 'scores'}",
        *QUICK,
        *sets,
    ]
    variables = {"TAMSCORE_INTERFACE": "lo", "PYTHONPATH": os.pathsep.join(sys.path), **extra}
    return running.submit(*arguments, path=path or path_with(tmp_path / "bin"), cwd=tmp_path, **variables)


def log_of(tmp_path: Path, number: str) -> str:
    return (tmp_path / f"tamscore-{number}.log").read_text(encoding="utf-8")


def scores(output: Path) -> list[bytes]:
    assert verify.problems_of_output(output) == []
    return [path.read_bytes() for path in sorted(output.glob("versions/*/scores/part-*.parquet"))]


@pytest.fixture(scope="module")
def reference(job: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    output = tmp_path_factory.mktemp("reference") / "scores"
    pipeline.run(job_file.load(job, (f"output.path={output}", *QUICK[1::2])), Progress())
    return scores(output)


def test_one_node_scores_and_a_repetition_is_no_failure(running, job, tmp_path, reference):
    path = path_with(tmp_path / "bin")
    for _ in range(2):
        number = submit(running, "one_node.sbatch", tmp_path, job, path=path)
        facts = running.ended(number)
        assert (facts["JobState"], facts["ExitCode"]) == ("COMPLETED", "0:0"), log_of(tmp_path, number)
    assert "nothing to do" in log_of(tmp_path, number)
    assert scores(tmp_path / "scores") == reference


def test_an_image_is_run_by_apptainer_with_the_folders_it_shall_see(running, job, tmp_path, reference):
    """Apptainer is stood in for: it says what it was asked, then runs the command outside of any image."""
    path = path_with(tmp_path / "bin")
    stand_in = tmp_path / "bin" / "apptainer"
    stand_in.write_text(
        f'#!/bin/bash\necho "$*" > {tmp_path}/asked\nwhile [[ $1 != *.sif ]]; do shift; done\nexec "${{@:2}}"\n'
    )
    stand_in.chmod(0o755)
    folders = f"{job.parent},{tmp_path}"
    number = submit(
        running, "one_node.sbatch", tmp_path, job, path=path, TAMSCORE_IMAGE="tamscore.sif", TAMSCORE_BIND=folders
    )
    assert running.ended(number)["ExitCode"] == "0:0", log_of(tmp_path, number)
    assert (tmp_path / "asked").read_text().startswith(f"exec --bind {folders} tamscore.sif tamscore score {job}")
    assert scores(tmp_path / "scores") == reference


@pytest.mark.parametrize("script", ["one_node.sbatch", "many_nodes.sbatch"])
def test_an_exit_code_that_needs_a_person_ends_the_job_and_is_passed_on(running, job, tmp_path, script):
    number = submit(running, script, tmp_path, job, "--set", "columns.sales=nothing")
    facts = running.ended(number)
    assert (facts["JobState"], facts["ExitCode"], facts["Restarts"]) == ("FAILED", "3:0", "0"), log_of(tmp_path, number)


def test_two_nodes_form_a_cluster_give_the_bytes_of_one_process_and_leave_nothing(running, job, tmp_path, reference):
    number = submit(running, "many_nodes.sbatch", tmp_path, job)
    facts = running.ended(number)
    log = log_of(tmp_path, number)
    assert (facts["ExitCode"], facts["NumNodes"]) == ("0:0", "2"), log
    assert len(set(re.findall(r"Start worker at:\s+'?(tls://127\.0\.0\.1:\d+)", log))) == 4, "two nodes, two cores each"
    assert "0.0.0.0" not in log  # noqa: S104 - that is what must not be
    assert scores(tmp_path / "scores") == reference
    assert not list(tmp_path.glob(".tamscore-*")), "key and certificate go with the job"


def test_gpus_of_an_allocation_get_a_worker_each(running, job, tmp_path):
    """`dask cuda worker` is stood in for: it says what it was asked and which device it has, then works on a CPU."""
    cuda = f"""if [[ $1 == cuda ]]; then
  shift
  echo "$* on $CUDA_VISIBLE_DEVICES" > {tmp_path}/asked-$SLURMD_NODENAME
  set -- "${{@/--rmm-async/--no-dashboard}}" --nthreads 1
fi
"""
    number = submit(running, "many_nodes.sbatch", tmp_path, job, path=path_with(tmp_path / "bin", dask=cuda), gpus="1")
    assert running.ended(number)["ExitCode"] == "0:0", log_of(tmp_path, number)
    asked = [(tmp_path / f"asked-{node}").read_text(encoding="utf-8") for node in ("n1", "n2")]
    assert all("--rmm-async" in one and one.endswith(" on 0\n") for one in asked)


def test_a_run_that_may_succeed_later_is_queued_again(running, job, tmp_path):
    first = f"if [[ ! -e {tmp_path}/tried ]]; then touch {tmp_path}/tried; exit 5; fi\n"
    number = submit(running, "one_node.sbatch", tmp_path, job, path=path_with(tmp_path / "bin", tamscore=first))
    facts = running.ended(number)
    assert (facts["JobState"], facts["ExitCode"], facts["Restarts"]) == ("COMPLETED", "0:0", "1"), log_of(
        tmp_path, number
    )


def test_a_run_near_its_time_limit_is_stopped_queued_again_and_goes_on(running, job, tmp_path, reference):
    """USR1 is what SLURM sends a minute before the end; the first attempt would take long."""
    first = (
        f'if [[ ! -e {tmp_path}/tried ]]; then touch {tmp_path}/tried; set -- "$@" --set clusters.restarts=3000; fi\n'
    )
    number = submit(running, "one_node.sbatch", tmp_path, job, path=path_with(tmp_path / "bin", tamscore=first))
    log = tmp_path / f"tamscore-{number}.log"
    assert wait_until(lambda: log.exists() and "name=sample" in log.read_text(encoding="utf-8"), 60)
    running.call("scancel", "--signal=USR1", "--batch", number)
    facts = running.ended(number)
    assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", "1"), log_of(tmp_path, number)
    assert "stopped by SIGTERM" in log_of(tmp_path, number)
    assert scores(tmp_path / "scores") == reference
