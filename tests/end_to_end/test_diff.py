"""Differences between runs: the parts sum to the change, and each planted cause lands in its own part."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions import diff_table, diff_totals, join, relabel
from tamscore.questions.causes import CAUSES
from tamscore.questions.join import SoughtAccounts
from tamscore.questions.stored import open_run
from tamscore.stages import draw
from tamscore.store.tables import account_ids
from tests.end_to_end import market

ROWS = 6000
SAMPLED: dict[str, Any] = {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}
"""Under these the model is fitted on some of the rows: what changes in the others leaves it as it is."""


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))


def grown(table, share=0.3, seed=8):
    """The table with sales changed for a share of its rows: customers won, lost, grown and shrunk."""
    random = np.random.default_rng(seed)
    sales = table["sales"].to_numpy(zero_copy_only=False).copy()
    chosen = random.random(len(sales)) < share
    sales[chosen] = np.where(random.random(len(sales)) < 0.5, random.lognormal(5, 2, len(sales)).round(2), 0.0)[chosen]
    return with_column(table, "sales", sales)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The first run."""
    return market.score(market.accounts(ROWS), tmp_path_factory.mktemp("first"), SAMPLED)


@pytest.fixture(scope="module")
def only_sales(tmp_path_factory):
    """A later run in which nothing but sales has changed, so that the model is the same."""
    return market.score(grown(market.accounts(ROWS)), tmp_path_factory.mktemp("sales"), SAMPLED)


def compared(first, second, tmp_path, top=10):
    """The diff of two runs, and its rows that are in both by account id."""
    stored = open_run(first.output), open_run(second.output)
    found = diff_table.compare(*stored, Progress(), top, tmp_path / "diff.parquet")
    table = pq.read_table(tmp_path / "diff.parquet")
    return found, table, {row["account_id"]: row for row in table.to_pylist() if row["status"] == "kept"}


def sums_hold(rows, first, second):
    """The law: parts sum to the change to the cent, for every account, and the ends are what the runs have stored."""
    scored = [{row["account_id"]: row for row in market.scores(done).to_pylist()} for done in (first, second)]
    assert rows.keys() == scored[0].keys() & scored[1].keys()
    for account, row in rows.items():
        before, after = (Decimal(str(round(one[account]["potential"], 2))) for one in scored)
        assert (row["potential_before"], row["potential_after"]) == (before, after)
        assert sum(row[cause] for cause in CAUSES) == row["potential_change"] == after - before
        whitespace = row["whitespace_own_sales"] + sum(row[cause] for cause in CAUSES[1:])
        assert whitespace == row["whitespace_change"] == row["whitespace_after"] - row["whitespace_before"]
        assert abs(row["whitespace_after"] - Decimal(str(scored[1][account]["whitespace"]))) <= Decimal("0.01")


def causes_at_work(rows):
    return {cause for row in rows.values() for cause in CAUSES if row[cause]}


def test_the_same_run_twice_differs_in_nothing(base, tmp_path):
    found, table, rows = compared(base, base, tmp_path)
    assert (len(rows), table.num_rows, causes_at_work(rows), found.movers.num_rows) == (ROWS, ROWS, set(), 0)


def test_other_cut_lines_are_policy_alone(base, tmp_path):
    rules = {"potential": {"preset": "p80", "boundary": "strictly_below", "top_step": "p99"}}
    second = market.run(base.output.parent / "market", tmp_path / "second", SAMPLED | rules)
    found, _, rows = compared(base, second, tmp_path)
    sums_hold(rows, base, second)
    assert (found.same_model, causes_at_work(rows)) == (True, {"policy"})


def test_another_model_of_the_same_market_is_model_alone(base, tmp_path):
    second = market.run(base.output.parent / "market", tmp_path / "second", SAMPLED | {"clusters.k": 3})
    found, _, rows = compared(base, second, tmp_path)
    sums_hold(rows, base, second)
    assert (found.same_model, found.notices, causes_at_work(rows)) == (False, (), {"model"})


def test_sales_alone_work_through_the_account_and_its_peers(base, only_sales, tmp_path):
    """Accounts whose own sales stayed change through peers alone; what own sales did is their old ladder's answer."""
    found, _, rows = compared(base, only_sales, tmp_path)
    sums_hold(rows, base, only_sales)
    assert (found.same_model, causes_at_work(rows)) == (True, {"own_sales", "peers"})
    ladders = {row["cluster"]: row for row in pq.read_table(base.tables / "potential.parquet").to_pylist()}
    for row in rows.values():
        steps = [ladders[row["cluster_before"]][step] for step in ("p85", "p90", "p95", "top")]
        sold = row["sales_after"] or Decimal(0)
        on_old = next((Decimal(str(round(v, 2))) for v in steps if v >= float(sold)), sold)
        assert row["own_sales"] == on_old - row["potential_before"]


def test_an_account_that_turns_into_another_moves_cluster_under_one_model(base, tmp_path):
    """The features of one row that no fit has drawn are replaced by those of a row of another cluster."""
    table = market.accounts(ROWS)
    numbers = draw.draw_number(draw.id_hash(table["account_id"].combine_chunks()), 0)
    party, group = table["party_type"].to_pylist(), market.peer_group(ROWS)
    row = int(np.argmax(np.where((np.array(party) == "end_user") & (group == 0), numbers, 0)))
    model = next(i for i in range(ROWS) if group[i] == 3 and party[i] == "end_user" and table["employees"][i].is_valid)
    for name in ("employees", "growth", "industry", "revenue"):
        values = table[name].to_pylist()
        values[row] = values[model]
        table = with_column(table, name, values)
    second = market.score(table, tmp_path, SAMPLED)
    found, _, rows = compared(base, second, tmp_path)
    sums_hold(rows, base, second)
    moved = rows[table["account_id"][row].as_py()]
    assert found.same_model
    assert moved["cluster_before"] != moved["cluster_after"]
    assert moved["cluster_move"] > 0
    assert not any(other["cluster_move"] for other in rows.values() if other is not moved)


def test_under_a_new_model_own_sales_and_peers_are_reported_as_under_the_old_one(base, only_sales, tmp_path):
    """The labels that the first model gives to the second run's input are found again: what sales did is told the same,
    whether the model was fitted anew or not, and nobody moves whose features stayed."""
    folder = only_sales.output.parent / "market"
    refitted = market.run(folder, tmp_path / "second", SAMPLED | {"clusters.k": 3, "clusters.seed": 5})
    found, _, rows = compared(base, refitted, tmp_path)
    sums_hold(rows, base, refitted)
    assert (found.same_model, found.notices) == (False, ())
    assert causes_at_work(rows) == {"own_sales", "peers", "model"}
    _, _, plain = compared(base, only_sales, tmp_path)
    for cause in ("own_sales", "cluster_move", "peers"):
        assert {key: row[cause] for key, row in rows.items()} == {key: row[cause] for key, row in plain.items()}


def test_another_sales_column_of_the_same_files_is_no_work_of_a_new_model(tmp_path):
    """The bytes are the same, the sales are not: what they did is not laid at the model's door."""
    table = market.accounts(1500)
    table = table.append_column("sales_now", grown(table)["sales"])
    first = market.score(table, tmp_path)
    changes = {"clusters.k": 3, "columns": {**market.JOB["columns"], "sales": "sales_now"}}
    second = market.run(tmp_path / "market", tmp_path / "second", changes)
    _, _, rows = compared(first, second, tmp_path)
    sums_hold(rows, first, second)
    assert causes_at_work(rows) == {"own_sales", "peers", "model"}


def test_where_the_second_input_is_gone_the_model_takes_what_cannot_be_distinguished(base, tmp_path):
    changed = market.score(grown(market.accounts(ROWS)), tmp_path, SAMPLED | {"clusters.k": 3})
    for file in (tmp_path / "market").iterdir():
        file.unlink()
    found, _, rows = compared(base, changed, tmp_path)
    sums_hold(rows, base, changed)
    assert causes_at_work(rows) == {"own_sales", "model"}
    assert "are reported together, as model" in found.notices[0]


def test_accounts_that_come_and_go_are_distinguished_and_totals_add_up(base, tmp_path):
    """New and gone accounts have no parts; totals are the sums of the rows, by kind; movers are the largest changes."""
    table = grown(market.accounts(ROWS)).slice(50)
    fresh = market.accounts(70, seed=1)
    fresh = with_column(fresh, "account_id", [f"N{i}" for i in range(70)])
    second = market.score(pa.concat_tables([table, fresh]), tmp_path, SAMPLED)
    found, whole, rows = compared(base, second, tmp_path, top=7)
    sums_hold(rows, base, second)
    status = pc.value_counts(whole["status"].cast(pa.string())).to_pylist()
    assert {one["values"]: one["counts"] for one in status} == {"kept": ROWS - 50, "new": 70, "gone": 50}
    assert all(row[cause] is None for row in whole.to_pylist() if row["status"] != "kept" for cause in CAUSES)
    for kind, buys in ((0, False), (1, True)):
        here = [row for row in rows.values() if ((row["sales_after"] or 0) > 0) == buys]
        for place, cause in enumerate(CAUSES):
            assert found.totals.parts[kind, place, 1] == sum(100 * row[cause] for row in here)
        came = [row for row in whole.to_pylist() if row["status"] == "new" and (row["sales_after"] > 0) == buys]
        sums = [100 * sum((row[f"{money}_after"] for row in came), Decimal(0)) for money in ("potential", "whitespace")]
        assert found.totals.new[kind].tolist() == [len(came), *sums]
    assert found.totals.gone[:, 0].sum() == 50
    order = sorted(rows.values(), key=lambda row: (-abs(row["potential_change"]), row["account_id"]))
    assert found.movers["account_id"].to_pylist() == [row["account_id"] for row in order[:7]]


def test_a_model_gives_accounts_the_same_cluster_by_their_place_and_by_their_id(base, tmp_path):
    """After a `forget` the scores lack accounts that the input still has, so that places say nothing any more."""
    second = market.score(grown(market.accounts(ROWS)), tmp_path, {**SAMPLED, "clusters.seed": 4})
    first, later = open_run(base.output), open_run(second.output)
    labels = relabel.labels_under(first, later)
    ids = [account_ids(table["account_id"], later.id_form) for table in later.read(["account_id"])]
    by_place = [labels.of_part(place, SoughtAccounts(part)) for place, part in enumerate(ids)]
    assert "_by_id" not in vars(labels)
    rest = [part.slice(1) for part in ids]
    by_id = [labels.of_part(place, SoughtAccounts(part)) for place, part in enumerate(rest)]
    for (codes, typical), (codes_by_id, typical_by_id) in zip(by_place, by_id, strict=True):
        assert codes[1:].tolist() == codes_by_id.tolist()
        np.testing.assert_array_equal(typical[1:], typical_by_id)
        assert (codes >= 0).all()
    strange = pa.array(["nobody"], pa.large_string())
    assert labels.of_part(0, SoughtAccounts(strange))[0].tolist() == [-1]
    same = relabel.labels_under(first, first)
    part = account_ids(next(first.read(["account_id"]))["account_id"], first.id_form)
    own = first.codes(next(first.read(["cluster"]))["cluster"])
    assert same.of_part(0, SoughtAccounts(part))[0].tolist() == own.tolist()


@pytest.mark.parametrize("largest", [10**6, 2**62])
def test_sums_of_cents_are_exact_at_any_size(largest):
    amounts = np.array([[largest, largest, -1, largest], [-largest, -largest, 3, -largest]], np.int64)
    assert diff_totals.exact_sum(amounts).tolist() == [3 * largest - 1, 3 - 3 * largest]
    assert diff_totals.exact_sum(amounts[:, :0]).tolist() == [0, 0]


def test_accounts_are_found_by_id_even_where_hashes_collide(monkeypatch):
    """Ids are compared in full: with four hashes for all of them the answer stays the same."""
    monkeypatch.setattr(join, "id_hash", lambda ids: draw.id_hash(ids) % np.uint64(4))
    ids = [pa.chunked_array([[f"A{i}" for i in range(40)]]), pa.chunked_array([[f"B{i}" for i in range(30)]])]
    index = join.AccountIndex.of(ids)
    wanted = pa.chunked_array([["B29", "A0", "C1", "A39"], ["B0", "zz"]])
    assert index.rows_of(wanted).tolist() == [69, 0, -1, 39, 40, -1]


def test_the_command_takes_run_keys_and_tells_as_text_and_json(base, tmp_path):
    """The second run may be named by the beginning of its key; both forms tell the same totals."""
    second = market.run(base.output.parent / "market", base.output, SAMPLED | {"potential": {"preset": "p80"}})
    base.point_here()
    call = ["diff", str(base.output), second.run_key[:6], "--top", "2", "--to", str(tmp_path / "d.parquet")]
    page = CliRunner().invoke(app, call)
    assert page.exit_code == 0, page.output
    assert "under one model" in page.stdout
    found = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert (found["first"], found["second"]) == (base.run_key, second.run_key)
    assert found["kinds"]["acquisition"]["causes"]["policy"]["potential"] < 0
    assert len(found["movers"]) == 2
    assert pq.read_metadata(tmp_path / "d.parquet").num_rows == ROWS
    wrong = CliRunner().invoke(app, ["diff", str(base.output), "zzzz"])
    assert (wrong.exit_code, "no complete version begins so" in wrong.stderr) == (2, True)
