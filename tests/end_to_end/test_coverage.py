"""`tamscore coverage`: everybody covered within the hours, rules of tables kept, results on disk and on paper."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import backend
from tamscore.cli import app
from tamscore.errors import InputContractError, UsageError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.sections import SECTIONS
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.people import Owners
from tamscore.sections.coverage.placing import place_all
from tamscore.sections.coverage.plan_table import read_plans
from tamscore.sections.coverage.plans import DEFAULT_PLANS, DIGITAL
from tamscore.sections.coverage.question import read_question
from tamscore.sections.coverage.reading import read_owners, read_people
from tamscore.sections.coverage.result import record
from tamscore.sections.coverage.scored_accounts import read_accounts
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.suggested import SuggestedRoles
from tamscore.sections.coverage.task import task_of
from tamscore.sections.coverage.touches import hours_of, read_touches
from tamscore.sections.coverage.view import answer
from tamscore.store.verify import problems_of_output
from tamscore.view.blocks import Figure
from tests.end_to_end import market
from tests.terminal_pages import WIDTHS, printed, require_whole

SMALL_TEAM = {"account_manager": 2, "hunter": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coverage")
    changes = {"columns.keep": ["industry"], "campaigns": {"size": "employees"}}
    return open_run(market.score(market.accounts(2_000, seed=4), folder, changes).output)


def covered(run, scenarios=(), **keys):
    settings = Coverage.model_validate({"team": SMALL_TEAM, **keys}, strict=False)
    result = cover(run, settings, backend.load("cpu"), Progress(), scenarios)
    return result, pq.read_table(f"{result.path}/accounts.parquet")


def page_of(result):
    return printed([answer(result)], 160)


@pytest.fixture(scope="module")
def moved(run, tmp_path_factory):
    """A coverage with changes of owner, a scenario and a plan of an account that is gone: every block has rows."""
    folder = tmp_path_factory.mktemp("moved")
    own = own_plans(folder, [{"account_id": name, "role": "hunter", "hours": 1.0} for name in ("A0000001", "gone")])
    owners = owners_table(folder, owned_by(covered(run)[1], "account_manager 02", 60))
    return covered(run, ["hunter=+1"], owners=owners, account_plans=own)[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_whole_on_a_terminal_of_any_width(moved, width):
    require_whole([answer(moved)], width)


def test_what_is_stored_reads_as_the_command_said_but_for_changes_of_owner(moved):
    stored = json.loads((Path(moved.path) / "coverage.json").read_text("utf-8"))
    stored_view, said = SECTIONS["coverage"].view(stored), answer(moved)
    assert [type(block) for block in stored_view.blocks] == [type(block) for block in said.blocks[1:-1]]
    assert printed([stored_view], 120).strip() in printed([said], 120)


def people_table(folder, rows):
    pq.write_table(pa.Table.from_pylist(rows), folder / "people.parquet")
    return str(folder / "people.parquet")


def owners_table(folder, rows):
    pa.csv.write_csv(pa.Table.from_pylist(rows), folder / "owners.csv")
    return str(folder / "owners.csv")


def hours_by_person(accounts):
    held = accounts.filter(pa.compute.is_valid(accounts["person"])).group_by("person").aggregate([("hours", "sum")])
    return dict(zip(held["person"].to_pylist(), held["hours_sum"].to_pylist(), strict=True))


def test_every_scored_account_is_covered_once_and_nobody_exceeds_his_hours(run):
    result, accounts = covered(run)
    scored = sorted(one for table in run.read(["account_id"]) for one in table["account_id"].to_pylist())
    assert accounts["account_id"].to_pylist() == scored
    assert accounts["role"].null_count == 0
    by_person = hours_by_person(accounts)
    assert set(by_person) == {"account_manager 01", "account_manager 02", "hunter 01"}
    assert max(by_person.values()) <= 1200
    named = np.array(accounts["person"].is_valid())
    assert (named == (np.array(accounts["role"].to_pylist()) != "digital")).all()
    assert result.certificate.value == pytest.approx(sum(accounts["value"].to_pylist()), abs=0.01 * len(scored))
    assert result.certificate.value <= result.certificate.bound * (1 + 1e-9)
    assert result.certificate.gap < 0.01


def test_no_simple_rule_brings_more(run):
    rules = {one.rule: one for one in covered(run)[0].rules}
    for one in rules.values():
        assert one.value <= rules["coverage"].value * (1 + 1e-9)
        assert one.hours <= 3 * 1200 + 1e-6
    assert rules["all digital"].value < rules["top by sales"].value


def test_quadrants_are_counted_by_role_with_their_hours(run):
    result, accounts = covered(run)
    scores = pa.concat_tables(run.read(["account_id", "quadrant"])).sort_by("account_id")
    whole = accounts.select(["role", "service_level", "hours"]).append_column("quadrant", scores["quadrant"])
    counted = whole.group_by(["quadrant", "role", "service_level"]).aggregate([("hours", "sum"), ([], "count_all")])
    expected = {tuple(row[key] for key in ("quadrant", "role", "service_level")): row for row in counted.to_pylist()}
    by_key = {tuple(row[key] for key in ("quadrant", "role", "service_level")): row for row in result.quadrants}
    assert by_key.keys() == expected.keys()
    for key, row in by_key.items():
        assert (row["accounts"], row["hours"]) == (
            expected[key]["count_all"],
            pytest.approx(expected[key]["hours_sum"]),
        )
    assert "Accounts by quadrant and role" in figures_of(result)["quadrant-map"].alt


def figures_of(result):
    return {block.name: block for block in answer(result).blocks if isinstance(block, Figure)}


def test_campaigns_are_counted_by_treatment(run):
    result, accounts = covered(run)
    scores = pa.concat_tables(run.read(["account_id", "campaign_id", "campaign_channel"])).sort_by("account_id")
    who = zip(*(scores[name].to_pylist() for name in ("campaign_id", "campaign_channel")), strict=True)
    counted = Counter((*one, role) for one, role in zip(who, accounts["role"].to_pylist(), strict=True))
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in result.campaigns:
        counts[row["campaign_id"], row["channel"], row["role"]] += row["accounts"]
    assert counts == counted
    assert sum(row["value"] for row in result.campaigns) == pytest.approx(result.certificate.value, abs=1.0)


def test_coverage_changes_no_run_and_belongs_to_the_output(run):
    covered(run)
    assert problems_of_output(run.directory.output) == []


def test_the_same_question_gives_the_same_bytes(run):
    first, _ = covered(run)
    files = sorted(open_run(run.directory.output).directory.output.glob("coverage/*/*"))
    before = {path: path.read_bytes() for path in files}
    again, _ = covered(run)
    assert first == again
    assert {path: path.read_bytes() for path in files} == before


def test_regions_and_skills_are_kept_and_what_nobody_serves_is_digital(run, tmp_path):
    staff = [
        {"person": "Ann", "role": "account_manager", "hours": 900.0, "regions": "retail|steel"},
        {"person": "Bob", "role": "hunter", "hours": 600.0, "regions": "software"},
    ]
    _, accounts = covered(run, people=people_table(tmp_path, staff), region="industry")
    industry = {
        account: where
        for table in run.read(["account_id", "industry"])
        for account, where in zip(table["account_id"].to_pylist(), table["industry"].to_pylist(), strict=True)
    }
    seen: dict[str, set[str]] = {}
    for row in accounts.to_pylist():
        seen.setdefault(row["person"], set()).add(industry[row["account_id"]])
    assert seen["Ann"] == {"retail", "steel"}
    assert seen["Bob"] == {"software"}
    assert hours_by_person(accounts)["Ann"] <= 900
    with pytest.raises(InputContractError, match=r"'retail'.*coverage\.region names no column of the scores"):
        covered(run, people=people_table(tmp_path, staff), skill="industry")
    unskilled = [{**person, "regions": None} for person in staff]
    _, nobody = covered(run, people=people_table(tmp_path, unskilled), skill="industry")
    assert set(nobody["role"].to_pylist()) == {"digital"}


def test_zero_people_means_all_digital(run):
    _, accounts = covered(run, team={"hunter": 0})
    assert set(accounts["role"].to_pylist()) == {"digital"}


def test_more_hours_than_accounts_need_leave_hours_over(run):
    result, _ = covered(run, team={"account_manager": 200, "hunter": 200})
    rows = {row["role"]: row for row in result.roles}
    assert rows["account_manager"]["price_of_an_hour"] == 0.0
    assert rows["account_manager"]["one_more"] == pytest.approx(0.0, abs=1e-6 * result.certificate.value)
    assert rows["account_manager"]["hours_used"] < rows["account_manager"]["hours_available"]


def owned_by(accounts, name, count):
    """The first accounts that nobody has, given to somebody."""
    free = [row["account_id"] for row in accounts.to_pylist() if row["person"] is None]
    return [{"account_id": account, "person": name} for account in free[:count]]


def test_locks_are_kept(run, tmp_path):
    _, before = covered(run)
    locked = [{**row, "locked": True} for row in owned_by(before, "hunter 01", 12)]
    result, accounts = covered(run, owners=owners_table(tmp_path, locked))
    person = dict(zip(accounts["account_id"].to_pylist(), accounts["person"].to_pylist(), strict=True))
    assert {person[row["account_id"]] for row in locked} == {"hunter 01"}
    assert hours_by_person(accounts)["hunter 01"] <= 1200
    assert result.moves == []


def test_a_lock_that_is_neither_true_nor_false_and_an_owner_twice_are_refused(run, tmp_path):
    row = {"account_id": "A0000001", "person": "hunter 01"}
    with pytest.raises(InputContractError, match="row 2: column 'locked' holds 'perhaps', expected true or false"):
        covered(run, owners=owners_table(tmp_path, [{**row, "locked": "perhaps"}]))
    with pytest.raises(InputContractError, match="accounts stand more than once"):
        covered(run, owners=owners_table(tmp_path, [row, row]))
    with pytest.raises(InputContractError, match="locked, but none of the people is called so"):
        covered(run, owners=owners_table(tmp_path, [{**row, "person": "nobody", "locked": True}]))


def test_a_lock_on_an_account_that_has_left_the_market_is_named_and_passed_over(run, tmp_path):
    """One account less in the CRM must not stop a weekly job."""
    remaining = owned_by(covered(run)[1], "hunter 01", 3)
    rows = [{**row, "locked": True} for row in [*remaining, {"account_id": "GONE", "person": "hunter 01"}]]
    result, _ = covered(run, owners=owners_table(tmp_path, rows))
    assert [doubt for doubt in result.doubts if "1 locked accounts were not scored, such as 'GONE'" in doubt]


def test_locks_beyond_the_hours_of_a_person_are_refused(run, tmp_path):
    locked = [{**row, "locked": True} for row in owned_by(covered(run)[1], "hunter 01", 41)]
    with pytest.raises(InputContractError, match=r"hunter: 1,230 hours are bound, 1,200 are there"):
        covered(run, owners=owners_table(tmp_path, locked))


@pytest.mark.parametrize("limit", [0, 5, 25])
def test_no_more_accounts_change_owner_than_allowed(run, tmp_path, limit):
    path = owners_table(tmp_path, owned_by(covered(run)[1], "account_manager 02", 60))
    free, _ = covered(run, owners=path)
    assert len(free.moves) > 25
    assert {row["reason"] for row in free.moves} == {"its hours bring more elsewhere"}
    result, accounts = covered(run, owners=path, max_moves=limit)
    assert len(result.moves) <= limit
    assert max(hours_by_person(accounts).values()) <= 1200
    assert result.certificate.value < free.certificate.value


def test_more_people_are_worth_what_a_new_coverage_says(run):
    now, _ = covered(run, ["account_manager=+1", "hunter=-1, account_manager=+1"], minimum_treatment={})
    grown, _ = covered(run, team={"account_manager": 3, "hunter": 1}, minimum_treatment={})
    assert now.scenarios[0]["change"] == pytest.approx(grown.certificate.value - now.certificate.value, rel=0.05)
    assert now.scenarios[0]["change"] == pytest.approx(now.roles[0]["one_more"])
    for wrong in ("cook=+1", "hunter=+-1", "hunter", "digital=+1"):
        with pytest.raises(UsageError, match=r"--scenario.*expected ROLE="):
            covered(run, [wrong])


def test_scenarios_change_roles_and_persons_and_count_who_is_reached(run):
    asked = ["sdr=+1", "SDR 01=-0.5", "sdr=-2, SDR 01=+1"]
    result, _ = covered(run, asked, team={"sdr": 1}, hours_per_person=400, ramp=[0.0, 0.0, 0.5])
    more, half, none = result.scenarios
    assert none["hours"] == -400.0
    assert (more["hours"], half["hours"]) == (400.0, -200.0)
    assert more["change"] > more["first_year"] > 0 > half["change"] == half["first_year"]
    reached = sum(row["reached"] for row in result.minimum)
    assert (more["reached"], half["reached"]) == (2 * reached, reached / 2)


@pytest.mark.parametrize("text", ["sdr=-5", "sdr=-1, Sdr=-1.5", "sdr=-2, sdr 01=-0.5"])
def test_a_scenario_takes_no_more_people_than_a_role_has(run, text):
    with pytest.raises(UsageError, match=r"takes (5|2\.5) people from role 'sdr', which has 2 people"):
        covered(run, [text], team={"sdr": 2})


@pytest.mark.parametrize("text", ["hunter=2", "hunter=+1, account_manager 01=0.5", "Hunter = 0"])
def test_a_scenario_without_a_sign_is_refused_with_both_forms(run, text):
    with pytest.raises(UsageError, match=r"without a sign is ambiguous; write .*=\+[\d.]+ for so many more, "):
        covered(run, [text])


def test_books_are_fair_within_the_bound_that_is_asked_for(run):
    plain, _ = covered(run, team={"account_manager": 4}, hours_per_person=300)
    fair, _ = covered(run, team={"account_manager": 4}, hours_per_person=300, balance=0.3)
    assert {row["within"] for row in plain.people} == {None}
    for row in fair.people:
        ratios = (row["accounts_ratio"], row["value_ratio"])
        assert row["within"] == all(0.7 <= ratio <= 1.3 for ratio in ratios)
        assert row["hours_used"] <= row["hours"]
    assert {row["within"] for row in fair.people} == {True}
    assert fair.certificate == plain.certificate


def test_hours_of_a_week_make_hours_of_a_year(run, tmp_path):
    weekly: dict[str, Any] = {"hours_per": "week", "weeks_per_year": 40.0}
    rows: list[dict[str, Any]] = [{"person": name, "role": "hunter", "hours": None} for name in ("Ann", "Bob")]
    rows[0]["hours"] = 30.0
    people = people_table(tmp_path, rows)
    assert [one.hours for one in read_people(Coverage(people=people, **weekly))] == [1200.0, 1040.0]
    people = people_table(tmp_path, [{**rows[0], "hours": 1200.0}])
    with pytest.raises(InputContractError, match=r"'Ann' has 1200 hours a week, expected at most 168; set"):
        read_people(Coverage(people=people, **weekly))


def test_a_change_of_people_is_no_table_of_people(run, tmp_path):
    call = ["coverage", str(run.directory.output), "--people"]
    refused = CliRunner().invoke(app, [*call, "hunter=+2"])
    assert refused.exit_code == 2
    assert "--scenario" in refused.stderr
    missing = CliRunner().invoke(app, [*call, "nobody.csv"])
    assert missing.exit_code == 3
    assert "nobody.csv" in missing.stderr
    table = people_table(tmp_path, [{"person": "Ann", "role": "hunter", "hours": 60.0}])
    result = json.loads(CliRunner().invoke(app, [*call, table, "--json"]).stdout)
    assert [row["person"] for row in result["people"]] == ["Ann"]


def test_touch_plans_of_a_table_by_size_band(run, tmp_path):
    plan = {"role": "hunter", "service_level": "pooled", "hours": 10.0, "expansion": 0.1, "acquisition": 0.1}
    rows = [
        {**plan, "protection": 0.0, "band": "large"},
        {**plan, "protection": 0.0, "band": "enterprise", "hours": 50.0},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "plans.parquet")
    result, accounts = covered(run, plans=str(tmp_path / "plans.parquet"), team={"hunter": 1})
    assert {row["role"] for row in result.roles} == {"hunter", "digital"}
    assert set(accounts["hours"].to_pylist()) <= {0.0, 10.0, 50.0}
    assert {row["band"] for row in result.bands if row["role"] == "hunter"} <= {"large", "enterprise"}


def own_plans(folder, rows):
    pa.csv.write_csv(pa.Table.from_pylist(rows), folder / "own.csv")
    return str(folder / "own.csv")


def test_hours_of_single_accounts_override_those_of_the_plans(run, tmp_path):
    """Accounts that an account manager has take the hours of the table, all others what they took."""
    _, before = covered(run)
    had = [row["account_id"] for row in before.to_pylist() if row["role"] == "account_manager"][:20]
    rows = [{"account_id": account, "role": "account_manager", "hours": 7.5} for account in had]
    rows += [{"account_id": name, "role": "hunter", "hours": 1.0} for name in ("gone 2", "gone 1")]
    result, accounts = covered(run, account_plans=own_plans(tmp_path, rows))
    hours = {row["account_id"]: row["hours"] for row in accounts.to_pylist() if row["role"] == "account_manager"}
    assert {hours.pop(account) for account in had} == {7.5}  # cheaper than before, so that they keep their role
    assert set(hours.values()) <= {40.0, 10.0}
    assert max(hours_by_person(accounts).values()) <= 1200
    assert result.certificate.gap < 0.01
    assert result.unknown == ("gone 1", "gone 2")
    assert "2 accounts with a touch plan of its own: 'gone 1', 'gone 2'" in page_of(result)


def test_a_service_level_that_is_named_holds_for_it_alone_and_over_the_role(run, tmp_path):
    account = covered(run)[1]["account_id"][5].as_py()
    row = {"account_id": account, "role": "account_manager", "hours": 9.0, "service_level": None}
    path = own_plans(tmp_path, [{**row, "hours": 3.0, "service_level": "pooled"}, row])
    settings = Coverage(team=SMALL_TEAM, account_plans=path)
    accounts = read_accounts(run, settings)
    hours = hours_of(DEFAULT_PLANS, len(accounts), read_touches(settings, accounts, DEFAULT_PLANS))[:, :]
    changed = np.argwhere(hours != np.array([plan.hours for plan in DEFAULT_PLANS])[:, None]).tolist()
    assert changed == [[0, 5], [1, 5]]
    assert hours[:2, 5].tolist() == [9.0, 3.0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([{"role": "cook"}], "expected one of the plans account_manager/high_touch, account_manager/pooled, hunter/"),
        ([{"role": "digital"}], "expected one of the plans"),
        ([{"hours": 0.0}, {"account_id": "B", "hours": -1.0}], "expected hours above 0; 2 such rows"),
        ([{}, {}], "stands twice"),
    ],
)
def test_touch_plans_of_single_accounts_that_make_no_sense_are_refused(run, tmp_path, changes, said):
    rows = [{"account_id": "A", "role": "hunter", "hours": 5.0} | change for change in changes]
    with pytest.raises(InputContractError, match=said):
        covered(run, account_plans=own_plans(tmp_path, rows))


def test_locks_hold_under_touch_plans_of_single_accounts(run, tmp_path):
    locked = [{**row, "locked": True} for row in owned_by(covered(run)[1], "hunter 01", 12)]
    owners = owners_table(tmp_path, locked)
    for hours in (100.0, 101.0):
        rows = [{"account_id": row["account_id"], "role": "hunter", "hours": hours} for row in locked]
        plans = own_plans(tmp_path, rows)
        if hours > 100.0:
            with pytest.raises(InputContractError, match=r"hunter: 1,212 hours are bound, 1,200 are there"):
                covered(run, owners=owners, account_plans=plans)
            continue
        _, accounts = covered(run, owners=owners, account_plans=plans)
        assert hours_by_person(accounts)["hunter 01"] == 1200.0


def split_team(folder):
    """People by industry, who do not all serve the same ones."""
    staff = [
        {"person": "Ann", "role": "account_manager", "hours": 700.0, "regions": "retail"},
        {"person": "Bob", "role": "account_manager", "hours": 900.0, "regions": "banking"},
        {"person": "Cid", "role": "hunter", "hours": 600.0, "regions": "software|retail"},
        {"person": "Dan", "role": "hunter", "hours": 400.0, "regions": "banking"},
    ]
    return people_table(folder, staff)


def grainy_team(folder):
    """Settings of two people whose hours come to three accounts of 40 hours, of which neither can take two."""
    plan = {"role": "account_manager", "protection": 0.0}
    levels = (("high_touch", 40.0, 0.5), ("pooled", 10.0, 0.01))
    rows = [
        {**plan, "service_level": level, "hours": hours, "expansion": share, "acquisition": share}
        for level, hours, share in levels
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "grainy.parquet")
    return {"team": {"account_manager": 2}, "hours_per_person": 65.0, "plans": str(folder / "grainy.parquet")}


def test_roles_are_chosen_by_the_hours_that_there_are_for_each_region(run, tmp_path):
    result, _ = covered(run, people=split_team(tmp_path), region="industry", minimum_treatment={})
    assert result.certificate.gap < 1e-3


@pytest.mark.parametrize("is_grainy", [True, False])
def test_hours_that_naming_people_leaves_over_are_given_out_again(run, tmp_path, is_grainy):
    """Nobody who waits finds a person with hours for him; nobody has more than his hours."""
    by_industry = {"people": split_team(tmp_path), "region": "industry"}
    settings = Coverage.model_validate(grainy_team(tmp_path) if is_grainy else by_industry, strict=False)
    accounts, plans, people = read_accounts(run, settings), read_plans(settings), read_people(settings)
    task = task_of(accounts, plans, people, DIGITAL)
    owners = read_owners(settings, accounts, people)
    found = place_all(backend.load("cpu"), task, owners, None)
    assert found.before <= found.value <= found.choice.bound * (1 + 1e-9)
    assert found.before < found.value or not is_grainy
    rows = np.arange(len(accounts))
    has = found.person >= 0
    spent = found.offer.hours[found.plan, rows]
    capacity = np.array([one.hours for one in people]) - np.bincount(found.person[has], spent[has], len(people))
    assert (capacity >= -1e-9).all()
    assert task.serves[accounts.group[has], found.person[has]].all()
    assert (task.role_of_person[found.person[has]] == task.role_of_plan[found.plan[has]]).all()
    for o, role in enumerate(task.role_of_plan):
        for p in np.flatnonzero(task.role_of_person == role):
            waits = ~has & task.serves[accounts.group, p] & (found.offer.value[o] > found.offer.value[found.plan, rows])
            assert not (found.offer.hours[o][waits] <= capacity[p]).any()


def test_the_gap_is_reported_before_and_after_hours_are_given_out_again(run, tmp_path):
    result, _ = covered(run, **grainy_team(tmp_path), minimum_treatment={})
    sure = result.certificate
    assert sure.gap < sure.gap_before
    assert f"{sure.gap_before:.3%} before hours left over were given out again" in page_of(result)
    assert record(result)["certificate"]["gap_before"] == sure.gap_before


@pytest.mark.parametrize("limit", [0, 10])
def test_hours_given_out_again_keep_the_limit_on_moves(run, tmp_path, limit):
    owned = owned_by(covered(run)[1], "Ann", 15)
    settings = {"people": split_team(tmp_path), "region": "industry", "owners": owners_table(tmp_path, owned)}
    result, accounts = covered(run, max_moves=limit, **settings)
    assert len(result.moves) <= limit
    held = hours_by_person(accounts)
    assert all(held.get(one["person"], 0.0) <= one["hours"] + 1e-9 for one in result.people)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"person": "Ann", "role": "cook", "hours": 1.0}], "'Ann': role 'cook' has no touch plan that takes hours"),
        ([{"person": "Ann", "role": "hunter", "hours": 1.0}] * 2, "'Ann' stands twice"),
        ([{"person": "Ann", "role": "hunter", "hours": -1.0}], "'Ann' has -1 hours"),
        ([{"person": "Ann", "role": "hunter", "hours": "many"}], "column 'hours' is string, expected a number"),
        ([{"name": "Ann", "role": "hunter"}], "expected columns person, role, missing person"),
        (
            [{"person": "Total", "role": None, "hours": 9.0}],
            r"row 1 \(Total, 9.0\): expected a role, got an empty cell",
        ),
        (
            [{"person": None, "role": "hunter", "hours": 9.0}],
            r"row 1 \(hunter, 9.0\): expected a person, got an empty cell",
        ),
    ],
)
def test_tables_that_make_no_sense_are_refused(run, tmp_path, rows, said):
    with pytest.raises(InputContractError, match=said):
        covered(run, people=people_table(tmp_path, rows))


def test_a_column_that_the_scores_lack_is_named(run):
    with pytest.raises(UsageError, match=r"coverage.region: 'land': expected a column of the scores"):
        covered(run, region="land")


@pytest.mark.parametrize("column", ["market_segment", "tier", "party_type", "role"])
def test_a_text_column_that_is_read_anyway_may_be_region_and_skill(run, column):
    asked = read_accounts(SuggestedRoles(run), Coverage(region=column, skill=column))
    assert asked.region is asked.skill is asked.texts[column]
    assert set(asked.region.levels) != {""}


@pytest.mark.parametrize("column", ["account_id", "sales", "whitespace", "priority"])
def test_ids_and_numbers_are_no_regions(run, column):
    with pytest.raises(UsageError, match=f"coverage.skill: '{column}': expected a column of names"):
        covered(run, skill=column)


def test_the_command_prints_tables_writes_files_and_answers_in_json(run, tmp_path):
    (tmp_path / "team.toml").write_text("[coverage]\nteam = { hunter = 2 }\nhours_per_person = 600\n")
    call = ["coverage", str(run.directory.output), "--config", str(tmp_path / "team.toml"), "--scenario", "hunter=+1"]
    page, machine = CliRunner().invoke(app, call), CliRunner().invoke(app, [*call, "--json"])
    assert (page.exit_code, machine.exit_code) == (0, 0), page.output + machine.output
    result = json.loads(machine.stdout)
    for word in (
        "HOURS AND VALUE BY ROLE",
        "AGAINST SIMPLE RULES",
        "quadrant cut to capacity",
        "MORE OR FEWER PEOPLE",
        "hunter 02",
    ):
        assert word in page.stdout
    hunters = next(row for row in result["roles"] if row["role"] == "hunter")
    assert (hunters["people"], hunters["hours_available"]) == (2, 1200.0)
    assert pq.read_table(f"{result['path']}/people.parquet").to_pylist() == result["people"]
    assert pq.read_table(f"{result['path']}/rules.parquet").to_pylist() == result["rules"]


def test_a_file_without_the_section_is_refused(run, tmp_path):
    (tmp_path / "team.toml").write_text("[cover]\n")
    refused = CliRunner().invoke(app, ["coverage", str(run.directory.output), "--config", str(tmp_path / "team.toml")])
    assert refused.exit_code == 2
    assert "expected a section [coverage]" in refused.stderr


def test_whom_hours_do_not_reach_is_reported_with_the_price_of_an_hour_that_would(run):
    result, accounts = covered(run, team={"sdr": 1}, hours_per_person=400)
    rows = {row["rule"]: row for row in result.minimum}
    assert list(rows) == ["blue", "A", "orange"]
    short = pq.read_table(f"{result.path}/shortfall.parquet")
    assert short.group_by("rule", use_threads=False).aggregate([([], "count_all")]).to_pylist() == [
        {"rule": rule, "count_all": row["short"]} for rule, row in rows.items() if row["short"]
    ]
    lacking = accounts.filter(accounts["shortfall"].is_valid())
    assert sorted(short["account_id"].to_pylist()) == lacking["account_id"].to_pylist()
    for row in rows.values():
        assert row["owed"] == row["reached"] + row["short"]
        assert row["hours_short"] == 4.0 * row["short"]
        assert (row["price_of_an_hour"] is None) == (row["short"] == 0)
    assert sum(row["reached"] for row in rows.values()) == 100
    assert short["account_id"].to_pylist()[0] in page_of(result)
    assert "costs" in page_of(result)


def test_accounts_that_no_plan_offers_what_they_are_owed_lack_a_plan_and_no_hours(run):
    result, _ = covered(run, team={"sdr": 1}, minimum_treatment={"blue": "high_touch", "A": "pooled"})
    blue, tier = result.minimum
    assert blue["short"] == blue["without_plan"] == blue["owed"] > 0
    assert (blue["hours_short"], blue["role"], blue["price_of_an_hour"]) == (0.0, None, None)
    assert tier["without_plan"] == 0
    assert "no plan open to them offers 'high_touch'" in page_of(result)
    assert f"no plan offers it to {blue['short']:,} of them" in page_of(result)


def test_where_nothing_is_to_be_won_or_kept_nobody_gets_a_person(tmp_path):
    table = market.accounts(300)
    sales = table.column_names.index("sales")
    done = market.score(table.set_column(sales, "sales", pa.array(np.zeros(300))), tmp_path)
    result, accounts = covered(open_run(done.output), minimum_treatment={"grey": "pooled", "A": "pooled"})
    assert set(accounts["role"].to_pylist()) == {"digital"}
    assert result.minimum == []
    assert "no account has whitespace or sales" in page_of(result)


def test_who_gains_nothing_by_a_person_has_none_though_there_are_hours(run):
    """Prospects without a chance: everything brings nothing, and the first plan would take 40 hours for it."""
    task = read_question(run, Coverage(team={"account_manager": 900}, minimum_treatment={})).task
    hopeless = (task.accounts.sales <= 0) & (np.arange(len(task.accounts)) % 2 == 0)
    promise = np.where(hopeless, 0.0, task.accounts.promise)
    nobody = Owners(np.full(len(promise), -1), np.zeros(len(promise), bool))
    found = place_all(
        backend.load("cpu"), replace(task, accounts=replace(task.accounts, promise=promise)), nobody, None
    )
    assert (found.person[hopeless] == -1).all()
    assert (found.person[~hopeless] >= 0).all()


def test_what_least_service_costs_is_the_difference_to_a_coverage_without_it(run):
    with_it, free = covered(run)[0], covered(run, minimum_treatment={})[0]
    assert free.minimum == []
    assert free.certificate.without_minimum is None
    assert with_it.certificate.without_minimum == pytest.approx(free.certificate.bound, rel=1e-4)
    assert with_it.certificate.value < free.certificate.value
