"""An import over a folder that readers use: they find the old files or the new ones, never some of each."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tamscore.errors import RetryableError, UsageError
from tamscore.store import commit, disk, folders
from tests.faults.import_crashes import names, sources, values
from tests.imports import import_csv


def test_a_killed_import_of_several_files_leaves_the_old_folder_or_the_new_one(tmp_path):
    """S42: kill -9, over an old folder and into a new one; what is left is gone after the next command there."""
    command = [sys.executable, "-m", "tests.faults.import_crashes", str(tmp_path), "5", "6"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=True
    )
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["kills"] >= 9


def test_files_moved_one_by_one_would_be_noticed(tmp_path, monkeypatch):
    """S42: the check above is able to fail."""
    market = tmp_path / "market"
    import_csv([sources(tmp_path / "old", 1)], market, max_rejected_share=0.5)

    def one_by_one(folder, target, _):
        for place, path in enumerate(sorted(folder.iterdir())):
            if place == 2:
                raise OSError(errno.EIO, "died")
            path.replace(target / path.name)

    monkeypatch.setattr(folders, "put_in_place", one_by_one)
    with pytest.raises(RetryableError):
        import_csv([sources(tmp_path / "new", 2)], market, overwrite=True, max_rejected_share=0.5)
    assert sorted(set(values(market))) == [1, 2]


@pytest.fixture
def market(tmp_path):
    """A folder of three imported files, made of CSV files that hold 1."""
    import_csv([sources(tmp_path / "old", 1)], tmp_path / "market", max_rejected_share=0.5)
    return tmp_path / "market"


def again(tmp_path, market):
    import_csv([sources(tmp_path / "new", 2)], market, overwrite=True, max_rejected_share=0.5)


@pytest.mark.parametrize("at_once", [True, False])
def test_rights_links_and_other_files_of_the_folder_stay(tmp_path, market, monkeypatch, at_once):
    """S42: a folder reached by a link, its mode, a note and a link in it."""
    if not at_once:
        monkeypatch.setattr(folders, "swap", lambda *_: False)
    market.chmod(0o750)
    (market / "note").write_text("kept", encoding="utf-8")
    (market / "link").symlink_to("nowhere")
    (tmp_path / "reached").symlink_to(market)
    again(tmp_path, tmp_path / "reached")
    assert (tmp_path / "reached").is_symlink()
    assert values(market) == [2, 2, 2]
    assert market.stat().st_mode & 0o777 == 0o750
    assert (market / "note").read_text(encoding="utf-8") == "kept"
    assert (market / "link").readlink() == Path("nowhere")
    assert not [name for name in names(tmp_path) if "_tmp-" in name]


def test_rejected_rows_of_an_import_before_go_with_its_files(tmp_path, market):
    """S42: the list of rejected rows belongs to the import that made it."""
    assert (market / "_rejected.csv").exists()
    clean = sources(tmp_path / "clean", 3)
    (clean / "a.csv").write_text("id,sales\nx,3\n", encoding="utf-8")
    import_csv([clean], market, overwrite=True)
    assert sorted(path.name for path in market.iterdir()) == ["a.parquet", "b.parquet", "c.parquet"]


@pytest.mark.parametrize(
    ("why", "prepare"),
    [
        ("mount point", lambda market, patch: patch.setattr(Path, "is_mount", lambda path: path == market)),
        ("current folder", lambda market, patch: patch.chdir(market)),
        ("holds the folder 'csv'", lambda market, _: (market / "csv").mkdir()),
    ],
)
def test_a_folder_that_cannot_be_replaced_as_a_whole_is_refused(tmp_path, market, monkeypatch, why, prepare):
    """S42: exit 2 with the reason and what to do, before anything is written; a single file can still be replaced."""
    prepare(market, monkeypatch)
    with pytest.raises(UsageError, match=f"{why}.*; name a folder of its own"):
        again(tmp_path, market)
    assert values(market) == [1, 1, 1]
    for name in ("b", "c"):
        (market / f"{name}.parquet").unlink()
    import_csv([tmp_path / "new" / "a.csv"], market, overwrite=True, max_rejected_share=0.5)
    assert values(market) == [2]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_swap_that_the_system_refuses_for_good_is_a_usage_error(tmp_path, market, monkeypatch, number):
    """S42: such as a folder of a lower layer of an overlay file system."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folders, "swap", refuse)
    with pytest.raises(UsageError, match="cannot be replaced as a whole"):
        again(tmp_path, market)
    assert values(market) == [1, 1, 1]


@pytest.mark.parametrize("name", ["a.csv", ""])
def test_an_import_that_was_slower_is_refused(tmp_path, market, name):
    """S42: another import changes the folder between its first look and its end; one waits for the other there."""
    source = sources(tmp_path / "new", 2) / name
    (market / "b.parquet").unlink()
    (market / "c.parquet").unlink()
    with ThreadPoolExecutor() as pool:
        with folders.alone(tmp_path, market):
            slower = pool.submit(import_csv, [source], market, overwrite=True, max_rejected_share=0.5)
            while not any("_tmp-" in entry for entry in names(tmp_path)):
                assert not slower.done()
            (market / "quicker.parquet").write_bytes(b"")
        with pytest.raises(UsageError, match=r"holds .quicker\.parquet., which this import does not write"):
            slower.result()
    assert names(market) == ["_rejected.csv", "a.parquet", "quicker.parquet"]
    assert not [entry for entry in names(tmp_path) if "_tmp-" in entry]


def csv_with(folder, name, rows):
    path = folder / name
    path.write_text("a,b\n" + rows, encoding="utf-8")
    return path


def test_an_import_of_one_file_that_was_slower_is_refused(tmp_path):
    """S43: without --overwrite the second of two does not replace the first."""
    source, target = csv_with(tmp_path, "t.csv", "1,2\n"), tmp_path / "market" / "t.parquet"
    target.parent.mkdir()
    with ThreadPoolExecutor() as pool:
        with folders.alone(target.parent):
            slower = pool.submit(import_csv, [source], target)
            while not any("_tmp-" in entry for entry in names(target.parent)):
                assert not slower.done()
            target.write_bytes(b"the quicker one")
        with pytest.raises(UsageError, match="is there already; add --overwrite"):
            slower.result()
    assert target.read_bytes() == b"the quicker one"
    assert names(target.parent) == ["t.parquet"]


@pytest.mark.parametrize("name", ["market/t.parquet", "market"])
def test_two_imports_of_one_target_leave_the_files_of_one(tmp_path, monkeypatch, name):
    """S43: the second begins while the first has put its rows in place, but not yet its rejected rows."""
    target, move, moved = tmp_path / name, disk.move, []
    (tmp_path / "market").mkdir()
    for who, text in (("first", "x,1\nx,1,1\n"), ("second", "y,1\n")):
        (tmp_path / who).mkdir()
        csv_with(tmp_path / who, "t.csv", text)
    begun, over = threading.Event(), threading.Event()

    def move_and_wait(part, path):
        move(part, path)
        moved.append(path.name)
        begun.set()
        if len(moved) == 1:
            over.wait(1)
        elif path.suffix == ".parquet":
            over.set()

    monkeypatch.setattr(disk, "move", move_and_wait)
    load = partial(import_csv, max_rejected_share=0.6, overwrite=True)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(load, [tmp_path / "first" / "t.csv"], target)
        assert begun.wait(60)
        second = pool.submit(load, [tmp_path / "second" / "t.csv"], target)
        assert first.result().rows_rejected == 1
        assert second.result().rows_rejected == 0
    assert pq.read_table(target)["a"].to_pylist() == ["y"]
    assert not list(tmp_path.glob("market/_rejected*"))
    assert not [entry for entry in names(tmp_path) if "_tmp-" in entry]


def test_a_staged_folder_of_a_living_import_is_left_alone(tmp_path):
    """S42, S41: another command sweeps beside it; a dead one's goes."""
    with folders.stage(tmp_path / "market") as folder:
        (folder / "a.tmp").write_bytes(b"half")
        (tmp_path / f"{disk.TEMPORARY}dead-x{folders.STAGED}").mkdir()
        commit.sweep_beside(tmp_path / "any")
        assert names(tmp_path) == [folder.name, f"{folder.name}/a.tmp"]
    assert names(tmp_path) == []


def test_a_killed_import_of_one_file_leaves_nothing_after_the_next(tmp_path):
    """S41: the staged folder lies where the file goes."""
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    dead = tmp_path / "out" / f"{disk.TEMPORARY}dead-t.parquet{folders.STAGED}"
    dead.mkdir(parents=True)
    import_csv([tmp_path / "t.csv"], tmp_path / "out")
    assert names(tmp_path / "out") == ["t.parquet"]
    assert pq.read_table(tmp_path / "out").num_rows == 1
