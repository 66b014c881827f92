"""Questions to runs that build on others: frozen ladders stay, refreshed models are told apart from what sales did."""

from __future__ import annotations

import json

import pytest

from tamscore import pipeline
from tamscore.progress import Progress
from tamscore.questions import explain
from tamscore.questions.stored import open_run
from tamscore.questions.what_if import Scenario, ask
from tamscore.questions.what_if_page import record
from tests.end_to_end import market
from tests.end_to_end.test_diff import SAMPLED, causes_at_work, compared, grown, sums_hold
from tests.end_to_end.test_recompute import recomputed
from tests.end_to_end.test_what_if import agrees


def job(folder, output, changes=None):
    return market.job(folder, output, SAMPLED | (changes or {}))


def frozen(folder, output, model, changes=None, *, own_ladders=False):
    """The market scored with the model of an earlier run."""
    loaded = job(folder, output, changes)
    return pipeline.score(loaded, Progress(), str(model.path), own_ladders=own_ladders, accept=True)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return market.score(market.accounts(3000), tmp_path_factory.mktemp("first"), SAMPLED)


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The market of a month later, in which sales have changed."""
    return market.write(grown(market.accounts(3000)), tmp_path_factory.mktemp("later") / "market")


@pytest.fixture(scope="module")
def frozen_run(first, later):
    """The later market under the model and the ladders of the first run."""
    return frozen(later, later.parent / "kept", first)


def test_under_frozen_ladders_only_own_sales_change_a_potential(first, frozen_run, tmp_path):
    """The peers' new sales have no say until the ladders are made anew."""
    found, _, rows = compared(first, frozen_run, tmp_path)
    sums_hold(rows, first, frozen_run)
    assert (found.same_model, causes_at_work(rows)) == (True, {"own_sales"})


def test_after_a_refresh_sales_are_reported_as_under_the_old_model(first, later, tmp_path):
    """Own sales and peers come out as with the old model and fresh ladders; the rest is the model's."""
    fresh = frozen(later, tmp_path / "fresh", first, own_ladders=True)
    refreshed = pipeline.refresh(job(later, tmp_path / "new"), Progress(), str(first.path), accept=True)
    found, _, rows = compared(first, refreshed, tmp_path)
    sums_hold(rows, first, refreshed)
    assert not found.notices
    _, _, plain = compared(first, fresh, tmp_path)
    for cause in ("own_sales", "peers"):
        assert {key: row[cause] for key, row in rows.items()} == {key: row[cause] for key, row in plain.items()}


def test_what_if_of_a_frozen_run_shows_it_as_it_is_and_scenarios_on_fresh_ladders(first, frozen_run, later, tmp_path):
    """Its own settings give its stored ladders and limits back; others give what a run with fresh cut lines gives."""
    rules = {"potential": {"preset": "p80", "top_step": "p99"}, "quadrant": {"threshold": "median"}}
    scenario = Scenario("x", ("potential.preset=p80", "potential.top_step=p99", "quadrant.threshold=median"))
    now, then = ask(open_run(frozen_run.path), [scenario])
    agrees(record(now), frozen_run)
    agrees(record(then), frozen(later, tmp_path / "rerun", first, rules, own_ladders=True))


def test_other_limits_alone_leave_frozen_ladders_as_they_are(frozen_run):
    now, then = ask(open_run(frozen_run.path), [Scenario("x", ("quadrant.threshold=capacity", "quadrant.capacity=50"))])
    steps = [json.dumps([party["clusters"] for party in record(one)["parties"]]) for one in (now, then)]
    assert steps[0] == steps[1]


def test_explanations_of_a_frozen_run_rebuild_its_potentials_from_the_frozen_ladder(first, frozen_run):
    """Steps are those of the first run; only where a customer of today happens to spend one is it named."""
    account = next(
        row for row in market.scores(frozen_run).to_pylist() if row["kind"] == "expansion" and row["step"] == 1
    )
    found = explain.explain(open_run(frozen_run.path), account["account_id"])
    ladder = next(one for one in open_run(first.path).model.parties if one.name == account["party_type"])
    values = ladder.table.values[ladder.ids.index(account["cluster"])]
    assert [step.value for step in found.ladder] == values.tolist()
    assert found.account["potential"] == account["potential"]


def test_the_script_recomputes_potentials_of_a_frozen_run_on_its_frozen_ladders(frozen_run):
    assert recomputed(frozen_run.path).returncode == 0
