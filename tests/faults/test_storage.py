"""Disks that are full, limited or read-only: a named error, the old result as it was, and a rerun that resumes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tamscore.store import verify
from tamscore.store.versions import find
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL = market.PLAIN | {"engine.workers": 1}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A market of four files whose scores take some hundred kilobytes."""
    return market.write(market.plain_accounts(4000), tmp_path / "market", files=4)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 1.8 megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1800k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def run(
    where: Path, output: Path, limit: Callable[[], None] | None = None, seed: int = 1
) -> subprocess.CompletedProcess[str]:
    """The command line on a job of its own, under a limit."""
    job = where.parent / "job.json.toml"
    settings = market.job(where, output, SMALL | {"clusters.seed": seed}).model_dump(
        mode="json", exclude_none=True, exclude={"coverage"}
    )
    job.write_text("\n".join(toml(settings)), encoding="utf-8")
    command = [sys.executable, "-m", "tamscore", "run", str(job)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, preexec_fn=limit, check=False)


def toml(tables: dict[str, Any], head: str = "") -> Iterator[str]:
    """Nested settings as lines of a TOML file."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    if head:
        yield f"[{head}]"
    yield from (f"{json.dumps(key)} = {json.dumps(value)}" for key, value in plain.items())
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from toml(value, f"{head}.{json.dumps(key)}" if head else json.dumps(key))


def test_a_full_disk_is_reported_and_the_run_resumes_when_there_is_room(table, tiny):
    """S01: exit code 5 names the file; the old version still counts and verifies; with room the rest is made."""
    output = tiny / "scores"
    assert run(table, output, seed=2).returncode == 0
    old = find(output)
    disk, filler = os.statvfs(tiny), tiny / "filler"
    filler.write_bytes(b"x" * (disk.f_bavail * disk.f_frsize - 60_000))
    done = run(table, output)
    assert done.returncode == 5, done.stderr
    assert "No space left on device" in done.stderr
    assert "make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert find(output) == old
    assert verify.problems_of_output(output) == []
    filler.unlink()
    again = run(table, output)
    assert again.returncode == 0, again.stderr
    assert verify.problems_of_output(output) == []
    assert find(output) != old


def test_a_read_only_disk_is_refused_before_anything_is_computed(table, tiny):
    """S05: exit code 2, no stage begins, the old version still counts."""
    output = tiny / "scores"
    assert run(table, output, seed=2).returncode == 0
    old = find(output)
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)
    done = run(table, output)
    assert done.returncode == 2, done.stderr
    assert "cannot be written to" in done.stderr
    assert "stage name=" not in done.stderr
    assert find(output) == old


def test_a_limit_on_file_size_is_reported_and_harms_nothing(table, tmp_path):
    """S03: a named error and no traceback; the old version still counts; without the limit the run completes."""
    output = tmp_path / "scores"
    assert run(table, output, seed=2).returncode == 0
    old = find(output)
    done = run(table, output, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)))
    assert done.returncode == 5, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert find(output) == old
    assert verify.problems_of_output(output) == []
    assert run(table, output).returncode == 0


def test_a_run_needs_hardly_any_open_files(tmp_path):
    """S04: forty input files and eight descriptors, three of them taken by the terminal: nothing runs short."""
    where = market.write(market.plain_accounts(400), tmp_path / "market", files=40)
    done = run(where, tmp_path / "scores", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)))
    assert done.returncode == 0, done.stderr
    assert verify.problems_of_output(tmp_path / "scores") == []


def test_nothing_is_left_open_or_behind_by_a_run(table, tmp_path):
    """S19: after a run that succeeded no temporary file is left."""
    output = tmp_path / "scores"
    assert run(table, output).returncode == 0
    assert list(output.rglob("_tmp-*")) == []
    assert [path.name for path in (output / "versions").iterdir()] == [find(output).run_key]
