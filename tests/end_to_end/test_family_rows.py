"""Families as rows: what their numbers are made of, what is refused, and the same bytes however accounts lie."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.sections import SECTIONS
from tamscore.sections.families.settings import BY_ACCOUNT
from tamscore.store.run_directory import RunDirectory, current_version
from tests.end_to_end import market
from tests.end_to_end.test_families import with_parents

ROWS = 1500
ASKED: dict[str, Any] = {
    "columns": {**market.JOB["columns"], "parent_id": "parent", "name": "name"},
    "families": {"as_accounts": True},
}
GO_BY_FAMILIES = {"campaigns", "coverage", "look_alike", "families", "backtest"}
"""Sections that work where families are the rows; backtest only as long as it names no sales afterwards."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run of the families of a market."""
    return market.score(with_parents(ROWS), tmp_path_factory.mktemp("rows"), ASKED, files=3)


def accounts_run(families: RunDirectory) -> RunDirectory:
    """The run of the accounts that families were made of."""
    output = families.output.with_name(f"{families.output.name}-accounts")
    key = current_version(output)
    assert key is not None
    return RunDirectory(output, key)


def manifest_of(done: RunDirectory) -> dict[str, Any]:
    """The manifest of a finished run."""
    manifest = done.manifest()
    assert manifest is not None
    return manifest


def table_scored(done: RunDirectory) -> list[dict[str, Any]]:
    """The rows of the table of families that a run has scored."""
    rows: list[dict[str, Any]] = pq.read_table(manifest_of(done)["inputs"]["files"][0]).to_pylist()
    return rows


def members_of(done: RunDirectory) -> dict[str, list[dict[str, Any]]]:
    """The accounts of every family, with their scores and what the input says of them."""
    inputs = {row["account_id"]: row for row in with_parents(ROWS).to_pylist()}
    members = defaultdict(list)
    for row in market.scores(accounts_run(done)).to_pylist():
        members[row["family_id"]].append({**inputs[row["account_id"]], **row})
    return members


def total(values: Any) -> float | None:
    """The sum of those that are there, None if there are none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def test_numbers_of_a_family_are_sums_or_those_of_the_account_that_stands_for_it(done):
    members = members_of(done)
    rows = table_scored(done)
    assert {row["account_id"] for row in rows} == {*members}
    for row in rows:
        accounts = members[row["account_id"]]
        by_sales = lambda one: (one["account_id"] != row["account_id"], -(one["sales"] or -math.inf))  # noqa: B023, E731
        stands = min(accounts, key=by_sales)
        for name in ("sales", "employees", "revenue"):
            assert row[name] == pytest.approx(total(one[name] for one in accounts), abs=0.004)
        if row["account_id"] in {one["account_id"] for one in accounts}:
            for name in ("growth", "industry", "segment", "name", "note"):
                assert row[name] == stands[name] or math.isnan(stands[name])
        assert row["family_members"] == len(accounts)
        assert row["members_customers"] == sum((one["sales"] or 0) > 0 for one in accounts)
        for name in ("potential", "whitespace"):
            assert row[f"members_{name}"] == pytest.approx(sum(one[name] for one in accounts), abs=0.004)


def test_the_result_states_the_potential_of_families_beside_that_of_their_accounts(done):
    scores = market.scores(done)
    assert {"family_members", "members_potential", "members_whitespace"} <= set(scores.column_names)
    assert not {"family_id", "family_tier"} & set(scores.column_names)
    manifest = manifest_of(done)
    record = manifest["extras"]["families"]["as_accounts"]
    for name in ("potential", "members_potential", "members_whitespace"):
        whole = sum(scores[name].to_pylist())
        assert record["several"][name] + record["single"][name] == pytest.approx(whole, abs=0.01)
    accounts = manifest_of(accounts_run(done))
    assert record["scored"] == accounts["rows"]["scored"] == record["several"]["members"] + record["single"]["members"]
    assert record["read"] == record["scored"] + sum(record["rejected"].values()) == ROWS
    assert manifest["rows"]["read"] == record["several"]["families"] + record["single"]["families"]
    said = CliRunner().invoke(app, ["show", str(done.output)])
    assert "families of several accounts" in said.output
    assert f"version {accounts_run(done).run_key}" in said.output
    said = CliRunner().invoke(app, ["explain", str(done.output), scores["account_id"][0].as_py()])
    assert "members potential" in said.output


def test_features_are_made_as_the_job_says(tmp_path):
    changes = {**ASKED, "families": {"as_accounts": True, "features": {"employees": "max", "growth": "sum"}}}
    done = market.score(with_parents(ROWS), tmp_path, changes)
    members = members_of(done)
    for row in table_scored(done):
        accounts = members[row["account_id"]]
        known = [one["employees"] for one in accounts if one["employees"] is not None]
        assert row["employees"] == (max(known) if known else None)
        growth = [one["growth"] for one in accounts if not math.isnan(one["growth"])]
        assert row["growth"] == (pytest.approx(math.fsum(growth), abs=1e-6) if growth else None)


def families_of_ten(rows: int, **columns: Any) -> tuple[pa.Table, dict[str, Any]]:
    """A small market whose first half are families of ten, with columns of its own, and the changes that suit it."""
    table = market.plain_accounts(rows)
    heads = pa.array([f"P{row // 10 * 10:05d}" if row < rows // 2 else None for row in range(rows)], pa.string())
    for name, values in {"parent": heads, **columns}.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    return table, {**market.PLAIN, "columns": {"parent_id": "parent"}, "families": {"as_accounts": True}}


def test_missing_sales_are_limited_among_accounts_alone(tmp_path):
    """Families of one account without sales are a larger share of families than of accounts."""
    sales = [None if row >= 594 else float(row % 3) for row in range(600)]
    table, changes = families_of_ten(600, sales=sales)
    done = market.score(table, tmp_path, {**changes, "rows": {"max_sales_missing_share": 0.01}})
    rows = manifest_of(done)["rows"]
    assert (rows["read"], rows["flagged"]["sales_missing"]) == (330, 6)
    with pytest.raises(InputContractError, match="6 of 600 rows have no sales"):
        market.score(table, tmp_path / "less", {**changes, "rows": {"max_sales_missing_share": 0.009}})


def test_sums_of_what_is_no_amount_are_said_unless_asked_for(tmp_path):
    names = ("age_years", "avgPrice", "storage")
    table, changes = families_of_ten(400, **{name: np.arange(400.0) % 7 for name in names})
    changes["features"] = {"numeric": {"x": "standard", **dict.fromkeys(names, "log_standard")}}
    changes["families"] = {"as_accounts": True, "features": {"avgPrice": "sum"}}
    notices = manifest_of(market.score(table, tmp_path, changes))["notices"]
    (text,) = [text for text in notices if "not that of an amount" in text]
    assert text.startswith("families: feature 'age_years' of a family is the sum of its accounts")


def test_more_clusters_than_families_are_refused_by_families(tmp_path):
    table, changes = families_of_ten(40, parent=[None, *["P00000"] * 39])
    with pytest.raises(InputContractError, match=r"has 1 families, fewer than clusters\.k = 2"):
        market.score(table, tmp_path, changes)


@pytest.mark.parametrize("engine", [{"workers": 1}, {"workers": 3}, {"kind": "processes", "workers": 2}])
def test_order_partitions_and_workers_change_nothing(done, engine, tmp_path):
    shuffled = with_parents(ROWS).take(np.random.default_rng(1).permutation(ROWS))
    other = market.score(shuffled, tmp_path, {**ASKED, "engine": engine}, files=5, row_group=70)
    assert [path.read_bytes() for path in done.parts()] == [path.read_bytes() for path in other.parts()]


def test_a_second_run_has_nothing_to_do_and_models_serve_again(tmp_path):
    path = market.write(with_parents(ROWS), tmp_path / "market", files=2)
    job = market.job(path, tmp_path / "scores", ASKED)
    first = pipeline.run(job, Progress())
    progress = Progress()
    assert (pipeline.run(job, progress).run_key, progress.times) == (first.run_key, [])
    frozen = pipeline.score(job, Progress())
    assert market.different(market.scores(first), market.scores(frozen)) == []
    assert manifest_of(accounts_run(first))["model"]["source"] == "frozen"
    refreshed = pipeline.refresh(job, Progress(), str(first.output), accept=True)
    assert manifest_of(refreshed)["rows"] == manifest_of(first)["rows"]
    assert open_run(refreshed.path).input.path.endswith(".parquet")


def test_models_of_accounts_and_of_families_are_not_exchanged(tmp_path):
    path = market.write(with_parents(ROWS), tmp_path / "market")
    plain = {**ASKED, "families": {}}
    market.run(path, tmp_path / "plain", plain)
    families = market.run(path, tmp_path / "scores", ASKED)
    with pytest.raises(InputContractError, match="has scored accounts, expected a run of families"):
        pipeline.score(market.job(path, tmp_path / "plain", ASKED), Progress())
    with pytest.raises(InputContractError, match=r"\[families\] differs"):
        pipeline.score(market.job(path, tmp_path / "other", plain), Progress(), str(families.output))


def test_rejected_accounts_are_in_no_family_and_are_counted(tmp_path):
    table = with_parents(ROWS)
    ids = table["account_id"].to_pylist()
    ids[5], ids[7], ids[11] = None, " ", ids[10]
    table = table.set_column(0, "account_id", pa.array(ids))
    done = market.score(table, tmp_path, {**ASKED, "rows": {**market.JOB["rows"], "duplicates": "reject"}}, files=3)
    record = manifest_of(done)["extras"]["families"]["as_accounts"]
    assert record["rejected"] == {"missing_id": 2, "duplicate_id": 2}
    assert record["scored"] == sum(market.scores(done)["family_members"].to_pylist()) == ROWS - 4


def test_rows_of_one_account_that_are_added_up_count_once(tmp_path):
    table = with_parents(ROWS)
    table = pa.concat_tables([table, table.slice(100, 50)])
    done = market.score(table, tmp_path, {**ASKED, "rows": {**market.JOB["rows"], "duplicates": "sum"}}, files=2)
    accounts = market.scores(accounts_run(done))
    assert sum(market.scores(done)["family_members"].to_pylist()) == ROWS
    whole = total(accounts["sales"].to_pylist())
    assert total(market.scores(done)["sales"].to_pylist()) == pytest.approx(whole, abs=0.01)
    employees = total(with_parents(ROWS)["employees"].to_pylist())
    assert total(row["employees"] for row in table_scored(done)) == employees


def test_amounts_and_words_are_converted_once(tmp_path):
    table = with_parents(ROWS)
    table = table.append_column("currency", pa.array(["USD", "EUR"] * (ROWS // 2)))
    changes = {
        **ASKED,
        "columns": {**ASKED["columns"], "currency": "currency"},
        "currency": {"target": "EUR", "rates": {"USD": 0.5}},
        "values": {"industry": {"retail": "steel", "steel": "retail"}},
    }
    done = market.score(table, tmp_path, changes, files=2)
    accounts, families = market.scores(accounts_run(done)), market.scores(done)
    whole = total(accounts["sales"].to_pylist())
    assert total(families["sales"].to_pylist()) == pytest.approx(whole, abs=0.01)
    rows = table_scored(done)
    assert {row["currency"] for row in rows} == {"EUR"}
    assert sum(row["revenue"] for row in rows) == pytest.approx(
        sum(row["revenue"] * (0.5 if row["currency"] == "USD" else 1) for row in table.to_pylist())
    )
    swapped = {"retail": "steel", "steel": "retail"}
    given = {row["account_id"]: swapped.get(row["industry"], row["industry"]) for row in table.to_pylist()}
    assert all(row["industry"] == given[row["account_id"]] for row in rows)


def test_families_of_both_party_types_are_scored_as_their_top_account_and_said(done):
    mixed = sum(len({one["party_type"] for one in accounts}) > 1 for accounts in members_of(done).values())
    assert mixed > 0
    assert manifest_of(done)["extras"]["families"]["as_accounts"]["of_both_party_types"] == mixed
    assert any("both end users and channel partners" in text for text in manifest_of(done)["notices"])


def test_one_family_of_all_accounts_and_families_without_any_top(tmp_path):
    table = market.plain_accounts(600)
    heads = pa.array([f"G{row % 300}" if row >= 100 else None for row in range(600)])
    table = table.append_column("head", heads)
    changes = {**market.PLAIN, "columns": {"ultimate_parent_id": "head"}, "families": {"as_accounts": True}}
    done = market.score(table, tmp_path, changes)
    rows = {row["account_id"]: row for row in table_scored(done)}
    assert rows["G150"]["family_members"] == 2
    given = {row["account_id"]: row for row in table.to_pylist()}
    pair = [given["P00150"], given["P00450"]]
    best = max(pair, key=lambda row: row["sales"])
    assert pair[0]["sales"] == pair[1]["sales"] or rows["G150"]["x"] == best["x"]


@pytest.mark.parametrize("name", BY_ACCOUNT)
def test_sections_that_go_by_accounts_are_refused_by_name(name, tmp_path):
    with pytest.raises(JobFileError, match=f"{name}: expected no section that goes by accounts"):
        market.job(tmp_path, tmp_path / "scores", {**ASKED, **needs(name)})


def needs(name: str) -> dict[str, Any]:
    """The section with the keys that it cannot do without."""
    keys: dict[str, dict[str, Any]] = {
        "buying_roles": {"path": "contacts.csv", "role": "title", "wanted": {"user": []}},
        "jobs": {},
        "products": {"path": "products.csv", "sales": "sales"},
        "next_offer": {"path": "products.csv"},
        "propensity": {"label": "bought"},
    }
    return {name: keys.get(name, {})}


def test_every_section_is_refused_or_goes_by_families():
    assert {*BY_ACCOUNT} | GO_BY_FAMILIES == {*SECTIONS}
    assert not {*BY_ACCOUNT} & GO_BY_FAMILIES


def test_keys_that_cannot_be_meant_are_refused(tmp_path):
    def job(**families: Any) -> None:
        market.job(tmp_path, tmp_path / "scores", {**ASKED, "families": families})

    with pytest.raises(
        JobFileError, match=r"families.features.employees: expected no key without families.as_accounts"
    ):
        job(features={"employees": "max"})
    with pytest.raises(JobFileError, match=r"employes: expected a numeric feature.*did you mean 'employees'"):
        job(as_accounts=True, features={"employes": "max"})
    with pytest.raises(JobFileError, match=r"industry: expected a numeric feature.*a category is always"):
        job(as_accounts=True, features={"industry": "max"})
    with pytest.raises(JobFileError, match="expected one of 'sum', 'max', 'parent'"):
        job(as_accounts=True, features={"employees": "median"})
    with pytest.raises(JobFileError, match=r"columns.parent_id: expected a column for \[families\]"):
        market.job(tmp_path, tmp_path / "scores", {"families": {"as_accounts": True}})
    with pytest.raises(JobFileError, match="backtest: expected no section that goes by accounts"):
        market.job(tmp_path, tmp_path / "scores", {**ASKED, "backtest": {"realised": "later"}})
    with pytest.raises(JobFileError, match="family_members: expected a name of its own"):
        market.job(tmp_path, tmp_path / "s", {**ASKED, "features.numeric": {"family_members": "standard"}})


def test_commands_about_the_finished_run_work_or_say_why_not(done, tmp_path):
    def invoke(*asked: str) -> Any:
        return CliRunner().invoke(app, [*asked])

    output = str(done.output)
    said = invoke("export", output, "--to", str(tmp_path / "f.csv"), "--by", "family")
    assert (said.exit_code, "are families already" in said.output) == (2, True)
    assert invoke("export", output, "--to", str(tmp_path / "e.csv")).exit_code == 0
    assert len((tmp_path / "e.csv").read_text().splitlines()) == manifest_of(done)["rows"]["scored"] + 1
    for asked in (
        ["coverage", output],
        ["lists", output, "--to", str(tmp_path / "l")],
        ["report", output, "--to", str(tmp_path / "r.html")],
    ):
        said = invoke(*asked)
        assert said.exit_code == 0, said.output
    first = market.scores(done)["account_id"][0].as_py()
    said = invoke("forget", output, first, "--dry-run")
    assert said.exit_code == 0, said.output
    assert f"forget their accounts in {output}-accounts" in said.output


def test_check_looks_at_the_accounts(tmp_path):
    market.write(with_parents(ROWS), tmp_path / "market")
    job = tmp_path / "job.toml"
    job.write_text(
        'device = "cpu"\n[input]\npath = "market"\n[output]\npath = "scores"\n[columns]\nparent_id = "parent"\n'
        '[rows]\nmax_sales_missing_share = 0.5\n[features.numeric]\nemployees = "log_standard"\n[clusters]\nk = 3\n'
        "[families]\nas_accounts = true\n"
    )
    said = CliRunner().invoke(app, ["check", str(job)])
    assert said.exit_code == 0, said.output
    assert "scored as rows" in said.output
