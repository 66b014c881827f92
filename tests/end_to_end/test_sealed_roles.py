"""A job with [coverage]: the scores say who covers each account, the same as the coverage beside them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import tamscore
from tamscore import backend, pipeline, sealed_roles
from tamscore.cli import app
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.questions.summary import load
from tamscore.scoring.score.parts import rewrite_part
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.store.verify import problems_of_output
from tests.end_to_end import market
from tests.end_to_end.test_roles import covered, from_csv, of_rows

NAMES = ("role", "service_level", "person")
MAP = {"small": {"channel": "email", "theme": "price", "contacts": 30}}
ROWS = 900


def staff(folder, hours=500.0, name="people"):
    rows = [
        {"person": one, "role": role, "hours": hours} for one, role in (("Ann", "hunter"), ("Bob", "account_manager"))
    ]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return str(folder / f"{name}.parquet")


def changes(people):
    campaigns = {"size": "employees", "bands": {"small": 0.0}, "map": MAP}
    return {"campaigns": campaigns, "coverage": {"people": people}, "columns.name": "name"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    return market.score(market.accounts(ROWS, seed=2), folder, changes(staff(folder)), files=3)


def plan_of(output):
    return open_run(output).roles.plan


def test_scores_tables_and_readers_say_what_the_coverage_says(done):
    plan = plan_of(done.output)
    truth = of_rows(pq.read_table(plan.folder / "accounts.parquet").to_pylist(), NAMES)
    scores = market.scores(done)
    assert of_rows(scores.to_pylist(), NAMES) == truth
    assert {"suggested_role", "suggested_service_level"}.isdisjoint(scores.column_names)
    assert {row["person"] for row in scores.to_pylist()} == {"Ann", "Bob", None}
    assert all((row["person"] is None) == (row["role"] == "digital") for row in scores.to_pylist())
    top = pq.read_table(done.tables / "top_accounts.parquet").to_pylist()
    assert all(truth[row["account_id"]] == tuple(row[name] for name in NAMES) for row in top)
    assert {row["account_id"]: row["person"] for row in load(done.output, top=ROWS).top} == {
        account: entry[2] for account, entry in truth.items()
    }
    assert of_rows(tamscore.open_run(done.output).scores().to_table().to_pylist(), NAMES) == truth
    assert problems_of_output(done.output) == []


def test_a_coverage_asked_for_later_stands_in_place_of_what_the_scores_say(done, tmp_path):
    output = market.score(market.accounts(ROWS, seed=2), tmp_path, changes(staff(tmp_path)), files=3).output
    first = plan_of(output)
    covered(output, sdr=1)
    later = plan_of(output)
    assert later.name != first.name
    assert {row["person"] for row in load(output, top=ROWS).top} == {"sdr 01", None}
    assert {row["person"] for row in load(output, top=ROWS, plan=first.name).top} == {"Ann", "Bob", None}
    assert market.scores(open_run(output).directory).equals(market.scores(done))


def test_the_same_settings_later_give_the_same_coverage(done):
    people = done.manifest()["job"]["coverage"]["people"]
    again = cover(open_run(done.output), Coverage.model_validate({"people": people}), backend.load("cpu"), Progress())
    assert again.path == str(plan_of(done.output).folder)


@pytest.mark.parametrize("layout", [{"files": 1}, {"files": 5}, {"row_group": 70}])
def test_any_partitions_give_the_same_roles(done, tmp_path, layout):
    other = market.score(market.accounts(ROWS, seed=2), tmp_path, changes(staff(tmp_path)), **layout)
    assert market.scores(other).equals(market.scores(done))


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_run_that_was_stopped_while_roles_were_written_goes_on_to_the_same_bytes(
    done, tmp_path, monkeypatch, written
):
    table = market.accounts(ROWS, seed=2)
    calls: list[int] = []

    def stopped(index, *rest):
        if len(calls) == written:
            raise KeyboardInterrupt
        calls.append(index)
        return rewrite_part(index, *rest)

    folder, job = tmp_path / "market", changes(staff(tmp_path)) | {"engine": {"workers": 1}}
    market.write(table, folder, files=3)
    with monkeypatch.context() as patch:
        patch.setattr(sealed_roles, "rewrite_part", stopped)
        with pytest.raises(KeyboardInterrupt):
            market.run(folder, tmp_path / "scores", job)
    again = market.run(folder, tmp_path / "scores", job)
    files = [{path.name: path.read_bytes() for path in one.scores.glob("part-*")} for one in (done, again)]
    assert files[0] == files[1]
    assert not list(again.scores.glob("_staged-*"))


def test_lists_of_campaigns_count_the_accounts_that_nobody_covers(done, tmp_path):
    asked = CliRunner().invoke(app, ["campaigns", str(done.output), "--to", str(tmp_path)])
    assert asked.exit_code == 0, asked.output
    listed = from_csv(tmp_path / "email.csv")
    free = [row for row in market.scores(done).to_pylist() if row["person"] is None]
    free.sort(key=lambda row: (-row["expected_value"], row["priority"], row["party_type"] == "channel"))
    assert len(listed) == 30
    assert {*listed} == {row["account_id"] for row in free[:30]}
    limits = pq.read_table(done.tables / "campaign_limits.parquet").to_pylist()
    assert [row["listed"] for row in limits] == [30]


def test_other_people_are_another_run_and_the_same_people_elsewhere_are_not(done, tmp_path):
    market.write(market.accounts(ROWS, seed=2), tmp_path / "market", files=3)
    same = market.run(tmp_path / "market", tmp_path / "scores", changes(staff(tmp_path, name="same")))
    other = market.run(tmp_path / "market", tmp_path / "scores", changes(staff(tmp_path, hours=300.0)))
    assert same.run_key == done.run_key != other.run_key


def test_a_frozen_model_and_a_refresh_cover_accounts_too(done, tmp_path):
    job = market.job(done.output.parent / "market", tmp_path / "scores", changes(staff(tmp_path, 300.0)))
    for made in (pipeline.score(job, Progress(), str(done.output), accept=True),
                 pipeline.refresh(job, Progress(), str(done.output), accept=True)):  # fmt: skip
        assert {row["person"] for row in market.scores(made).to_pylist()} == {"Ann", "Bob", None}


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        ({"people": "gone.csv"}, r"coverage\.people: .*gone\.csv: expected a Parquet or CSV file, found none"),
        ({"owners": "gone.csv"}, r"coverage\.owners: .*gone\.csv: expected"),
        ({"owners": "people"}, r"expected columns account_id, person, missing account_id"),
        ({"region": "industri"}, r"coverage\.region: 'industri': expected a column of the scores"),
        ({"region": "account_id"}, r"coverage\.region: 'account_id': expected a column of names"),
        ({"skill": "whitespace"}, r"coverage\.skill: 'whitespace': expected a column of names"),
        ({"skill": "suggested_role"}, r"coverage\.skill: 'suggested_role': expected a column of the scores"),
        ({"people": "misspelt"}, r"'Ann': role 'huntr' has no touch plan.*did you mean 'hunter'"),
        ({"people": "twice"}, r"'Ann' stands twice"),
    ],
)
def test_what_would_keep_accounts_from_being_covered_stops_the_run_before_anything_is_fitted(tmp_path, coverage, words):
    paths = {"people": staff(tmp_path), "gone.csv": str(tmp_path / "gone.csv")}
    pq.write_table(pa.table({"person": ["Ann", "ann"], "role": ["hunter"] * 2}), tmp_path / "twice.parquet")
    paths["twice"] = str(tmp_path / "twice.parquet")
    pq.write_table(pa.table({"person": ["Ann"], "role": ["huntr"]}), tmp_path / "misspelt.parquet")
    paths["misspelt"] = str(tmp_path / "misspelt.parquet")
    keys = {key: paths.get(value, value) for key, value in coverage.items()}
    market.write(market.accounts(300), tmp_path / "market")
    progress = Progress()
    with pytest.raises(InputContractError, match=words):
        pipeline.run(market.job(tmp_path / "market", tmp_path / "scores", {"coverage": keys}), progress)
    assert {one.stage for one in progress.times}.isdisjoint({"fit", "assign", "score"})
    assert not list((tmp_path / "scores").rglob("part-*"))


def test_owners_whose_accounts_nobody_knows_stop_a_run_before_anything_is_fitted(tmp_path):
    """The ids of the market are known by then; the fit has not begun."""
    people = staff(tmp_path)
    strangers = pa.table({"account_id": [f"X{i}" for i in range(10)], "person": ["Ann"] * 10})
    pq.write_table(strangers, tmp_path / "owners.parquet")
    given = {**changes(people), "coverage": {"people": people, "owners": str(tmp_path / "owners.parquet")}}
    rows, progress = market.write(market.accounts(ROWS, seed=2), tmp_path / "market"), Progress()
    with pytest.raises(InputContractError, match="0 of 10 rows met an account"):
        pipeline.run(market.job(rows, tmp_path / "scores", given), progress)
    assert "fit" not in {one.stage for one in progress.times}
