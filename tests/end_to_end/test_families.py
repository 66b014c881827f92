"""Families in whole runs: columns, tables, sums to the cent, what is refused, and the same bytes however rows lie."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.stages.folding import fold_ids
from tamscore.store import verify
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

ROWS = 900
MONEY = ("sales", "potential", "whitespace", "expected_value")
ASKED: dict[str, Any] = {
    "columns": {**market.JOB["columns"], "parent_id": "parent"},
    "families": {},
}


def with_parents(rows: int = ROWS, seed: int = 3) -> pa.Table:
    """A market in which a third of the accounts has a parent; some name themselves, strangers, or one another."""
    table = market.accounts(rows, seed)
    ids, random = np.array(table["account_id"].to_pylist()), np.random.default_rng(seed)
    parent = ids[random.integers(0, rows, rows)].astype(object)
    parent[random.random(rows) < 0.66] = None
    parent[:3] = [f" {ids[1]} ", ids[2], ids[0]]
    parent[3:6] = [ids[3], "nobody", "nobody"]
    return table.append_column("parent", pa.array(parent.tolist(), pa.string()))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run of that market."""
    return market.score(with_parents(), tmp_path_factory.mktemp("families"), ASKED, files=3)


def tops(table: pa.Table) -> dict[str, str]:
    """The top of every account's tree, found one link at a time."""
    given = zip(table["account_id"].to_pylist(), table["parent"].to_pylist(), strict=True)
    parent = {account: (name or "").strip() for account, name in given}
    found = {}
    for account in parent:
        seen = [account]
        while (above := parent[seen[-1]] if parent[seen[-1]] in parent else seen[-1]) not in seen:
            seen.append(above)
        found[account] = min(seen[seen.index(above) :])
    return found


def cents(value: float | None) -> Decimal:
    """An amount to the cent, exactly."""
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def test_every_account_is_of_the_family_of_its_top_account(done):
    scores, top = market.scores(done), tops(with_parents())
    rows = scores.select(["account_id", "family_id", "family_members", "family_tier"]).to_pylist()
    assert [row["family_id"] for row in rows] == [top[row["account_id"]] for row in rows]
    members: dict[str, int] = defaultdict(int)
    for row in rows:
        members[row["family_id"]] += 1
    assert [row["family_members"] for row in rows] == [members[row["family_id"]] for row in rows]


def test_the_table_of_families_adds_up_what_their_accounts_have_to_the_cent(done):
    scores = market.scores(done).to_pylist()
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in scores:
        for name in MONEY:
            sums[row["family_id"]][name] += cents(row[name])
        sums[row["family_id"]]["customers"] += row["kind"] == "expansion"
        sums[row["family_id"]]["members"] += 1
    table = pq.read_table(done.tables / "families.parquet").to_pylist()
    assert {row["family_id"] for row in table} == {name for name, row in sums.items() if row["members"] > 1}
    for row in table:
        assert {name: cents(row[name]) for name in MONEY} == {name: sums[row["family_id"]][name] for name in MONEY}
        assert (row["members"], row["customers"]) == (
            sums[row["family_id"]]["members"],
            sums[row["family_id"]]["customers"],
        )
    record = done.manifest()["extras"]["families"]
    for name in MONEY:
        whole = sum((cents(row[name]) for row in scores), Decimal(0))
        assert cents(record["families"][name]) + cents(record["single"][name]) == whole


def test_a_family_has_one_tier_by_the_expected_value_of_its_accounts(done):
    scores = market.scores(done).to_pylist()
    tier = {row["family_id"]: row["family_tier"] for row in scores}
    assert all(row["family_tier"] == tier[row["family_id"]] for row in scores)
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for row in scores:
        expected[row["family_id"]] += cents(row["expected_value"])
    ordered = sorted(expected, key=lambda family: -expected[family])
    tiers = [tier[family] for family in ordered]
    assert tiers == sorted(tiers)
    assert set(tiers) == {"A", "B", "C", "D"}
    table = pq.read_table(done.tables / "families.parquet").to_pylist()
    assert all(row["tier"] == tier[row["family_id"]] for row in table)


def test_what_cannot_be_followed_is_listed_and_said_by_id(done):
    table, ids = (
        pq.read_table(done.tables / "family_problems.parquet").to_pylist(),
        with_parents()["account_id"].to_pylist(),
    )
    kinds = {row["problem"]: row for row in table}
    assert (kinds["unknown_parent"]["parent_id"], kinds["unknown_parent"]["accounts"]) == ("nobody", 2)
    assert (kinds["own_parent"]["account_id"], kinds["own_parent"]["parent_id"]) == (ids[3], ids[3])
    circles = [row for row in table if row["problem"] == "circle"]
    assert (min(ids[:3]), 3) in {(row["account_id"], row["accounts"]) for row in circles}
    notices = "\n".join(done.manifest()["notices"])
    assert "families: 2 accounts with a parent that is no account of the market" in notices
    assert "first 'nobody'" in notices


@pytest.mark.parametrize("engine", [{"workers": 1}, {"workers": 3}, {"kind": "processes", "workers": 2}])
def test_order_partitions_and_workers_change_nothing(done, engine, tmp_path):
    table = with_parents()
    shuffled = table.take(np.random.default_rng(1).permutation(ROWS))
    other = market.score(shuffled, tmp_path, {**ASKED, "engine": engine}, files=5, row_group=50)
    assert market.different(market.scores(done), market.scores(other)) == []
    for name in ("families", "family_problems"):
        assert (done.tables / f"{name}.parquet").read_bytes() == (other.tables / f"{name}.parquet").read_bytes()


def test_without_parents_every_column_of_the_scores_is_the_same(done, tmp_path):
    plain = market.score(with_parents(), tmp_path, files=3)
    with_families = market.scores(done)
    own = [name for name in with_families.column_names if name.startswith("family_")]
    assert own == ["family_id", "family_members", "family_tier"]
    assert market.different(market.scores(plain), with_families.drop_columns(own)) == []


def test_a_resumed_run_leaves_the_same_tables(tmp_path):
    first = market.score(with_parents(), tmp_path, ASKED, files=3)
    before = {path.name: path.read_bytes() for path in first.tables.glob("famil*")}
    (first.path / "manifest.json").unlink()
    again = market.run(tmp_path / "market", tmp_path / "scores", ASKED)
    assert {path.name: path.read_bytes() for path in again.tables.glob("famil*")} == before


def test_an_ultimate_parent_outside_the_market_is_the_family(tmp_path):
    table = with_parents()
    heads = ["GROUP" if row % 50 == 0 else None for row in range(ROWS)]
    changes = {**ASKED, "columns": {**ASKED["columns"], "ultimate_parent_id": "head"}}
    done = market.score(table.append_column("head", pa.array(heads, pa.string())), tmp_path, changes)
    family = dict(zip(*(market.scores(done)[name].to_pylist() for name in ("account_id", "family_id")), strict=True))
    given = [name for name, head in zip(table["account_id"].to_pylist(), heads, strict=True) if head]
    assert {family[name] for name in given} <= {"GROUP"}


def test_parents_change_from_week_to_week_under_a_frozen_model(done, tmp_path):
    """Families are those of the week; all else is what a frozen model says without them."""
    first = market.run(with_parents_at(tmp_path, {}), tmp_path / "scores", ASKED)
    ids = with_parents()["account_id"].to_pylist()
    job = market.job(with_parents_at(tmp_path, {ids[10]: ids[20]}), tmp_path / "scores", ASKED)
    later = pipeline.score(job, Progress(), accept=True)
    family = dict(zip(*(market.scores(later)[name].to_pylist() for name in ("account_id", "family_id")), strict=True))
    assert family[ids[10]] == family[ids[20]]
    own = ["family_id", "family_members", "family_tier"]
    assert market.different(market.scores(first).drop_columns(own), market.scores(later).drop_columns(own)) == []
    refreshed = pipeline.refresh(job, Progress(), str(first.output), accept=True)
    assert set(own) <= set(market.scores(refreshed).column_names)


def with_parents_at(folder: Path, changed: Mapping[str, str]) -> Path:
    """The market on disk, with other parents of some accounts."""
    table = with_parents()
    ids, parents = table["account_id"].to_pylist(), table["parent"].to_pylist()
    new = [changed.get(account, parent) for account, parent in zip(ids, parents, strict=True)]
    table = table.set_column(table.column_names.index("parent"), "parent", pa.array(new, pa.string()))
    return market.write(table, folder / "market", files=2)


def test_ids_of_crm_systems_join_with_and_without_their_suffix(tmp_path):
    table = market.plain_accounts(200)
    short = [f"001A00000{row:06d}" for row in range(200)]
    parents = [None, *short[:1] * 199]
    changes = {**market.PLAIN, "columns": {"parent_id": "parent", "id_form": "crm18"}, "families": {}}
    ids = fold_ids(pa.array(short, pa.large_string()), "crm18").to_pylist()
    table = table.set_column(0, "account_id", pa.array(ids)).append_column("parent", pa.array(parents, pa.string()))
    done = market.score(table, tmp_path, changes)
    assert set(market.scores(done)["family_id"].to_pylist()) == {ids[0]}


def test_a_column_whose_ids_are_no_accounts_is_refused(tmp_path):
    table = market.plain_accounts(200).append_column("parent", pa.array([f"X{row}" for row in range(200)]))
    changes = {**market.PLAIN, "columns": {"parent_id": "parent"}, "families": {}}
    with pytest.raises(InputContractError, match=r"0 of 200 rows met an account.*families.min_match_share"):
        market.score(table, tmp_path, changes)


def test_parents_that_are_decimals_are_refused(tmp_path):
    table = market.plain_accounts(200).append_column("parent", pa.array(np.full(200, np.nan)))
    changes = {**market.PLAIN, "columns": {"parent_id": "parent"}, "families": {}}
    with pytest.raises(InputContractError, match="column 'parent' is double, expected text or whole numbers"):
        market.score(table, tmp_path, changes)


def test_parents_need_the_section_and_the_section_needs_parents(tmp_path):
    with pytest.raises(JobFileError, match=r"columns.parent_id: expected no column without \[families\]"):
        market.job(tmp_path, tmp_path / "scores", {"columns": {"parent_id": "parent"}})
    with pytest.raises(JobFileError, match=r"columns.parent_id: expected a column for \[families\]"):
        market.job(tmp_path, tmp_path / "scores", {"families": {}})


def test_accounts_that_are_rejected_still_lead_to_their_parents(tmp_path):
    table = market.plain_accounts(300)
    ids = table["account_id"].to_pylist()
    parents = [None, ids[0], ids[1], *[None] * 297]
    sales = [value if row != 1 else None for row, value in enumerate(table["sales"].to_pylist())]
    table = table.set_column(1, "sales", pa.array(sales, pa.float64())).append_column("parent", pa.array(parents))
    changes = {**market.PLAIN, "columns": {"parent_id": "parent"}, "families": {}}
    changes["rows"] = {"sales_missing": "reject", "max_rejected_share": 0.5}
    done = market.score(table, tmp_path, changes)
    rows = {row["account_id"]: row for row in market.scores(done).to_pylist()}
    assert ids[1] not in rows
    assert (rows[ids[2]]["family_id"], rows[ids[2]]["family_members"]) == (ids[0], 2)


def test_a_holdout_draws_families_whole_by_their_tier_and_lift_counts_them_so(tmp_path):
    table = with_parents(4_000)
    done = market.score(table, tmp_path, ASKED)
    asked = ["holdout", str(done.output), "--rate", "0.2", "--share", "0.3"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    drawn = next(done.output.rglob("holdouts/*/accounts.parquet"))
    rows = pq.read_table(drawn).to_pylist()
    scores = {row["account_id"]: row for row in market.scores(done).to_pylist()}
    arms, kinds = defaultdict(set), defaultdict(set)
    for row in scores.values():
        kinds[row["family_id"]].add(row["kind"])
    for row in rows:
        arms[row["family_id"]].add(row["control"])
        assert scores[row["account_id"]]["family_tier"] in row["stratum"]
    assert {len(arm) for arm in arms.values()} == {1}
    assert all(len(kinds[family]) == 1 for family in arms)
    assert max(scores[row["account_id"]]["family_members"] for row in rows) > 2
    outcomes = pa.table(
        {"account_id": [row["account_id"] for row in rows], "bought": [len(row["family_id"]) % 2 == 0 for row in rows]}
    )
    pq.write_table(outcomes, tmp_path / "won.parquet")
    invocation = CliRunner().invoke(
        app, ["lift", str(done.output), "--outcomes", str(tmp_path / "won.parquet"), "--json"]
    )
    assert invocation.exit_code == 0, invocation.output
    assert json.loads(invocation.stdout)["buyers"]["controls"] == sum(row["control"] for row in rows)
    top = next(row["family_id"] for row in rows if row["account_id"] != row["family_id"])
    naming = sum(row["family_id"] == top != row["account_id"] for row in [*rows, *scores.values()])
    forgotten = CliRunner().invoke(app, ["forget", str(done.output), top, "--dry-run", "--json"])
    assert json.loads(forgotten.stdout)["named"] == {"family_id": naming}


def test_a_forgotten_account_leaves_the_tables_of_families_and_is_counted_where_others_name_it(tmp_path):
    done = market.score(with_parents(), tmp_path, ASKED)
    table = pq.read_table(done.tables / "family_problems.parquet").to_pylist()
    circle = next(row for row in table if row["problem"] == "circle")
    top = pq.read_table(done.tables / "families.parquet")["family_id"][0].as_py()
    said = CliRunner().invoke(app, ["forget", str(done.output), top, circle["parent_id"]])
    assert said.exit_code == 0, said.output
    assert "column 'family_id' names them" in said.output
    assert top not in pq.read_table(done.tables / "families.parquet")["family_id"].to_pylist()
    left = pq.read_table(done.tables / "family_problems.parquet").to_pylist()
    assert circle["parent_id"] not in {row[name] for row in left for name in ("account_id", "parent_id")}
    assert circle["parent_id"] not in (done.tables / "family_problems.csv").read_text()
    assert verify.problems_of_output(done.output) == []


def test_an_export_by_family_has_a_row_each_with_sums_to_the_cent(done, tmp_path):
    scores = market.scores(done).to_pylist()
    for name in ("families.csv", "families.parquet"):
        asked = ["export", str(done.path), "--to", str(tmp_path / name), "--by", "family", "--json"]
        said = CliRunner().invoke(app, asked)
        assert said.exit_code == 0, said.output
    rows = pq.read_table(tmp_path / "families.parquet").to_pylist()
    assert json.loads(said.stdout)["exported"] == len(rows) == len({row["family_id"] for row in scores})
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in scores:
        for name in MONEY:
            sums[row["family_id"]][name] += cents(row[name])
        sums[row["family_id"]]["accounts"] += 1
    for row in rows:
        assert {name: row[name] for name in (*MONEY, "accounts")} == sums[row["family_id"]]
    assert [row["expected_value"] for row in rows] == sorted((row["expected_value"] for row in rows), reverse=True)
    assert len((tmp_path / "families.csv").read_text().splitlines()) == len(rows) + 1


def test_an_export_by_family_takes_no_option_about_accounts(done, tmp_path):
    asked = ["export", str(done.path), "--to", str(tmp_path / "f.csv"), "--by", "family", "--fields", "potential"]
    said = CliRunner().invoke(app, asked)
    assert said.exit_code == 2
    assert "--fields: expected no such option with --by family" in said.output
    plain = market.score(market.plain_accounts(200), tmp_path, market.PLAIN)
    said = CliRunner().invoke(app, ["export", str(plain.output), "--to", str(tmp_path / "f.csv"), "--by", "family"])
    assert said.exit_code == 2
    assert "the run has no families" in said.output
