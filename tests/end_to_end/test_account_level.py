"""Level account, from a table to the scores: each account its own ladder, the same however the rows lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.model import files as model
from tamscore.progress import Progress
from tests.end_to_end import market
from tests.end_to_end.test_resuming import KilledError, forbid
from tests.fake_gpu import FakeGpu

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory

ROWS = 2400
LEVEL: dict[str, Any] = {"potential.level": "account"}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return market.accounts(ROWS)


@pytest.fixture(scope="module")
def done(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return market.score(table, tmp_path_factory.mktemp("level"), LEVEL, files=3)


def column(done: RunDirectory, name: str) -> Any:
    return market.scores(done)[name].to_numpy()


def assert_same(one: RunDirectory, other: RunDirectory) -> None:
    """Scores, model and tables are the same to the byte."""
    assert market.different(market.scores(one), market.scores(other)) == []
    assert (one.model / "arrays.safetensors").read_bytes() == (other.model / "arrays.safetensors").read_bytes()
    assert model.read_raw(one.model)[0]["parties"] == model.read_raw(other.model)[0]["parties"]
    for path in sorted(one.tables.glob("*.csv")):
        assert path.read_bytes() == (other.tables / path.name).read_bytes(), path.name


def test_every_account_has_its_own_potential_and_the_laws_hold(done):
    scores = market.scores(done)
    assert set(scores["basis"].to_pylist()) == {"account", "pooled"}
    potential, typical = column(done, "potential"), column(done, "typical_sales")
    bought = np.maximum(np.nan_to_num(column(done, "sales")), 0.0)
    assert (potential >= bought).all()
    assert column(done, "whitespace").tolist() == (potential - bought).tolist()
    assert len(np.unique(potential)) > ROWS / 2
    prospects = bought == 0
    for cluster in set(scores["cluster"].to_pylist()):
        here = prospects & (np.array(scores["cluster"].to_pylist()) == cluster)
        money, multiple = potential[here], potential[here] / typical[here]
        capped = (money == money.max()) & (multiple < 0.999 * multiple.max())
        assert multiple[~capped] == pytest.approx(np.full(np.sum(~capped), multiple.max()), rel=1e-3)


def test_ranks_follow_whitespace_then_potential(done):
    open_, potential, rank = (column(done, name) for name in ("whitespace", "potential", "rank"))
    open_ = np.rint(100 * open_)  # the table has whole amounts
    order = np.lexsort((-potential, -open_))
    assert (np.diff(rank[order]) >= 0).all()
    assert rank.min() == 1
    ahead = np.array(
        [np.sum((open_ > w) | ((open_ == w) & (potential > p))) for w, p in zip(open_, potential, strict=True)]
    )
    assert rank.tolist() == (ahead + 1).tolist()


def test_one_price_of_parts_of_a_cent_is_the_potential_of_all(tmp_path):
    """Nobody pays it to the cent, and prospects would get a cent less than customers."""
    table = market.accounts(ROWS)
    price = np.where(np.nan_to_num(table["sales"].to_numpy()) > 0, 99.98999786, 0.0)
    done = market.score(table.set_column(table.column_names.index("sales"), "sales", pa.array(price)), tmp_path, LEVEL)
    assert set(market.scores(done)["potential"].to_pylist()) == {99.98999786}
    ends = {end for name in ("potential_low", "potential_high") for end in market.scores(done)[name].to_pylist()}
    assert ends - {None} == {99.98999786}


def test_intervals_hold_the_potential(done):
    low, potential, high = (column(done, name) for name in ("potential_low", "potential", "potential_high"))
    known = ~np.isnan(low)
    assert known.mean() > 0.9
    assert ((low <= potential) & (potential <= high))[known].all()


@pytest.mark.parametrize(
    ("layout", "workers", "shuffled"), [({"files": 1}, 1, False), ({"files": 7}, 3, True), ({"row_group": 97}, 2, True)]
)
def test_rows_partitions_and_workers_change_nothing(table, done, tmp_path, layout, workers, shuffled):
    order = np.random.default_rng(3).permutation(ROWS) if shuffled else np.arange(ROWS)
    changes = LEVEL | {"engine.workers": workers}
    assert_same(done, market.score(table.take(order), tmp_path, changes, **layout))


def test_the_fake_gpu_gives_what_the_host_gives(table, done, tmp_path):
    job = market.job(market.write(table, tmp_path / "market", files=2), tmp_path / "scores", LEVEL)
    assert_same(done, pipeline.run(job, Progress(), FakeGpu()))


def test_four_times_the_sales_give_four_times_the_potential(table, done, tmp_path):
    times = table.set_column(table.column_names.index("sales"), "sales", [4 * table["sales"].to_numpy()])
    other = market.score(times, tmp_path, LEVEL)
    assert column(other, "potential") == pytest.approx(4 * column(done, "potential"), abs=0.05)
    assert column(other, "cluster").tolist() == column(done, "cluster").tolist()


def score_again(table: pa.Table, done: RunDirectory, folder: Path, changes: dict[str, Any], own: bool) -> RunDirectory:
    job = market.job(market.write(table, folder / "market", files=2), folder / "scores", changes)
    return pipeline.score(job, Progress(), str(done.path), own_ladders=own, accept=True)


@pytest.mark.parametrize("own_ladders", [False, True])
def test_the_same_market_under_its_own_frozen_model_gets_the_same_scores(table, done, tmp_path, own_ladders):
    again = score_again(table, done, tmp_path, LEVEL, own_ladders)
    assert market.different(market.scores(done), market.scores(again)) == []


def test_own_ladders_may_be_of_the_other_level(table, done, tmp_path):
    plain = market.score(table, tmp_path / "plain")
    there = score_again(table, plain, tmp_path / "there", LEVEL, own=True)
    back = score_again(table, done, tmp_path / "back", {}, own=True)
    assert set(column(there, "basis")) <= {"account", "pooled"}
    assert not np.isnan(column(there, "typical_sales")).any()
    assert column(back, "potential").tolist() == column(plain, "potential").tolist()


def test_a_refresh_keeps_the_level(table, done, tmp_path):
    job = market.job(market.write(table, tmp_path / "market"), tmp_path / "scores", LEVEL)
    again = pipeline.refresh(job, Progress(), str(done.path), accept=True)
    assert column(again, "potential") == pytest.approx(column(done, "potential"), rel=0.2)
    assert np.mean(column(again, "potential") == column(done, "potential")) > 0.5


def test_a_party_type_with_few_customers_stays_at_level_cluster(tmp_path):
    table = market.accounts(1500, channel=0.04, customers=0.2)
    progress = Progress()
    job = market.job(market.write(table, tmp_path / "market"), tmp_path / "scores", LEVEL | {"clusters.k": 2})
    scores = market.scores(pipeline.run(job, progress))
    assert any("channel" in notice and "took level cluster" in notice for notice in progress.notices)
    channel = np.array(scores["party_type"].to_pylist()) == "channel"
    typical, basis = scores["typical_sales"].to_numpy(), np.array(scores["basis"].to_pylist())
    assert np.isnan(typical[channel]).all()
    assert not np.isnan(typical[~channel]).any()
    assert "account" not in set(basis[channel])
    assert set(basis[~channel]) == {"account"}


def test_k_auto_judges_by_the_level_in_use(table, tmp_path):
    changes = {"clusters.k": "auto", "clusters.k_range": [2, 5], "clusters.stability": False}
    path = market.write(table, tmp_path / "market")
    runs = [market.run(path, tmp_path / name, changes | {"potential.level": name}) for name in ("cluster", "account")]
    tables = [pq.read_table(done.tables / "choice_of_k.parquet").to_pylist() for done in runs]
    losses = [[row["loss"] for row in rows] for rows in tables]
    assert losses[0] != losses[1]
    rows = [row for row in tables[1] if row["admitted"]]  # at level account the fewest within one standard error
    best = min(rows, key=lambda row: row["loss"])
    within = [row["k"] for row in rows if row["loss"] <= best["loss"] + best["error"]]
    assert [row["k"] for row in rows if row["chosen"]] == [min(within)]


@pytest.mark.parametrize("own_ladders", [False, True])
@pytest.mark.parametrize("step", ["_value", "write_run"])
def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(table, done, tmp_path, monkeypatch, step, own_ladders):
    path = market.write(table, tmp_path / "market", files=2)

    def score(output: Path, progress: Progress) -> RunDirectory:
        job = market.job(path, output, LEVEL)
        return pipeline.score(job, progress, str(done.path), own_ladders=own_ladders, accept=True)

    whole, progress = score(tmp_path / "whole", Progress()), Progress()
    with monkeypatch.context() as patch:
        forbid(patch, pipeline, step)
        with pytest.raises(KilledError):
            score(tmp_path / "scores", Progress())
    assert_same(whole, score(tmp_path / "scores", progress))
    assert any(notice.startswith("resumed: ") for notice in progress.notices)
