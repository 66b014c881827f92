"""Who covers an account: every reader says the same, that of the coverage made last or of the one that is named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import backend
from tamscore.cli import app
from tamscore.errors import InputContractError, UsageError
from tamscore.progress import Progress
from tamscore.questions.roles import RoleColumns
from tamscore.questions.stored import open_run
from tamscore.questions.summary import load
from tamscore.report.evidence import later_answers
from tamscore.schema import COVERAGE_COLUMNS
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.store.coverages import coverage_of
from tamscore.store.forgetting import forget
from tamscore.store.verify import problems_of_output
from tests.end_to_end import market

ROWS = 600
CHANGES = {"campaigns": {"size": "employees", "covered_accounts": True}}
SUGGESTED = ("suggested_role", "suggested_service_level")


def run_in(folder):
    return market.score(market.accounts(ROWS, seed=7), folder, CHANGES, files=3).output


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An output without a coverage."""
    return run_in(tmp_path_factory.mktemp("bare"))


def covered(output, **team):
    settings = Coverage.model_validate({"team": team})
    return cover(open_run(output), settings, backend.load("cpu"), Progress())


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """An output with two coverages of its version: first by a hunter, last by two account managers."""
    made = run_in(tmp_path_factory.mktemp("roles"))
    covered(made, hunter=1)
    covered(made, account_manager=2)
    return made


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def truth(result):
    """Role, service level, person and hours by account, as the table of a coverage holds them."""
    rows = pq.read_table(f"{result}/accounts.parquet").to_pylist()
    return {row["account_id"]: tuple(row[name] for name in COVERAGE_COLUMNS) for row in rows}


def of_rows(rows, names=COVERAGE_COLUMNS):
    return {row["account_id"]: tuple(row[name] for name in names) for row in rows}


def named(found, name):
    """A column of a truth."""
    return {account: entry[COVERAGE_COLUMNS.index(name)] for account, entry in found.items()}


def from_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row["account_id"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("place", [0, 1])
def test_every_reader_says_the_same_of_who_covers_an_account(output, tmp_path, place):
    folders = sorted(path for path in (output / "coverage").iterdir() if path.is_dir())
    plan = folders[place].name
    found = truth(folders[place])
    run = open_run(output, plan=plan[:9])
    assert of_rows(tamscore.open_run(output, plan).scores().to_table().to_pylist()) == found
    assert of_rows(row for table in run.read(("account_id", *COVERAGE_COLUMNS)) for row in table.to_pylist()) == found
    shown = load(output, top=ROWS, plan=plan).top
    assert {row["account_id"]: (row["role"], row["person"]) for row in shown} == {
        account: (entry[0], entry[2]) for account, entry in found.items()
    }
    for command_, to in (("export", tmp_path / "up.csv"), ("campaigns", tmp_path / "lists")):
        done = command(command_, output, "--plan", plan, "--to", to, "--fields", "role,person=OwnerId,hours")
        assert done.exit_code == 0, done.output
    exported = from_csv(tmp_path / "up.csv")
    listed = {account: row for path in (tmp_path / "lists").iterdir() for account, row in from_csv(path).items()}
    for rows in (exported, listed):
        assert {account: row["role"] for account, row in rows.items()} == named(found, "role")
        assert {account: row["OwnerId"] or None for account, row in rows.items()} == named(found, "person")
        assert {account: float(row["hours"]) for account, row in rows.items()} == named(found, "hours")
    explained = json.loads(command("explain", output, next(iter(found)), "--plan", plan, "--json").output)["account"]
    assert of_rows([explained]) == dict([next(iter(found.items()))])
    assert later_answers(run)["coverage"]["path"] == str(folders[place])


def test_the_coverage_made_last_counts_though_it_was_made_before(tmp_path):
    output = run_in(tmp_path)
    names = [covered(output, **team).path for team in ({"hunter": 1}, {"sdr": 1}, {"hunter": 1})]
    run = open_run(output)
    assert names[0] == names[2] != names[1]
    assert str(run.roles.plan.folder) == names[0]
    assert problems_of_output(output) == []


def test_without_a_note_the_time_of_change_says_which_was_made_last(tmp_path):
    output = run_in(tmp_path)
    names = [covered(output, **team).path for team in ({"hunter": 1}, {"sdr": 1})]
    (output / "coverage" / f"{open_run(output).name}.json").unlink()
    assert str(open_run(output).roles.plan.folder) == names[1]


def test_without_a_coverage_roles_are_suggestions_and_a_person_is_refused(bare, tmp_path):
    run = open_run(bare)
    assert {*COVERAGE_COLUMNS}.isdisjoint(run.columns)
    assert {*SUGGESTED} <= {*run.columns}
    assert tamscore.open_run(bare).scores().schema.names == list(run.columns)
    done = command("export", bare, "--to", tmp_path / "up.csv", "--fields", "potential,person")
    assert done.exit_code == 2
    assert "tamscore coverage RUN" in done.stderr
    assert "suggested" not in done.stderr
    done = command("export", bare, "--to", tmp_path / "up.csv", "--fields", "role")
    assert done.exit_code == 2
    assert "'suggested_role'" in " ".join(done.stderr.split())
    assert command("export", bare, "--to", tmp_path / "up.csv").exit_code == 0
    assert "suggested_role" in next(iter(from_csv(tmp_path / "up.csv").values()))
    explained = command("explain", bare, "A0000001").output
    assert "suggested: " in " ".join(explained.split())


def test_a_coverage_that_is_not_there_is_refused_by_name(output):
    with pytest.raises(UsageError, match=r"no coverage of the run begins so; there are [0-9a-f]{16}, [0-9a-f]{16}"):
        open_run(output, plan="zz")
    with pytest.raises(UsageError, match="--plan: '': no coverage of the run begins so"):
        coverage_of(output, open_run(output).name, "")


def test_a_changed_table_of_a_coverage_is_refused(tmp_path):
    output = run_in(tmp_path)
    table = Path(covered(output, hunter=1).path) / "accounts.parquet"
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    with pytest.raises(InputContractError, match=r"accounts\.parquet: was changed"):
        list(open_run(output).read(["account_id", "person"]))
    assert len(list(open_run(output).read(["account_id", "suggested_role"]))) == 3


def test_an_account_that_left_leaves_the_coverage_and_the_others_stay_as_they_were(tmp_path):
    output = run_in(tmp_path)
    before = truth(covered(output, hunter=1).path)
    covered(output, sdr=1)
    covered(output, hunter=1)
    forget(output, ["A0000005"])
    del before["A0000005"]
    by_account = {
        row["account_id"]: row
        for t in open_run(output).read(("account_id", *COVERAGE_COLUMNS))
        for row in t.to_pylist()
    }
    assert of_rows(by_account.values()) == before


def test_versions_from_before_had_suggestions_under_the_names_of_roles(bare):
    first = next(iter(open_run(bare).parts()))
    now = pq.read_table(first)
    old = now.rename_columns([name.removeprefix("suggested_") for name in now.column_names])
    roles = RoleColumns(old.schema)
    assert roles.schema.names == now.column_names
    assert roles.join(old.select(roles.required_columns(SUGGESTED)), SUGGESTED).equals(now.select(SUGGESTED))
    assert roles.of_row(old.slice(0, 1).to_pylist()[0]) == now.slice(0, 1).to_pylist()[0]
