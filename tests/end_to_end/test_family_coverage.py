"""Coverage of whole families: one owner each, the hours of one account, locks and moves of the whole."""

from __future__ import annotations

import json
from collections import defaultdict
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
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.view import answer
from tests.end_to_end import market
from tests.terminal_pages import printed

ROWS = 2_000
TEAM = {"account_manager": 3, "hunter": 2, "inside_sales": 2}
ASKED: dict[str, Any] = {"columns": {**market.JOB["columns"], "parent_id": "parent"}, "families": {}}


def with_parents(rows: int = ROWS) -> pa.Table:
    """A market whose accounts are families of one to a dozen, three levels deep."""
    table = market.accounts(rows, seed=4)
    ids, random = table["account_id"].to_pylist(), np.random.default_rng(5)
    parent = [
        ids[random.integers(max(row - 9, 0), row)] if random.random() < 0.6 and row else None for row in range(rows)
    ]
    return table.append_column("parent", pa.array(parent, pa.string()))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_run(market.score(with_parents(), tmp_path_factory.mktemp("families"), ASKED).output)


def covered(run, **keys):
    settings = Coverage.model_validate({"team": TEAM, **keys}, strict=False)
    result = cover(run, settings, backend.load("cpu"), Progress())
    return result, pq.read_table(f"{result.path}/accounts.parquet").to_pylist()


def facts(run):
    names = ["account_id", "family_id", "family_tier", "sales", "whitespace", "quadrant", "kind"]
    return {row["account_id"]: row for table in run.read(names) for row in table.to_pylist()}


def of_families(run, rows):
    known, found = facts(run), defaultdict(list)
    for row in rows:
        found[known[row["account_id"]]["family_id"]].append(row)
    return found


def owners_table(folder, rows):
    pa.csv.write_csv(pa.Table.from_pylist(rows), folder / "owners.csv")
    return str(folder / "owners.csv")


def test_no_family_has_two_owners_and_the_gap_is_small(run):
    result, rows = covered(run)
    families = of_families(run, rows)
    assert len(rows) == len(facts(run))
    assert any(len(members) > 5 for members in families.values())
    for members in families.values():
        assert len({(row["person"], row["role"], row["service_level"]) for row in members}) == 1
    assert result.certificate.gap <= 0.0005
    several = sum(len(members) > 1 for members in families.values())
    assert result.families == {"accounts": len(rows), "units": len(families), "families": several}
    assert result.accounts == sum(row["accounts"] for row in result.roles) == len(families)
    assert "Families are covered whole" in printed([answer(result)], 160)


def test_a_family_takes_the_hours_of_one_account_and_brings_what_all_of_it_is_worth(run):
    result, rows = covered(run)
    for members in of_families(run, rows).values():
        with_hours = [row for row in members if row["hours"]]
        assert len(with_hours) == (members[0]["role"] != "digital")
    held: dict[str, float] = defaultdict(float)
    for row in rows:
        if row["person"]:
            held[row["person"]] += row["hours"]
    assert max(held.values()) <= 1200 + 1e-6
    assert sum(row["value"] for row in rows) == pytest.approx(result.certificate.value, abs=0.01 * len(rows))


def test_a_digital_family_is_worth_the_sum_of_its_accounts(run):
    """Customers and prospects of a family each count at their own share."""
    apart, whole = covered(run, families="free")[0], covered(run)[0]
    worth = [next(one.value for one in result.rules if one.rule == "all digital") for result in (apart, whole)]
    assert worth[0] == pytest.approx(worth[1], rel=1e-9)


def test_free_families_are_covered_account_by_account(run):
    result, rows = covered(run, families="free")
    assert result.families is None
    assert result.accounts == len(rows)
    owners = [{row["person"] for row in members if row["person"]} for members in of_families(run, rows).values()]
    assert any(len(people) > 1 for people in owners)


def test_a_lock_on_one_account_holds_its_whole_family(run, tmp_path):
    families = of_families(run, covered(run)[1])
    members = next(members for members in families.values() if len(members) > 4)
    lock = [{"account_id": members[-1]["account_id"], "person": "hunter 01", "locked": True}]
    after = of_families(run, covered(run, owners=owners_table(tmp_path, lock))[1])
    family = next(family for family, rows in families.items() if rows is members)
    assert {row["person"] for row in after[family]} == {"hunter 01"}


def test_locks_of_one_family_to_two_people_are_refused_by_id(run, tmp_path):
    members = next(rows for rows in of_families(run, covered(run)[1]).values() if len(rows) > 4)
    ids = [row["account_id"] for row in members[:2]]
    locks = [{"account_id": name, "person": f"hunter 0{at}", "locked": True} for at, name in enumerate(ids, 1)]
    with pytest.raises(InputContractError) as refused:
        covered(run, owners=owners_table(tmp_path, locks))
    for name in ids:
        assert repr(name) in str(refused.value)
    assert "coverage.families" in str(refused.value)
    covered(run, owners=owners_table(tmp_path, locks), families="free")


def test_a_limit_on_moves_counts_families(run, tmp_path):
    rows = covered(run)[1]
    other = {"account_manager 01": "account_manager 02", "account_manager 02": "account_manager 01"}
    owned = [row for row in rows if row["person"] in other]
    owners = [{"account_id": row["account_id"], "person": other[row["person"]]} for row in owned]
    path = owners_table(tmp_path, owners)
    result, after = covered(run, owners=path, max_moves=3)
    before = {row["account_id"]: row["person"] for row in owners}
    families = of_families(run, after)
    moved = [
        family
        for family, members in families.items()
        if any(row["account_id"] in before and row["person"] != before[row["account_id"]] for row in members)
    ]
    assert len(moved) <= 3
    assert len(result.moves) <= 3
    for members in families.values():
        assert len({row["person"] for row in members}) == 1


def test_the_tier_of_a_family_decides_its_least_service(run):
    plenty = {"account_manager": 60, "hunter": 40}
    result, rows = covered(run, team=plenty, minimum_treatment={"A": "pooled"})
    known = facts(run)
    assert not result.lacking
    assert all(row["person"] for row in rows if known[row["account_id"]]["family_tier"] == "A")


def test_scores_with_coverage_have_one_owner_a_family(tmp_path):
    done = market.score(with_parents(), tmp_path, {**ASKED, "coverage": {"team": TEAM}}, files=3)
    people = defaultdict(set)
    for row in market.scores(done).to_pylist():
        people[row["family_id"]].add((row["person"], row["role"]))
    assert {len(one) for one in people.values()} == {1}
    assert any(person for one in people.values() for person, _ in one)


def test_partitions_change_nothing(run, tmp_path):
    shuffled = with_parents().take(np.random.default_rng(1).permutation(ROWS))
    other = open_run(market.score(shuffled, tmp_path, ASKED, files=4).output)
    first, second = covered(run)[1], covered(other)[1]
    assert first == second


def test_the_result_is_stored_with_what_was_covered_whole(run):
    result, _ = covered(run)
    stored = json.loads((Path(result.path) / "coverage.json").read_text("utf-8"))
    assert stored["families"] == result.families


def test_lists_have_the_accounts_of_a_family_together_behind_the_first_of_them(tmp_path):
    done = market.score(with_parents(), tmp_path, {**ASKED, "coverage": {"team": TEAM}})
    invocation = CliRunner().invoke(app, ["lists", str(done.output), "--to", str(tmp_path / "lists"), "--no-pages"])
    assert invocation.exit_code == 0, invocation.output
    several = 0
    for path in sorted((tmp_path / "lists").glob("person-*.csv")):
        rows = pa.csv.read_csv(path).to_pylist()
        families = [row["family_id"] for row in rows]
        starts = [at for at, family in enumerate(families) if at == 0 or families[at - 1] != family]
        assert len(starts) == len(set(families))
        several += len(rows) > len(starts)
        party = {"end_user": 0, "channel": 1}
        places = [(party[rows[at]["party_type"]], rows[at]["priority"]) for at in starts]
        assert places == sorted(places)
    assert several
