"""Books stay: accounts keep the person they had in the last coverage of an earlier version, unless a rule says so."""

from __future__ import annotations

import json
import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import backend, pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tamscore.questions.holdouts import Wanted, draw
from tamscore.questions.rollback import roll_back
from tamscore.questions.stored import open_run
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.view import answer
from tamscore.store import pruning
from tamscore.store.forgetting import forget
from tamscore.store.verify import problems_of_output
from tests.end_to_end import market
from tests.terminal_pages import printed

ROWS = 900
TEAM = {"account_manager": 2, "hunter": 3, "inside_sales": 2}
HOURS = 300.0


def week(number: int) -> pa.Table:
    """The market in a week: sales of a few accounts differ from those of the week before."""
    table = market.accounts(ROWS, seed=2)
    sales = table["sales"].to_numpy(zero_copy_only=False).copy()
    for later in range(1, number):
        random = np.random.default_rng(later)
        here = random.random(ROWS) < 0.02
        sales[here] = np.where(sales[here] > 0, 0.0, random.choice([20.0, 200.0, 900.0], here.sum()))
    return table.set_column(table.column_names.index("sales"), "sales", pa.array(sales, from_pandas=True))


def carried_out(folder, number, coverage=None, **changes):
    """The run of a week into the output of a folder; with a coverage its scores hold it."""
    market.write(week(number), folder / f"week-{number}", files=2)
    given = {"engine": {"workers": 1}, **changes} | ({} if coverage is None else {"coverage": coverage})
    job, progress = market.job(folder / f"week-{number}", folder / "scores", given), Progress()
    return pipeline.run(job, progress, accept=True), progress


def covered(output, **keys):
    settings = Coverage.model_validate({"team": TEAM, "hours_per_person": HOURS, **keys}, strict=False)
    result = cover(open_run(output), settings, backend.load("cpu"), Progress())
    return result, people_of(f"{result.path}/accounts.parquet")


def people_of(path):
    table = pq.read_table(path)
    return dict(zip(table["account_id"].to_pylist(), table["person"].to_pylist(), strict=True))


def changed(before, now):
    """The accounts that have somebody else, or nobody, of those that had a person."""
    return {account for account, person in before.items() if person and now.get(account, person) != person}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory):
    """An output with two weeks, each covered after its run: the folder, results and persons by week."""
    folder, found = tmp_path_factory.mktemp("weeks"), []
    for number in (1, 2):
        directory, _ = carried_out(folder, number)
        found.append(covered(directory.output))
    return folder, found


@pytest.fixture
def output(weeks, tmp_path):
    """A copy of that output."""
    shutil.copytree(weeks[0] / "scores", tmp_path / "scores")
    return tmp_path / "scores"


def test_most_accounts_keep_their_person_and_the_plan_is_worth_as_much(output, weeks):
    (_, first), (remaining, second) = weeks[1]
    free, others = covered(output, owners="none")
    assert free.owners is None
    assert free.path != remaining.path
    assert len(changed(first, second)) < 0.3 * len(changed(first, others))
    assert remaining.certificate.value >= 0.995 * free.certificate.value
    assert remaining.owners["coverage"] == weeks[1][0][0].path.rpartition("/")[2]
    assert remaining.owners["cost"] >= free.certificate.value - remaining.certificate.value - 0.01


def test_what_changes_hands_is_counted_listed_and_explained(weeks):
    (_, first), (result, second) = weeks[1]
    away = changed(first, second)
    owners = result.owners
    assert {row["account_id"] for row in result.moves} == away
    assert all(first[row["account_id"]] == row["owner"] for row in result.moves)
    assert all(second[row["account_id"]] == row["person"] for row in result.moves)
    assert all(row["reason"] for row in result.moves)
    assert owners["accounts"] == sum(person is not None for person in first.values())
    assert owners["kept"] == owners["accounts"] - len(away)
    assert (owners["moved"], owners["released"]) == (
        sum(second[account] is not None for account in away),
        sum(second[account] is None for account in away),
    )
    owner = pq.read_table(f"{result.path}/accounts.parquet", columns=["account_id", "owner"]).to_pylist()
    assert {row["account_id"]: row["owner"] for row in owner} == first
    assert f"in the last coverage {owners['coverage']} keep it" in " ".join(printed([answer(result)], 160).split())


def test_the_same_question_has_the_same_answer_whatever_was_tried_in_between(output, weeks):
    before = (weeks[0] / "scores" / "coverage", [result.path.rpartition("/")[2] for result, _ in weeks[1]])
    tried, _ = covered(output, team={"sdr": 1})
    again, people = covered(output)
    assert again.path.rpartition("/")[2] == before[1][1]
    assert people == weeks[1][1][1]
    assert tried.owners["coverage"] == again.owners["coverage"] == before[1][0]
    for name in ("accounts.parquet", "coverage.json", "moves.csv"):
        mine, theirs = (folder / before[1][1] / name for folder in (output / "coverage", before[0]))
        text = mine.read_text("utf-8") if name.endswith("json") else None
        if text is None:
            assert mine.read_bytes() == theirs.read_bytes()
        else:
            differ = {key for key, value in json.loads(text).items() if value != json.loads(theirs.read_text())[key]}
            assert differ <= {"path", "xxh3"}


def test_the_first_coverage_has_no_owners_and_a_later_one_of_an_old_version_none_of_its_future(output, weeks):
    first = weeks[1][0][0]
    assert first.owners is None
    again, _ = covered(output / "versions" / first.run)
    assert again.path.rpartition("/")[2] == first.path.rpartition("/")[2]


def test_people_who_are_gone_are_named_and_their_accounts_go_to_others(output, weeks):
    second = weeks[1][1][1]
    shutil.copytree(output, output.parent / "more" / "scores")
    directory, _ = carried_out(output.parent / "more", 3)
    result, third = covered(directory.output, team={**TEAM, "hunter": 2})
    gone = {account for account, person in second.items() if person == "hunter 03"}
    assert gone
    by_account = {row["account_id"]: row for row in result.moves}
    assert gone <= by_account.keys()
    assert {by_account[account]["reason"] for account in gone} == {"its owner is none of the people now"}
    assert all(by_account[account]["owner"] == "hunter 03" and by_account[account]["gain"] is None for account in gone)
    assert any(third[account] for account in gone)
    assert result.owners["without_owner"] == len(gone)
    assert any("'hunter 03' is none of the people" in one for one in result.doubts)
    owner = pq.read_table(f"{result.path}/accounts.parquet", columns=["account_id", "owner"]).to_pylist()
    assert {row["account_id"]: row["owner"] for row in owner} == second


@pytest.mark.parametrize("limit", [0, 3, 12])
def test_no_more_accounts_change_hands_than_allowed(output, weeks, limit):
    first = weeks[1][0][1]
    result, second = covered(output, max_moves=limit)
    assert len(changed(first, second)) <= limit
    assert result.owners["cost"] >= 0


def test_other_people_altogether_are_no_reason_to_refuse(output):
    result, _ = covered(output, team={"sdr": 3})
    assert result.owners["kept"] == 0
    assert result.owners["without_owner"] == result.owners["accounts"]


def test_books_are_kept_from_a_version_that_was_pruned_and_without_accounts_that_left(output, weeks):
    (_, first), (_, second) = weeks[1]
    pruning.prune(output, keep=1)
    account = next(account for account, person in first.items() if person and second[account] == person)
    forget(output, [account])
    result, people = covered(output)
    assert result.owners["coverage"] == weeks[1][0][0].path.rpartition("/")[2]
    assert account not in people
    del second[account]
    assert len(changed(second, people)) <= 3
    assert problems_of_output(output) == []


def test_controls_of_a_holdout_leave_their_owner_for_that_reason(output, weeks):
    second = weeks[1][1][1]
    draw(open_run(output), Wanted(share=0.3, rate=0.2), date(2026, 1, 1))
    shutil.copytree(output, output.parent / "more" / "scores")
    directory, _ = carried_out(output.parent / "more", 3)
    result, _ = covered(directory.output)
    reasons = {row["account_id"]: row["reason"] for row in result.moves}
    held = {account for account, reason in reasons.items() if reason == "it is a control of a holdout"}
    assert held
    assert all(second[account] for account in held)


SEALED = {"team": TEAM, "hours_per_person": HOURS}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """An output with two weeks of a job that has a coverage."""
    folder = tmp_path_factory.mktemp("sealed")
    return folder, [carried_out(folder, number, SEALED)[0] for number in (1, 2)]


def in_scores(directory):
    table = market.scores(directory)
    return dict(zip(table["account_id"].to_pylist(), table["person"].to_pylist(), strict=True))


def test_scores_of_a_job_with_a_coverage_keep_books_and_a_coverage_asked_for_later_says_the_same(sealed):
    first, second = sealed[1]
    assert (first.manifest()["owners_from"], second.manifest()["owners_from"]) == (
        None,
        open_run(first.path).roles.plan.name,
    )
    assert 0 < len(changed(in_scores(first), in_scores(second))) < 0.3 * sum(map(bool, in_scores(first).values()))
    for directory in sealed[1]:
        before = open_run(directory.path).roles.plan.name
        result, people = covered(directory.path)
        assert result.path.rpartition("/")[2] == before
        assert people == in_scores(directory)


def test_a_coverage_of_the_default_team_asked_for_later_is_the_one_of_the_scores(tmp_path):
    directory, _ = carried_out(tmp_path, 1, {"hours_per_person": 20.0})
    before = open_run(directory.path).roles.plan.name
    done = CliRunner().invoke(app, ["coverage", str(directory.output), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["path"].rpartition("/")[2] == before
    assert open_run(directory.path).roles.plan.name == before


def test_the_same_job_again_does_nothing_whichever_version_counts(sealed, tmp_path):
    folder, (first, second) = sealed
    shutil.copytree(folder, tmp_path / "again")
    again, progress = carried_out(tmp_path / "again", 2, SEALED)
    assert again.run_key == second.run_key
    assert any("nothing to do" in text for text in progress.notices)
    roll_back(again.output)
    for number, made in ((1, first), (2, second), (1, first)):
        again, progress = carried_out(tmp_path / "again", number, SEALED)
        assert again.run_key == made.run_key
        assert any("nothing to do" in text for text in progress.notices)


def test_another_coverage_before_the_next_run_is_another_run(sealed, tmp_path):
    folder, (_, second) = sealed
    runs = []
    for name, tries in (("plain", {}), ("other", {"team": {"hunter": 2, "sdr": 4}})):
        shutil.copytree(folder, tmp_path / name)
        if tries:
            covered(tmp_path / name / "scores", **tries)
        runs.append(carried_out(tmp_path / name, 3, SEALED)[0])
    assert runs[0].run_key != runs[1].run_key
    assert runs[0].manifest()["owners_from"] == open_run(second.path).roles.plan.name
    assert in_scores(runs[0]) != in_scores(runs[1])


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_was_stopped_goes_on_to_the_same_books(sealed, tmp_path, monkeypatch, workers):
    folder, (_, second) = sealed
    whole = tmp_path / "whole"
    for place in (whole, tmp_path / "stopped"):
        shutil.copytree(folder, place)
        roll_back(place / "scores")
        shutil.rmtree(place / "scores" / "versions" / second.run_key)
    done = carried_out(whole, 2, SEALED, engine={"workers": workers})[0]

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_run", stopped)
        with pytest.raises(KeyboardInterrupt):
            carried_out(tmp_path / "stopped", 2, SEALED)
    again = carried_out(tmp_path / "stopped", 2, SEALED)[0]
    assert again.run_key == done.run_key == second.run_key
    assert in_scores(again) == in_scores(done) == in_scores(second)


def test_a_coverage_that_is_gone_stops_a_later_one_and_says_what_to_do(sealed, tmp_path):
    folder, (first, second) = sealed
    shutil.copytree(folder, tmp_path / "gone")
    output = tmp_path / "gone" / "scores"
    shutil.rmtree(output / "coverage" / open_run(first.path).roles.plan.name)
    with pytest.raises(InputContractError, match=r'is gone; restore it, or set coverage\.owners to "none" or a table'):
        covered(output / "versions" / second.run_key)
    assert covered(output / "versions" / second.run_key, owners="none")[0].owners is None


def test_a_job_of_an_earlier_version_and_words_for_owners(tmp_path):
    assert Coverage.model_validate({"owners": None}).owners == "last"
    assert Coverage.model_validate({"owners": "none"}).owner_table is None
    table = Coverage.model_validate({"owners": "./last"}, context={"folder": tmp_path})
    assert (table.owner_table, table.keeps_books) == (str(tmp_path / "last"), False)


def test_whole_families_keep_their_person(tmp_path):
    ids = market.accounts(ROWS, seed=2)["account_id"].to_pylist()
    random = np.random.default_rng(5)
    parent = [
        ids[random.integers(max(row - 5, 0), row)] if row and random.random() < 0.5 else None for row in range(ROWS)
    ]
    changes = {"columns": {**market.JOB["columns"], "parent_id": "parent"}, "families": {}}
    books = []
    for number in (1, 2):
        table = week(number).append_column("parent", pa.array(parent, pa.string()))
        market.write(table, tmp_path / f"week-{number}")
        job = market.job(tmp_path / f"week-{number}", tmp_path / "scores", {**changes, "engine": {"workers": 1}})
        directory = pipeline.run(job, Progress(), accept=True)
        books.append(covered(directory.output))
    (_, first), (result, second) = books
    assert len(changed(first, second)) < 0.3 * sum(map(bool, first.values()))
    assert result.owners["kept"] > 0
    units = pq.read_table(f"{result.path}/accounts.parquet")
    assert pc.count_distinct(units["person"]).as_py() > 1


def test_the_command_takes_the_words(output):
    done = CliRunner().invoke(app, ["coverage", str(output), "--set", "coverage.owners=none", "--json"])
    assert done.exit_code == 0
    assert "owners" not in json.loads(done.stdout)
    done = CliRunner().invoke(app, ["coverage", str(output), "--json"])
    assert json.loads(done.stdout)["owners"]["accounts"] > 0
