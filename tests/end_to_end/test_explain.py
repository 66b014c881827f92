"""Explanations: rebuilt from stored facts, exact to the account, helpful where an id is mistyped."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, UsageError
from tamscore.progress import Progress
from tamscore.questions import contrast, explain
from tamscore.questions.stored import open_run
from tamscore.store import contents
from tamscore.view.words import exact
from tests.end_to_end import market


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder, named = tmp_path_factory.mktemp("explain"), {"columns.name": "name"}
    return market.score(market.accounts(1500, seed=4), folder, named, files=3)


@pytest.fixture(scope="module", params=[{}, {"potential": {"boundary": "strictly_below", "top_step": "next_step"}}])
def run(done, request, tmp_path_factory):
    """The market under the default rules, and under the others; with the scores in order of id."""
    found = market.run(done.output.parent / "market", tmp_path_factory.mktemp("rules"), request.param)
    return open_run(found.output), market.scores(found).to_pylist()


def potential_at(run, row, sales):
    """The potential that the ladder of an account's cluster gives to sales, by the rule of the method."""
    party = next(one for one in run.model.parties if one.name == row["party_type"])
    values = party.table.values[[cluster for cluster, _ in party.clusters].index(row["cluster"])]
    strict = run.job.potential.boundary == "strictly_below" and sales > 0
    reached = [v for v in values[:-1] if v > sales or (v == sales and not strict)] + [values[-1]]
    return max(reached[0], sales)


def some_of_each(rows):
    """A few accounts of every kind, step and basis."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["step"], row["basis"], row["whitespace"] == 0), []).append(row)
    return [row for group in groups.values() for row in group[:4]]


def test_peers_above_are_the_nearest_customers_that_reach_the_potential(run):
    """Held against a plain look through all scores, ties and accounts without whitespace included."""
    stored, rows = run
    for row in some_of_each(rows):
        found = explain.explain(stored, row["account_id"])
        peers = [one for one in rows if one["cluster"] == row["cluster"] and one["kind"] == "expansion"]
        done = row["whitespace"] == 0
        above = [
            one for one in peers if one["sales"] > row["potential"] or (one["sales"] == row["potential"] and not done)
        ]
        above.sort(key=lambda one: (one["sales"], one["account_id"]))
        assert [one["account_id"] for one in found.above] == [one["account_id"] for one in above[:3]]
        assert found.customers_above == len(above)
        assert found.cluster["support"] == row["support"] == len(peers)
        assert found.account == row


def test_on_ladders_of_an_earlier_run_no_step_is_what_a_customer_of_today_spends(done, tmp_path):
    """It would be "customer 394 of 113", of whom the ladder is not made."""
    table = pq.read_table(done.output.parent / "market")
    sales = pc.if_else(pc.greater(pc.fill_null(table["sales"], 0.0), 0.0), table["sales"], 50.0)
    later = table.set_column(table.column_names.index("sales"), "sales", sales)
    job = market.job(market.write(later, tmp_path / "later"), tmp_path / "scores", {"columns.name": "name"})
    frozen = pipeline.score(job, Progress(), str(done.path), accept=True)
    rows = some_of_each(market.scores(frozen).to_pylist())
    ladders = [explain.explain(open_run(frozen.output), row["account_id"]).ladder for row in rows]
    assert {step.place for ladder in ladders for step in ladder} == {None}


def test_moves_come_true(run):
    """An account whose sales pass the limit that is told has the potential that is told; just before it has not."""
    stored, rows = run
    count = 0
    for row in some_of_each(rows):
        sold = max(row["sales"] or 0.0, 0.0)
        for move in explain.explain(stored, row["account_id"]).moves:
            beyond = np.nextafter(move.limit, np.inf if move.direction == "up" else -np.inf)
            assert potential_at(stored, row, beyond) == move.potential or beyond > move.potential > move.limit
            assert (potential_at(stored, row, move.limit) == move.potential) == move.at
            assert move.change == move.limit - sold
            count += 1
    assert count > 20


def test_the_customer_that_a_step_is_taken_from_spends_exactly_the_step(run):
    """Steps that name a customer are its sales, counted upwards in its cluster; pooled steps name none by accident."""
    stored, rows = run
    named = 0
    for row in some_of_each(rows):
        peers = sorted(one["sales"] for one in rows if one["cluster"] == row["cluster"] and one["kind"] == "expansion")
        for step in explain.explain(stored, row["account_id"]).ladder:
            if step.place is not None:
                assert peers[step.place - 1] == step.value
                named += 1
            else:
                assert row["basis"] != "cluster"
    assert named > 20


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("a0000017", "did you mean 'A0000017'"),
        ("A00000x17", "did you mean 'A0000017'"),
        ("A00000", "others are there"),
        ("company 1203", "(Company 1203)"),
        ("nothing like it", "others are there"),
    ],
)
def test_a_mistyped_id_gets_the_likely_ones(done, wrong, hint):
    with pytest.raises(UsageError) as caught:
        explain.explain(open_run(done.output), wrong)
    assert hint in str(caught.value)


def test_a_rejected_account_gets_its_reason(tmp_path):
    table = market.accounts(1200)
    ids = table["account_id"].to_pylist()
    ids[7] = ids[8]
    done = market.score(table.set_column(0, "account_id", pa.array(ids)), tmp_path)
    with pytest.raises(UsageError, match="was not scored: rejected as 'duplicate_id'"):
        explain.explain(open_run(done.output), ids[7])


@pytest.mark.parametrize("spelled", ["Zoë7", "Zoe\u03087", " Zoë7", "Zoë7\u00a0"])
def test_an_account_is_found_by_any_spelling_that_is_compared_as_its_id(tmp_path, spelled):
    """Though a row of that spelling was counted as a copy or added up, and stands among those that are not scored."""
    table = market.plain_accounts(400)
    names = [f"Zoë{i}" for i in range(400)]
    other = [unicodedata.normalize("NFD", name) for name in names]
    both = pa.concat_tables([table.set_column(0, "account_id", pa.array(ids)) for ids in (names, other)])
    done = market.score(both, tmp_path, market.PLAIN)
    found = explain.explain(open_run(done.output), spelled).account["account_id"]
    assert unicodedata.normalize("NFC", found) == "Zoë7"


def test_ids_that_are_numbers_are_found_as_they_are_written(tmp_path):
    done = market.score(
        market.plain_accounts(1000).set_column(0, "account_id", pa.array(range(5, 1005))), tmp_path, market.PLAIN
    )
    stored = open_run(done.output)
    assert explain.explain(stored, "17").account["account_id"] == 17
    with pytest.raises(UsageError, match="no account '12x'; did you mean '12'"):
        explain.explain(stored, "12x")


def test_scores_that_their_ladder_does_not_bear_out_are_refused(tmp_path, monkeypatch):
    """A potential changed in the scores is noticed by its file's hash, and since it is rebuilt from the ladder."""
    done = market.score(market.accounts(1200), tmp_path)
    (part,) = done.scores.glob("*.parquet")
    table = pq.read_table(part)
    place = table.column_names.index("potential")
    pq.write_table(table.set_column(place, "potential", pc.add(table["potential"], 1.0)), part)
    with pytest.raises(InputContractError, match=f"{part.name}: was changed after its run"):
        explain.explain(open_run(done.output), table["account_id"][0].as_py())
    monkeypatch.setattr(contents, "verify_content", lambda path: path.read_bytes())
    with pytest.raises(InputContractError, match="its ladder gives it a potential of"):
        explain.explain(open_run(done.output), table["account_id"][0].as_py())


def test_the_page_tells_what_the_json_holds(done):
    """Both forms name account, potential, ladder and peers; amounts to the cent."""
    account = market.scores(done).to_pylist()[3]
    call = ["explain", str(done.output), account["account_id"]]
    page = CliRunner().invoke(app, call)
    assert page.exit_code == 0, page.output
    found = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert found["account"]["potential"] == account["potential"]
    assert [step["name"] for step in found["ladder"]] == ["p85", "p90", "p95", "top"]
    for amount in (account["potential"], *(step["value"] for step in found["ladder"])):
        assert exact(amount) in page.stdout
    for peer in found["above"]:
        assert peer["account_id"] in page.stdout
    assert CliRunner().invoke(app, ["explain", str(done.output), "no such"]).exit_code == 2


def test_a_prospect_learns_which_peers_would_have_more_potential_and_not_to_buy_more(run):
    """Other clusters of its party type whose first step lies higher; nearest first, by all features."""
    stored, rows = run
    count = 0
    for row in some_of_each([row for row in rows if row["kind"] == "acquisition"]):
        found = explain.explain(stored, row["account_id"])
        assert found.moves == ()
        first = {one["cluster"]: one["potential"] for one in rows if one["kind"] == "acquisition"}
        higher = {c for c, value in first.items() if c[0] == row["cluster"][0] and value > row["potential"]}
        assert {one.cluster for one in found.elsewhere} <= higher
        assert len(found.elsewhere) == min(3, len(higher))
        assert all(one.potential == first[one.cluster] for one in found.elsewhere)
        count += len(found.elsewhere)
    assert count > 5


def compared(done, first, second, *more):
    return CliRunner().invoke(app, ["explain", str(done.output), first, "--against", second, *more])


def test_two_accounts_are_compared_by_name_with_two_digits(done):
    rows = market.scores(done).to_pylist()
    high = next(row for row in rows if row["step"] == 4 and row["party_type"] == "end_user")
    low = min((row for row in rows if row["cluster"] == high["cluster"]), key=lambda row: row["potential"])
    ratio = high["potential"] / low["potential"]
    assert ratio > 1.5
    output = json.loads(compared(done, high["account_id"], low["account_id"], "--json").stdout)
    names = [f"{row['name']} ({row['account_id']})" for row in (high, low)]
    assert output["ratio"] == pytest.approx(ratio)
    assert output["message"] == f"{names[0]} has {float(f'{ratio:.2g}'):g}x the potential of {names[1]}."
    assert {one["column"] for one in output["differences"]} >= {"potential", "step", "sales"}
    assert all(one["account"] == high[one["column"]] for one in output["differences"])
    assert output["peers"] == []
    assert "Both are among" in output["why"]
    page = compared(done, high["account_id"], low["account_id"]).stdout
    assert output["message"].split("x the")[0] in page
    assert "WHAT DIFFERS" in page


def test_accounts_of_different_peers_learn_what_their_peers_differ_in(done):
    rows = [row for row in market.scores(done).to_pylist() if row["kind"] == "acquisition"]
    first = next(row for row in rows if row["cluster"] == "E01")
    second = next(row for row in rows if row["cluster"] == "E02")
    output = json.loads(compared(done, first["account_id"], second["account_id"], "--json").stdout)
    gaps = [abs(one["account"] - one["against"]) for one in output["peers"]]
    assert gaps == sorted(gaps, reverse=True)
    assert "different peers" in output["why"]
    assert output["ladders"][0]["account"] == first["potential"]
    assert compared(done, second["account_id"], second["account_id"]).exit_code == 2
    assert compared(done, second["account_id"], "no such").exit_code == 2


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(3.7123, "3.7x"), (0.041, "0.041x"), (1.14, "about the same"), (1.16, "1.2x"), (None, "cannot")],
)
def test_the_message_has_two_digits_and_none_without_a_potential(done, ratio, words):
    stored = open_run(done.output)
    first, second = (row["account_id"] for row in market.scores(done).to_pylist()[:2])
    found = contrast.contrast(stored, first, second)
    assert words in contrast.message(replace(found, ratio=ratio))
