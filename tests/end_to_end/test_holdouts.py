"""`holdout` and `lift`: controls drawn once, left out of coverage, lists and campaigns; what came of the others."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import backend
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions.holdouts import Wanted, draw
from tamscore.questions.stored import open_run
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.store import forgetting, holdouts, pruning
from tamscore.store.verify import problems_of_output
from tests.end_to_end import market

CHANGES = {"campaigns": {"size": "employees"}}


def ask(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def json_answer(*words, code=0):
    done = ask(*words, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("holdout")


@pytest.fixture(scope="module")
def made(folder):
    """A run with a coverage."""
    market.write(market.accounts(2_000, seed=4), folder / "market")
    done = market.run(folder / "market", folder / "scores", CHANGES)
    return done, covered(done.output)


@pytest.fixture(scope="module")
def run(made):
    """The run with a holdout of prospects and one of customers, drawn after its coverage."""
    made, _ = made
    json_answer("holdout", made.output, "--rate", "0.2", "--share", "0.2", "--until", "2999-12-31")
    json_answer("holdout", made.output, "--of", "customers", "--rate", "0.5", "--share", "0.3")
    return made


def accounts_of(output, name):
    return holdouts.holdout_named(output, name).accounts()


def controls_of(output):
    ids = [accounts_of(output, name) for name in ("prospects", "customers")]
    return {one for table in ids for one in table.filter(table["control"])["account_id"].to_pylist()}


def covered(output, **keys):
    settings = Coverage.model_validate({"team": {"account_manager": 2, "hunter": 1}, **keys}, strict=False)
    result = cover(open_run(output), settings, backend.load("cpu"), Progress())
    return result, {row["account_id"]: row for row in pq.read_table(f"{result.path}/accounts.parquet").to_pylist()}


def test_controls_are_the_asked_share_of_every_stratum_of_accounts_of_one_kind(run):
    for name, kind, share in (("prospects", "acquisition", 0.2), ("customers", "expansion", 0.3)):
        record = holdouts.holdout_named(run.output, name).record
        table = accounts_of(run.output, name)
        assert set(table["kind"].to_pylist()) == {kind}
        for row in record["strata"]:
            mine = table.filter(pa.array([one == row["stratum"] for one in table["stratum"].to_pylist()]))
            assert {*mine["tier"].to_pylist()} <= {*row["tiers"]}
            assert (len(mine), sum(mine["control"].to_pylist())) == (row["accounts"], row["controls"])
            assert row["controls"] == round(share * row["accounts"]) >= 30
    assert record["rate_from"] == "option"
    assert problems_of_output(run.output) == []


@pytest.fixture
def output(run, tmp_path):
    """A copy of the output to change."""
    return Path(shutil.copytree(run.output, tmp_path / "scores"))


def test_a_draw_is_repeated_by_nothing(run, folder, output):
    """Not by the same command, another one of that name, or a rerun with other scores."""
    before = accounts_of(output, "prospects")
    assert json_answer("holdout", output, code=10)["changed"] is False
    refused = ask("holdout", output, "--share", "0.3")
    assert refused.exit_code == 2
    assert "--share: expected 0.2" in refused.stderr
    again = market.run(folder / "market", output, {**CHANGES, "clusters.seed": 9})
    assert again.run_key != run.run_key
    assert json_answer("holdout", output, code=10)["run"] == run.run_key
    pruning.prune(output, 1)
    assert accounts_of(output, "prospects").equals(before)
    assert problems_of_output(output) == []


def test_a_new_holdout_ends_on_a_day_to_come_and_is_the_same_after_that_day(made, tmp_path):
    shutil.copytree(made[0].output, tmp_path / "scores", ignore=shutil.ignore_patterns("holdouts"))
    refused = ask("holdout", tmp_path / "scores", "--until", "2026-01-31")
    assert refused.exit_code == 2
    assert "--until: expected a day to come, got 2026-01-31" in refused.stderr
    run, wanted = open_run(tmp_path / "scores"), Wanted(share=0.2, rate=0.2, until="2026-01-31")
    assert draw(run, wanted, date(2026, 1, 31))[1] is True
    assert draw(run, wanted, date(2026, 2, 1))[1] is False


def test_controls_get_no_person_unless_an_owner_holds_them(run, folder):
    """Not even those that are owed a service level; the coverage without holdout has persons for some of them."""
    controls = controls_of(run.output)
    locked = sorted(controls)[:3]
    people = [{"person": "Ann", "role": "account_manager", "hours": 9_000.0}]
    owners = [{"account_id": one, "person": "Ann", "locked": True} for one in locked]
    for name, rows in (("people", people), ("owners", owners)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    result, rows = covered(
        run.output,
        people=str(folder / "people.parquet"),
        owners=str(folder / "owners.parquet"),
        minimum_treatment={"A": "high_touch", "B": "pooled"},
    )
    with_person = {name for name, row in rows.items() if row["person"]}
    assert with_person & controls == {*locked}
    assert len(with_person) > 100
    assert not {name for name in controls - {*locked} if rows[name]["shortfall"]}
    assert any(
        f"{len(controls) - 3:,} controls of a holdout get no person; 3 are locked" in one for one in result.doubts
    )


def test_lists_of_people_and_campaigns_leave_controls_out(run, made, folder):
    """Those that a coverage from before the holdout has persons for, too."""
    controls, listed = controls_of(run.output), set()
    result, before = made[1]
    assert {name for name, row in before.items() if row["person"]} & controls
    plan = Path(result.path).name
    json_answer("lists", run.output, "--to", folder / "lists", "--no-pages", "--plan", plan)
    json_answer("campaigns", run.output, "--to", folder / "campaigns", "--plan", plan)
    for file in [*(folder / "lists").glob("*.csv"), *(folder / "campaigns").glob("*.csv")]:
        if file.name != "summary.csv":
            with file.open(newline="", encoding="utf-8") as lines:
                listed |= {row.get("account_id") for row in csv.DictReader(lines)}
    assert len(listed) > 1_000
    assert not listed & controls


def test_the_table_of_campaigns_counts_no_controls(run):
    """Accounts and money of each campaign are those of its accounts that are no controls."""
    controls, sums = controls_of(run.output), dict[tuple[str, str], np.ndarray]()
    for part in run.parts():
        columns = ["account_id", "campaign_id", "kind", "sales", "potential", "whitespace"]
        for row in pq.read_table(part, columns=columns).to_pylist():
            if row["account_id"] not in controls:
                here = sums.setdefault((row["campaign_id"], row["kind"]), np.zeros(4))
                here += (1, row["sales"] or 0.0, row["potential"], row["whitespace"])
    found = json_answer("campaigns", run.output)["campaigns"]
    for row in found:
        expected = sums.get((row["campaign_id"], row["kind"]), np.zeros(4))
        assert [row[name] for name in ("accounts", "sales", "potential", "whitespace")] == pytest.approx(expected)
    assert sum(row["controls"] for row in found) == len(controls)
    assert f"{len(controls):,} controls of a holdout are not counted" in ask("campaigns", run.output).stdout


def run_at(output):
    """The current run of an output."""
    return open_run(output).directory


def outcomes(run, name, folder, effect, seed=1):
    """Outcomes of a holdout: 20 of 100 controls buy, of treated accounts more by the effect."""
    table, random = accounts_of(run.output, name), np.random.default_rng(seed)
    control = np.array(table["control"])
    bought = random.random(len(table)) < 0.2 + effect * ~control
    ids = table["account_id"].filter(pa.array(bought))
    made = pa.table({"account_id": [*ids.to_pylist(), "stranger"], "bought": [True] * (len(ids) + 1)})
    pq.write_table(made, folder / "won.parquet")
    return folder / "won.parquet", bought, control


def test_a_planted_effect_is_found_over_all(run, folder):
    file, bought, control = outcomes(run, "prospects", folder, 0.2)
    found = json_answer("lift", run.output, "--outcomes", file, "--name", "prospects")
    row = found["buyers"]
    assert (row["treated_buyers"], row["control_buyers"]) == (bought[~control].sum(), bought[control].sum())
    assert row["verdict"] == "more"
    assert row["low"] < 0.2 < row["high"]
    assert sum(one["treated"] for one in found["strata"]) == row["treated"]
    assert {*found["groups"]} >= {"tier", "play"}
    assert all(row["treated"] + row["controls"] for rows in found["groups"].values() for row in rows)
    assert f"{bought.sum():,} of {bought.sum() + 1:,} rows met an account of the holdout" in found["outcomes"]
    assert "'stranger'" in found["outcomes"]
    assert any("looked at before 2999-12-31" in text for text in found["warnings"])
    assert "treated accounts buy more" in ask("lift", run.output, "--outcomes", file, "--name", "prospects").stdout


def test_the_report_shows_what_came_of_holdouts_and_nothing_before(made, folder, tmp_path):
    """The chapter has the buyers, the money and the warnings of the result that was found last."""
    shutil.copytree(made[0].output, tmp_path / "scores", ignore=shutil.ignore_patterns("holdouts"))
    output, page = tmp_path / "scores", tmp_path / "report.html"
    assert "lift" not in json_answer("report", output, "--to", page)["chapters"]
    assert "nobody has compared a holdout" in page.read_text("utf-8")
    json_answer("holdout", output, "--rate", "0.2", "--share", "0.2", "--until", "2999-12-31")
    file, _, _ = outcomes(run_at(output), "prospects", folder, 0.2)
    json_answer("lift", output, "--outcomes", file)
    row = json_answer("lift", output, "--outcomes", file, "--days", "90")["buyers"]
    assert problems_of_output(output) == []
    assert "lift" in json_answer("report", output, "--to", page, "--overwrite")["chapters"]
    text = page.read_text("utf-8")
    assert "Did it work?" in text
    assert f"treated accounts buy more: {100 * row['effect']:+.1f} points" in text
    assert "outcomes of 90 days" in text
    assert "looked at before 2999-12-31" in text
    record = next(output.glob("holdouts/*/lift.json"))
    record.write_text(record.read_text("utf-8").replace('"days": 90', '"days": 91'), "utf-8")
    assert any("lift.json: was changed" in text for text in problems_of_output(output))
    assert ask("report", output, "--to", page, "--overwrite").exit_code == 3


def test_synthetic_outcomes_have_the_effect_that_is_asked_for(run, tmp_path):
    """In the mean of all accounts, and the same for the same seed; without a holdout, or --after, there are none."""
    for name in ("later", "again"):
        json_answer("synth", tmp_path / name, "--effect", "0.8", "--after", run.output, "--seed", "5")
    truth, won = (pq.read_table(tmp_path / "later" / f"{name}.parquet") for name in ("truth", "outcomes"))
    assert won.equals(pq.read_table(tmp_path / "again" / "outcomes.parquet"))
    control = np.array(truth["control"])
    ratio = np.array(truth["chance"]) / np.array(truth["chance_without_work"])
    assert ratio[control] == pytest.approx(1.0)
    assert ratio[~control] == pytest.approx(1.8)
    assert not {*won["account_id"].to_pylist()} - {*truth["account_id"].to_pylist()}
    row = json_answer("lift", run.output, "--outcomes", tmp_path / "later" / "outcomes.parquet", "--name", "prospects")[
        "buyers"
    ]
    assert row["low"] < 0.16 < row["high"]
    assert row["verdict"] == "more"
    for words in (["--effect", "0.3"], ["--after", run.output], ["--effect", "-2", "--after", run.output]):
        done = ask("synth", tmp_path / "none", *words)
        assert (done.exit_code, "--effect: expected" in done.stderr) == (2, True), done.output
    assert not (tmp_path / "none").exists()


def test_no_effect_is_not_called_one_and_contacted_controls_are_counted(run, folder):
    file, _, control = outcomes(run, "prospects", folder, 0.0)
    table = pq.read_table(file)
    contacted = pa.array(np.arange(len(table)) % 2 == 0)
    pq.write_table(table.append_column("contacted", contacted), file)
    found = json_answer("lift", run.output, "--outcomes", file, "--name", "prospects")
    assert found["buyers"]["verdict"] == "unseen"
    mine = {*accounts_of(run.output, "prospects").filter(pa.array(control))["account_id"].to_pylist()}
    hit = sum(one in mine for one in table.filter(contacted)["account_id"].to_pylist())
    assert found["contaminated"]["contacted"] == hit > 0


def test_money_of_customers_is_refused_where_they_are_too_few(run, folder):
    table = accounts_of(run.output, "customers")
    rows = [
        f"{one},{sales:.2f}\n"
        for one, sales in zip(*(table[c].to_pylist() for c in ("account_id", "sales")), strict=True)
    ]
    (folder / "won.csv").write_text("account_id,amount\n" + "".join(rows), "utf-8")
    found = json_answer("lift", run.output, "--outcomes", folder / "won.csv", "--name", "customers")
    assert found["money"]["verdict"] == "too few"
    assert "500 are needed" in found["money"]["why_not"]
    assert found["money"]["mean_treated"] > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("account_id,bought\nnobody,true\n", "0 of 1 rows met an account; first stranger 'nobody'"),
        ("account_id,bought\n{1},true\n", "0 of 1 rows met an account of the holdout"),
        ("account_id,won\nx,true\n", "expected the columns 'account_id' and 'bought'"),
        ("account_id,bought\n{0},true\n{0},false\n", "1 accounts stand more than once"),
        ("account_id,bought\n{0},maybe\n", "bought"),
    ],
)
def test_outcomes_that_break_their_contract_are_refused(run, folder, text, said):
    ids = [accounts_of(run.output, name)["account_id"][0].as_py() for name in ("prospects", "customers")]
    (folder / "bad.csv").write_text(text.format(*ids), "utf-8")
    done = ask("lift", run.output, "--outcomes", folder / "bad.csv", "--name", "prospects")
    assert done.exit_code == 3, done.output
    assert said in done.stderr


def lift_of(run, folder, lines, *words, head="account_id,bought"):
    (folder / "won.csv").write_text("\n".join([head, *lines, ""]), "utf-8")
    return ask("lift", run.output, "--outcomes", folder / "won.csv", "--name", "prospects", "--json", *words)


def test_outcomes_whose_ids_are_written_otherwise_are_refused_with_the_likely_cause(run, folder):
    """If they are fewer, a warning says so. Accounts of the run that are not in the holdout are no strangers."""
    ids, others = (accounts_of(run.output, name)["account_id"].to_pylist()[:60] for name in ("prospects", "customers"))
    done = lift_of(run, folder, [f"{one.lower()},true" for one in ids[:40]] + [f"{one},true" for one in ids[40:]])
    assert done.exit_code == 3
    assert "20 of 60 rows met an account;" in done.stderr
    assert "the ids differ in capitals alone" in done.stderr
    few = [f"{one.lower()},true" for one in ids[:20]] + [f"{one},true" for one in ids[20:]]
    (warning,) = [text for text in json.loads(lift_of(run, folder, few).stdout)["warnings"] if "won.csv" in text]
    assert "40 of 60 rows met an account;" in warning
    assert "the ids differ in capitals alone" in warning
    assert lift_of(run, folder, few, "--min-match-share", "0.7").exit_code == 3
    both = [f"{one},true" for one in (*ids[:10], *others)]
    found = json.loads(lift_of(run, folder, both).stdout)
    assert "10 of 70 rows met an account of the holdout" in found["outcomes"]
    assert not any("won.csv" in text for text in found["warnings"])


def test_accounts_that_paid_without_having_bought_are_warned_of(run, folder):
    ids = accounts_of(run.output, "prospects")["account_id"].to_pylist()[:4]
    lines = [f"{one},{cells}" for one, cells in zip(ids, ("yes,5", "no,5", ",7", "no,0"), strict=True)]
    found = json.loads(lift_of(run, folder, lines, head="account_id,bought,amount").stdout)
    assert found["buyers"]["treated_buyers"] + found["buyers"]["control_buyers"] == 1
    assert any("2 accounts have an amount above 0 and 'bought' is false or empty" in text for text in found["warnings"])


def test_amounts_that_are_no_money_are_refused(run, folder):
    known = accounts_of(run.output, "prospects")["account_id"][0].as_py()
    for amount, said in ((1e30, "1e+30 is no amount of money"), ("much", "expected amounts of money, got string")):
        pq.write_table(pa.table({"account_id": [known], "amount": [amount]}), folder / "bad.parquet")
        done = ask("lift", run.output, "--outcomes", folder / "bad.parquet", "--name", "prospects")
        assert (done.exit_code, said in done.stderr) == (3, True), done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--share", "0.7"], "--share: expected a number above 0 and at most 0.5"),
        (["--until", "soon"], "--until: expected a date"),
        (["--until", "2026-02-30"], "--until: expected a date"),
        (["--name", "second"], "has no prospects outside of other holdouts"),
        (["--name", "none", "--end"], "expected the name of a holdout"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, words, said):
    done = ask("holdout", run.output, *words)
    assert done.exit_code == 2, done.output
    assert said in done.stderr


def test_accounts_that_are_forgotten_leave_a_holdout_and_one_that_ended_counts_no_longer(output):
    gone = min(controls_of(output))
    forgetting.forget(output, [gone])
    assert gone not in controls_of(output)
    assert problems_of_output(output) == []
    for name in ("prospects", "customers"):
        assert json_answer("holdout", output, "--name", name, "--end")["ended"]
        assert json_answer("holdout", output, "--name", name, "--end", code=10)["changed"] is False
    assert ask("holdout", output).exit_code == 2
    assert not len(holdouts.Controls.of(output))
    _, rows = covered(output)
    assert {name for name, row in rows.items() if row["person"]} & controls_of(output)
    assert problems_of_output(output) == []


def test_a_run_with_roles_in_its_scores_leaves_controls_out_from_the_next_run_on(made, folder, tmp_path):
    """The version from before stays what it was; one without change since is not made again."""
    changes = {**CHANGES, "coverage": {"team": {"account_manager": 2}}}
    before = market.run(folder / "market", tmp_path / "scores", changes)
    json_answer("holdout", tmp_path / "scores", "--rate", "0.2", "--share", "0.4")
    after = market.run(folder / "market", tmp_path / "scores", changes)
    assert market.run(folder / "market", tmp_path / "scores", changes).run_key == after.run_key != before.run_key
    table = accounts_of(tmp_path / "scores", "prospects")
    controls = {*table.filter(table["control"])["account_id"].to_pylist()}
    for version, expected in ((before, True), (after, False)):
        people = [pq.read_table(part, columns=["account_id", "person"]).to_pylist() for part in version.parts()]
        with_person = {row["account_id"] for part in people for row in part if row["person"]}
        assert with_person
        assert bool(with_person & controls) is expected


def test_controls_that_are_marked_stay_where_they_are_with_a_mark(made, folder, tmp_path):
    """In the coverage, the lists of people and those of campaigns; what the holdout leaves out is not marked."""
    shutil.copytree(made[0].output, tmp_path / "scores", ignore=shutil.ignore_patterns("holdouts", "coverage"))
    output = tmp_path / "scores"
    words = ("holdout", output, "--rate", "0.2", "--share", "0.2", "--mark")
    assert json_answer(*words)["mark"] is True
    assert json_answer(*words, code=10)["changed"] is False
    table = accounts_of(output, "prospects")
    controls = {*table.filter(table["control"])["account_id"].to_pylist()}
    result, rows = covered(output)
    assert {name for name, row in rows.items() if row["holdout_control"]} == controls
    assert {name for name, row in rows.items() if row["person"]} & controls
    said = f"{len(controls):,} controls of a holdout are covered like other accounts"
    assert any(said in one for one in result.doubts)
    json_answer("lists", output, "--to", tmp_path / "lists")
    json_answer("campaigns", output, "--to", tmp_path / "campaigns")
    json_answer("campaigns", output, "--to", tmp_path / "changed", "--since", output)
    for place in ("lists", "campaigns"):
        marked, listed = set(), set()
        for file in (tmp_path / place).glob("*.csv"):
            if file.name != "summary.csv":
                with file.open(newline="", encoding="utf-8") as lines:
                    for row in csv.DictReader(lines):
                        listed.add(row["account_id"])
                        assert row["holdout_control"] in {"true", "false"}
                        marked |= {row["account_id"]} if row["holdout_control"] == "true" else set()
        assert marked == listed & controls
        assert marked
    assert "control" in next((tmp_path / "lists").glob("*.html")).read_text("utf-8")
    assert not [line for file in (tmp_path / "changed").glob("*.csv") for line in file.read_text().splitlines()[1:]]
    assert not any("controls" in row for row in json_answer("campaigns", output)["campaigns"])
    won = outcomes(run_at(output), "prospects", folder, 0.2)[0]
    assert json_answer("lift", output, "--outcomes", won)["contaminated"]["person"] == 0


def test_an_export_has_every_column_of_the_coverage_and_the_controls(run, made, folder):
    """Owner, value and shortfall as the table of accounts has them; controls that are left out, too."""
    names = ["role", "service_level", "person", "hours", "coverage_value", "coverage_owner", "coverage_shortfall"]
    plan = Path(made[1][0].path).name
    fields = ",".join(["account_id", *names, "holdout_control"])
    json_answer("export", run.output, "--to", folder / "all.parquet", "--plan", plan, "--fields", fields)
    exported = pq.read_table(folder / "all.parquet").to_pylist()
    assert {row["account_id"] for row in exported if row["holdout_control"]} == controls_of(run.output)
    before = made[1][1]
    assert len(exported) == len(before)
    for row in exported:
        there = before[row["account_id"]]
        assert [row[name] for name in names] == [there[name.removeprefix("coverage_")] for name in names]
    only = json_answer(
        "export", run.output, "--to", folder / "few.csv", "--fields", fields, "--only", "holdout_control=yes"
    )
    assert only["exported"] == len(controls_of(run.output))


def test_an_export_of_controls_or_of_a_coverage_that_are_not_there_says_how_to_make_them(folder):
    bare = market.run(folder / "market", folder / "bare", CHANGES)
    for column, command in (("holdout_control", "tamscore holdout RUN"), ("coverage_owner", "tamscore coverage RUN")):
        done = ask("export", bare.output, "--to", folder / "none.csv", "--fields", f"account_id,{column}")
        assert (done.exit_code, command in done.stderr) == (2, True), done.output


def test_the_next_coverage_goes_by_what_a_holdout_has_measured(made, folder, tmp_path):
    """Not if outcomes cover too few days, the day has not come, plans are named, or the settings say so."""
    shutil.copytree(made[0].output, tmp_path / "scores", ignore=shutil.ignore_patterns("holdouts"))
    output = tmp_path / "scores"
    json_answer("holdout", output, "--rate", "0.2", "--share", "0.4")
    assert {"role", "service_level", "likelihood", "whitespace"} <= {*accounts_of(output, "prospects").column_names}
    file, bought, control = outcomes(run_at(output), "prospects", folder, 0.2)
    before = covered(output)[0]
    assert before.measured == ()
    found = json_answer("lift", output, "--outcomes", file, "--days", "27")
    (row,) = [one for one in found["touches"] if one["role"] == "digital"]
    mine = np.array([one == "digital" for one in accounts_of(output, "prospects")["role"].to_pylist()])
    assert row["effect"] == pytest.approx(bought[mine & ~control].mean() - bought[mine & control].mean())
    assert covered(output)[0].path == before.path
    json_answer("lift", output, "--outcomes", file, "--days", "365")
    after = covered(output)[0]
    assert after.path != before.path
    (change,) = [one for one in after.measured if one["role"] == "digital"]
    assert change["measured"] == pytest.approx(row["effect"])
    assert change["factor"] == pytest.approx(1 + change["weight"] * (row["effect"] / change["assumed"] - 1))
    assert "measured: holdout 'prospects'" in ask("show", output).stdout
    json_answer("report", output, "--to", tmp_path / "report.html")
    assert "Touch plans that holdouts have measured" in (tmp_path / "report.html").read_text("utf-8")
    assert covered(output, measured=False)[0].measured == ()
    (folder / "plans.csv").write_text(PLANS, "utf-8")
    assert covered(output, plans=str(folder / "plans.csv"))[0].measured == ()
    assert covered(output, plans=str(folder / "plans.csv"), measured=True)[0].measured != ()
    assert problems_of_output(output) == []


PLANS = """role,service_level,hours,expansion,acquisition,protection
account_manager,pooled,10,0.05,0.01,0.05
hunter,high_touch,30,0.06,0.09,0.02
digital,digital,0,0.004,0.002,0.005
"""


def test_the_next_run_with_roles_in_its_scores_goes_by_what_was_measured(folder, tmp_path):
    changes = {**CHANGES, "coverage": {"team": {"account_manager": 2}}}
    before = market.run(folder / "market", tmp_path / "scores", changes)
    json_answer("holdout", tmp_path / "scores", "--rate", "0.2", "--share", "0.4")
    drawn = market.run(folder / "market", tmp_path / "scores", changes)
    file, _, _ = outcomes(before, "prospects", folder, 0.2)
    json_answer("lift", tmp_path / "scores", "--outcomes", file, "--days", "365")
    after = market.run(folder / "market", tmp_path / "scores", changes)
    assert market.run(folder / "market", tmp_path / "scores", changes).run_key == after.run_key
    assert len({before.run_key, drawn.run_key, after.run_key}) == 3
    notices = json.loads((after.path / "manifest.json").read_text("utf-8"))["notices"]
    assert any("touch plans are measured: holdout 'prospects'" in text for text in notices)
