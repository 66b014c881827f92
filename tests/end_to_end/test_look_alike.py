"""The look-alike in whole runs: in the scores of every run, the same however it comes about, without suspects."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions.explain import explain
from tamscore.questions.stored import open_run
from tests.conftest import make_backend
from tests.end_to_end import market
from tests.end_to_end.test_guard import LEAK, with_orders


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look_alike")
    return market.score(market.accounts(2_400, customers=0.2), folder)


def odds(done):
    return market.scores(done)["look_alike"].to_numpy(zero_copy_only=False)


def record(done):
    return (done.manifest() or {})["extras"].get("look_alike")


def test_every_run_says_how_much_accounts_look_like_customers(scored):
    """The channel has 240 accounts, too few customers among them: it has no look-alike, and null says so."""
    scores = market.scores(scored)
    found, channel = odds(scored), scores["party_type"].to_numpy(zero_copy_only=False) == "channel"
    assert np.isnan(found[channel]).all()
    assert ((found[~channel] > 0) & (found[~channel] < 1)).all()
    sales = scores["sales"].to_numpy(zero_copy_only=False)[~channel]
    assert found[~channel].mean() == pytest.approx((sales > 0).mean(), abs=0.02)
    (party,) = record(scored)["parties"]
    assert party["party_type"] == "end_user"
    assert party["customers"] == (sales > 0).sum()
    assert party["prospects"] == (sales <= 0).sum()
    assert scores.column_names.index("look_alike") < scores.column_names.index("flags")


def test_row_order_partitions_and_workers_change_no_byte(scored, tmp_path):
    table = pq.read_table(scored.path.parents[2] / "market" / "part-00000.parquet")
    random = np.random.default_rng(4)
    again = market.score(
        table.take(random.permutation(table.num_rows)), tmp_path, {"engine.workers": 1}, files=4, row_group=170
    )
    assert market.different(market.scores(again), market.scores(scored)) == []
    assert record(again) == record(scored)


def test_a_fake_gpu_gives_the_scores_of_the_host(scored, tmp_path):
    job = market.job(scored.path.parents[2] / "market", tmp_path / "scores")
    there = pipeline.run(job, Progress(), make_backend("fake_gpu"))
    assert np.array_equal(odds(there), odds(scored), equal_nan=True)


def test_a_frozen_model_gives_accounts_what_it_gave_them(scored, tmp_path):
    """An account that the model was fitted on keeps the model that has not seen it."""
    table = pq.read_table(scored.path.parents[2] / "market" / "part-00000.parquet")
    job = market.job(market.write(table.slice(300, 900), tmp_path / "market"), tmp_path / "scores")
    again = pipeline.score(job, Progress(), str(scored.path), accept=True)
    scores = [market.scores(one).select(["account_id", "look_alike"]).to_pydict() for one in (scored, again)]
    before, after = (dict(zip(one["account_id"], one["look_alike"], strict=True)) for one in scores)
    assert after == {account: before[account] for account in after}
    assert record(again) == record(scored)


def test_a_refreshed_model_has_a_look_alike_of_today(scored, tmp_path):
    job = market.job(scored.path.parents[2] / "market", tmp_path / "scores")
    again = pipeline.refresh(job, Progress(), str(scored.path), accept=True)
    assert np.array_equal(odds(again), odds(scored), equal_nan=True)


def test_who_does_not_ask_has_no_column_and_no_notice(tmp_path):
    done = market.score(market.accounts(600), tmp_path, {"look_alike": {"enabled": False}})
    assert "look_alike" not in market.scores(done).column_names
    assert (done.manifest() or {})["missing"]["look_alike"] == "look_alike.enabled = false"
    assert pipeline.score(
        market.job(tmp_path / "market", tmp_path / "again"), Progress(), str(done.path), accept=True
    ).is_complete()


def test_a_market_of_customers_alone_has_none_and_says_why(tmp_path):
    done = market.score(market.plain_accounts(500).filter(np.ones(500, bool)), tmp_path / "a", market.PLAIN)
    assert record(done)
    buys = market.plain_accounts(500)
    buys = buys.set_column(1, "sales", [np.full(500, 7.0) + np.arange(500)])
    done = market.score(buys, tmp_path / "b", market.PLAIN)
    missing = (done.manifest() or {})["missing"]["look_alike"]
    assert missing == "fewer than 50 customers, or prospects, of any party type to compare"
    assert not any("look_alike" in text for text in (done.manifest() or {})["notices"])


def test_suspects_of_the_leakage_guard_take_no_part_unless_a_person_allows_them(tmp_path):
    """Orders tell customers from prospects without fail, which is why a look-alike must not look at them."""
    done = market.score(with_orders(), tmp_path / "warn", LEAK | {"leakage.action": "warn"})
    for party in record(done)["parties"]:
        assert party["excluded"] == ["orders"]
        assert party["area"] < 0.7
    for name, more in (("allow", {"features.allow": ["orders"]}), ("off", {"leakage.action": "off"})):
        done = market.score(with_orders(), tmp_path / name, LEAK | more)
        assert record(done)["parties"][0]["excluded"] == []
        assert record(done)["parties"][0]["area"] > 0.95


def test_categories_alone_and_features_that_do_not_vary_make_one_too(tmp_path):
    """Without anything that varies, everyone has the share of customers."""
    alone = {"features": {"numeric": {}, "categorical": ["industry"]}}
    done = market.score(market.accounts(900, channel=0.0), tmp_path / "alone", alone)
    assert np.isfinite(odds(done)).all()
    table = market.accounts(900, channel=0.0)
    same = table.set_column(table.column_names.index("growth"), "growth", [np.ones(900)])
    changes = {"features": {"numeric": {"growth": "standard"}, "categorical": []}, "clusters.k": 2}
    found = odds(market.score(same, tmp_path / "same", changes))
    sales = table["sales"].to_numpy(zero_copy_only=False)
    assert len(set(found.tolist())) <= 6
    assert found.mean() == pytest.approx((sales > 0).sum() / np.isfinite(sales).sum(), abs=0.02)


def test_show_tells_how_well_customers_are_distinguished_and_explain_the_probability(scored):
    page = CliRunner().invoke(app, ["show", str(scored.output)]).stdout
    assert "LOOK-ALIKE" in page
    assert "area under the ROC curve" in " ".join(page.split())
    row = next(row for row in market.scores(scored).to_pylist() if row["look_alike"])
    text = CliRunner().invoke(app, ["explain", str(scored.path), row["account_id"]]).output
    assert f"{row['look_alike']:.1%}" in text


def large_buyers():
    """A market whose customers are large; they are otherwise like anybody."""
    table = market.accounts(2_400, seed=6, channel=0.0)
    random = np.random.default_rng(8)
    size = np.log(table["revenue"].to_numpy() / 1000.0)
    buys = random.random(2_400) < 1 / (1 + np.exp(6.0 - size))
    return table.set_column(table.column_names.index("sales"), "sales", [np.where(buys, 50.0 + 10 * size.round(), 0.0)])


def test_explain_says_by_which_features_an_account_looks_like_a_customer(tmp_path):
    """The sum of what all columns add, and the average, make the log odds; without the input nothing is said."""
    done = market.score(large_buyers(), tmp_path, {"leakage.action": "off"})
    rows = market.scores(done).to_pylist()
    best, worst = (pick(rows, key=lambda row: row["look_alike"]) for pick in (max, min))
    found = {id_: explain(open_run(done.path), id_).look_alike for id_ in (best["account_id"], worst["account_id"])}
    assert found[best["account_id"]][0].column == found[worst["account_id"]][0].column == "employees"
    assert found[best["account_id"]][0].added > 0 > found[worst["account_id"]][0].added
    page = CliRunner().invoke(app, ["explain", str(done.path), best["account_id"]]).output
    assert "WHAT IT LOOKS LIKE A CUSTOMER BY" in page
    (tmp_path / "market" / "part-00000.parquet").unlink()
    assert explain(open_run(done.path), best["account_id"]).look_alike == ()
