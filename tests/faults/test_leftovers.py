"""Temporary files of processes that were killed: gone after the next command into the same folder, live ones never."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions import export, export_file
from tamscore.questions.stored import open_run
from tamscore.store import commit, csv_output, disk, folders, temporary, verify
from tests.end_to_end import market
from tests.faults import protocol

DAY = date(2026, 1, 1)
SPAWN = multiprocessing.get_context("spawn")


def write_and_wait(path: Path, begun: Any, done: Any) -> None:
    def write(file: commit.HashingFile) -> None:
        file.write(b"half")
        begun.set()
        done.wait(60)

    commit.place_free(path, write)


def under_way(path: Path) -> tuple[Any, Any]:
    """A process in the middle of writing a file, and what lets it finish."""
    begun, done = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=write_and_wait, args=(path, begun, done))
    process.start()
    assert begun.wait(60)
    return process, done


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def leftovers(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.startswith(disk.TEMPORARY)]


@pytest.mark.parametrize("name", ["upsert.csv", "changes.parquet", "report.html"])
def test_the_next_file_beside_it_takes_a_killed_writers_leftover_along(tmp_path, name):
    """S41: whatever the killed one wrote, and whatever comes next."""
    process, _ = under_way(tmp_path / name)
    process.kill()
    process.join()
    assert len(leftovers(tmp_path)) == 1
    commit.place_free(tmp_path / "other.csv", lambda file: commit.void(file.write(b"x")))
    assert names(tmp_path) == ["other.csv"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_file_that_is_being_written_is_left_alone(tmp_path, stopped):
    """S41: a slow writer, and one that is frozen, finish what they began."""
    process, done = under_way(tmp_path / "slow.csv")
    if stopped:
        os.kill(process.pid, signal.SIGSTOP)
    commit.place_free(tmp_path / "quick.csv", lambda file: commit.void(file.write(b"x")))
    assert len(leftovers(tmp_path)) == 1
    if stopped:
        os.kill(process.pid, signal.SIGCONT)
    done.set()
    process.join(60)
    assert process.exitcode == 0
    assert names(tmp_path) == ["quick.csv", "slow.csv"]


def test_a_file_that_was_swept_before_it_was_claimed_is_made_again(tmp_path, monkeypatch):
    """S41: between its making and its claim another process may take it for a leftover."""
    plain = fcntl.flock
    swept: list[str] = []

    def late(file: Any, how: int) -> None:
        if not swept:
            swept.append(file.name)
            Path(file.name).unlink()
        plain(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    commit.place_bytes(b"whole", tmp_path / "file")
    assert swept
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    return market.score(market.accounts(600), tmp_path_factory.mktemp("scored"))


def export_and_wait(output: Path, to: Path, begun: Any) -> None:
    """An export that stops for good in the middle of its file."""

    def never(*_: Any, **__: Any) -> None:
        begun.set()
        time.sleep(60)

    csv_output.write = never
    run = open_run(output)
    order = export.order_of(run, ["potential"], {}, DAY)
    export_file.write(run, None, order, export_file.Target(to), Progress())


def test_a_killed_export_leaves_nothing_once_there_was_another(scored, tmp_path):
    """S41: export, killed in the middle of its file, then export again."""
    begun = SPAWN.Event()
    process = SPAWN.Process(target=export_and_wait, args=(scored.output, tmp_path / "x.csv", begun))
    process.start()
    assert begun.wait(60)
    process.kill()
    process.join()
    assert len(leftovers(tmp_path)) == 1
    assert CliRunner().invoke(app, ["export", str(scored.output), "--to", str(tmp_path / "x.csv")]).exit_code == 0
    assert names(tmp_path) == ["x.csv"]


def test_commands_that_write_beside_other_files_sweep(scored, tmp_path):
    """S41: report, its figures and diff as export does."""
    for folder in (tmp_path, tmp_path / "figures"):
        folder.mkdir(exist_ok=True)
        (folder / f"{disk.TEMPORARY}dead-file.part").write_bytes(b"half")
    commit.place_parquet(pa.table({"a": [1]}), tmp_path / "kept.parquet")
    report = [
        "report",
        str(scored.output),
        "--output",
        str(tmp_path / "r.html"),
        "--figures",
        str(tmp_path / "figures"),
    ]
    assert CliRunner().invoke(app, report).exit_code == 0
    assert leftovers(tmp_path) == leftovers(tmp_path / "figures") == []
    (tmp_path / f"{disk.TEMPORARY}dead-file.part").write_bytes(b"half")
    diff = ["diff", str(scored.output), str(scored.output), "--to", str(tmp_path / "d.parquet")]
    assert CliRunner().invoke(app, diff).exit_code == 0, CliRunner().invoke(app, diff).output
    assert leftovers(tmp_path) == []
    assert (tmp_path / "kept.parquet").exists()


def test_what_is_being_written_or_was_left_is_no_damage(tmp_path):
    """S41: `verify` beside a live run, and after a killed rollback; any other file is named."""
    version = protocol.run(tmp_path, protocol.NEW).path
    for folder in (tmp_path, version, version / "scores"):
        (folder / f"{disk.TEMPORARY}1-history.jsonl{disk.PART}").write_bytes(b"half")
    assert verify.problems_of_output(tmp_path) == []
    (tmp_path / f"{disk.TEMPORARY}notes").write_bytes(b"")
    (problem,) = verify.problems_of_output(tmp_path)
    assert "does not belong to the output" in problem


def test_a_killed_commands_folder_for_temporary_files_goes_with_the_next_one(tmp_path, monkeypatch):
    """S41: CSV tables are converted there; a live one, and what is not ours, stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, live, other = (tmp_path / f"{temporary.PREFIX}{name}" for name in ("1-dead", "2-live", "x"))
    for folder in (dead, live, tmp_path / "tamscore-demo"):
        folder.mkdir()
    (dead / "0.parquet").write_bytes(b"half")
    other.write_bytes(b"no folder")
    handle = folders.claim(live)
    assert handle is not None
    temporary.remove_temporary_folder()
    mine = temporary.temporary_folder()
    assert names(tmp_path) == sorted([live.name, mine.name, other.name, "tamscore-demo"])
    folders.remove_unlocked([mine])
    assert mine.exists()
    temporary.remove_temporary_folder()
    os.close(handle)
    assert not mine.exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_killed_synth_leaves_nothing_after_the_next_and_no_half_market(tmp_path, monkeypatch, there):
    """S41: into a new folder and into an empty one; the job file comes last."""
    folder = tmp_path / "demo"
    if there:
        folder.mkdir()
    dead = (folder if there else tmp_path) / f"{disk.TEMPORARY}dead-demo{folders.STAGED}" / "market"
    dead.mkdir(parents=True)
    moved: list[str] = []
    plain = disk.move

    def move(part: Path, path: Path) -> None:
        moved.append(path.name)
        plain(part, path)

    monkeypatch.setattr(disk, "move", move)
    made = CliRunner().invoke(app, ["synth", str(folder), "--rows", "50", "--files", "2"])
    assert made.exit_code == 0, made.output
    assert sorted(moved) == (["job.toml", "market", "truth"] if there else ["demo"])
    assert moved[-1] in {"job.toml", "demo"}
    assert names(tmp_path) == ["demo"]
    assert names(folder) == ["job.toml", "market", "truth"]
    assert CliRunner().invoke(app, ["synth", str(folder)]).exit_code == 2


BEGIN = """
import os, sys, tempfile
from multiprocessing import util
from tamscore.engine import fork_server
fork_server.begin()
print(util.get_temp_dir(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def short_folder():
    """A folder for temporary files, with a name short enough for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def begun_in(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(Path(disk.__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_killed_runs_folder_for_sockets_is_swept_by_the_next_and_a_live_ones_is_not(short_folder):
    """S41: `pymp-*` after SIGKILL; folders of other programs stay."""
    (short_folder / "pymp-other").mkdir()
    killed, left = begun_in(short_folder)
    killed.kill()
    killed.communicate()
    live, path = begun_in(short_folder)
    assert not left.exists()
    third, last = begun_in(short_folder)
    assert path.exists()
    for process in (live, third):
        process.communicate()
        assert process.returncode == 0
    assert not path.exists()
    assert not last.exists()
    assert [entry.name for entry in short_folder.iterdir()] == ["pymp-other"]
