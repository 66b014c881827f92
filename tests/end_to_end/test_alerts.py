"""Buying alerts go to accounts whose own features changed, and to nobody whom the model, peers or sales moved."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import UsageError
from tamscore.progress import Progress
from tamscore.questions.alerts import alerts_of
from tamscore.questions.stored import open_run
from tests.end_to_end import market, shop

ROWS = 3000
CHANGES: dict[str, Any] = {
    "columns.keep": ["note", "visits"],
    "alerts": {"intent": ["visits"]},
    "quadrant": {"threshold": "absolute", "potential": 250.0, "sales": 200.0},
    "clusters.fit_rows": 1000,
    "clusters.seed_rows": 1000,
}


def visited(table, seed=0, more=None):
    """The table with visits; those of `more` rows rise by so much beside the usual noise."""
    random = np.random.default_rng([seed, 5])
    visits = 10.0 + random.integers(0, 3, table.num_rows) + (0.0 if more is None else more)
    return table.append_column("visits", pa.array(visits))


def grown_up(table, chosen):
    """The table with the employees of some rows those of the largest peer group."""
    employees = np.array([np.nan if one is None else one for one in table["employees"].to_pylist()])
    employees[chosen] = np.round(np.exp(8.0))
    growth = table["growth"].to_numpy().copy()
    growth[chosen] = 0.2
    at = table.column_names.index
    table = table.set_column(at("employees"), "employees", pa.array(employees, pa.int64(), from_pandas=True))
    return table.set_column(at("growth"), "growth", pa.array(growth))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The earlier run and its table."""
    folder = tmp_path_factory.mktemp("first")
    table = visited(market.accounts(ROWS))
    return market.score(table, folder, CHANGES), table


def frozen(first, table, folder, changes=None):
    """A later run under the earlier one's model."""
    path = market.write(table, folder / "market")
    job = market.job(path, folder / "scores", {**CHANGES, **(changes or {})})
    return pipeline.score(job, Progress(), str(first.path))


def found_in(first, second):
    return alerts_of(open_run(second.output), open_run(first.output), Progress()).table.to_pylist()


def test_who_outgrew_its_peers_is_reported_and_nobody_else(first, tmp_path):
    done, table = first
    party = np.array(table["party_type"].to_pylist())
    chosen = np.flatnonzero((market.peer_group(ROWS) == 0) & (party == "end_user"))[:40]
    found = found_in(done, frozen(done, grown_up(table, chosen), tmp_path))
    ids = table["account_id"].take(chosen).to_pylist()
    assert sorted(row["account_id"] for row in found) == sorted(ids)
    assert {row["alert"] for row in found} == {"buying"}
    assert {row["reason"] for row in found} <= {"step", "step, quadrant"}
    assert all(row["potential_after"] > row["potential_before"] for row in found)
    before, after = market.scores(done).to_pydict(), {row["account_id"]: row for row in found}
    high = {a: q in {"blue", "yellow"} for a, q in zip(before["account_id"], before["quadrant"], strict=True)}
    assert {after[a]["reason"] for a in ids if not high[a]} == {"step, quadrant"}
    assert {after[a]["reason"] for a in ids if high[a]} <= {"step"}


def test_sales_peers_and_rules_raise_no_buying_alert(first, tmp_path):
    done, table = first
    doubled = pa.array([None if one is None else 3 * one for one in table["sales"].to_pylist()], pa.float64())
    table = table.set_column(table.column_names.index("sales"), "sales", doubled)
    path = market.write(table, tmp_path / "market")
    job = market.job(path, tmp_path / "scores", {**CHANGES, "potential": {"preset": "p80"}})
    again = pipeline.run(job, Progress())
    assert found_in(done, again) == []
    assert np.nansum(market.scores(again)["potential"].to_numpy()) > np.nansum(
        market.scores(done)["potential"].to_numpy()
    )


def test_an_intent_feature_that_rose_beyond_nine_in_ten_peers_is_reported(first, tmp_path):
    """Everybody is seen more often by up to two; a few by many more, and only those exceed the usual change."""
    done, table = first
    more = np.zeros(ROWS)
    chosen = np.random.default_rng(4).choice(ROWS, 60, replace=False)
    more[chosen] = 50.0
    found = found_in(done, frozen(done, visited(table.drop_columns(["visits"]), seed=1, more=more), tmp_path))
    assert {row["reason"] for row in found} == {"visits"}
    usual, label = change_by_cluster(done, table, seed=1, more=more)
    ids = table["account_id"].to_pylist()
    expected = [
        account for account in ids if label.get(account) and usual[label[account]] < change_of(table, 1, more)[account]
    ]
    assert sorted(row["account_id"] for row in found) == sorted(expected)
    assert set(table["account_id"].take(chosen).to_pylist()) <= {row["account_id"] for row in found}
    assert len(found) < 0.12 * ROWS


def change_of(table, seed, more):
    """The change of visits by account."""
    later = visited(table.drop_columns(["visits"]), seed=seed, more=more)["visits"].to_numpy()
    return dict(zip(table["account_id"].to_pylist(), later - table["visits"].to_numpy(), strict=True))


def change_by_cluster(run, table, seed, more):
    """P90 of the change by cluster, and the cluster of each account."""
    label = dict(zip(*(market.scores(run)[name].to_pylist() for name in ("account_id", "cluster")), strict=True))
    change = change_of(table, seed, more)
    values = {c: [change[a] for a, own in label.items() if own == c] for c in set(label.values())}
    return {c: np.quantile(of, 0.9, method="inverted_cdf") for c, of in values.items()}, label


def test_churn_needs_no_earlier_run_and_what_is_lost_comes_first(tmp_path):
    changes = shop.build(tmp_path)
    done = market.run(tmp_path / "market", tmp_path / "scores", changes)
    found = alerts_of(open_run(done.output), None, Progress()).table.to_pylist()
    rows = {row["account_id"]: row for row in market.scores(done).to_pylist()}
    left = {account for account, row in rows.items() if row["account_state"] == "left"}
    assert {row["account_id"] for row in found if row["alert"] == "win_back"} == left
    found = [row for row in found if row["alert"] == "churn"]
    assert {row["account_id"] for row in found} == {account for account, row in rows.items() if row["churn_alert"]}
    assert found
    stakes = [row["at_stake"] for row in found]
    assert stakes == sorted(stakes, reverse=True)
    for row in found:
        lost = rows[row["account_id"]]
        assert row["at_stake"] == pytest.approx(lost["sales_before"] - (lost["trailing_sales"] or 0), abs=0.011)


def test_sales_that_may_be_lost_count_for_the_priority_of_a_customer(tmp_path):
    changes = shop.build(tmp_path)
    asked = {**changes, "alerts": {**changes.get("alerts", {}), "churn_chance": 0.8}}
    rows = market.scores(market.run(tmp_path / "market", tmp_path / "scores", asked)).to_pylist()
    alerted = [row for row in rows if row["churn_alert"]]
    assert alerted
    assert all(row["value_at_risk"] == pytest.approx(0.8 * row["trailing_sales"], abs=0.011) for row in alerted)
    assert {row["value_at_risk"] for row in rows if not row["churn_alert"]} == {0.0}
    for party in {row["party_type"] for row in rows}:
        mine = sorted((row for row in rows if row["party_type"] == party), key=lambda row: row["priority"])
        value = [row["whitespace"] * row["probability"] + row["value_at_risk"] for row in mine]
        assert all(one >= other - 0.02 for one, other in itertools.pairwise(value))


def test_a_list_has_the_columns_that_its_kind_has_something_for(first, tmp_path):
    """Nobody who may leave has a potential that rose; everybody who may buy has."""
    done = market.run(tmp_path / "market", tmp_path / "scores", shop.build(tmp_path))
    leaving = CliRunner().invoke(app, ["alerts", str(done.output)]).stdout
    assert "WHO MAY LEAVE" in leaving
    assert "at stake" in leaving
    assert "potential before" not in leaving
    assert not re.search(r" - *$", leaving, re.MULTILINE)
    scored, table = first
    later = frozen(scored, grown_up(table, np.flatnonzero(market.peer_group(ROWS) == 0)[:40]), tmp_path / "grown")
    page = CliRunner().invoke(app, ["alerts", str(later.output), "--since", str(scored.output)]).stdout
    assert re.search(r"at stake +potential before +after", page)


def test_a_run_that_knows_nothing_says_what_to_do(first):
    with pytest.raises(UsageError, match=r"knows nothing of churn.*add --since RUN"):
        alerts_of(open_run(first[0].output), None, Progress())


def test_the_command_prints_a_table_writes_a_file_and_speaks_json(first, tmp_path):
    done, table = first
    chosen = np.flatnonzero(market.peer_group(ROWS) == 0)[:40]
    later = frozen(done, grown_up(table, chosen), tmp_path)
    asked = ["alerts", str(later.output), "--since", str(done.output)]
    page = CliRunner().invoke(app, [*asked, "--to", str(tmp_path / "alerts.parquet"), "--top", "3"])
    assert page.exit_code == 0, page.output
    assert "WHO MAY BUY" in page.stdout
    output = json.loads(CliRunner().invoke(app, [*asked, "--json", "--top", "3"]).stdout)
    assert output["buying"]["alerts"] == pq.read_metadata(tmp_path / "alerts.parquet").num_rows >= 30
    assert len(output["buying"]["top"]) == 3
    assert output["since"] == done.run_key


@pytest.fixture(scope="module")
def replaced(first, tmp_path_factory):
    """Three versions in one output: as it was, forty accounts grown up, and the same with other rules."""
    folder, (_, table) = tmp_path_factory.mktemp("replaced"), first
    chosen = np.flatnonzero(market.peer_group(ROWS) == 0)[:40]
    path = market.write(table, folder / "market")
    runs = [market.run(path, folder / "scores", CHANGES)]
    market.write(grown_up(table, chosen), folder / "market")
    for changes in (CHANGES, {**CHANGES, "campaigns": {"size": "employees"}}):
        job = market.job(path, folder / "scores", changes)
        runs.append(pipeline.score(job, Progress(), str(runs[0].path), accept=True))
    return runs


def exported(run, to, *options):
    """The rows of an export with its buying alerts by account."""
    call = ["export", str(run.path), "--to", str(to), "--fields", "play,buying_alert,buying_reason", *options]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    return {row["account_id"]: row for row in pq.read_table(to).to_pylist()}


def test_an_export_has_the_buying_alerts_since_the_run_before(replaced, tmp_path):
    """The same as the command tells; and once they are gone again, an export of changes takes them back."""
    before, grown, still = replaced
    alert_rows = alerts_of(open_run(grown.path), open_run(before.path), Progress()).table.to_pylist()
    alerts = {row["account_id"]: row["reason"] for row in alert_rows}
    assert len(alerts) >= 30
    rows = exported(grown, tmp_path / "a.parquet")
    assert {account: row["buying_reason"] for account, row in rows.items() if row["buying_alert"]} == alerts
    assert {row["buying_reason"] for row in rows.values() if not row["buying_alert"]} == {None}
    only = exported(grown, tmp_path / "b.parquet", "--only", "buying_alert=yes")
    assert only.keys() == alerts.keys()
    over = exported(still, tmp_path / "c.parquet", "--since", grown.run_key)
    assert over.keys() == alerts.keys()
    assert not any(row["buying_alert"] for row in over.values())


def test_a_run_without_a_run_before_cannot_export_buying_alerts(replaced, tmp_path):
    call = ["export", str(replaced[0].path), "--to", str(tmp_path / "a.csv"), "--fields", "buying_alert"]
    done = CliRunner().invoke(app, call)
    assert (done.exit_code, "needs the run that this one replaced" in done.stderr) == (2, True)


def test_alerts_and_report_are_compared_with_the_run_before_unless_said_otherwise(replaced, tmp_path):
    grown = replaced[1]
    output = json.loads(CliRunner().invoke(app, ["alerts", str(grown.path), "--json"]).stdout)
    assert (output["since"], output["buying"]["alerts"] >= 30) == (replaced[0].run_key, True)
    none = CliRunner().invoke(app, ["alerts", str(grown.path), "--since", "none"])
    assert (none.exit_code, "knows nothing of churn" in none.stderr) == (2, True)
    page = tmp_path / "report.html"
    assert CliRunner().invoke(app, ["report", str(grown.path), "--output", str(page)]).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "Who may buy" in text
    assert f"the first 20 of {output['buying']['alerts']:,}" in text
