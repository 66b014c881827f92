"""What finished runs at level account answer: why, what if, what changed, and who began to move."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.errors import UsageError
from tamscore.progress import Progress
from tamscore.questions import alerts, diff_table, explain, explain_page
from tamscore.questions.causes import CAUSES
from tamscore.questions.stored import open_run
from tamscore.questions.what_if import Scenario, ask
from tamscore.questions.what_if_page import record
from tests.end_to_end import market
from tests.end_to_end.test_diff import sums_hold
from tests.end_to_end.test_what_if import agrees

ROWS = 3000
LEVEL: dict[str, Any] = {"potential.level": "account", "columns.name": "name"}
SAMPLED: dict[str, Any] = LEVEL | {"clusters.fit_rows": 1000, "clusters.seed_rows": 1000}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return market.score(market.accounts(ROWS), tmp_path_factory.mktemp("questions"), LEVEL, files=2)


def some(rows):
    """A few accounts of every kind, step and basis."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["step"], row["basis"], row["whitespace"] == 0), []).append(row)
    return [row for group in groups.values() for row in group[:3]]


# --- why ---


def test_an_explanation_has_the_account_s_own_ladder_and_level(done):
    run = open_run(done.output)
    for row in some(market.scores(done).to_pylist()):
        found = explain.explain(run, row["account_id"])
        assert found.level is not None
        assert found.level.typical == row["typical_sales"]
        values = [step.value for step in found.ladder if step.value is not None]
        assert row["potential"] in values or row["potential"] == row["sales"]
        assert values == sorted(values)
        step = found.ladder[row["step"] - 1]
        if row["potential_low"] is not None and step.value == row["potential"]:
            assert (step.low, step.high) == (row["potential_low"], row["potential_high"])
        texts = [getattr(block, "text", "") for block in explain_page.chapter(found).blocks]
        assert any("Peers of its size typically spend" in text for text in texts)


def test_explained_moves_come_true(done):
    run, count = open_run(done.output), 0
    for row in some(market.scores(done).to_pylist()):
        found = explain.explain(run, row["account_id"])
        values = np.array([step.value for step in found.ladder])
        for move in found.moves:
            beyond = move.limit + (0.02 if move.direction == "up" else -0.02)
            reached = values[values >= beyond]
            assert move.potential == pytest.approx(max(reached.min(initial=values[-1]), move.limit), abs=0.02)
            count += 1
    assert count


# --- what if ---


@pytest.mark.parametrize(
    "settings",
    [
        {"potential": {"cut_lines": [0.5, 0.9], "min_customers": 60}},
        {"potential": {"top_step": "p99", "boundary": "strictly_below"}, "quadrant": {"level": "cluster"}},
        {"quadrant": {"threshold": "absolute", "potential": 200.0, "sales": 0.0}},
        {"quadrant": {"threshold": "capacity", "capacity": 400}},
        {"potential": {"level": "cluster"}},
    ],
)
def test_answers_are_what_a_run_under_the_settings_finds(done, tmp_path, settings):
    overrides = tuple(f"{s}.{key}={json.dumps(v)}" for s, keys in settings.items() for key, v in keys.items())
    _, found = (record(one) for one in ask(open_run(done.output), [Scenario("", overrides)]))
    changes = LEVEL | {f"{s}.{key}": v for s, keys in settings.items() for key, v in keys.items()}
    agrees(found, market.run(done.output.parent / "market", tmp_path / "scores", changes))


def test_a_run_at_level_cluster_cannot_answer_for_level_account(tmp_path):
    plain = market.score(market.plain_accounts(400), tmp_path, market.PLAIN)
    with pytest.raises(UsageError, match="run the job with --set"):
        ask(open_run(plain.output), [Scenario("", ('potential.level="account"',))])


# --- what changed ---


def compared(first, second, tmp_path):
    """The diff of two runs, and its rows that are in both by account id."""
    found = diff_table.compare(open_run(first.output), open_run(second.output), Progress(), 10, tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet").to_pylist()
    return found, {row["account_id"]: row for row in table if row["status"] == "kept"}


def at_work(rows):
    return {cause for row in rows.values() for cause in CAUSES if row[cause]}


def test_other_cut_lines_and_the_other_level_are_policy(done, tmp_path):
    for name, changes in (("lines", {"potential.preset": "p80"}), ("level", {"potential.level": "cluster"})):
        other = market.run(done.output.parent / "market", tmp_path / name, LEVEL | changes)
        for first, second in ((done, other), (other, done)):
            _, rows = compared(first, second, tmp_path)
            sums_hold(rows, first, second)
            assert at_work(rows) == {"policy"}


def changed_features(table, rows):
    """The table in which some rows have employees and revenue half as large again."""
    for name in ("employees", "revenue"):
        values = table[name].to_pylist()
        for row in rows:
            values[row] = None if values[row] is None else type(values[row])(values[row] * 1.5)
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))
    return table


def test_features_that_change_within_a_cluster_are_level_under_one_model(tmp_path):
    """Prospects outside the sample grow: the model stays, and with it everything but their own level."""
    table = market.accounts(ROWS)
    first = market.score(table, tmp_path / "first", SAMPLED)
    rows = np.flatnonzero(table["sales"].fill_null(0).to_numpy() <= 0)[-200:]
    job = market.job(market.write(changed_features(table, rows), tmp_path / "m2"), tmp_path / "second", SAMPLED)
    second = pipeline.score(job, Progress(), str(first.path), accept=True)
    found, remaining = compared(first, second, tmp_path)
    sums_hold(remaining, first, second)
    assert found.same_model
    assert {"level"} <= at_work(remaining) <= {"level", "cluster_move"}
    grown = {table["account_id"][int(row)].as_py() for row in rows}
    assert {account for account, row in remaining.items() if row["level"]} <= grown
    assert sum(row["level"] > 0 for row in remaining.values()) > 50

    raised = alerts.alerts_of(open_run(second.output), open_run(first.output), Progress()).table.to_pylist()
    stepped = {row["account_id"] for row in raised if "step" in row["reason"]}
    rose = {
        account
        for account, row in remaining.items()
        if row["level"] + row["cluster_move"] > 0
        and row["potential_after"] >= Decimal("1.2") * (row["potential_before"] + row["own_sales"])
    }
    assert stepped == rose
    assert stepped


def test_accounts_won_or_lost_owe_their_new_level_to_their_own_sales_and_raise_no_buying_alert(tmp_path):
    """Customers get their level from a model that has not seen their sales, prospects from that of all customers."""
    table = market.accounts(ROWS)
    first = market.score(table, tmp_path / "first", SAMPLED)
    sales = table["sales"].fill_null(0).to_numpy().copy()
    turned = np.random.default_rng(5).random(ROWS) < 0.2
    sales[turned] = np.where(sales[turned] > 0, 0.0, 1.0)
    other = table.set_column(table.column_names.index("sales"), "sales", pa.array(sales))
    job = market.job(market.write(other, tmp_path / "m2"), tmp_path / "second", SAMPLED)
    second = pipeline.score(job, Progress(), str(first.path), accept=True)
    _, remaining = compared(first, second, tmp_path)
    sums_hold(remaining, first, second)
    assert at_work(remaining) == {"own_sales"}
    assert any(row["potential_after"] > row["potential_before"] for row in remaining.values())
    raised = alerts.alerts_of(open_run(second.output), open_run(first.output), Progress()).table.to_pylist()
    assert not [row for row in raised if row["alert"] == "buying"]


def test_sales_alone_are_distinguished_from_the_model_that_they_change(tmp_path):
    table = market.accounts(ROWS)
    first = market.score(table, tmp_path / "first", SAMPLED)
    random = np.random.default_rng(5)
    sales = table["sales"].to_numpy(zero_copy_only=False).copy()
    sales[random.random(ROWS) < 0.2] *= 2
    other = table.set_column(table.column_names.index("sales"), "sales", pa.array(sales, from_pandas=True))
    second = market.score(other, tmp_path / "second", SAMPLED)
    found, rows = compared(first, second, tmp_path)
    sums_hold(rows, first, second)
    assert not found.same_model
    assert not found.notices
    assert {"own_sales", "peers", "model"} <= at_work(rows)
    assert "cluster_move" not in at_work(rows)


def test_a_refresh_is_split_by_causes_that_sum_to_the_cent(tmp_path):
    """The model is fitted anew from the one before: levels, peers and the model itself move potentials."""
    table = market.accounts(ROWS)
    first = market.score(table, tmp_path / "first", SAMPLED)
    rows = np.flatnonzero(table["sales"].fill_null(0).to_numpy() <= 0)[-200:]
    other = changed_features(table, rows)
    sales = other["sales"].to_numpy(zero_copy_only=False).copy()
    sales[np.random.default_rng(5).random(ROWS) < 0.2] *= 2
    other = other.set_column(other.column_names.index("sales"), "sales", pa.array(sales, from_pandas=True))
    job = market.job(market.write(other, tmp_path / "m2"), tmp_path / "second", SAMPLED)
    second = pipeline.refresh(job, Progress(), str(first.path), accept=True)
    for one, next_one in ((first, second), (second, first)):
        found, remaining = compared(one, next_one, tmp_path)
        sums_hold(remaining, one, next_one)
        assert len(remaining) > 0.9 * ROWS
        assert not found.same_model
        assert {"own_sales", "peers", "model", "level"} <= at_work(remaining)
