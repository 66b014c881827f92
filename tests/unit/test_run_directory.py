"""The folder of a run: complete or not there, found again, never written twice."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError, UsageError
from tamscore.progress import Progress
from tamscore.store import run_directory, versions
from tamscore.store.run_directory import RunDirectory
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


def sealed(output: Path, key: str = KEY) -> RunDirectory:
    directory = RunDirectory(output, key)
    directory.seal({"rows": {"read": 3}, "name": "Ünïcode"}, {})
    return directory


def test_a_sealed_run_has_its_manifest_and_is_what_the_output_points_at(tmp_path):
    directory = sealed(tmp_path)
    assert directory.manifest() == {"rows": {"read": 3}, "name": "Ünïcode", "run_key": KEY, "files": {}}
    pointer = json.loads((tmp_path / "_CURRENT.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((directory.path / "manifest.json").read_bytes()).hexdigest()
    assert pointer == {"version": KEY, "manifest_sha256": digest}
    assert versions.find(tmp_path) == directory


def test_a_run_without_manifest_does_not_exist(tmp_path):
    """Parts may be there; nobody is pointed to them, and nobody takes them for a run."""
    directory = RunDirectory(tmp_path, KEY)
    directory.scores.mkdir(parents=True)
    directory.part(0).write_bytes(b"scores")
    assert directory.manifest() is None
    for path in (tmp_path, directory.path):
        with pytest.raises(UsageError, match=r"no complete run here; expected an output folder with _CURRENT\.json"):
            versions.find(path)


@pytest.mark.parametrize("below", ["", "scores"])
def test_a_file_in_the_way_of_the_output_is_named(tmp_path, below):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"^output\.path: .*: expected a folder, a file is in its way; name another$"):
        RunDirectory(tmp_path / "file" / below, KEY).prepare([])


def test_versions_are_found_by_their_own_folder_and_the_output_by_the_last(tmp_path):
    first, second = sealed(tmp_path), sealed(tmp_path, OTHER)
    assert versions.find(tmp_path) == second
    assert versions.find(first.path) == first
    first.point_here()
    assert versions.find(tmp_path) == first
    assert second.manifest() is not None


@pytest.mark.parametrize("torn", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b'{"version": 7}', b"{}"])
def test_a_torn_pointer_gives_way_to_the_version_that_the_ledger_says_is_current(tmp_path, torn):
    """S13: whichever was written last; where the manifest of that one is torn, the one it replaced."""
    first, second = sealed(tmp_path), sealed(tmp_path, OTHER)
    os.utime(tmp_path / "versions" / OTHER / "manifest.json", ns=(0, 0))
    (tmp_path / "_CURRENT.json").write_bytes(torn)
    assert versions.find(tmp_path) == second
    (second.path / "manifest.json").write_bytes(torn[:1])
    assert versions.find(tmp_path) == first
    (first.path / "manifest.json").write_bytes(torn[:1])
    with pytest.raises(InputContractError, match=r"_CURRENT\.json: is torn, .*; complete are none"):
        versions.find(tmp_path)


@pytest.mark.parametrize("version", ["../..", "..", "/etc", "", "0123456789abcdeg", f"{KEY}/.."])
def test_a_pointer_leads_nowhere_but_to_a_complete_version(tmp_path, version):
    directory = sealed(tmp_path)
    (tmp_path / "_CURRENT.json").write_text(json.dumps({"version": version}), encoding="utf-8")
    assert versions.find(tmp_path) == directory


@pytest.mark.parametrize("torn", [b"", b'{"rows": ', b"\xff", b"[1]"])
def test_a_torn_manifest_is_no_manifest_so_that_the_run_is_made_again(tmp_path, torn):
    directory = sealed(tmp_path)
    (directory.path / "manifest.json").write_bytes(torn)
    assert directory.manifest() is None


def test_names_of_parts_follow_their_number(tmp_path):
    directory = RunDirectory(tmp_path, KEY)
    assert directory.part(7) == tmp_path / "versions" / KEY / "scores" / "part-00007.parquet"
    assert directory.rejected_files(7) == tmp_path / "versions" / KEY / "rejected" / "part-00007.parquet"


def test_run_keys_tell_their_parts_apart(tmp_path):
    """Sixteen hexadecimal digits; moving a character from one part to the next gives another key."""
    keys = {run_directory.run_key(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"))}
    assert len(keys) == 5
    assert all(run_directory.RUN_KEY.fullmatch(key) for key in keys)
    assert run_directory.code_digest() == run_directory.code_digest()


def files_of(directory: RunDirectory) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in sorted(directory.path.rglob("*"))}


def test_a_run_that_is_there_is_not_repeated(tmp_path):
    """The second run of a job reads and writes no part, says so, and makes that version current again."""
    where = market.write(market.plain_accounts(60), tmp_path / "market")
    first = market.run(where, tmp_path / "scores", market.PLAIN)
    before = files_of(first)
    other = market.run(where, tmp_path / "scores", market.PLAIN | {"clusters.seed": 9})
    assert versions.find(tmp_path / "scores") == other
    progress = Progress()
    assert pipeline.run(market.job(where, tmp_path / "scores", market.PLAIN), progress) == first
    assert any("nothing to do" in notice for notice in progress.notices)
    assert progress.times == []
    assert files_of(first) == before
    assert versions.find(tmp_path / "scores") == first


def test_a_run_that_was_broken_off_is_made_again_to_the_same_bytes(tmp_path):
    """Without a manifest what lies there counts for nothing, not even a part cut short under its final name."""
    where = market.write(market.plain_accounts(60), tmp_path / "market", files=2)
    done = market.run(where, tmp_path / "scores", market.PLAIN)
    whole = done.part(0).read_bytes()
    (done.path / "manifest.json").unlink()
    done.part(0).write_bytes(whole[:100])
    done.part(1).unlink()
    again = market.run(where, tmp_path / "scores", market.PLAIN)
    assert again == done
    assert done.part(0).read_bytes() == whole
    assert market.scores(done).num_rows == 60


def test_a_changed_input_is_another_run_and_the_old_one_stays(tmp_path):
    where = market.write(market.plain_accounts(60), tmp_path / "market")
    first = market.run(where, tmp_path / "scores", market.PLAIN)
    before = files_of(first)
    market.write(market.plain_accounts(60, seed=1), tmp_path / "market")
    second = market.run(where, tmp_path / "scores", market.PLAIN)
    assert second.run_key != first.run_key
    assert files_of(first) == before


def test_an_input_that_is_refused_leaves_the_current_run_as_it_was(tmp_path):
    where = market.write(market.plain_accounts(60), tmp_path / "market")
    first = market.run(where, tmp_path / "scores", market.PLAIN)
    pointer = (tmp_path / "scores" / "_CURRENT.json").read_bytes()
    market.write(market.plain_accounts(60).drop_columns("x"), tmp_path / "market")
    with pytest.raises(Exception, match="'x' is missing"):
        market.run(where, tmp_path / "scores", market.PLAIN)
    assert (tmp_path / "scores" / "_CURRENT.json").read_bytes() == pointer
    assert versions.find(tmp_path / "scores") == first


def test_readers_of_the_folder_of_a_run_see_scores_only(tmp_path):
    """A dataset of the version's parts holds the scored rows: tables, rejected rows and pointers lie aside."""
    import pyarrow.parquet as pq

    table = market.plain_accounts(60).set_column(0, "account_id", [[None, *[f"P{i}" for i in range(59)]]])
    done = market.score(table, tmp_path, market.PLAIN, files=3)
    assert pq.read_table(done.scores).num_rows == 59
    assert {path.name for path in done.path.iterdir()} == {"manifest.json", "model", "tables", "rejected", "scores"}
    assert {path.name for path in (tmp_path / "scores").iterdir()} == {
        "_CURRENT.json",
        "_history.jsonl",
        "_lock",
        "versions",
    }
