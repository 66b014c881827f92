"""Lists of people and campaigns: every covered account once, in order, said as `explain` says it, safe to open."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import backend
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions.lists import gather
from tamscore.questions.lists.gather import groups_of
from tamscore.questions.lists.names import LONGEST, file_stems
from tamscore.questions.lists.since import doubts_about_runs, owner
from tamscore.questions.pages.calling import priority_sentence
from tamscore.questions.stored import open_run
from tamscore.schema import PARTY_TYPES
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tests.end_to_end import market, shop
from tests.page import Page

STAFF = ("Jörg", "Jorg", "=1+1", "../../etc/x", "日本 太郎", "CON", "<b>Ann</b> & Söhne|a:b/1", "idle")
MONEY = ("sales", "potential", "whitespace", "expected_value")


def covered(output, folder, names=STAFF, **keys):
    rows = [{"person": name, "role": "account_manager", "hours": 0.0 if name == "idle" else 300.0} for name in names]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "people.parquet")
    settings = Coverage.model_validate({"people": str(folder / "people.parquet"), **keys})
    return cover(open_run(output), settings, backend.load("cpu"), Progress())


def ask(*words):
    return CliRunner().invoke(app, ["lists", *(str(word) for word in words)])


def made(output, to, *words):
    done = ask(output, "--to", to, *words)
    assert done.exit_code == 0, done.output
    return json.loads((to / "lists.json").read_text("utf-8"))["lists"]


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A shop of this week, the week before in the same output, a coverage of both weeks; and the lists of this week."""
    folder = tmp_path_factory.mktemp("week")
    changes = shop.build(folder) | {"campaigns": {"size": "employees"}}
    now = pq.read_table(folder / "market")
    market.write(now.slice(40), folder / "then")
    before = market.run(folder / "then", folder / "scores", changes)
    covered(before.output, folder / "then_people", STAFF[2:5])
    sales = [5.0 if value == 0 and row % 3 == 0 else value for row, value in enumerate(now["sales"].to_pylist())]
    market.write(now.set_column(now.column_names.index("sales"), "sales", pa.array(sales)), folder / "now")
    output = market.run(folder / "now", folder / "scores", changes).output
    result = covered(output, folder / "people")
    return {"output": output, "plan": result.path, "rows": made(output, folder / "lists"), "lists": folder / "lists"}


def of_people(week):
    return {row["name"]: rows_of(week["lists"] / row["file"]) for row in week["rows"] if row["list"] == "person"}


def test_every_account_with_a_person_stands_once_in_the_list_of_that_person(week):
    table = pq.read_table(f"{week['plan']}/accounts.parquet").to_pylist()
    found = [(row["account_id"], name) for name, rows in of_people(week).items() for row in rows]
    assert Counter(found) == Counter((row["account_id"], row["person"]) for row in table if row["person"])
    assert len(found) > 50
    assert [row["name"] for row in week["rows"] if row["list"] == "person"] == list(STAFF)
    assert of_people(week)["idle"] == []


def test_lists_of_campaigns_have_the_accounts_that_nobody_covers_and_no_others(week):
    table = pq.read_table(f"{week['plan']}/accounts.parquet").to_pylist()
    lists = {row["name"]: rows_of(week["lists"] / row["file"]) for row in week["rows"] if row["list"] == "campaign"}
    found = [row["account_id"] for rows in lists.values() for row in rows]
    assert sorted(found) == sorted(row["account_id"] for row in table if not row["person"])
    assert all({row["campaign_id"] for row in rows} == {name} for name, rows in lists.items())


def test_accounts_stand_in_order_of_priority_and_are_explained_as_everywhere(week):
    run = open_run(week["output"])
    known = {row["account_id"]: row for table in run.read(run.columns) for row in table.to_pylist()}
    for row in week["rows"]:
        rows = rows_of(week["lists"] / row["file"])
        places = [(PARTY_TYPES.index(one["party_type"]), int(one["priority"])) for one in rows]
        assert places == sorted(places)
        for one in rows:
            account = known[one["account_id"]]
            assert one["why"] == priority_sentence(account)
            amounts = [one[name] and float(one[name]) for name in MONEY]
            assert amounts == ["" if account[name] is None else round(account[name], 2) for name in MONEY]
            assert (one["last_order"] or None) == (account["last_order"] and str(account["last_order"]))
            assert ("may leave" in one["alerts"]) == bool(account["churn_alert"])
            assert ("left:" in one["alerts"]) == (account["account_state"] == "left")
        assert {one["score_version"] for one in rows} <= {run.name}


def test_an_export_says_of_accounts_what_lists_say(week, tmp_path):
    fields = "account_id=Id,person=OwnerId,hours,why,alerts=Alerts,changed"
    done = CliRunner().invoke(
        app,
        ["export", str(week["output"]), "--to", str(tmp_path / "up.csv"), "--fields", fields, "--plan", plan_of(week)],
    )
    assert done.exit_code == 0, done.output
    exported = {row["Id"]: row for row in rows_of(tmp_path / "up.csv")}
    listed = [row for one in week["rows"] for row in rows_of(week["lists"] / one["file"])]
    assert len(exported) == len(listed)
    for row in listed:
        account_row = exported[row["account_id"]]
        assert [account_row[name] for name in ("OwnerId", "why", "changed")] == [
            row[n] for n in ("person", "why", "changed")
        ]
        assert all(alert in row["alerts"] for alert in account_row["Alerts"].split("; "))
    assert any(row["Alerts"] for row in exported.values())
    again = ["export", str(week["output"]), "--since", str(week["output"]), "--to", str(tmp_path / "no.csv")]
    assert CliRunner().invoke(app, [*again, "--fields", "why,alerts"]).exit_code == 0
    assert rows_of(tmp_path / "no.csv") == []


def test_an_export_of_what_changed_goes_by_the_run_that_is_named_and_needs_one(week, tmp_path):
    run = open_run(week["output"])
    before = next(path for path in (week["output"] / "versions").iterdir() if path.name != run.name)
    export = ["export", str(week["output"]), "--fields", "changed", "--to"]
    done = CliRunner().invoke(app, [*export, str(tmp_path / "named.csv"), "--since", str(before)])
    assert done.exit_code == 0, done.output
    listed = {row["account_id"]: row["changed"] for one in week["rows"] for row in rows_of(week["lists"] / one["file"])}
    by_account = {row["account_id"]: row["changed"] for row in rows_of(tmp_path / "named.csv")}
    assert by_account == {account: text for account, text in listed.items() if text}
    refused = CliRunner().invoke(app, ["export", str(before), "--fields", "changed", "--to", str(tmp_path / "no.csv")])
    assert refused.exit_code == 2
    assert "what changed needs a run before" in " ".join(refused.stderr.split())


def plan_of(week):
    return Path(week["plan"]).name


def test_what_changed_since_the_run_before_is_reported(week):
    run = open_run(week["output"])
    before = open_run(next(path for path in (week["output"] / "versions").iterdir() if path.name != run.name))
    then = {
        row["account_id"]: row for table in before.read(("account_id", "kind", "person")) for row in table.to_pylist()
    }
    now = {row["account_id"]: row for table in run.read(("account_id", "kind", "person")) for row in table.to_pylist()}
    by_account = {
        row["account_id"]: row["changed"] for one in week["rows"] for row in rows_of(week["lists"] / one["file"])
    }
    assert by_account.keys() == now.keys()
    for account, text in by_account.items():
        old: Any = then.get(account)
        new = now[account]
        assert ("new account" in text) == (old is None)
        assert ("became a customer" in text) == (old is not None and old["kind"] < new["kind"])
        other = old is not None and old["person"] not in {None, new["person"]}
        assert (f"was with {old['person']}" in text) if other else ("was with" not in text)
    assert sum("became a customer" in text for text in by_account.values()) > 10
    assert sum("was with" in text for text in by_account.values()) > 10


def test_without_a_run_to_compare_with_nothing_is_said_of_changes(week, tmp_path):
    rows = made(week["output"], tmp_path / "lists", "--since", "none")
    assert all("changed" not in row for one in rows for row in rows_of(tmp_path / "lists" / one["file"]))


def test_another_spelling_of_a_person_is_no_other_owner():
    now = pa.table({"person": ["ann", "JÖRG ", "Bob", None, "Cid"]})
    then = pa.table({"person": ["Ann", "Jo\u0308rg", "Ann", "Ann", None]})
    assert owner(now, then).to_pylist() == [None, None, "was with Ann", "was with Ann", None]


def test_a_run_of_another_market_is_named_and_nothing_is_reported_of_changes(week, tmp_path):
    """With few accounts in common all others would count as new."""
    table = market.accounts(300)
    others = market.score(table, tmp_path / "others").output
    done = ask(week["output"], "--to", tmp_path / "lists", "--since", others)
    assert done.exit_code == 0, done.output
    assert "accounts were in the run" in done.stderr
    assert "name an earlier run of the same market" in done.stderr
    assert doubts_about_runs(open_run(others), open_run(others), 150) == []
    (few,) = doubts_about_runs(open_run(others), open_run(others), 149)
    assert "149 of 300 accounts were in the run" in few
    assert "all others count as new" in few


def test_the_summary_says_who_got_what_and_the_page_leads_there(week):
    summary = rows_of(week["lists"] / "summary.csv")
    index = Page((week["lists"] / "index.html").read_text("utf-8"))
    links = [one["href"] for one in index.having("a") if not one["href"].startswith("#")]
    assert sorted(links) == sorted(name for row in week["rows"] for name in (row["page"], row["file"]))
    for row, entry in zip(week["rows"], summary, strict=True):
        rows = rows_of(week["lists"] / row["file"])
        assert row["accounts"] == len(rows) == int(entry["accounts"])
        assert row["expected_value"] == pytest.approx(sum(float(one["expected_value"] or 0) for one in rows), abs=0.01)
        assert row["expansion"] == pytest.approx(
            sum(float(one["whitespace"] or 0) for one in rows if one["kind"] == "expansion"), abs=0.01
        )
        if row["list"] == "person":
            assert row["hours_planned"] == pytest.approx(sum(float(one["hours"]) for one in rows))
            assert row["hours_planned"] <= row["hours_available"]
        page = Page((week["lists"] / row["page"]).read_text("utf-8"))
        ids = [cell for grid in page.tables for line in grid.rows for cell in line if cell.startswith("A0")]
        assert ids == [one["account_id"] for one in rows[:300]]


def test_whatever_people_are_called_files_are_safe_and_cells_run_nothing(week):
    names = sorted(path.name for path in week["lists"].iterdir())
    assert len({name.lower() for name in names}) == len(names)
    assert all(name.isascii() and "/" not in name and "<" not in name for name in names)
    assert not (week["lists"].parent / "etc").exists()
    for path in week["lists"].glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "@", "+1"))]
    by_key = {row["person"] for name, rows in of_people(week).items() for row in rows if name == "=1+1"}
    assert by_key == {"'=1+1"}


def test_names_that_come_to_the_same_keep_their_files_whoever_else_is_there():
    stems = file_stems("person", ["Jörg", "jorg", "JÖRG", "Ann", "x" * 99, "", "太郎"])
    assert len({*stems.values()}) == 7
    assert stems["Ann"] == "person-ann"
    assert all(len(stem) <= len("person-") + LONGEST + 9 for stem in stems.values())
    assert file_stems("person", ["JÖRG", "jorg"])["JÖRG"] == stems["JÖRG"]


def test_lists_of_people_who_left_go_and_files_of_others_stay(week, tmp_path):
    to = tmp_path / "lists"
    made(week["output"], to)
    (to / "notes.txt").write_text("mine", encoding="utf-8")
    gone = to / next(row["file"] for row in week["rows"] if row["name"] == "Jörg")
    assert gone.is_file()
    first = sorted(path.name for path in (week["output"] / "coverage").iterdir() if path.is_dir())
    covered(week["output"], tmp_path / "fewer", STAFF[1:3])
    made(week["output"], to)
    assert not gone.exists()
    assert (to / "notes.txt").read_text("utf-8") == "mine"
    plan = next(name for name in first if str(name) in week["plan"])
    assert [row["name"] for row in made(week["output"], to, "--plan", plan)][: len(STAFF)] == list(STAFF)


def test_the_same_lists_are_the_same_bytes(week, tmp_path):
    plan = Path(week["plan"]).name
    made(week["output"], tmp_path / "lists", "--plan", plan)
    there = {path.name: path.read_bytes() for path in week["lists"].iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "lists").iterdir()} == there


def test_files_that_are_no_lists_are_replaced_only_if_asked(week, tmp_path):
    to = tmp_path / "lists"
    to.mkdir()
    (to / "index.html").write_text("mine", encoding="utf-8")
    done = ask(week["output"], "--to", to)
    assert done.exit_code == 2
    assert "add --overwrite" in done.stderr
    made(week["output"], to, "--overwrite")
    (to / "inner").mkdir()
    refused = ask(week["output"], "--to", to)
    assert refused.exit_code == 2
    assert "it holds the folder 'inner'" in refused.stderr
    assert ask(week["output"], "--to", to / "index.html").exit_code == 2


def test_without_pages_there_are_files_alone(week, tmp_path):
    rows = made(week["output"], tmp_path / "lists", "--no-pages")
    assert {path.suffix for path in (tmp_path / "lists").iterdir()} == {".csv", ".json"}
    assert all("page" not in row for row in rows)


def test_lists_are_the_same_however_many_accounts_are_reported_together(week, tmp_path, monkeypatch):
    """What changed since the week before is told too."""
    monkeypatch.setattr(gather, "PART", 7)
    assert made(week["output"], tmp_path / "lists", "--plan", plan_of(week)) == week["rows"]
    for path in week["lists"].iterdir():
        assert (tmp_path / "lists" / path.name).read_bytes() == path.read_bytes(), path.name


def test_where_people_cover_everybody_no_campaign_has_a_list():
    columns = {"account_id": ["C", "B", "A"], "campaign_id": ["y", "x", "y"], "party_type": ["end_user"] * 3}
    accounts = pa.table({**columns, "priority": [1, 1, 1]})
    assert groups_of(accounts.slice(0, 0), "campaign_id") == {}
    found = {name: rows.tolist() for name, rows in groups_of(accounts, "campaign_id").items()}
    assert found == {"x": [1], "y": [2, 0]}


def test_without_a_coverage_nobody_has_a_list(tmp_path):
    done = market.score(market.accounts(300), tmp_path)
    refused = ask(done.output, "--to", tmp_path / "lists")
    assert refused.exit_code == 2
    assert "run tamscore coverage first" in refused.stderr
    assert not (tmp_path / "lists").exists()


@pytest.mark.parametrize("hours", [1e6, 0.0])
def test_where_all_accounts_are_covered_or_none_there_are_lists_all_the_same(tmp_path, hours):
    output = market.score(market.accounts(300), tmp_path, {"campaigns": {"size": "employees"}}).output
    pq.write_table(pa.table({"person": ["Ann"], "role": ["hunter"], "hours": [hours]}), tmp_path / "people.parquet")
    settings = Coverage.model_validate({"people": str(tmp_path / "people.parquet")})
    cover(open_run(output), settings, backend.load("cpu"), Progress())
    rows = made(output, tmp_path / "lists")
    covered_ = sum(len(rows_of(tmp_path / "lists" / row["file"])) for row in rows if row["list"] == "person")
    reached = sum(len(rows_of(tmp_path / "lists" / row["file"])) for row in rows if row["list"] == "campaign")
    assert covered_ + reached == 300
    assert covered_ == (300 if hours else 0)
