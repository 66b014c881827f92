"""The leakage guard in whole runs: leaks stop them, honest features do not, and potential follows the wallet again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import leaks
from tamscore import job_file, pipeline
from tamscore.errors import GateError, JobFileError
from tamscore.progress import Progress
from tamscore.synthetic import write_market
from tests.end_to_end import market

LEAK = {"features.numeric": {"employees": "log_standard", "growth": "standard", "orders": "log_standard"}}
ONE_PARTY = LEAK | {"clusters.k": 4}


def with_orders(rows=2000):
    table = market.accounts(rows, customers=0.4)
    orders = table["sales"].to_numpy(zero_copy_only=False) / 40.0
    return table.append_column("orders", [orders])


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaks")
    write_market(folder / "plain", 30_000, seed=4)
    return leaks.plant(folder / "plain", folder / "planted", seed=4), folder / "plain" / "truth"


@pytest.fixture(scope="module")
def leaking(planted, tmp_path_factory):
    names = pq.read_schema(planted[0] / "market" / "part-00000.parquet").names
    bad = [name for name in names if name.startswith("leak_")]
    return leaks.run(planted[0], tmp_path_factory.mktemp("out") / "scores", [*leaks.OF_THE_MARKET, *bad])


def test_ten_leaks_at_once_are_caught_and_no_feature_of_size_is_blamed(leaking):
    _, verdicts = leaking
    assert sum(verdict == "suspect" for name, verdict in verdicts.items() if name.startswith("leak_")) >= 9
    assert {verdicts[name] for name in leaks.OF_THE_MARKET} == {"clear"}


def test_potential_follows_the_wallet_again_once_the_guard_has_acted(planted, leaking, tmp_path):
    (folder, truth), (done, verdicts) = planted, leaking
    left = [name for name, verdict in verdicts.items() if verdict == "clear" and name not in {"industry", "technology"}]
    cured, _ = leaks.run(folder, tmp_path / "scores", left)
    assert leaks.wallet_correlation(done, truth) < 0.3
    assert leaks.wallet_correlation(cured, truth) > 0.75


def test_a_leak_stops_the_run_and_the_message_says_why_and_what_to_do(tmp_path):
    with pytest.raises(GateError) as caught:
        market.score(with_orders(), tmp_path, LEAK)
    first, *_, last = str(caught.value).splitlines()
    assert (
        "end_user: feature 'orders' looks like sales in disguise: given the other features, it tells customers" in first
    )
    assert "rank correlation with their sales is 1.00" in first
    assert "leave out 'orders'; or" in last
    assert "features.allow" in last
    assert not list((tmp_path / "scores").rglob("manifest.json"))


@pytest.mark.parametrize(
    ("changes", "verdict", "noticed"),
    [
        ({"features.allow": ["orders"]}, "allowed", False),
        ({"leakage": {"action": "warn"}}, "suspect", True),
        ({"leakage": {"action": "off"}}, None, False),
    ],
)
def test_a_leak_that_is_allowed_or_only_warned_of_is_scored_and_on_record(tmp_path, changes, verdict, noticed):
    done = market.score(with_orders(), tmp_path, LEAK | changes)
    rows = pq.read_table(done.tables / "leakage.parquet").to_pylist()
    found = {row["feature"]: row["verdict"] for row in rows if row["party_type"] == "end_user"}
    assert found.get("orders") == verdict
    assert {found.get(name) for name in ("employees", "growth", "industry")} == {None if verdict is None else "clear"}
    assert any("'orders' looks like sales" in text for text in (done.manifest() or {})["notices"]) is noticed


def test_with_few_prospects_a_suspect_that_is_no_copy_of_sales_draws_a_warning_only(tmp_path):
    """80 prospects, and a leak with noise; the same leak stops a market with 200 of them."""
    table = with_noisy_orders(600, customers=0.85)
    done = market.score(table, tmp_path / "few", ONE_PARTY)
    notices = [text for text in (done.manifest() or {})["notices"] if "'orders' looks like sales" in text]
    assert len(notices) == 1
    assert "prospects to compare with, so the run goes on" in notices[0]
    row = next(r for r in pq.read_table(done.tables / "leakage.parquet").to_pylist() if r["feature"] == "orders")
    assert row["verdict"] == "suspect"
    assert 50 <= row["prospects"] < 100
    with pytest.raises(GateError, match="'orders' looks like sales"):
        market.score(with_noisy_orders(600, customers=0.6), tmp_path / "many", ONE_PARTY)


def test_accounts_with_missing_sales_do_not_make_a_suspect(tmp_path):
    """A feature that is missing where sales are says nothing about who buys."""
    table = market.accounts(2000, customers=0.6, channel=0.0)
    unknown = np.random.default_rng(5).random(2000) < 0.3
    sales = np.where(unknown, np.nan, table["sales"].to_numpy(zero_copy_only=False))
    table = table.set_column(table.column_names.index("sales"), "sales", pa.array(sales, from_pandas=True))
    filed = np.where(unknown, np.nan, np.random.default_rng(6).lognormal(3.0, 1.0, 2000))
    table = table.append_column("orders", pa.array(filed, from_pandas=True))
    done = market.score(table, tmp_path, ONE_PARTY)
    rows = pq.read_table(done.tables / "leakage.parquet").to_pylist()
    assert {row["verdict"] for row in rows} == {"clear"}


def with_noisy_orders(rows, customers):
    table = market.accounts(rows, customers=customers, channel=0.0)
    sales = table["sales"].fill_null(0.0).to_numpy()
    noise = np.exp(0.5 * np.random.default_rng(7).standard_normal(rows))
    return table.append_column("orders", pa.array(np.maximum(sales, 0.0) * noise))


def test_the_verdicts_do_not_depend_on_how_the_table_is_cut(tmp_path):
    one = market.score(with_orders(), tmp_path / "one", LEAK | {"features.allow": ["orders"]})
    many = market.score(
        with_orders(), tmp_path / "many", LEAK | {"features.allow": ["orders"], "engine": {"workers": 1}}, files=5
    )
    ours, theirs = ((done.tables / "leakage.parquet").read_bytes() for done in (one, many))
    assert ours == theirs


def test_only_a_feature_can_be_allowed():
    tables = market.JOB | {"input": {"path": "m"}, "output": {"path": "s"}}
    tables["features"] = tables["features"] | {"allow": ["employes"]}
    with pytest.raises(
        JobFileError, match=r"features.allow\[0\]: expected a feature of this job, .* did you mean 'employees'"
    ):
        job_file.parse(tables)


def test_honest_markets_pass(tmp_path):
    """The run of the demo, and the smallest market there is."""
    write_market(tmp_path / "demo", 20_000, seed=0)
    job = job_file.load(tmp_path / "demo" / "job.toml", ["clusters.restarts=2"])
    rows = pq.read_table(pipeline.run(job, Progress()).tables / "leakage.parquet").to_pylist()
    assert {row["verdict"] for row in rows} == {"clear"}
    assert len(rows) == 2 * 32
    market.score(market.plain_accounts(500), tmp_path / "plain", market.PLAIN)
