"""Putting files in place: whole, hashed, durable, or not at all; and holding an output alone."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import xxhash

from tamscore.errors import RetryableError
from tamscore.store import commit, disk
from tamscore.store.commit import Placed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = pa.table({"id": [f"A{i}" for i in range(10)], "x": [i / 3 for i in range(10)]})
WRITERS: dict[str, Callable[[Path], Placed]] = {
    "parquet": lambda path: commit.place_parquet(TABLE, path),
    "csv": lambda path: commit.place_csv(TABLE, path),
    "bytes": lambda path: commit.place_bytes(b"abc", path),
    "json": lambda path: commit.place_json({"b": [1], "a": "ü"}, path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_what_is_placed_has_the_size_and_hash_reported_and_replaces_what_was_there(tmp_path, write):
    path = tmp_path / "new" / "folder" / "file"
    first, second = write(path), write(path)
    data = path.read_bytes()
    assert first == second == Placed(len(data), xxhash.xxh3_128_hexdigest(data)) == Placed.of(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("failing", ["flush_file", "move", "flush_folder"])
def test_a_step_that_fails_leaves_a_whole_file_and_nothing_else(tmp_path, monkeypatch, failing):
    """S02: an input/output error at any step is one retryable error; what lies there is the old file or the new."""
    path = tmp_path / "file"
    commit.place_bytes(b"old", path)

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, failing, fail)
    with pytest.raises(RetryableError, match=r"file: cannot be written \(Input/output error\); make room") as caught:
        commit.place_bytes(b"new", path)
    assert caught.value.exit_code == 5
    assert path.read_bytes() == (b"new" if failing == "flush_folder" else b"old")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("at", range(1, 8))
def test_a_write_call_that_fails_publishes_nothing(tmp_path, at):
    """S02, S07: whichever write fails inside a Parquet file, no file appears, not even a valid shorter one."""
    left = at

    def write(file: commit.HashingFile) -> None:
        import pyarrow.parquet as pq

        plain = file.write

        def counted(data: Any) -> int:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(28, "No space left on device")
            return plain(data)

        file.write = counted  # type: ignore[method-assign]
        pq.write_table(TABLE, file, row_group_size=3)

    with pytest.raises(RetryableError, match="No space left"):
        commit.place(tmp_path / "part.parquet", write)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(tmp_path):
    """S17: nothing is ever written through a link."""
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_text("precious", encoding="utf-8")
    path.symlink_to(victim)
    commit.place_bytes(b"new", path)
    assert victim.read_text(encoding="utf-8") == "precious"
    assert path.read_bytes() == b"new"
    assert not path.is_symlink()


def test_csv_leaves_out_what_it_has_no_form_for(tmp_path):
    table = TABLE.append_column("list", pa.array([[1]] * 10)).append_column("raw", pa.array([b"\xff"] * 10))
    commit.place_csv(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0] == '"id","x"'


def hold(output: Path, ready: Any, done: Any) -> None:
    with commit.hold_commit(output, "run of a test"):
        ready.set()
        done.wait(30)


def test_one_holds_an_output_and_others_learn_who(tmp_path):
    """F26: of two runs into one output one goes on; the other is told the process that holds it."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(30)
    with (
        pytest.raises(RetryableError, match=f"held by process {other.pid} on .*, run of a test; wait"),
        commit.hold_commit(tmp_path, "mine"),
    ):
        pass
    done.set()
    other.join(30)
    with commit.hold_commit(tmp_path, "mine"):
        pass


def test_a_dead_process_holds_nothing(tmp_path):
    """F26: the lock ends with its process, even one that was killed."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(30)
    other.kill()
    other.join(30)
    with commit.hold_commit(tmp_path, "mine"):
        assert f"process {os.getpid()} " in (tmp_path / "_lock").read_text(encoding="utf-8")


def test_stale_temporary_files_are_swept_by_whoever_holds_the_output(tmp_path):
    """S19: what a killed run has left is removed; what merely looks alike stays."""
    folder = tmp_path / "versions" / "x" / "scores"
    folder.mkdir(parents=True)
    stale = [folder / "_tmp-1234-part-00000.parquet.part", tmp_path / "_tmp-ab-_CURRENT.json.part"]
    items = [folder / "part-00000.parquet", folder / "_tmp-notes.txt"]
    for path in (*stale, *items):
        path.write_bytes(b"x")
    with commit.hold_commit(tmp_path, "mine"):
        assert [path.exists() for path in (*stale, *items)] == [False, False, True, True]
