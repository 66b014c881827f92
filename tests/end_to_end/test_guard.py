"""The leakage guard in whole runs: leaks stop them, honest features do not, and potential follows the wallet again."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench import leaks
from tamscore import job_file, pipeline
from tamscore.cli import app
from tamscore.errors import GateError, InputContractError, JobFileError, TamscoreError
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


def refused(tmp_path, changes):
    """A market with a leak, too many missing sales, and a label of few buyers: the message, line by line."""
    table = with_orders()
    missing = np.arange(2000) % 20 == 0
    sales = np.where(missing, np.nan, table["sales"].fill_null(0.0).to_numpy())
    table = table.set_column(table.column_names.index("sales"), "sales", pa.array(sales, from_pandas=True))
    table = table.append_column("bought", pa.array((np.arange(2000) < 9).astype(np.int8)))
    with pytest.raises(TamscoreError) as caught:
        market.score(table, tmp_path, changes)
    return caught.value


LABELS = {
    "propensity": {
        "label": "bought",
        "feature_cutoff": date(2024, 1, 1),
        "label_start": date(2024, 1, 2),
        "label_end": date(2024, 6, 30),
        "numeric": ["growth"],
    }
}


def test_a_run_says_all_that_it_is_refused_for_at_once(tmp_path):
    error = refused(tmp_path, LEAK | LABELS | {"rows.max_sales_missing_share": 0.01})
    assert isinstance(error, InputContractError)
    for part in ("rows have no sales, allowed are 1.00%", "9 accounts are labelled 1", "'orders' looks like sales"):
        assert part in str(error)
    error = refused(tmp_path / "leak", LEAK)
    assert isinstance(error, GateError)


def test_check_says_what_the_guard_and_the_labels_would_say(tmp_path):
    table = with_orders().append_column("bought", pa.array((np.arange(2000) < 9).astype(np.int8)))
    market.write(table, tmp_path / "market")
    (tmp_path / "job.toml").write_text(CHECKED, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(tmp_path / "job.toml"), "--json"])
    output = json.loads(done.stdout)
    codes = {one["exit_code"]: one["text"] for one in output["problems"]}
    assert "9 accounts are labelled 1" in codes[3]
    assert "'orders' looks like sales in disguise" in codes[4]
    assert done.exit_code == 3


CHECKED = """
device = "cpu"
[input]
path = "market"
[output]
path = "scores"
[rows]
max_sales_missing_share = 0.5
[features]
categorical = ["industry"]
[features.numeric]
employees = "log_standard"
orders = "log_standard"
[clusters]
k = 2
[propensity]
label = "bought"
feature_cutoff = 2024-01-01
label_start = 2024-01-02
label_end = 2024-06-30
numeric = ["growth"]
"""


def test_a_job_needs_no_numeric_feature(tmp_path):
    done = market.score(market.accounts(2000), tmp_path, {"features": {"categorical": ["industry"]}})
    rows = pq.read_table(done.tables / "leakage.parquet").to_pylist()
    assert {row["feature"] for row in rows} == {"industry"}


def with_escaped_leak(rows=3000):
    """Estimates of purchases, which three in ten prospects carry as well, and no two of the others the same: size, as
    far as the guard can see.
    """
    table = market.accounts(rows, customers=0.5, channel=0.0)
    random = np.random.default_rng(8)
    sales = np.maximum(table["sales"].fill_null(0.0).to_numpy(), 0.0)
    lapsed = (sales == 0) & (random.random(rows) < 0.3)
    bought = np.where(lapsed, random.choice(sales[sales > 0], rows), sales) * np.exp(0.9 * random.standard_normal(rows))
    bought += random.random(rows)
    return table.append_column("orders", pa.array(bought))


def test_at_level_account_a_feature_that_carries_the_level_of_prospects_stops_the_run(tmp_path):
    """The guard lets the leak pass at level cluster."""
    market.score(with_escaped_leak(), tmp_path / "cluster", ONE_PARTY)
    account = ONE_PARTY | {"potential.level": "account"}
    with pytest.raises(GateError, match="feature 'orders' carries the level of prospects") as caught:
        market.score(with_escaped_leak(), tmp_path / "account", account)
    assert caught.value.gate == "leakage"
    assert "or set potential.level = 'cluster'" in str(caught.value)
    warned = market.score(with_escaped_leak(), tmp_path / "warned", account | {"leakage": {"action": "warn"}})
    assert any("carries the level of prospects" in text for text in (warned.manifest() or {})["notices"])
    shifts = {
        row["feature"]: row["level_shift"] for row in pq.read_table(warned.tables / "leakage.parquet").to_pylist()
    }
    assert shifts["orders"] > 2
    assert max(shift for name, shift in shifts.items() if name != "orders") < 1.5
    allowed = market.score(with_escaped_leak(), tmp_path / "allowed", account | {"features.allow": ["orders"]})
    assert not any("carries the level" in text for text in (allowed.manifest() or {})["notices"])
