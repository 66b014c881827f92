"""Pruning: what is needed stays, what goes goes whole, killed wherever one likes; on disks and in an object store."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.questions.rollback import read_history, roll_back
from tamscore.store import commit, history, pins, pruning, verify
from tamscore.store.location import files_below
from tamscore.store.pointer import CURRENT, current_version, versions_in
from tamscore.store.run_directory import RunDirectory
from tests.end_to_end import market
from tests.faults import objects, protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.location import Location

KEYS = [f"{number:016x}" for number in range(1, 7)]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def version(output: Location, key: str, base: str | None = None) -> RunDirectory:
    """A complete, current version of two files; scored with the model of a base where one is given."""
    directory = RunDirectory(output, key)
    directory.prepare([])
    with directory.lock():
        placed = commit.place_bytes(protocol.content(key, 0), directory.part(0))
        part = {directory.name_of(directory.part(0)): placed}
        directory.commit_part(0, part, {"scored": 3, "rejected": 0})
        table = directory.tables / "potential.csv"
        files = {**part, "tables/potential.csv": commit.place_bytes(b"x", table)}
        model = {"source": "frozen", "run": base} if base else {"source": "fitted"}
        totals = {kind: {"whitespace": 1.0} for kind in ("expansion", "acquisition")}
        rows = {"read": 3, "scored": 3, "rejected": {}}
        directory.seal({"rows": rows, "model": model, "totals": totals}, files)
    return directory


def months(output: Location, monkeypatch: pytest.MonkeyPatch, bases: dict[int, int] | None = None) -> None:
    """Six versions, one a month of thirty days, each the current one in its time."""
    for number, key in enumerate(KEYS):
        at = (FIRST + timedelta(days=30 * number)).isoformat(timespec="seconds")
        monkeypatch.setattr(history, "now", lambda at=at: at)
        base = (bases or {}).get(number)
        version(output, key, None if base is None else KEYS[base])


def there(output: Location) -> list[int]:
    """The numbers of the complete versions."""
    return [KEYS.index(key) for key in versions_in(output) if RunDirectory(output, key).is_complete()]


@pytest.mark.parametrize(
    ("keep", "since", "left"),
    [
        (1, None, [5]),
        (2, None, [4, 5]),
        (9, None, [0, 1, 2, 3, 4, 5]),
        (1, FIRST + timedelta(days=90), [3, 4, 5]),
        (4, FIRST + timedelta(days=140), [2, 3, 4, 5]),
    ],
)
def test_the_newest_and_the_young_stay(tmp_path, monkeypatch, keep, since, left):
    """S27: a version goes where it is neither among the newest nor young enough."""
    months(tmp_path, monkeypatch)
    found = pruning.plan(tmp_path, keep, since)
    assert there(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert pruning.prune(tmp_path, keep, since) == found
    assert there(tmp_path) == left
    assert versions_in(tmp_path) == [KEYS[i] for i in left]
    assert verify.problems_of_output(tmp_path) == []
    assert all(size > 0 for size in found.removed.values())


def test_the_current_version_stays_however_old_and_so_does_what_was_rolled_back_to(tmp_path, monkeypatch):
    """S27: a version is as young as the last time it came to count."""
    months(tmp_path, monkeypatch)
    monkeypatch.setattr(history, "now", lambda: "2026-01-02T00:00:00+00:00")
    roll_back(tmp_path, KEYS[0])
    pruning.prune(tmp_path, 1)
    assert there(tmp_path) == [0, 5]
    assert current_version(tmp_path) == KEYS[0]


@pytest.mark.parametrize(
    ("bases", "left"), [({5: 0}, [0, 5]), ({5: 3, 3: 1, 1: 0}, [0, 1, 3, 5]), ({4: 2}, [5]), ({5: 2, 2: 1}, [1, 2, 5])]
)
def test_what_a_version_that_stays_is_based_on_stays_through_any_number_of_steps(tmp_path, monkeypatch, bases, left):
    """S27: what only pruned versions are based on goes with them."""
    months(tmp_path, monkeypatch, bases)
    pruning.prune(tmp_path, 1)
    assert there(tmp_path) == left


def test_a_pinned_version_and_its_base_stay_until_the_pin_is_undone(tmp_path, monkeypatch):
    """S27: pins are told by the beginning of a key; a torn file of pins stops everything."""
    months(tmp_path, monkeypatch, {1: 0})
    done = CliRunner().invoke(app, ["pin", str(tmp_path), KEYS[1]])
    assert (done.exit_code, done.stdout) == (0, f"{KEYS[1]} is pinned\n")
    assert "already" in CliRunner().invoke(app, ["pin", str(tmp_path), KEYS[1]]).stdout
    assert verify.problems_of_output(tmp_path) == []
    pruning.prune(tmp_path, 1)
    assert there(tmp_path) == [0, 1, 5]
    assert [one.version for one in read_history(tmp_path).versions if one.pinned] == [KEYS[1]]
    whole = (tmp_path / "_pins.json").read_bytes()
    (tmp_path / "_pins.json").write_bytes(b"{")
    with pytest.raises(InputContractError, match=r"_pins\.json: is torn"):
        pruning.prune(tmp_path, 1)
    (tmp_path / "_pins.json").write_bytes(whole)
    CliRunner().invoke(app, ["pin", str(tmp_path), KEYS[1], "--undo"])
    pruning.prune(tmp_path, 1)
    assert there(tmp_path) == [5]


def test_an_edited_version_and_an_unfinished_one_stay_and_say_why(tmp_path, monkeypatch):
    """S27: nothing is known of what an edited manifest hides; a run can resume what is not complete."""
    months(tmp_path, monkeypatch)
    (RunDirectory(tmp_path, KEYS[0]).path / "manifest.json").unlink()
    path = RunDirectory(tmp_path, KEYS[1]).path / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"read": 3', b'"read": 4'))
    found = pruning.prune(tmp_path, 1)
    why = {KEYS.index(one.version): one.why for one in found.kept}
    assert why == {0: "not complete: a run can resume it", 1: "its manifest was edited", 5: "current"}
    assert [KEYS.index(key) for key in found.removed] == [4, 3, 2]


def test_where_it_is_not_clear_which_version_is_current_nothing_goes(tmp_path, monkeypatch):
    """S27: a torn pointer without a ledger, and no pointer at all."""
    months(tmp_path, monkeypatch)
    (tmp_path / history.HISTORY).unlink()
    (tmp_path / CURRENT).write_bytes(b"{")
    with pytest.raises(InputContractError, match="is torn"):
        pruning.prune(tmp_path, 1)
    (tmp_path / CURRENT).unlink()
    with pytest.raises(UsageError, match="no version is current"):
        pruning.prune(tmp_path, 1)
    assert there(tmp_path) == [0, 1, 2, 3, 4, 5]


def test_it_waits_for_nobody_who_holds_the_output(tmp_path, monkeypatch):
    months(tmp_path, monkeypatch)
    with commit.hold_commit(tmp_path, "run"), pytest.raises(RetryableError, match="held by process"):
        pruning.prune(tmp_path, 1)
    assert there(tmp_path) == [0, 1, 2, 3, 4, 5]


def whole_or_gone(output: Location, remaining: list[int]) -> list[str]:
    """What readers would find wrong: a version that claims to be complete and is not, or one lost that must stay."""
    wrong = verify.problems_of_output(output)
    return wrong + [f"{i} is lost" for i in remaining if i not in there(output)]


def leftovers(output: Location) -> list[str]:
    """Files of versions that are not complete, marks, temporary files."""
    whole = {f"{output / 'versions' / KEYS[i]}/" for i in there(output)}
    below = [str(path) for path in files_below(output)]
    return [path for path in below if ("/versions/" in path or "_tmp-" in path) and not path.startswith(tuple(whole))]


@pytest.mark.parametrize("again", ["prune", "rollback", "run", "pin"])
def test_a_pruning_killed_at_any_step_leaves_each_version_whole_or_gone(tmp_path, monkeypatch, again):
    """S26: kill -9 at every step; whichever command holds the output next removes the rest."""
    months(tmp_path / "whole", monkeypatch, {5: 4})
    commands: dict[str, Any] = {
        "prune": lambda output: pruning.prune(output, 1),
        "rollback": lambda output: roll_back(output, KEYS[4]),
        "run": lambda output: version(output, KEYS[0]),
        "pin": lambda output: CliRunner().invoke(app, ["pin", str(output), KEYS[4]]),
    }
    step, killed, half = {"prune": 1, "rollback": 2, "run": 3, "pin": 4}[again], True, 0
    while killed:
        output = tmp_path / f"{step}"
        shutil.copytree(tmp_path / "whole", output)
        killed = protocol.killed_at(step, lambda output=output: pruning.prune(output, 1))  # type: ignore[misc]
        assert whole_or_gone(output, [4, 5]) == [], step
        half += bool(leftovers(output))
        commands[again](output)
        assert whole_or_gone(output, [4, 5]) == [], step
        assert leftovers(output) == [], step
        if again == "run":
            assert (
                protocol.bytes_of(RunDirectory(output, KEYS[0])).keys()
                == protocol.bytes_of(RunDirectory(tmp_path / "whole", KEYS[0])).keys()
            )
        shutil.rmtree(output)
        step += 4 if again == "prune" else 11
    assert step > 40
    assert half > 1


def test_a_mark_on_the_current_version_removes_nothing(tmp_path, monkeypatch):
    """S26: whatever a mark says, the version that counts stays."""
    months(tmp_path, monkeypatch)
    (tmp_path / "versions" / f"{pruning.MARK}{KEYS[5]}").write_bytes(b"")
    roll_back(tmp_path, KEYS[4])
    assert 5 in there(tmp_path)


def test_history_shows_what_was_pruned_and_by_whom(tmp_path, monkeypatch):
    """S26: the ledger has a line for each; who asks for one later is told; it can be run again."""
    months(tmp_path, monkeypatch)
    done = CliRunner().invoke(app, ["prune", str(tmp_path), "--keep", "4"])
    assert done.exit_code == 0, done.output
    assert re.search(rf"^removed +{KEYS[0]}", done.stdout, re.MULTILINE)
    assert "removed 2 versions" in done.stdout
    found = read_history(tmp_path)
    assert [one.version for one in found.entries if one.action == "prune"] == [KEYS[1], KEYS[0]]
    assert found.pruned == (KEYS[1], KEYS[0])
    page = CliRunner().invoke(app, ["history", str(tmp_path)])
    assert page.stdout.count("pruned since") == 4
    gone = CliRunner().invoke(app, ["rollback", str(tmp_path), KEYS[0]])
    assert (gone.exit_code, "it was pruned" in gone.stderr) == (2, True)
    version(tmp_path, KEYS[0])
    assert read_history(tmp_path).pruned == (KEYS[1],)
    assert verify.problems_of_output(tmp_path) == []


def test_the_command_says_what_it_would_do_and_that_there_is_nothing_to_do(tmp_path, monkeypatch):
    months(tmp_path, monkeypatch)
    before = sorted(map(str, tmp_path.rglob("*")))
    dry = CliRunner().invoke(app, ["prune", str(tmp_path), "--dry-run", "--json"])
    assert dry.exit_code == 0
    output = json.loads(dry.stdout)
    assert (output["dry_run"], list(output["removed"])) == (True, [KEYS[3], KEYS[2], KEYS[1], KEYS[0]])
    assert sorted(map(str, tmp_path.rglob("*"))) == before
    assert CliRunner().invoke(app, ["prune", str(tmp_path)]).exit_code == 0
    again = CliRunner().invoke(app, ["prune", str(tmp_path)])
    assert (again.exit_code, "nothing to remove" in again.stdout) == (10, True)
    for dry_run in ([], ["--dry-run"]):
        assert CliRunner().invoke(app, ["prune", str(tmp_path), *dry_run]).exit_code == 10


@pytest.mark.parametrize("text", ["2026-04-01", "2026-04-01T00:00:00+00:00", "20260401"])
def test_dates_say_since_when_versions_stay(tmp_path, monkeypatch, text):
    months(tmp_path, monkeypatch)
    done = CliRunner().invoke(app, ["prune", str(tmp_path), "--keep", "1", "--newer-than", text])
    assert done.exit_code == 0, done.output
    assert there(tmp_path) == [3, 4, 5]


@pytest.mark.parametrize("text", ["90", "90d", "90 days", "0"])
def test_days_count_from_now(tmp_path, monkeypatch, text):
    version(tmp_path, KEYS[0])
    monkeypatch.setattr(history, "now", lambda: (datetime.now(UTC) - timedelta(days=80)).isoformat(timespec="seconds"))
    version(tmp_path, KEYS[1])
    version(tmp_path, KEYS[2])
    done = CliRunner().invoke(app, ["prune", str(tmp_path), "--keep", "1", "--newer-than", text])
    assert done.exit_code == (0 if text == "0" else 10), done.output
    assert there(tmp_path) == ([0, 2] if text == "0" else [0, 1, 2])


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "-3", "1e3", "999999"])
def test_what_is_no_date_is_refused(tmp_path, monkeypatch, text):
    months(tmp_path, monkeypatch)
    done = CliRunner().invoke(app, ["prune", str(tmp_path), f"--newer-than={text}"])
    assert (done.exit_code, "expected a date such as" in done.stderr) == (2, True)


def test_a_real_version_is_removed_whole_and_its_successor_still_answers(tmp_path):
    """Every file and folder of it; what scores with the model of the first needs the first."""
    first = market.score(market.accounts(300), tmp_path)
    second = market.run(tmp_path / "market", str(first.output), {"potential": {"preset": "p80"}})
    done = CliRunner().invoke(app, ["prune", str(first.output), "--keep", "1"])
    assert done.exit_code == 0, done.output
    assert not first.path.exists()
    assert CliRunner().invoke(app, ["show", str(first.output)]).exit_code == 0
    assert versions_in(first.output) == [second.run_key]
    assert verify.problems_of_output(first.output) == []


def test_a_pruning_in_an_object_store_killed_at_any_request_leaves_each_version_whole_or_gone(monkeypatch):
    """S26: before and after every request that removes, marks or notes."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    step, dead, half = 3, True, 0
    while dead:
        for answered in (False, True):
            output = objects.place(f"{step}-{answered}")
            for key in KEYS[:3]:
                version(output, key)
            with objects.killed_at(step, monkeypatch, answered=answered) as made:
                pruning.prune(output, 1)
            dead = made[0] >= step
            assert whole_or_gone(output, [2]) == [], step
            half += bool(leftovers(output))
            pruning.prune(output, 1)
            assert (whole_or_gone(output, [2]), there(output), leftovers(output)) == ([], [2], [])
        step += 7
    assert step > 30
    assert half > 2


def test_a_pruner_that_was_thought_dead_removes_nothing_more(monkeypatch):
    """F14, S26: frozen while another takes the output: its next removal is refused."""
    pytest.importorskip("obstore", reason="object storage is an extra")
    objects.fresh(monkeypatch)
    output: Path | Any = objects.place("output")
    for key in KEYS[:2]:
        version(output, key)
    with monkeypatch.context() as patch:
        patch.setattr("tamscore.store.objects.lease.MARK", "another process")
        with commit.hold_commit(output, "run"):
            patch.undo()
            with pytest.raises(RetryableError, match="held by process"):
                commit.remove(output / "versions" / KEYS[0] / "manifest.json", output)
    assert there(output) == [0, 1]
    assert pins.pin(output) == {}
