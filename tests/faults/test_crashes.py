"""Killed at every step, cut off from power, damaged in every byte: readers see a whole run or the old one.

The suite is shown to be able to fail: six ways to break the protocol, each of which it notices.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tamscore.errors import RetryableError
from tamscore.store import commit, disk, run_directory, verify
from tamscore.store.placed import Placed
from tamscore.store.run_directory import RunDirectory
from tests.faults import protocol
from tests.faults.power import power_losses
from tests.faults.protocol import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def undisturbed(folder: Path) -> dict[str, bytes]:
    return protocol.bytes_of(protocol.run(folder, NEW))


def crash_everywhere(folder: Path, run: Callable[[Path, str], object]) -> Iterator[str]:
    """Yield what goes wrong over kills at every step of a run into an output that holds an older one."""
    wanted, step = undisturbed(folder / "reference"), 0
    protocol.run(folder / "old", OLD)
    killed = True
    while killed:
        step += 1
        output = folder / f"{step}"
        shutil.copytree(folder / "old", output)
        killed = protocol.killed_at(step, lambda output=output: run(output, NEW))  # type: ignore[misc]
        yield from (f"step {step}: {problem}" for problem in protocol.broken(output, {OLD, NEW}))
        protocol.run(output, NEW)
        if protocol.bytes_of(RunDirectory(output, NEW)) != wanted:
            yield f"step {step}: resumed to other bytes"
        yield from (f"step {step}, resumed: {problem}" for problem in verify.problems_of_output(output))
        shutil.rmtree(output)
    assert step > 40


def test_a_run_killed_at_any_step_leaves_the_old_one_whole_and_resumes_to_the_same_bytes(tmp_path):
    """F05, S06: kill -9 at every step of the commit protocol, and a resume after each."""
    assert [*crash_everywhere(tmp_path, protocol.run)] == []


def test_a_resumed_run_makes_no_committed_part_again(tmp_path):
    """F05: what has a sidecar is kept, what has none is made; nothing more."""
    for step in range(1, 400):
        output = tmp_path / str(step)
        if not protocol.killed_at(step, lambda output=output: protocol.run(output, NEW)):  # type: ignore[misc]
            break
        there = [i for i in range(protocol.PARTS) if RunDirectory(output, NEW).sidecar(i).exists()]
        sealed = RunDirectory(output, NEW).is_complete()
        made: list[int] = []
        protocol.run(output, NEW, made)
        assert made == ([] if sealed else [i for i in range(protocol.PARTS) if i not in there])
    else:
        pytest.fail("the run never came to its end")


@pytest.mark.parametrize("seed", range(40))
def test_several_crashes_in_a_row_change_nothing(tmp_path, seed):
    """F06: two to four kills at random steps, then a clean run: the same bytes, no temporary file left."""
    wanted, draw = undisturbed(tmp_path / "reference"), random.Random(seed)
    output = tmp_path / "output"
    protocol.run(output, OLD)
    for _ in range(draw.randint(2, 4)):
        protocol.killed_at(draw.randint(1, 90), lambda: protocol.run(output, NEW))
        assert protocol.broken(output, {OLD, NEW}) == []
    assert protocol.bytes_of(protocol.run(output, NEW)) == wanted
    assert verify.problems_of_output(output) == []
    assert list(output.rglob("_tmp-*")) == []


def lose_power_everywhere(folder: Path, run: Callable[[Path, str], object]) -> Iterator[str]:
    """Yield what goes wrong over every state that a power cut could leave behind."""
    wanted, states = undisturbed(folder / "reference"), 0
    for output in power_losses(folder, run):
        states += 1
        yield from protocol.broken(output, {OLD, NEW})
        protocol.run(output, NEW)
        if protocol.bytes_of(RunDirectory(output, NEW)) != wanted:
            yield "resumed to other bytes"
        yield from verify.problems_of_output(output)
    assert states > 60


def test_a_power_cut_at_any_step_leaves_a_whole_run(tmp_path):
    """S10: of what was not flushed, nothing, everything or any single thing may have reached the disk."""
    assert [*lose_power_everywhere(tmp_path, protocol.run)] == []


def test_every_damage_to_a_finished_run_is_found(tmp_path):
    """S11, S12, C16: 2,000 flipped bits, and every file cut short."""
    output, draw = tmp_path / "output", random.Random(7)
    directory = protocol.run(output, NEW)
    files = [path for path in sorted(directory.path.rglob("*")) if path.is_file()]
    missed = []
    for _ in range(2000):
        path = draw.choice(files)
        flipped = bytearray(path.read_bytes())
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        missed += damaged(output, path, bytes(flipped))
    for path in files:
        data = path.read_bytes()
        for length in {*range(min(len(data), 50)), len(data) - 1}:
            missed += damaged(output, path, data[:length])
    assert missed == []


def damaged(output: Path, path: Path, data: bytes) -> list[str]:
    """The path, where a change of its bytes goes unnoticed."""
    whole = path.read_bytes()
    path.write_bytes(data)
    found = verify.problems_of_output(output)
    path.write_bytes(whole)
    return [] if found and data != whole else [str(path)]


def test_lost_swapped_added_and_linked_files_are_found(tmp_path):
    """S11, S17: verification names the file."""
    output = tmp_path / "output"
    directory = protocol.run(output, NEW)
    first, second = directory.part(0), directory.part(1)
    whole = first.read_bytes()

    def found() -> str:
        return "\n".join(verify.problems_of_output(output))

    first.unlink()
    assert f"{first}: missing" in found()
    first.write_bytes(second.read_bytes())
    assert f"{first}: changed" in found()
    assert f"expected {len(whole):,} with {Placed.of_bytes(whole).xxh3}" in found()
    first.unlink()
    first.symlink_to(str(second))
    assert f"{first}: missing" in found()
    first.unlink()
    first.write_bytes(whole)
    assert found() == ""
    extra = directory.scores / "part-00099.parquet"
    extra.write_bytes(whole)
    assert f"{extra}: is not listed" in found()
    extra.unlink()
    (output / "notes.txt").write_text("x", encoding="utf-8")
    assert "notes.txt: does not belong to the output" in found()


def test_a_part_damaged_before_a_resume_is_made_again(tmp_path):
    """S12: a committed part counts only while its bytes are those of its sidecar."""
    assert resume_over_damage(tmp_path) == []


def resume_over_damage(folder: Path) -> list[str]:
    """What went wrong when a committed part was damaged between a kill and the resume."""
    wanted, output = undisturbed(folder / "reference"), folder / "output"
    directory = protocol.run(output, NEW)
    (directory.path / "manifest.json").unlink()
    data = bytearray(directory.part(1).read_bytes())
    data[5] ^= 4
    directory.part(1).write_bytes(bytes(data))
    return [] if protocol.bytes_of(protocol.run(output, NEW)) == wanted else ["resumed over damage"]


def two_at_once(folder: Path) -> list[str]:
    """What went wrong when a second run began while a first was under way."""
    first, second = RunDirectory(folder, OLD), RunDirectory(folder, NEW)
    with first.lock():
        try:
            with second.lock():
                return ["two runs hold one output"]
        except RetryableError:
            return []


def no_fsync(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    monkeypatch.setattr(disk, "flush_file", lambda file: file.flush())
    return lose_power_everywhere(folder, protocol.run)


def no_folder_fsync(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    monkeypatch.setattr(disk, "flush_folder", lambda folder: None)
    return lose_power_everywhere(folder, protocol.run)


def random_part_names(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    draw = random.Random()
    monkeypatch.setattr(RunDirectory, "part", lambda self, index: self.scores / f"part-{draw.random()}-{index}.parquet")
    return crash_everywhere(folder, protocol.run)


def manifest_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    def run(output: Path, key: str) -> None:
        directory = RunDirectory(output, key)
        directory.prepare([])
        with directory.lock():
            held = {}
            for index in range(protocol.PARTS):
                data = protocol.content(key, index)
                placed = commit.place_bytes(data, folder / "aside" / str(index))
                held[directory.name_of(directory.part(index))] = placed
            directory.seal({"rows": {"read": 9, "scored": 9, "rejected": {}}}, held)
            for index in range(protocol.PARTS):
                protocol.part(directory, index)

    return crash_everywhere(folder, run)


def pointer_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    def seal(self: RunDirectory, manifest: dict[str, Any], files: dict[str, Placed]) -> None:
        commit.place_json({"version": self.run_key, "manifest_sha256": "0" * 64}, self.output / run_directory.CURRENT)
        plain(self, manifest, files)

    plain = RunDirectory.seal
    monkeypatch.setattr(RunDirectory, "seal", seal)
    return crash_everywhere(folder, protocol.run)


def no_lock(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    return two_at_once(folder)


def hash_unchecked(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterable[str]:
    monkeypatch.setattr(run_directory, "holds", lambda path, placed: path.exists())
    return resume_over_damage(folder)


MUTANTS = [
    no_fsync,
    no_folder_fsync,
    random_part_names,
    manifest_first,
    pointer_first,
    no_lock,
    hash_unchecked,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_suite_notices_a_broken_protocol(tmp_path, monkeypatch, mutant):
    """Each way to break the protocol makes one of the checks above fail; the first failure is enough."""
    assert next(iter(mutant(monkeypatch, tmp_path)), None)


def test_two_runs_never_hold_one_output(tmp_path):
    """F26: the second is turned away while the first works."""
    assert two_at_once(tmp_path) == []


@pytest.mark.parametrize("start", [3, 19])
def test_the_whole_run_killed_at_many_steps_resumes_to_the_same_bytes(tmp_path, start):
    """F05: the pipeline itself, in a process of its own; committed parts stay, the old version counts until the end."""
    command = [sys.executable, "-m", "tests.faults.pipeline_crashes", str(tmp_path), str(start), "32"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=400, check=True
    )
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["kills"] > 20
