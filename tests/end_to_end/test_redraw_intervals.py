"""Intervals where the stability of potentials is measured: wider by what refits do, the same in all later answers."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.progress import Progress
from tamscore.questions import explain
from tamscore.questions.stored import open_run
from tests.end_to_end import market

ROWS = 2000
ENDS = ["potential_low", "potential_high"]


def changes(level):
    return {"clusters.k": {"end_user": 6, "channel": 2}, "potential.level": level, "potential.stability": True}


@pytest.fixture(scope="module", params=["cluster", "account"])
def run(request, tmp_path_factory):
    """A run that measures the stability of potentials, its folder and its changes."""
    folder, given = tmp_path_factory.mktemp("redraws"), changes(request.param)
    return market.score(market.accounts(ROWS), folder, given, files=2), folder, given


def intervals(table):
    return [np.array(table[name].to_pylist(), float) for name in ENDS]


def test_refits_widen_intervals_and_change_nothing_else(run, tmp_path):
    done, _, given = run
    asked = market.scores(done)
    plain = market.scores(market.score(market.accounts(ROWS), tmp_path, given | {"potential.stability": False}))
    assert plain.drop_columns(ENDS).equals(asked.drop_columns(ENDS))
    (low, high), (lowest, highest) = intervals(plain), intervals(asked)
    known = np.isfinite(low)
    assert np.array_equal(known, np.isfinite(lowest))
    assert np.all(lowest[known] <= low[known])
    assert np.all(highest[known] >= high[known])
    assert np.any(highest[known] > high[known])
    potential = np.array(asked["potential"].to_pylist(), float)[known]
    assert np.all(lowest[known] <= potential)
    assert np.all(potential <= highest[known])


def test_partitions_and_workers_change_no_interval(run, tmp_path):
    done, _, given = run
    other = market.score(market.accounts(ROWS), tmp_path, given | {"engine": {"workers": 1}}, files=5)
    assert market.different(market.scores(done), market.scores(other)) == []


def test_a_frozen_model_keeps_the_intervals(run):
    done, folder, given = run
    job = market.job(folder / "market", folder / "frozen", given)
    again = pipeline.score(job, Progress(), str(done.path), accept=True)
    assert market.different(market.scores(done), market.scores(again)) == []


def test_a_refresh_measures_stability_and_widens_intervals_anew(run):
    done, folder, given = run
    job = market.job(folder / "market", folder / "refreshed", given)
    again = pipeline.refresh(job, Progress(), str(done.path), accept=True)
    rows = pq.read_table(again.tables / "potential_stability.parquet").to_pylist()
    assert {row["party_type"] for row in rows} == {"end_user", "channel"}
    bounds = [party.table.bounds for party in open_run(again.output).model.parties]
    values = [party.table.values for party in open_run(again.output).model.parties]
    for one, value in zip(bounds, values, strict=True):
        assert np.all(one.low[:, :-1] <= value[:, :-1])
        assert np.all(value[:, :-1] <= one.high[:, :-1])


def test_an_explanation_gives_the_interval_of_the_scores(run):
    stored = open_run(run[0].output)
    for row in market.scores(run[0]).to_pylist()[:40]:
        found = explain.explain(stored, row["account_id"])
        step = found.ladder[row["step"] - 1]
        if row["potential_low"] is not None and step.value == row["potential"]:
            assert (step.low, step.high) == (row["potential_low"], row["potential_high"])
