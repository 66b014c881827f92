"""The CUDA kernels on threads that truly run at once, under a race detector: it finds no race, and each planted one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tamscore.backend import launch

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parents[1] / "emulated"
COMPILER = shutil.which("g++")
FLAGS = ("-std=c++17", "-O1", "-g", "-fsanitize=thread", "-w", "-DONLY=12")
BARRIERS = launch.SOURCE.read_text(encoding="utf-8").count("__syncthreads();")
FIXED_ADDRESSES = ("setarch", "--addr-no-randomize") if shutil.which("setarch") else ()
"""The detector does not start where the system places memory too much at random."""
REPORTED = 66
"""The exit status after a report."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernels and their driver, compiled with the detector."""
    if COMPILER is None:
        pytest.skip("no g++ here")
    folder = tmp_path_factory.mktemp("races")
    (folder / "empty.cpp").write_text("int main() {}", encoding="utf-8")
    if compiled(folder / "empty.cpp", folder / "empty").returncode or run(folder / "empty").returncode:
        pytest.skip("ThreadSanitizer does not work here")
    done = compiled(HERE / "races.cpp", folder / "races")
    assert done.returncode == 0, done.stderr
    return folder / "races"


def compiled(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    given = (f'-DKERNELS="{launch.SOURCE}"', f"-DBARRIERS={BARRIERS}")
    command = [str(COMPILER), *FLAGS, *given, str(source), "-o", str(target), "-lpthread"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(program: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    options = {"TSAN_OPTIONS": f"exitcode={REPORTED} history_size=7 halt_on_error=1 symbolize=0"}
    environment: Mapping[str, str] = {**os.environ, **options, **variables}
    command = [*FIXED_ADDRESSES, str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def test_no_kernel_has_a_race_and_every_answer_is_right(program):
    done = run(program)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[:2000]


@pytest.mark.parametrize("barrier", range(BARRIERS))
def test_every_barrier_that_is_left_out_shows_as_a_race(program, barrier):
    done = run(program, LEFT_OUT=str(barrier))
    assert done.returncode == REPORTED
    assert "data race" in done.stderr
