"""Rolling back and the ledger: bit-identical, verified first, and told rightly wherever a swap is cut off."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.questions.rollback import read_history, roll_back
from tamscore.store import commit, history, verify
from tamscore.store.history import HISTORY
from tamscore.store.run_directory import CURRENT, RunDirectory, current_version
from tests.end_to_end import market
from tests.faults import protocol
from tests.faults.protocol import NEW, OLD

THIRD = "00000000000000cc"


@pytest.fixture
def output(tmp_path):
    """An output with three versions, made one after the other."""
    for key in (OLD, NEW, THIRD):
        protocol.run(tmp_path / "scores", key)
    return tmp_path / "scores"


def ledger(output):
    return history.entries(output, current_version(output))


def test_a_rollback_brings_back_every_byte_of_pointer_and_version(tmp_path):
    """What readers saw before the later run they see again: the pointer and every file are the same bytes."""
    protocol.run(tmp_path, OLD)
    seen = (tmp_path / CURRENT).read_bytes(), protocol.bytes_of(RunDirectory(tmp_path, OLD))
    protocol.run(tmp_path, NEW)
    later = protocol.bytes_of(RunDirectory(tmp_path, NEW))
    assert roll_back(tmp_path)[0] == NEW
    assert ((tmp_path / CURRENT).read_bytes(), protocol.bytes_of(RunDirectory(tmp_path, OLD))) == seen
    assert protocol.bytes_of(RunDirectory(tmp_path, NEW)) == later
    assert verify.problems_of_output(tmp_path) == []


def test_any_version_can_be_named_and_what_replaced_nothing_has_nothing_before_it(output):
    assert roll_back(output)[1].run_key == NEW
    assert roll_back(output, OLD)[1].run_key == OLD
    alone = output.parent / "alone"
    protocol.run(alone, OLD)
    with pytest.raises(UsageError, match="nothing is known to have counted before"):
        roll_back(alone)
    assert roll_back(output, THIRD[:15] + "C")[1].run_key == THIRD
    with pytest.raises(UsageError, match=r"several complete versions begin so; there are .*aa, .*bb, .*cc"):
        roll_back(output, "0000")
    with pytest.raises(UsageError, match="no complete version begins so"):
        roll_back(output, "ff")


def test_the_ledger_tells_every_swap_once_and_by_whom(output, monkeypatch):
    """A run again of what counts already swaps nothing, so nothing is told."""
    monkeypatch.setenv("LOGNAME", "ada")
    protocol.run(output, THIRD)
    roll_back(output, OLD)
    roll_back(output, OLD)
    protocol.run(output, NEW)
    swaps = [(one.action, one.version, one.replaced, one.took_effect) for one in ledger(output)]
    assert swaps == [
        ("run", OLD, None, True),
        ("run", NEW, OLD, True),
        ("run", THIRD, NEW, True),
        ("rollback", OLD, THIRD, True),
        ("run", NEW, OLD, True),
    ]
    assert [one.by for one in ledger(output)][-2:] == ["ada", "ada"]
    assert all(one.at.endswith("+00:00") and one.host and one.tamscore for one in ledger(output))


def test_a_user_without_a_name_does_not_stop_a_run(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert history.user() == "unknown"


def test_a_damaged_version_is_not_made_current(output):
    """One byte changed in a file of the old version: refused by name, and the current one stays."""
    part = RunDirectory(output, OLD).part(2)
    part.write_bytes(b"x" + part.read_bytes()[1:])
    before = (output / CURRENT).read_bytes(), (output / HISTORY).read_bytes()
    with pytest.raises(InputContractError, match=rf"{part.name}: changed"):
        roll_back(output, OLD)
    assert ((output / CURRENT).read_bytes(), (output / HISTORY).read_bytes()) == before


def test_a_rollback_waits_for_nobody_who_holds_the_output(output):
    with commit.hold_commit(output, "run"), pytest.raises(RetryableError, match="held by process"):
        roll_back(output)


def consistent(output, versions):
    """What is wrong with pointer and ledger: the last swap that took effect must be the one the pointer shows."""
    problems = verify.problems_of_output(output)
    current = current_version(output)
    effective = [one.version for one in ledger(output) if one.took_effect]
    if current not in versions:
        problems.append(f"points at {current}")
    if effective[-1] != current:
        problems.append(f"the ledger says {effective}, the pointer {current}")
    return problems


def test_a_rollback_killed_at_any_step_leaves_pointer_and_ledger_at_one(output, tmp_path):
    """kill -9 at every step; a rollback after each kill succeeds, and the ledger shows the one cut off as such."""
    step, killed, cut_off = 0, True, 0
    while killed:
        step += 1
        here = tmp_path / f"{step}"
        shutil.copytree(output, here)
        killed = protocol.killed_at(step, lambda here=here: roll_back(here, OLD))  # type: ignore[misc]
        commit.sweep(here)
        assert consistent(here, {OLD, THIRD}) == [], step
        roll_back(here, NEW)
        roll_back(here, OLD)
        assert consistent(here, {OLD}) == []
        cut_off += sum(not one.took_effect for one in ledger(here))
        shutil.rmtree(here)
    assert step > 8
    assert cut_off > 0


def test_a_torn_last_line_is_passed_over_and_kept(output):
    """Half a line, as another program may leave it: all others are read, and the next entry begins on its own line."""
    torn = b'{"at": "2026-01-'
    with (output / HISTORY).open("ab") as file:
        file.write(torn)
    assert len(ledger(output)) == 3
    roll_back(output)
    assert len(ledger(output)) == 4
    assert torn in (output / HISTORY).read_bytes().splitlines()


def test_outputs_older_than_the_ledger_can_be_rolled_back_by_name(output):
    (output / HISTORY).unlink()
    with pytest.raises(UsageError, match="name one of"):
        roll_back(output)
    roll_back(output, OLD)
    assert [(one.action, one.replaced) for one in ledger(output)] == [("rollback", THIRD)]


def test_the_commands_tell_and_swap(tmp_path):
    """Text and JSON of both commands, on real runs."""
    first = market.score(market.accounts(1200), tmp_path)
    second = market.run(tmp_path / "market", str(first.output), {"potential": {"preset": "p80"}})
    page = CliRunner().invoke(app, ["history", str(first.output)])
    assert page.exit_code == 0, page.output
    assert f"{second.run_key} current" in " ".join(page.stdout.split())
    found = json.loads(CliRunner().invoke(app, ["history", str(first.output), "--json"]).stdout)
    assert [one["version"] for one in found["entries"]] == [first.run_key, second.run_key]
    assert found["versions"][0]["scored"] == 1200
    assert read_history(first.output).versions[0].current
    back = CliRunner().invoke(app, ["rollback", str(first.output), "--json"])
    assert json.loads(back.stdout) == {"current": first.run_key, "replaced": second.run_key, "changed": True}
    again = CliRunner().invoke(app, ["rollback", str(first.output), first.run_key])
    assert "is the current version already" in again.stdout
    nowhere = CliRunner().invoke(app, ["history", str(tmp_path / "market")])
    assert (nowhere.exit_code, "no output of a job" in nowhere.stderr) == (2, True)
