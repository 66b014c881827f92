"""Names of people, regions, skills and roles: cells with several of them, spellings, and doubts by name."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tamscore.errors import InputContractError
from tamscore.sections.coverage.minimum import levels_of_plans
from tamscore.sections.coverage.names import (
    doubts_about,
    doubts_about_limits,
    fold,
    likely,
    resolve,
    split,
    with_roles,
)
from tamscore.sections.coverage.people import Person
from tamscore.sections.coverage.plan_table import read_plans
from tamscore.sections.coverage.plans import DEFAULT_PLANS, DIGITAL, OF_CHANNEL, PARTNER, for_team, with_partners
from tamscore.sections.coverage.question import team_of
from tamscore.sections.coverage.reading import read_people
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.texts import Collected, Texts, by_kind

LEVELS = ("", "Bosnia, Herzegovina", "North", "South", "UK/Ireland", "Zu\u0308rich")


def texts(*counts):
    return Texts(LEVELS, np.repeat(np.arange(len(LEVELS)), counts or [1] * len(LEVELS)))


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("north|south", {"North", "South"}),
        ("north;south", {"North", "South"}),
        ("north, SOUTH ", {"North", "South"}),
        ("north/south", {"North", "South"}),
        ("north\nsouth", {"North", "South"}),
        ("Z\u00fcRICH \u00a0", {"Zu\u0308rich"}),
        ("Bosnia, Herzegovina; UK/Ireland", {"Bosnia, Herzegovina", "UK/Ireland"}),
        ("bosnia, herzegovina, north", {"North", "bosnia", "herzegovina"}),
        ("nrth", {"nrth"}),
        ("nrth;suth", {"nrth;suth"}),
        ("nrth|south", {"nrth", "South"}),
        ("north;;", {"North"}),
        (" ", set()),
    ],
)
def test_a_cell_is_split_where_that_gives_names_of_the_accounts_and_names_stay_whole(cell, names):
    assert resolve([cell], texts()) == names


def test_a_region_that_accounts_spell_in_two_ways_is_served_in_both():
    both = Texts(("North", "north "), np.array([0, 1]))
    assert resolve(["NORTH"], both) == {"North", "north "}


def test_splitting_never_loses_a_letter():
    for cell in ("a;b,c/d|e", "a / b", "|a||", "a;b"):
        assert "".join(split(cell, {"b": "b"})).replace(" ", "") in {
            "".join(one for one in cell if one not in remaining) for remaining in ("| ", "|; ", "|;, ", "|;,/ ")
        }


@pytest.mark.parametrize(("wrong", "right"), [("Nort", "North"), ("NROTH", "North"), ("zurich", "Zu\u0308rich")])
def test_what_may_have_been_meant_is_named_as_it_is_spelled(wrong, right):
    assert likely(wrong, LEVELS) == f"; did you mean {right!r}?"


def test_nothing_is_suggested_where_nothing_is_alike():
    assert likely("Antarctica", LEVELS) == ""


def test_names_of_a_column_are_folded_and_nothing_is_an_empty_name():
    assert fold(pa.array(["Ann ", None, "STRASSE"], pa.large_string())).to_pylist() == ["ann", "", "strasse"]


def person(name, *regions, skills=()):
    return Person(name, "hunter", 10.0, frozenset(regions), frozenset(skills))


def test_regions_that_do_not_meet_are_doubted_from_both_sides():
    people = [person("Ann", "North", "Soth"), person("Bob", "Soth"), person("Cid", "UK/Ireland", "Zu\u0308rich")]
    said = list(doubts_about("region", texts(0, 5, 3, 9, 1, 1), people, "people.csv"))
    assert said == [
        "people.csv: no account has the region 'Soth' of 'Ann', 'Bob'; did you mean 'South'?",
        "nobody serves the 9 accounts of region 'South'; did you mean 'Soth'?",
        "nobody serves the 5 accounts of region 'Bosnia, Herzegovina'",
        "nobody serves the 0 accounts without a region",
    ]


def test_a_person_without_regions_serves_every_region():
    assert list(doubts_about("region", texts(), [person("Ann")], "people.csv")) == []


def test_skills_that_accounts_ask_for_and_nobody_has_are_doubted():
    said = list(doubts_about("skill", texts(), [person("Ann", skills=("North", "Nrth"))], "people.csv"))
    assert said[0] == "people.csv: no account has the skill 'Nrth' of 'Ann'; did you mean 'North'?"
    assert "nobody serves the 1 accounts of skill 'South'" in said


def test_roles_are_one_in_whatever_capitals_and_the_first_spelling_holds():
    first, other = DEFAULT_PLANS[2], DEFAULT_PLANS[-1]
    changed = with_roles([first, type(first)("HUNTER ", "pooled", 5.0, 0.1, 0.1, 0.1), other], DIGITAL)
    assert [plan.role for plan in changed] == ["hunter", "hunter", "digital"]
    words = [
        type(first)(role, "pooled", 5.0, 0.1, 0.1, 0.1) for role in ("Inside Sales ", "inside_sales", "insidesales")
    ]
    assert {plan.role for plan in with_roles(words, DIGITAL)} == {"Inside Sales"}


def test_party_types_hold_for_partner_managers_in_whatever_capitals():
    pia = Person("Pia", "Channel_Partner ", 1_000.0)
    assert for_team(DEFAULT_PLANS, [pia]) == DEFAULT_PLANS
    own = with_roles([type(DEFAULT_PLANS[0])("Channel_Partner", "pooled", 5.0, 0.1, 0.1, 0.1)], DIGITAL, PARTNER)
    assert with_partners(own)[0].limits == OF_CHANNEL


@pytest.mark.parametrize(("role", "hint"), [("huntr", "did you mean 'hunter'"), ("Digital", "sdr, channel_partner")])
def test_a_role_of_a_team_that_has_no_plan_with_hours_is_refused(role, hint):
    chosen = Coverage(team={"hunter": 1, role: 1})
    with pytest.raises(InputContractError, match=rf"has no touch plan that takes hours.*{hint}") as refused:
        team_of(chosen, read_people(chosen), DEFAULT_PLANS)
    assert "mean 'digital'" not in str(refused.value)


def test_a_role_stands_once_in_a_team():
    with pytest.raises(InputContractError, match=r"'Inside_Sales' and 'inside sales' are the same role; count its peo"):
        read_people(Coverage(team={"hunter": 1, "inside sales": 1, "Inside_Sales": 2}))


def test_of_the_default_team_those_with_a_plan_stay():
    chosen = Coverage()
    assert {one.role for one in team_of(chosen, read_people(chosen), DEFAULT_PLANS[2:4])} == {"hunter", "inside_sales"}


@pytest.mark.parametrize("header", ["Person,ROLE,Hours", "person,role,hours", "PERSON, Role ,HOURS"])
def test_columns_and_roles_are_known_by_their_words_whatever_stands_between_them(tmp_path, header):
    """`Account Manager` is `account_manager` for people, `High Touch` is `high_touch` for plans."""
    (tmp_path / "people.csv").write_text(f"{header}\nAnn,Account Manager,1200\nBob,account-manager,900\n")
    chosen = Coverage(people=str(tmp_path / "people.csv"))
    team = team_of(chosen, read_people(chosen), DEFAULT_PLANS)
    assert [(one.name, one.role, one.hours) for one in team] == [
        ("Ann", "account_manager", 1200.0),
        ("Bob", "account_manager", 900.0),
    ]
    own = [type(DEFAULT_PLANS[0])("hunter", level, 5.0, 0.1, 0.1, 0.1) for level in ("High Touch", "pooled", "other")]
    assert levels_of_plans(own).tolist() == [2, 1, 1]


def test_a_team_has_a_number_of_people_that_ends():
    with pytest.raises(ValidationError, match="less than or equal to 100000"):
        Coverage(team={"hunter": 100_000_000})


@pytest.mark.parametrize(("row", "is_last"), [("hunter,pooled,5,1,1,1,", False), ("Digital,mail,0,0,0,0,grey", True)])
def test_the_default_digital_plan_is_a_last_resort_only_beside_digital_plans_with_limits(tmp_path, row, is_last):
    head = "role,service_level,hours,expansion,acquisition,protection,quadrant"
    (tmp_path / "plans.csv").write_text(f"{head}\n{row}\n")
    assert read_plans(Coverage(plans=str(tmp_path / "plans.csv")))[-1].last_resort is is_last


def test_columns_of_texts_are_the_same_whatever_their_parts_and_the_kinds_they_share():
    """Dictionaries with other levels in each part, nulls, levels that no row has, more than one byte of levels."""
    words = np.array([f"w{i:03d}" for i in range(300)] + [None, "", "w000"], object)
    parts = [pa.array(words[:200]).dictionary_encode(), pa.array(words[200:]), pa.array(words[200:])]
    unused = pa.DictionaryArray.from_arrays(pa.array([1, None]), ["nobody", "w001"])
    order = np.random.default_rng(0).permutation(sum(map(len, parts)) + 2)
    collected, begin = Collected(len(order)), 0
    for part in [*parts, unused]:
        collected.fill(order[begin : begin + len(part)], pa.chunked_array([part]))
        begin += len(part)
    wanted = np.empty(len(order), object)
    wanted[order] = [text or "" for part in [*parts, unused] for text in part.to_pylist()]
    alone = collected.texts()
    assert alone.levels == tuple(sorted({*wanted}))
    shared = by_kind({"all": Texts(("",), np.zeros(len(order), np.uint8)), "words": alone})["words"]
    for texts_ in (alone, shared):
        assert np.array(texts_.levels, object)[texts_.code].tolist() == wanted.tolist()
        assert texts_.equal("W001").tolist() == [text == "w001" for text in wanted]


PLAN = "role,service_level,hours,expansion,acquisition,protection"


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("people", "person,role,hour\nAnn,hunter,300\n", "column 'hour' is not read; did you mean 'hours'"),
        ("people", "person,role,skill\nAnn,hunter,x\n", "column 'skill' is not read; did you mean 'skills'"),
        ("plans", f"{PLAN},segment\nhunter,a,3,0.1,0.1,0.1,food\n", "did you mean 'market_segment'"),
        ("plans", f"{PLAN},quadrants\nhunter,a,3,0.1,0.1,0.1,blue\n", "did you mean 'quadrant'"),
        ("plans", f"{PLAN}\nhunter,a,3,12%,9%,6%\n", "expansion: expected a share of at most 1, got 12; write 0.12"),
    ],
)
def test_what_is_nearly_a_column_or_a_share_is_refused(tmp_path, key, text, expected):
    """A column passed over opens a plan to every account; 12 in place of 12 % is a hundred times the money."""
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    settings = Coverage.model_validate({key: str(tmp_path / "t.csv")})
    with pytest.raises(InputContractError, match=re.escape(expected)):
        (read_people if key == "people" else read_plans)(settings)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hunter,pooled,8,,", "Hunter ,Pooled,9,,"),
        ("inside sales,high touch,8,blue|yellow,North", "Inside_Sales,high_touch,8,Yellow; blue,north"),
        ("channel_partner,pooled,8,,", "Channel Partner,pooled,9,,"),
    ],
)
def test_a_plan_stands_once_for_the_same_accounts(tmp_path, first, second):
    """Of two plans of one role and level only the better one would ever be taken, and nobody would know which."""
    head = "role,service_level,hours,quadrant,region,expansion,acquisition,protection"
    (tmp_path / "t.csv").write_text(f"{head}\n{first},0.1,0.1,0.1\ndigital,mail,0,,,0,0,0\n{second},0.1,0.1,0.1\n")
    settings = Coverage(plans=str(tmp_path / "t.csv"))
    with pytest.raises(InputContractError, match=r"t\.csv: rows 1 and 3 are both a plan .*remove one of them"):
        read_plans(settings)
    other = second.rpartition(",")[0] + ",South"
    (tmp_path / "t.csv").write_text(f"{head}\n{first},0.1,0.1,0.1\n{other},0.1,0.1,0.1\n")
    assert len(read_plans(settings)) == 3


def test_people_without_any_plan_that_takes_hours_are_refused_without_an_empty_list(tmp_path):
    (tmp_path / "t.csv").write_text(f"{PLAN}\ndigital,mail,0,0.1,0.1,0.1\n")
    chosen = Coverage(plans=str(tmp_path / "t.csv"), team={"hunter": 1})
    with pytest.raises(InputContractError, match=r"takes hours, since coverage\.plans has none; add"):
        team_of(chosen, read_people(chosen), read_plans(chosen))


def test_a_limit_on_a_column_that_accounts_do_not_have_names_the_key():
    nothing = Texts(("",), np.zeros(3, np.uint8))
    accounts: Any = SimpleNamespace(column=lambda _: nothing)
    plans = [type(DEFAULT_PLANS[0])("hunter", "a", 5.0, 0.1, 0.1, 0.1, (("region", frozenset({"North"})),))]
    (said,) = doubts_about_limits(plans, accounts)
    assert said.endswith("suit no account, which have none; name the column with regions in coverage.region")


def test_columns_of_other_uses_are_passed_over(tmp_path):
    text = "person,role,hours,team,email,hired\nAnn,hunter,300,A,a@b,2020\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    (ann,) = read_people(Coverage.model_validate({"people": str(tmp_path / "t.csv")}))
    assert ann.hours == 300
