"""Tables of a coverage whose types or numbers do not fit: refused with column, row and remedy."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError
from tamscore.sections.coverage.door import doubts_about_encoding
from tamscore.sections.coverage.minimum import ORDER
from tamscore.sections.coverage.people import Person
from tamscore.sections.coverage.plan_table import read_plans
from tamscore.sections.coverage.reading import OWNERS, owner_rows, read_people, read_table
from tamscore.sections.coverage.settings import Coverage, default_team

PLAN = {"role": "hunter", "service_level": "pooled", "hours": 5.0} | dict.fromkeys(
    ("expansion", "acquisition", "protection"), 0.1
)


def written(folder, row):
    pq.write_table(pa.Table.from_pylist([row]), folder / "table.parquet")
    return str(folder / "table.parquet")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"person": b"Ann"}, "column 'person' is binary, expected text"),
        ({"regions": ["north"]}, r"column 'regions' is list<.*>, expected text; .* a\|b"),
        ({"hours": float("inf")}, "row 1, column 'hours': expected a finite number below 1e.09, got inf"),
        ({"hours": 1e308}, "row 1, column 'hours': expected a finite number"),
    ],
)
def test_people_of_other_types_are_refused(tmp_path, changes, said):
    path = written(tmp_path, {"person": "Ann", "role": "hunter", **changes})
    with pytest.raises(InputContractError, match=said):
        read_people(Coverage(people=path))


def test_whole_numbers_and_dictionaries_are_names(tmp_path):
    path = written(tmp_path, {"person": 7, "role": "hunter", "regions": 3})
    (ann,) = read_people(Coverage(people=path))
    assert (ann.name, ann.regions) == ("7", frozenset({"3"}))
    coded = pa.table({"person": pa.array(["Ann"]).dictionary_encode(), "role": ["hunter"]})
    pq.write_table(coded, path)
    assert read_people(Coverage(people=path))[0].name == "Ann"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quadrant": ["blue"]}, "column 'quadrant' is list"),
        ({"hours": float("inf")}, "row 1, column 'hours': expected a finite number"),
        ({"expansion": float("inf")}, "row 1, column 'expansion': expected a finite number"),
        ({"expansion": -0.1}, r"row 1 \(hunter, .*\): expansion: expected a number ≥ 0, got -0.1"),
        ({"role": "Digital"}, "row 1: digital plans take no hours, got 5"),
        ({"service_level": ""}, r"row 1 .*: expected a service_level, got an empty cell"),
    ],
)
def test_plans_that_do_not_fit_are_refused(tmp_path, changes, said):
    with pytest.raises(InputContractError, match=said):
        read_plans(Coverage(plans=written(tmp_path, PLAN | changes)))


def test_plans_may_be_named_by_whole_numbers(tmp_path):
    (plan, _) = read_plans(Coverage(plans=written(tmp_path, PLAN | {"role": 1, "service_level": 2, "tier": 3})))
    assert (plan.role, plan.service_level, plan.limits) == ("1", "2", (("tier", frozenset({"3"})),))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
def test_people_of_a_german_spreadsheet_are_read_and_another_encoding_is_reported(tmp_path, encoding):
    text = "Person;Role;Hours;Regions\nJörg Müller;hunter;1.100,5;Köln|Süd-West\nAnn;sdr;900;\n"
    (tmp_path / "people.csv").write_bytes(text.encode(encoding))
    settings = Coverage(people=str(tmp_path / "people.csv"))
    joerg, ann = read_people(settings)
    assert (joerg.name, joerg.hours, joerg.regions) == ("Jörg Müller", 1100.5, frozenset({"Köln", "Süd-West"}))
    assert (ann.name, ann.hours) == ("Ann", 900.0)
    doubts = list(doubts_about_encoding(settings))
    assert [one.partition(": ")[2] for one in doubts] == (
        ["is not UTF-8 and was read as cp1252; save it as UTF-8 if names look wrong"] if encoding == "cp1252" else []
    )


def test_bytes_that_are_letters_in_neither_encoding_are_refused(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"person,role\nJ\x81rg,hunter\n")
    with pytest.raises(InputContractError, match="expected utf-8 text, got other bytes on line 2"):
        read_people(Coverage(people=str(tmp_path / "people.csv")))


@pytest.mark.parametrize("column", ["account_id", "person"])
def test_owners_in_lists_are_refused(tmp_path, column):
    row = {"account_id": "C1", "person": "Ann"}
    with pytest.raises(InputContractError, match=f"column '{column}' is list"):
        read_table(written(tmp_path, row | {column: ["C1"]}), OWNERS, OWNERS)


def test_a_plan_of_a_csv_table_without_a_service_level_is_refused(tmp_path):
    head = "role,service_level,hours,expansion,acquisition,protection"
    (tmp_path / "plans.csv").write_text(f"{head}\nhunter,,5,0.1,0.1,0.1\n")
    with pytest.raises(InputContractError, match=r"row 1 .*: expected a service_level"):
        read_plans(Coverage(plans=str(tmp_path / "plans.csv")))


def owner_table(folder, owners):
    table = pa.table(
        owners, schema=pa.schema([("account_id", pa.string()), ("person", pa.string()), ("locked", pa.bool_())])
    )
    pq.write_table(table, folder / "owners.parquet")
    return str(folder / "owners.parquet")


ANN = [Person("Ann", "hunter", 100.0)]


def test_a_table_of_owners_without_rows_names_no_owner(tmp_path):
    rows = owner_rows(owner_table(tmp_path, {"account_id": [], "person": [], "locked": []}), "text", ANN)
    assert (len(rows.ids), rows.locked.dtype, len(rows.who)) == (0, bool, 0)


def test_rows_of_owners_without_an_id_are_no_account_that_stands_twice(tmp_path):
    owners = {"account_id": ["1", None, " ", ""], "person": ["Ann"] * 4, "locked": [True] * 4}
    rows = owner_rows(owner_table(tmp_path, owners), "text", ANN)
    assert rows.who.tolist() == [0] * 4
    twice = {"account_id": ["1", None, " 1"], "person": ["Ann"] * 3, "locked": [None] * 3}
    with pytest.raises(InputContractError, match="stand more than once, such as '1'"):
        owner_rows(owner_table(tmp_path, twice), "text", ANN)


@pytest.mark.parametrize(
    ("person", "said"),
    [(None, r"row 1 \(1, True\): locked, but it has no person; name one"), ("Zed", "none of the people is called so")],
)
def test_a_lock_without_a_person_says_what_is_missing(tmp_path, person, said):
    owners = {"account_id": ["1"], "person": [person], "locked": [True]}
    with pytest.raises(InputContractError, match=said):
        owner_rows(owner_table(tmp_path, owners), "text", ANN)


def test_keys_of_a_job_file_have_no_order():
    team = {"sdr": 1, "Hunter": 2, "closer": 3, "account_manager": 4, "builder": 5}
    minimum = {"orange": "pooled", "A": "high_touch", "blue": "pooled"}
    settings = Coverage.model_validate({"team": team, "minimum_treatment": minimum})
    other = Coverage.model_validate(
        {"team": dict(sorted(team.items())), "minimum_treatment": dict(sorted(minimum.items()))}
    )
    assert list(settings.team) == ["account_manager", "Hunter", "sdr", "builder", "closer"]
    assert list(settings.minimum_treatment) == ["blue", "A", "orange"]
    assert settings.model_dump_json() == other.model_dump_json()
    assert [person.name for person in read_people(settings)] == [person.name for person in read_people(other)]
    assert list(Coverage().team) == list(default_team())


def test_service_is_owed_in_the_order_of_the_settings():
    every = dict.fromkeys(ORDER, "pooled")
    assert tuple(Coverage.model_validate({"minimum_treatment": dict(sorted(every.items()))}).minimum_treatment) == ORDER
