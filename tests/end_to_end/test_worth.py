"""Lifetime value, churn, segment tests and next offers in whole runs, worked out again from the tables."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError, UsageError
from tamscore.job_file import load
from tamscore.progress import Progress
from tamscore.questions import export
from tamscore.questions.stored import open_run
from tamscore.report import page_of
from tamscore.report.chapters import chapters
from tamscore.report.evidence import gather
from tamscore.scoring.joining import order_lines, product_lines, product_table
from tamscore.scoring.score import sections as score_sections
from tamscore.sections.lifetime_value import gauges as figures
from tamscore.sections.lifetime_value import worth as lifetime_value
from tamscore.sections.segments import own
from tamscore.sections.segments.actions import ACTIONS
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import places_of
from tamscore.synthetic import write_market
from tamscore.synthetic.orders import AS_OF
from tests.conftest import make_backend
from tests.end_to_end import market, shop
from tests.page import Page

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.run_directory import RunDirectory


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> dict[str, Any]:
    """A shop, its job, its finished run and its scores."""
    folder = tmp_path_factory.mktemp("shop")
    changes = shop.build(folder)
    done = market.run(folder / "market", folder / "scores", changes)
    return {"folder": folder, "changes": changes, "run": done, "scores": market.scores(done).to_pylist()}


def table_of(run: RunDirectory, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(run.tables / f"{name}.parquet").to_pylist()
    return found


def record_of(run: RunDirectory, name: str) -> dict[str, Any]:
    manifest = run.manifest()
    assert manifest is not None
    found: dict[str, Any] = manifest["extras"][name]
    return found


def history(folder: Path) -> dict[str, list[Any]]:
    """The orders of every account as pairs of day and amount."""
    found = defaultdict(list)
    for row in pq.read_table(folder / "orders.parquet").to_pylist():
        found[row["account_id"]].append((row["date"], row["amount"]))
    return found


def test_lifetime_value_is_that_of_the_orders_worked_out_by_hand(asked):
    orders, record = history(asked["folder"]), record_of(asked["run"], "lifetime_value")
    assert record["form"] == "retention"
    rates = {entry["cluster"]: entry["shrunk"] for entry in record["retention"]}
    tau, year, valued = 6 * median_gap(orders), shop.AS_OF - timedelta(365), 0
    plain: list[float] = []
    recent: list[float] = []
    for row in asked["scores"]:
        mine = orders.get(row["account_id"])
        assert row["last_order"] == max((day for day, _ in mine or ()), default=None)
        if not mine:
            assert row["lifetime_value"] is row["trailing_sales"] is row["lifetime_value_seed36"] is None
            continue
        sales = sum(amount for day, amount in mine if day > year)
        days = (shop.AS_OF - max(day for day, _ in mine)).days
        worth = sum((rates[row["cluster"]] / 1.1) ** (t / 12) for t in range(1, 37))
        plain.append(0.3 * sales / 12 * worth)
        recent.append(plain[-1] * np.exp(-days / tau))
        expected = recent[-1] * record["recency"]["scale"]
        assert row["trailing_sales"] == pytest.approx(sales, abs=0.005)
        assert row["sales_before"] == pytest.approx(sum(amount for day, amount in mine if day <= year), abs=0.005)
        assert row["lifetime_value"] == pytest.approx(expected, rel=1e-4, abs=0.01)
        seed = sum(amount for _, amount in mine) / len({day for day, _ in mine}) * 36
        assert row["lifetime_value_seed36"] == pytest.approx(seed, abs=0.01)
        valued += 1
    assert record["values"]["lifetime_value"]["accounts"] == valued > 300
    assert record["recency"]["tau_days"] == tau
    assert record["recency"]["scale"] == pytest.approx(sum(plain) / sum(recent), rel=1e-3)
    assert record["values"]["lifetime_value"]["total"] == pytest.approx(sum(plain), rel=1e-3)


def median_gap(orders: dict[str, list[Any]]) -> float:
    """The median of the days between order days of the same account."""
    gaps = []
    for mine in orders.values():
        days = sorted({day for day, amount in mine if amount > 0})
        gaps += [(later - sooner).days for sooner, later in pairwise(days)]
    return float(np.quantile(gaps, 0.5, method="inverted_cdf"))


def test_both_forms_are_tried_on_months_whose_orders_the_values_do_not_know(asked):
    """Worked out again from orders of the month that was held out, and shown beside each other."""
    trial, orders = record_of(asked["run"], "lifetime_value")["trial"], history(asked["folder"])
    assert (trial["after"], trial["until"], trial["months"]) == ("2026-05-30", "2026-06-30", 1)
    then, scored = date(2026, 5, 30), {row["account_id"] for row in asked["scores"]}
    known = {
        one: [(day, amount) for day, amount in mine if day <= then]
        for one, mine in orders.items()
        if one in scored and min(day for day, _ in mine) <= then
    }
    spent = np.array([sum(amount for day, amount in orders[one] if day > then) for one in known])
    tau, year = 6 * median_gap(known), date(2025, 5, 30)
    sales = np.array([sum(amount for day, amount in mine if day > year) for mine in known.values()])
    days = np.array([(then - max(day for day, _ in mine)).days for mine in known.values()])
    value = sales / 12 * np.exp(-days / tau)
    value *= (sales / 12).sum() / value.sum()
    form = trial["forms"]["spend"]
    assert form["total_to_spent"] == pytest.approx(value.sum() / spent.sum(), rel=0.001)
    assert form["mean_error"] == pytest.approx(np.abs(value - spent).mean(), rel=0.001)
    off = max(form["total_to_spent"], 1 / form["total_to_spent"])
    assert form["penalised_error"] == pytest.approx(off * form["mean_error"], rel=1e-5)
    assert trial["forms"]["retention"]["total_to_spent"] < form["total_to_spent"]
    page = " ".join(CliRunner().invoke(app, ["show", str(asked["run"].output)]).stdout.split())
    assert "FORMS OF THE LIFETIME VALUE" in page
    assert f"{6 * median_gap(orders):,.0f} days without an order" in page


def test_retention_counts_who_bought_in_both_years_by_cluster(asked):
    orders, year = history(asked["folder"]), shop.AS_OF - timedelta(365)
    base: dict[str, list[bool]] = defaultdict(list)
    for row in asked["scores"]:
        mine = orders.get(row["account_id"], [])
        if any(day <= year for day, _ in mine):
            base[row["cluster"]].append(any(day > year for day, _ in mine))
    by_cluster = {one["cluster"]: one for one in record_of(asked["run"], "lifetime_value")["retention"]}
    assert {cluster: one["customers"] for cluster, one in by_cluster.items()} == {c: len(base[c]) for c in by_cluster}
    for letter in "EC":  # party types are shrunk apart
        these = [cluster for cluster in by_cluster if cluster.startswith(letter)]
        found = lifetime_value.shrunk_retention([sum(base[c]) for c in these], [len(base[c]) for c in these])
        assert found is not None
        assert [by_cluster[c]["shrunk"] for c in these] == pytest.approx(found.shrunk.tolist(), abs=1e-6)


def test_churn_is_reported_where_the_account_fell_and_the_median_of_its_cluster_did_not(asked):
    ratios = defaultdict(list)
    for row in asked["scores"]:
        if row["sales_before"]:
            ratios[row["cluster"]].append(row["trailing_sales"] / row["sales_before"])
    steady = {c: np.quantile(values, 0.5, method="inverted_cdf") >= 0.7 for c, values in ratios.items()}
    fell = [
        bool(row["sales_before"]) and 0 < row["trailing_sales"] < 0.7 * row["sales_before"] for row in asked["scores"]
    ]
    expected = [f and steady[row["cluster"]] for f, row in zip(fell, asked["scores"], strict=True)]
    assert [row["churn_alert"] for row in asked["scores"]] == expected
    assert record_of(asked["run"], "alerts")["lists"]["may_leave"]["accounts"] == sum(expected) > 0
    assert sum(fell) > sum(expected)
    assert sum(row["may_leave"] for row in table_of(asked["run"], "alerts")) == sum(expected)


def test_who_bought_before_and_buys_nothing_now_has_left_and_is_to_be_won_back(asked):
    left = [(row["sales_before"] or 0) > 0 and not (row["trailing_sales"] or 0) > 0 for row in asked["scores"]]
    assert [row["account_state"] == "left" for row in asked["scores"]] == left
    assert [row["play"] == "win_back" for row in asked["scores"]] == left
    assert not any(row["churn_alert"] for row, gone in zip(asked["scores"], left, strict=True) if gone)
    others = [row for row, gone in zip(asked["scores"], left, strict=True) if not gone]
    assert all((row["account_state"] == "customer") == (row["kind"] == "expansion") for row in others)
    record = record_of(asked["run"], "alerts")["lists"]["win_back"]
    lost = sum(row["sales_before"] for row, gone in zip(asked["scores"], left, strict=True) if gone)
    assert (record["accounts"], record["at_stake"]) == (sum(left), pytest.approx(lost))
    assert sum(left) > 20


def test_the_lists_name_the_first_accounts_and_plays_add_up(asked):
    listed = [row for row in table_of(asked["run"], "alert_lists") if row["list"] == "win_back"]
    left = [row for row in asked["scores"] if row["account_state"] == "left"]
    left.sort(key=lambda row: (-row["sales_before"], row["account_id"]))
    assert [row["account_id"] for row in listed] == [row["account_id"] for row in left[:50]]
    assert [row["at_stake"] for row in listed] == [row["sales_before"] for row in left[:50]]
    plays = {(row["party_type"], row["kind"], row["play"]): row for row in table_of(asked["run"], "plays")}
    counted: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for row in asked["scores"]:
        counted[row["party_type"], row["kind"], row["play"]].append(row)
    assert plays.keys() == counted.keys()
    for key, rows in counted.items():
        assert plays[key]["accounts"] == len(rows)
        assert plays[key]["whitespace"] == pytest.approx(sum(row["whitespace"] or 0 for row in rows), abs=0.02)


FROM = shop.AS_OF


def report_of(run: RunDirectory) -> Page:
    """The report of a run."""
    found = gather(open_run(run.output), None, Progress(), compare=False)
    return Page(page_of(found, chapters(found)))


def renewing(folder: Path, rows: int = 1200) -> pa.Table:
    """The market of the shop with the days on which contracts end: some passed, some soon, some late, some none."""
    table = market.accounts(rows)
    days = np.random.default_rng(5).integers(-60, 200, rows)
    ends = [FROM + timedelta(int(day)) if day % 7 else None for day in days]
    ends[:4] = [FROM - timedelta(1), FROM, FROM + timedelta(90), FROM + timedelta(91)]
    table = table.append_column("ends", pa.array(ends, pa.date32()))
    market.write(table, folder / "ending")
    return table


@pytest.mark.parametrize("start", [None, "2026-06-30"])
def test_contracts_that_end_soon_are_due_and_those_that_ended_are_not(asked, tmp_path, start):
    """From the last day of the orders where the job names none; for customers alone."""
    ends = dict(zip(*(renewing(tmp_path)[name].to_pylist() for name in ("account_id", "ends")), strict=True))
    changes = {**asked["changes"], "columns.renewal_date": "ends", "alerts": {"renewals_from": start} if start else {}}
    done = market.run(tmp_path / "ending", tmp_path / "scores", changes)
    rows, last = market.scores(done).to_pylist(), FROM + timedelta(90)
    due = 0
    for row in rows:
        end = ends[row["account_id"]]
        expected = row["account_state"] == "customer" and end is not None and FROM <= end <= last
        assert (row["renewal_due"], row["renews_on"]) == (expected, end)
        assert (row["play"] == "renew") == expected
        due += expected
    record = record_of(done, "alerts")
    assert (record["renewals"], record["lists"]["renew"]["accounts"]) == ({"from": str(FROM), "until": str(last)}, due)
    listed = [row for row in table_of(done, "alert_lists") if row["list"] == "renew"]
    assert [row["renews_on"] for row in listed] == sorted(row["renews_on"] for row in rows if row["renewal_due"])[:50]
    page = CliRunner().invoke(app, ["alerts", str(done.output)]).stdout
    assert "WHOSE CONTRACT ENDS" in page
    assert str(listed[0]["renews_on"]) in page
    CliRunner().invoke(app, ["export", str(done.output), "--to", str(tmp_path / "x.parquet")])
    exported = {row["account_id"]: row for row in pq.read_table(tmp_path / "x.parquet").to_pylist()}
    for row in rows:
        assert {exported[row["account_id"]][name] == row[name] for name in ("play", *export.ACTIONS[:4])} == {True}
    shown = report_of(done).table("Accounts: renewal is due").rows
    assert [row[0] for row in shown] == [row["account_id"] for row in listed[:20]]
    assert str(listed[0]["renews_on"]) in shown[0]
    output = CliRunner().invoke(app, ["explain", str(done.output), listed[0]["account_id"]]).stdout
    assert re.search(r"renewal due +yes", output)


def test_no_run_takes_the_day_of_renewals_from_the_clock(tmp_path):
    """Without orders and without a day nothing is due, and the run says why; with one the year before is not needed."""
    renewing(tmp_path)
    job = {"columns.renewal_date": "ends", "alerts": {}}
    done = market.run(tmp_path / "ending", tmp_path / "scores", job)
    assert "set alerts.renewals_from" in (done.manifest() or {})["missing"]["alerts"]
    assert "renewal_due" not in market.scores(done).column_names
    done = market.run(tmp_path / "ending", tmp_path / "scores", {**job, "alerts": {"renewals_from": "2026-07-01"}})
    states = set(market.scores(done)["account_state"].to_pylist())
    assert (states, set(record_of(done, "alerts")["lists"])) == ({"customer", "prospect"}, {"renew"})
    assert "churn_alert" not in market.scores(done).column_names


def test_a_column_of_renewals_must_hold_dates_and_have_a_reader(tmp_path):
    table = market.accounts(1200)
    market.write(table.append_column("ends", pa.array(["2026-07-01"] * 1200)), tmp_path / "ending")
    job = {"columns.renewal_date": "ends", "alerts": {"renewals_from": "2026-07-01"}}
    with pytest.raises(InputContractError, match=r"'ends' is string, expected dates .* --type ends=date"):
        market.run(tmp_path / "ending", tmp_path / "scores", job)
    with pytest.raises(JobFileError, match=r"columns.renewal_date: expected no column without \[alerts\]"):
        market.run(tmp_path / "ending", tmp_path / "scores", {"columns.renewal_date": "ends"})


def test_every_account_has_an_action_of_its_own_and_tests_follow_the_totals(asked):
    tests = {row["cluster"]: row for row in table_of(asked["run"], "segment_tests")}
    trust = {row["cluster"]: row["f1"] for row in table_of(asked["run"], "stability")}
    sums: dict[str, Any] = defaultdict(lambda: np.zeros(3))
    actions: dict[tuple[str, str], int] = defaultdict(int)
    whitespace = open_clusters(asked["scores"])
    for row in asked["scores"]:
        actions[row["cluster"], row["segment_action"]] += 1
        assert row["segment_action"] == action_of(row, tests[row["cluster"]], whitespace)
        if row["sales_before"] is not None:
            sums[row["cluster"]] += [row["trailing_sales"], row["sales_before"], row["yearly_margin"]]
    for cluster, row in tests.items():
        assert [row["sales_now"], row["sales_before"], row["margin"]] == pytest.approx(sums[cluster].tolist(), abs=0.5)
        for name in ACTIONS:
            assert row[f"{name}_accounts"] == actions[cluster, name]
        assert row["identifiable"] == ("yes" if trust[cluster] >= 0.7 else "no")
        assert row["growing"] == ("yes" if row["sales_now"] > row["sales_before"] else "no")
        assert row["profitable"] == "yes"
        assert (row["priority"], row["missing"]) == (None, "acquisition_cost|network_effect")
    assert record_of(asked["run"], "segments")["actions"] == {
        name: sum(count for (_, action), count in actions.items() if action == name) for name in ACTIONS
    }
    assert {action for _, action in actions} >= {"protect", "invest", "maintain"}


def open_clusters(rows: list[dict[str, Any]]) -> set[str]:
    """The clusters whose whitespace per account lies above the median of the clusters of their party type."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["party_type"]][row["cluster"]].append(row["whitespace"] or 0.0)
    means = {party: {c: float(np.mean(of)) for c, of in each.items()} for party, each in found.items()}
    return {c for each in means.values() for c, mean in each.items() if mean > np.median([*each.values()])}


def action_of(row: dict[str, Any], tests: dict[str, Any], is_open: set[str]) -> str:
    """The action of an account by the words of the method."""
    loses, buys = (row["yearly_margin"] or 0.0) < 0.0, row["account_state"] == "customer"
    high_potential = row["quadrant"] in {"blue", "yellow"}
    invests = tests["growing"] == "yes" and row["cluster"] in is_open and tests["profitable"] != "no"
    if invests and high_potential and not loses:
        return "invest"
    if tests["profitable"] == "yes" and buys and row["quadrant"] in {"blue", "orange"} and not loses:
        return "protect"
    return "migrate" if tests["growing"] == "no" and buys and loses and not high_potential else "maintain"


def test_a_run_under_a_kept_model_tests_segments_by_the_rules_of_its_model(asked, tmp_path):
    job = market.job(asked["folder"] / "market", tmp_path / "scores", asked["changes"])
    directory = pipeline.score(job, Progress(), str(asked["run"].path))
    assert table_of(directory, "segment_tests") == table_of(asked["run"], "segment_tests")


def test_what_is_offered_is_the_best_that_enough_peers_own_and_the_account_lacks(asked):
    owned: dict[str, Any] = defaultdict(dict)
    for row in pq.read_table(asked["folder"] / "products.parquet").to_pylist():
        owned[row["account_id"]][row["product"]] = row["sales"]
    customers = defaultdict(list)
    for row in asked["scores"]:
        if (row["sales"] or 0) > 0:
            customers[row["cluster"]].append(owned[row["account_id"]])
    offers = {cluster: ranked(baskets) for cluster, baskets in customers.items()}
    assert len({len(of) for of in offers.values()}) >= 3
    for row in asked["scores"]:
        wanted = [one for one in offers[row["cluster"]] if one[0] not in owned[row["account_id"]]]
        best = wanted[0] if wanted else (None, None, None)
        found = (row["next_offer"], row["next_offer_value"], row["next_offer_share"])
        assert found == (best[0], pytest.approx(best[1], abs=0.005), pytest.approx(best[2], abs=1e-6))
    record = record_of(asked["run"], "next_offer")
    assert record["kinds"] == Counter(row["kind"] for row in asked["scores"] if row["next_offer"])
    assert record["accounts"] == sum(record["kinds"].values())


def ranked(baskets: list[dict[str, float]]) -> list[tuple[str, float, float]]:
    """Products that 40 % of these own, with P85 among owners and the share of owners; none of fewer than 25."""
    found = []
    for product in shop.PRODUCTS:
        sales = [basket[product] for basket in baskets if product in basket]
        if len(baskets) >= 25 and len(sales) >= 0.4 * len(baskets):
            found.append((product, float(np.quantile(sales, 0.85, method="inverted_cdf")), len(sales) / len(baskets)))
    return sorted(found, key=lambda one: (-one[2], -one[1]))


def test_row_order_partitions_workers_and_ranges_change_nothing(asked, tmp_path, monkeypatch):
    """Orders shuffled, read 16 times in many ranges, on one worker, the market in other files: the same to the bit."""
    monkeypatch.setattr(order_lines, "RANGE_ROWS", 40)
    monkeypatch.setattr(order_lines, "HELD_ROWS", 70)
    random = np.random.default_rng(3)
    for name in ("orders", "products"):
        table = pq.read_table(asked["folder"] / f"{name}.parquet")
        pq.write_table(table.take(random.permutation(table.num_rows)), tmp_path / f"{name}.parquet", row_group_size=300)
    table = pq.read_table(asked["folder"] / "market")
    path = market.write(table.take(random.permutation(table.num_rows)), tmp_path / "market", files=3)
    changes = {
        **asked["changes"],
        "lifetime_value": {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")},
        "next_offer": {"path": str(tmp_path / "products.parquet"), "by": "share", "owned": 0.4},
        "engine.workers": 1,
    }
    again = market.run(path, tmp_path / "scores", changes)
    assert market.different(market.scores(again), market.scores(asked["run"])) == []
    for name in ("segment_tests", "alerts", "alert_lists", "plays", "next_offers"):
        assert table_of(again, name) == table_of(asked["run"], name)


def test_ids_that_share_a_hash_stay_apart(asked, tmp_path, monkeypatch):
    """Of the first hash two bits are left, so that hundreds of accounts share each: the second tells them apart."""

    def coarse(ids: Any, kind: int = 0) -> Any:
        found = id_hash(ids, kind)
        return found if kind else found << np.uint64(62)

    def found_by_coarse(known: Any, key: Any, ids_at: Any) -> Any:
        return places_of(known, key << np.uint64(62), ids_at)

    for module in (order_lines, product_lines):
        monkeypatch.setattr(module, "id_hash", coarse)
    for module in (figures, score_sections):
        monkeypatch.setattr(module, "places_of", found_by_coarse)
    of_census = product_table.customers_in
    monkeypatch.setattr(product_table, "customers_in", lambda part: of_census(part) << np.uint64(62))
    again = market.run(asked["folder"] / "market", tmp_path / "scores", asked["changes"])
    assert market.different(market.scores(again), market.scores(asked["run"])) == []


def test_columns_of_the_input_tell_the_same_as_orders_but_for_recency(asked, tmp_path):
    """Trailing sales, sales before, revenue and dates as columns in place of the orders they come from."""
    orders = history(asked["folder"])
    table = pq.read_table(asked["folder"] / "market")
    listed: dict[str, list[Any]] = {name: [] for name in ("sales", "before", "spent", "days")}
    year = shop.AS_OF - timedelta(365)
    for account in table["account_id"].to_pylist():
        mine = orders.get(account)
        listed["sales"].append(round(sum(a for day, a in mine if day > year), 2) if mine else 0.0)
        listed["before"].append(sum(a for day, a in mine if day <= year) if mine else None)
        listed["spent"].append(sum(a for _, a in mine) if mine else None)
        listed["days"].append(len({day for day, _ in mine}) if mine else None)
    table = table.drop_columns(["sales"])
    for name, values in listed.items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    columns = {"sales_before": "before", "revenue": "spent", "order_dates": "days"}
    section = {**columns, "margin": 0.3, "seed36": True}
    found = {}
    for name, part in (("columns", section), ("orders", asked["changes"]["lifetime_value"])):
        done = market.score(table, tmp_path / name, {"lifetime_value": part})
        found[name] = market.scores(done)
        record = record_of(done, "lifetime_value")
        assert ("recency" in record) == (name == "orders")
        assert record["form"] == "retention"
    for name in ("lifetime_value_seed36", "sales_before", "trailing_sales"):
        one, other = (found[kind][name].to_numpy() for kind in found)
        assert one == pytest.approx(other, abs=0.011, nan_ok=True), name
    totals = [pc.sum(found[kind]["lifetime_value"]).as_py() for kind in found]
    assert totals[0] == pytest.approx(totals[1], rel=1e-3)  # recency moves value between accounts alone


def test_values_from_elsewhere_take_the_place_of_those_computed(asked, tmp_path):
    """They need neither margin nor retention; accounts without a number have none, and segments know their mean."""
    table = pq.read_table(asked["folder"] / "market")
    values = [None if at % 3 else at * 1.5 for at in range(table.num_rows)]
    table = table.append_column("predicted", pa.array(values, pa.float64()))
    changes = {"lifetime_value": {"column": "predicted"}, "segments": {"weights": [1, 0, 0]}}
    done = market.score(table, tmp_path / "scores", changes)
    given = dict(zip(table["account_id"].to_pylist(), values, strict=True))
    scored = market.scores(done).to_pylist()
    assert all(row["lifetime_value"] == given[row["account_id"]] for row in scored)
    record = record_of(done, "lifetime_value")
    known = [row["lifetime_value"] for row in scored if row["lifetime_value"] is not None]
    assert (record["form"], record["column"], record["without_value"]) == (
        "column",
        "predicted",
        len(scored) - len(known),
    )
    assert record["values"]["lifetime_value"] == {"accounts": len(known), "total": pytest.approx(sum(known))}
    of_cluster: dict[str, list[float]] = defaultdict(list)
    for row in scored:
        of_cluster[row["cluster"]] += [row["lifetime_value"]] * (row["lifetime_value"] is not None)
    for row in table_of(done, "segment_tests"):
        assert row["priority"] == pytest.approx(np.mean(of_cluster[row["cluster"]]), abs=0.01)
    page = " ".join(CliRunner().invoke(app, ["show", str(done.output)]).stdout.split())
    assert f"lifetime values from column 'predicted'; {record['without_value']} accounts have none" in page


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["a", "b"]), r"column 'predicted' .*(number|string)"),
        (pa.array([None, None], pa.float64()), r"column 'predicted': no scored account has a number in it"),
        (pa.array([1e16, 1.0]), r"column 'predicted': 1e\+16 is no amount of money"),
    ],
)
def test_a_column_of_values_that_holds_none_is_refused(tmp_path, column, message):
    table = market.accounts(400)
    table = table.append_column("predicted", pa.concat_arrays([column] * 200))
    with pytest.raises(InputContractError, match=message):
        market.score(table, tmp_path / "scores", {"lifetime_value": {"column": "predicted"}})


def test_refunds_later_orders_strangers_and_unusable_lines_are_accounted_for(asked, tmp_path):
    orders = pq.read_table(asked["folder"] / "orders.parquet")
    account = next(row["account_id"] for row in asked["scores"] if (row["trailing_sales"] or 0) > 50)
    day = shop.AS_OF
    odd = [
        (account, day, -20.0), (account, day + timedelta(1), 1e6), ("nobody", day, 5.0), (None, day, 5.0),
        (" ", day, 5.0), (account, None, 5.0), (account, day, None), (account, day, float("nan")),
    ]  # fmt: skip
    more = pa.table({name: [row[at] for row in odd] for at, name in enumerate(orders.column_names)}, orders.schema)
    pq.write_table(pa.concat_tables([orders, more]), tmp_path / "orders.parquet")
    section = {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")}
    done = market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section})
    rows = record_of(done, "lifetime_value")["orders"]
    counts = {"missing_id": 2, "missing_date": 1, "missing_amount": 2, "after_as_of": 1}
    assert {name: rows[name] for name in counts} == counts
    assert rows["read"] == orders.num_rows + len(odd)
    assert rows["accounts_not_scored"] == 1
    before = {row["account_id"]: row["trailing_sales"] for row in asked["scores"]}
    after = dict(
        zip(*(market.scores(done)[name].to_pylist() for name in ("account_id", "trailing_sales")), strict=True)
    )
    assert {one for one in before if before[one] != after[one]} == {account}
    assert after[account] == pytest.approx(before[account] - 20)


def test_copies_are_counted_and_left_out_where_the_job_says_so(asked, tmp_path):
    orders = pq.read_table(asked["folder"] / "orders.parquet").group_by(["account_id", "date", "amount"]).aggregate([])
    pq.write_table(pa.concat_tables([orders, orders]), tmp_path / "orders.parquet")
    section = {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")}
    sales = {}
    for copies in ("keep", "drop"):
        done = market.run(
            asked["folder"] / "market", tmp_path / copies, {"lifetime_value": {**section, "copies": copies}}
        )
        rows = record_of(done, "lifetime_value")["orders"]
        assert (rows["copies"], rows["copies_dropped"]) == (orders.num_rows, orders.num_rows * (copies == "drop"))
        sales[copies] = pc.sum(market.scores(done)["trailing_sales"]).as_py()
    assert sales["keep"] == pytest.approx(2 * sales["drop"])


def test_what_is_missing_is_named_and_leaves_the_rest(asked, tmp_path):
    """Without margin there is no lifetime value, yet churn and growth; without anything the section is missing."""
    section = {
        key: value for key, value in asked["changes"]["lifetime_value"].items() if key not in {"margin", "seed36"}
    }
    done = market.run(
        asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section, "alerts": {}, "segments": {}}
    )
    assert "lifetime_value" not in market.scores(done).column_names
    assert record_of(done, "lifetime_value")["missing"] == [
        "no margin: set lifetime_value.margin, or name lifetime_value.margin_column"
    ]
    assert record_of(done, "alerts") == record_of(asked["run"], "alerts")
    assert {row["profitable"] for row in table_of(done, "segment_tests")} == {"unknown"}
    assert record_of(done, "segments")["missing"] == ["acquisition_cost", "lifetime_value", "network_effect"]


def test_a_run_that_knows_nothing_of_the_year_before_says_so(asked, tmp_path):
    done = market.run(
        asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": {}, "alerts": {}, "segments": {}}
    )
    manifest = done.manifest()
    assert manifest is not None
    assert manifest["missing"]["lifetime_value"].startswith("no margin: set lifetime_value.margin")
    assert "no retention" in manifest["missing"]["lifetime_value"]
    assert "sales a year before" in manifest["missing"]["alerts"]
    assert {row["growing"] for row in table_of(done, "segment_tests")} == {"unknown"}
    assert "migrate" not in {row["action"] for row in table_of(done, "segment_tests")}
    assert f"lifetime_value: not computed: {manifest['missing']['lifetime_value']}" in manifest["notices"]
    assert not any(notice.startswith("propensity") for notice in manifest["notices"])  # nobody asked for it


def test_a_stated_retention_serves_where_nothing_is_measured(asked, tmp_path):
    """Columns tell nothing about the year before; by 80 % a year, 1,200 a year at 30 % are 30 a month."""
    section = {"margin": 0.3, "retention": 0.8}
    done = market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section})
    factor = 0.3 / 12 * sum((0.8 / 1.1) ** (t / 12) for t in range(1, 37))
    for row in market.scores(done).to_pylist():
        bought = row["sales"] or None
        expected = None if bought is None else pytest.approx(max(bought, 0.0) * factor, abs=0.006)
        assert row["lifetime_value"] == expected
    assert {one["shrunk"] for one in record_of(done, "lifetime_value")["retention"]} == {0.8}


def test_a_party_type_without_a_year_before_has_no_lifetime_value(asked, tmp_path):
    channel = {row["account_id"] for row in asked["scores"] if row["party_type"] == "channel"}
    orders = pq.read_table(asked["folder"] / "orders.parquet")
    early = [row["account_id"] in channel and row["date"] <= shop.AS_OF - timedelta(365) for row in orders.to_pylist()]
    pq.write_table(orders.filter(pa.array([not one for one in early])), tmp_path / "orders.parquet")
    section = {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")}
    done = market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section})
    rows = [row for row in market.scores(done).to_pylist() if row["trailing_sales"] is not None]
    assert {row["party_type"] for row in rows} == {"end_user", "channel"}
    assert all((row["lifetime_value"] is None) == (row["party_type"] == "channel") for row in rows)


def test_orders_of_one_year_do_not_make_growth(asked, tmp_path):
    """Half of the year before would look like growth in every segment."""
    orders = pq.read_table(asked["folder"] / "orders.parquet")
    recent = orders.filter(pc.greater(orders["date"], shop.AS_OF - timedelta(540)))
    pq.write_table(recent, tmp_path / "orders.parquet")
    section = {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")}
    done = market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section, "alerts": {}})
    assert "sales_before" not in market.scores(done).column_names
    assert any("do not reach back two years" in text for text in (done.manifest() or {})["notices"])
    assert "churn_alert" not in market.scores(done).column_names


def test_costs_and_network_effect_make_a_priority_and_flags(asked, tmp_path):
    table = pq.read_table(asked["folder"] / "market")
    rows = table.num_rows
    table = table.append_column("cost", pa.array(np.full(rows, 12.5))).append_column(
        "brings", pa.array(np.full(rows, 4.0))
    )
    table = table.append_column("serve", pa.array(np.full(rows, 30.0))).append_column(
        "speaks", pa.array(np.arange(rows) % 2)
    )
    section = {"acquisition_cost": "cost", "network_effect": "brings", "cost_to_serve": "serve", "advocate": "speaks",
               "weights": [2, 1, 0.5]}  # fmt: skip
    path = market.write(table, tmp_path / "market", files=2)
    themes = {name: {"channel": "email", "theme": "x"} for name in ("small", "large")}
    sizes = {"size": "employees", "bands": {"small": 0, "large": 30}, "map": themes}
    changes = {**asked["changes"], "segments": section, "campaigns": sizes}
    done = market.run(path, tmp_path / "scores", changes)
    for row in table_of(done, "segment_tests"):
        assert row["priority"] == pytest.approx(2 * row["lifetime_value"] - 12.5 + 0.5 * 4.0, abs=0.03)
        assert row["missing"] == ""
    speaks = dict(zip(table["account_id"].to_pylist(), table["speaks"].to_pylist(), strict=True))
    size = dict(zip(table["account_id"].to_pylist(), table["employees"].to_pylist(), strict=True))
    scored = market.scores(done).to_pylist()
    flags = [set(row["account_flags"].split("|")) for row in scored]
    assert ["advocate" in flag for flag in flags] == [speaks[row["account_id"]] > 0 for row in scored]
    heavy = [row["yearly_margin"] is not None and row["yearly_margin"] < 30 for row in scored if row["trailing_sales"]]
    assert ["resource_heavy" in flag for flag, row in zip(flags, scored, strict=True) if row["trailing_sales"]] == heavy
    small = {row["account_id"] for flag, row in zip(flags, scored, strict=True) if "small_high_potential" in flag}
    assert all(size[one] < 30 for one in small)
    counted = record_of(done, "segments")["flags"]
    assert counted["advocate"] == sum("advocate" in flag for flag in flags)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order_date": "amount"}, r"column 'amount' is double, expected dates or timestamps; cast it"),
        ({"order_amount": "data"}, r"column 'data' is missing"),
        ({"as_of": "2001-01-01"}, r"no order is left of .* lines; is as_of too early\?"),
    ],
)
def test_orders_that_cannot_be_read_are_refused_by_name(asked, tmp_path, change, message):
    section = {**asked["changes"]["lifetime_value"], **change}
    with pytest.raises(InputContractError, match=message):
        market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section})


def with_order(asked, path, day):
    """Settings of lifetime value for the orders with one more, without a last day."""
    table = pq.read_table(asked["folder"] / "orders.parquet")
    more = pa.table({"account_id": table["account_id"][:1], "date": [day], "amount": [1.0]})
    pq.write_table(pa.concat_tables([table, more.cast(table.schema)]), path)
    settings = {**asked["changes"]["lifetime_value"], "orders": str(path)}
    del settings["as_of"]
    return settings


@pytest.mark.parametrize("day", [date(2027, 6, 3), date(9999, 12, 31)])
def test_an_order_in_the_future_stops_the_run_until_somebody_says_which_day_is_the_last(asked, tmp_path, day):
    """It would empty the year that is looked at, and nearly every customer would have left."""
    settings = with_order(asked, tmp_path / "orders.parquet", day)
    pattern = rf"'date': 1 of [\d,]+ order lines are dated after 2026-06-30, .*as_of = 2026-06-30 .* or {day} if"
    with pytest.raises(InputContractError, match=pattern):
        market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": settings})
    known = {"lifetime_value": {**settings, "as_of": "2026-06-30"}}
    done = market.run(asked["folder"] / "market", tmp_path / "scores", known)
    assert any("1 order lines lie after 2026-06-30" in text for text in (done.manifest() or {})["notices"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, r"orders\.parquet: column 'date': 1 of [\d,]+ order lines are dated after 2026-06-30"),
        ({"as_of": "2001-01-01"}, r"orders\.parquet: no order is left of [\d,]+ lines"),
    ],
)
def test_days_that_cannot_be_right_are_refused_before_the_fit_beside_what_other_sections_lack(
    asked, tmp_path, change, expected
):
    settings = with_order(asked, tmp_path / "orders.parquet", date(2027, 6, 3)) | change
    products = pq.read_table(asked["folder"] / "products.parquet").slice(0, 0)
    pq.write_table(products, tmp_path / "products.parquet")
    offers = {**asked["changes"]["next_offer"], "path": str(tmp_path / "products.parquet"), "min_match_share": 0.0}
    sections = {"lifetime_value": settings, "next_offer": offers}
    progress = Progress()
    with pytest.raises(
        InputContractError, match=rf"(?s){expected}.*products\.parquet: column 'product' has 0 different"
    ):
        pipeline.run(market.job(asked["folder"] / "market", tmp_path / "scores", sections), progress)
    assert progress.reached in {"census", "match"}


def test_an_order_from_long_before_all_others_is_reported(asked, tmp_path):
    settings = with_order(asked, tmp_path / "orders.parquet", date(1970, 1, 1))
    done = market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": settings})
    assert any("count as beginning on 1970-01-01" in text for text in (done.manifest() or {})["notices"])


@pytest.mark.parametrize(("section", "file"), [("lifetime_value", "orders"), ("next_offer", "products")])
def test_a_table_of_other_accounts_stops_the_run(asked, tmp_path, section, file):
    """Ids in another form would otherwise leave a section empty without a word; the file to look into is named."""
    table = pq.read_table(asked["folder"] / f"{file}.parquet")
    other = pa.array([f"X{one}" for one in table["account_id"].to_pylist()])
    pq.write_table(table.set_column(0, "account_id", other), tmp_path / "other.parquet")
    key = {"lifetime_value": "orders", "next_offer": "path"}[section]
    changes = {section: {**asked["changes"][section], key: str(tmp_path / "other.parquet")}}
    pattern = rf"other\.parquet: 0 of .* rows met an account; first stranger 'XA.* such as 'A.*; name .* in {section}\."
    with pytest.raises(InputContractError, match=pattern):
        market.run(asked["folder"] / "market", tmp_path / "scores", changes)


@pytest.mark.parametrize(("section", "key"), [("lifetime_value", "orders"), ("next_offer", "path")])
def test_a_table_that_is_not_there_is_missed_under_its_own_key(asked, tmp_path, section, key):
    changes = {section: {**asked["changes"][section], key: str(tmp_path / "nowhere.parquet")}}
    with pytest.raises(UsageError, match=rf"^{section}\.{key}: no Parquet file at .*nowhere\.parquet"):
        market.run(asked["folder"] / "market", tmp_path / "scores", changes)


def test_too_many_unusable_order_lines_stop_the_run(asked, tmp_path):
    orders = pq.read_table(asked["folder"] / "orders.parquet")
    pq.write_table(orders.set_column(2, "amount", pa.nulls(orders.num_rows, pa.float64())), tmp_path / "orders.parquet")
    section = {**asked["changes"]["lifetime_value"], "orders": str(tmp_path / "orders.parquet")}
    with pytest.raises(
        InputContractError, match=r"order lines cannot be used \(missing_amount 2,\d+\), allowed are 50"
    ):
        market.run(asked["folder"] / "market", tmp_path / "scores", {"lifetime_value": section})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lifetime_value": {"orders": "o.parquet", "sales_before": "x"}},
            r"sales_before: expected no column beside orders",
        ),
        ({"lifetime_value": {"as_of": "2026-13-01"}}, r"as_of: expected a date such as 2026-01-31, got '2026-13-01'"),
        ({"alerts": {"intent": ["visits"]}}, r"alerts.intent\[0\]: expected a column of columns.keep, got 'visits'"),
    ],
)
def test_job_files_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(JobFileError, match=message):
        market.job("market", "scores", changes)


def test_a_fake_gpu_gives_the_scores_of_the_host(asked, tmp_path):
    job = market.job(asked["folder"] / "market", tmp_path / "scores", asked["changes"])
    there = pipeline.run(job, Progress(), make_backend("fake_gpu"))
    assert market.different(market.scores(there), market.scores(asked["run"])) == []


def test_show_tells_of_all_four_and_what_is_wrong_with_the_seed_formula(asked):
    page = CliRunner().invoke(app, ["show", str(asked["run"].output)]).stdout
    for title in ("LIFETIME VALUE", "RETENTION A YEAR", "ALERTS", "SEGMENTS", "ACCOUNT FLAGS", "NEXT OFFERS"):
        assert title in page
    assert "a weekly buyer comes out 4 times too low, a yearly buyer 12 times too high" in " ".join(page.split())
    assert "no priority without acquisition cost, network effect" in " ".join(page.split())


def test_a_synthetic_market_with_orders_makes_use_of_them(tmp_path):
    """Orders of the last year come to the sales of every account, to the cent."""
    write_market(tmp_path / "made", 4000, seed=3, files=2, orders=True)
    accounts = pq.read_table(tmp_path / "made" / "market").to_pydict()
    is_later = pc.greater((lines := pq.read_table(tmp_path / "made" / "orders"))["date"], pa.scalar(shop_day(366)))
    sums = lines.filter(is_later).group_by("account_id").aggregate([("amount", "sum")])
    net = dict(zip(sums["account_id"].to_pylist(), sums["amount_sum"].to_pylist(), strict=True))
    for account, sales in zip(accounts["account_id"], accounts["sales"], strict=True):
        assert net.get(account, 0.0) == pytest.approx(sales or 0.0, abs=0.001)
    done = pipeline.run(
        load(tmp_path / "made" / "job.toml", ['device="cpu"', "clusters.restarts=2", 'leakage.action="off"']),
        Progress(),
    )
    made = {"lifetime_value", "alerts", "segments", "products", "next_offer"}
    assert made.isdisjoint(missing := set((done.manifest() or {})["missing"]))
    assert "propensity" in missing
    assert {"lifetime_value", "churn_alert", "segment_action", "next_offer"} <= set(market.scores(done).column_names)


def shop_day(back: int) -> Any:
    """The day so many days before the last of a synthetic market's orders."""
    return AS_OF - timedelta(back)


def test_explain_tells_what_else_is_known_of_an_account(asked):
    row = next(row for row in asked["scores"] if row["next_offer"] and row["lifetime_value"])
    text = CliRunner().invoke(app, ["explain", str(asked["run"].path), row["account_id"]]).output
    fields = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in text.splitlines() if "  " in line.strip())
    assert fields["lifetime value"] == f"{row['lifetime_value']:,.2f}".removesuffix(".00")
    assert fields["next offer"] == row["next_offer"]
    assert fields["next offer share"] == f"{row['next_offer_share']:.1%}"
    assert fields["churn alert"] == ("yes" if row["churn_alert"] else "no")


def test_orders_and_products_that_have_moved_are_the_same(tmp_path):
    """A run is known again wherever its tables lie, and is another one as soon as they hold something else."""
    first, moved, changed = (tmp_path / name for name in ("first", "moved", "changed"))
    runs = {folder: market.run(folder / "market", tmp_path / "scores", shop.build(folder)) for folder in (first, moved)}
    assert runs[first].run_key == runs[moved].run_key
    changes = shop.build(changed)
    pq.write_table(pq.read_table(changed / "products.parquet").slice(1), changed / "products.parquet")
    assert market.run(changed / "market", tmp_path / "scores", changes).run_key != runs[first].run_key


OWN: dict[str, Any] = {
    "segments": {"own": ["industry", "segment"]},
    "names": {"retail · steel": "Shops and mills", "nothing · here": "Nobody"},
    "titles": {"industry": {"levels": {"steel": "mills"}}},
}


@pytest.fixture(scope="module")
def owned(asked, tmp_path_factory) -> RunDirectory:
    """The shop with segments of its own."""
    return market.run(
        asked["folder"] / "market", tmp_path_factory.mktemp("own") / "scores", {**asked["changes"], **OWN}
    )


def test_own_segments_are_reported_in_the_scores_and_tested_by_their_totals(asked, owned):
    table = pq.read_table(asked["folder"] / "market").to_pylist()
    texts = {row["account_id"]: f"{row['industry']} · {row['segment'] or 'unknown'}" for row in table}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in market.scores(owned).to_pylist():
        assert row["own_segment"] == texts[row["account_id"]]
        groups[row["party_type"], row["own_segment"]].append(row)
    found = {(row["party_type"], row["own_segment"]): row for row in table_of(owned, "own_segments")}
    assert found.keys() == groups.keys()
    for key, rows in groups.items():
        row = found[key]
        known = [one for one in rows if one["sales_before"] is not None]
        now, before = (sum(one[name] for one in known) for name in ("trailing_sales", "sales_before"))
        assert row["accounts"] == len(rows)
        assert row["customers"] == sum((one["sales"] or 0) > 0 for one in rows)
        assert row["whitespace"] == pytest.approx(sum(one["whitespace"] or 0 for one in rows), abs=0.01 * len(rows))
        assert row["identifiable"] == "yes"
        assert row["growing"] == (("yes" if now > before else "no") if known else "unknown")
        margin = sum(one["yearly_margin"] or 0.0 for one in rows)
        assert row["profitable"] == (("yes" if margin > 0 else "no") if known else "unknown")
        if known:
            assert (row["sales_now"], row["sales_before"]) == pytest.approx((now, before), abs=0.02)
    assert record_of(owned, "segments")["own"]["of"] == len(found) > 20
    actions = {row["action"] for row in found.values()}
    assert actions >= {"protect", "invest", "maintain"}


def test_own_segments_have_a_priority_of_their_own_terms_and_what_is_missing_leaves_it_open(asked, tmp_path):
    """Each term is the mean over the accounts that have it; a term with a weight that nobody has is no 0."""
    table, random = pq.read_table(asked["folder"] / "market"), np.random.default_rng(9)
    cost = [None if chance < 0.3 else round(50 * chance, 2) for chance in random.random(table.num_rows).tolist()]
    cost = [None if row["industry"] == "software" else one for one, row in zip(cost, table.to_pylist(), strict=True)]
    path = market.write(table.append_column("cost", pa.array(cost)), tmp_path / "market", files=2)
    section = {**OWN["segments"], "acquisition_cost": "cost", "weights": [1, 2, 0]}
    done = market.run(path, tmp_path / "scores", {**asked["changes"], **OWN, "segments": section})
    given = dict(zip(table["account_id"].to_pylist(), cost, strict=True))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in market.scores(done).to_pylist():
        groups[row["party_type"], row["own_segment"]].append(row)
    rows = table_of(done, "own_segments")
    assert {row["missing"] for row in rows} >= {"", "acquisition_cost"}
    for row in rows:
        mine = groups[row["party_type"], row["own_segment"]]
        values = [one["lifetime_value"] for one in mine if one["lifetime_value"] is not None]
        costs = [given[one["account_id"]] for one in mine if given[one["account_id"]] is not None]
        gaps = [name for name, known in (("lifetime_value", values), ("acquisition_cost", costs)) if not known]
        assert row["missing"] == "|".join(gaps)
        expected = None if gaps else pytest.approx(np.mean(values) - 2 * np.mean(costs), abs=0.03)
        assert row["priority"] == expected
    assert any(row["priority"] is not None for row in record_of(done, "segments")["own"]["top"])


def test_own_segments_have_names_of_the_job_or_plain_words(owned):
    names = {row["own_segment"]: row["name"] for row in table_of(owned, "own_segments")}
    assert names["retail · steel"] == "Shops and mills"
    assert names["steel · banking"] == "mills or banking accounts"
    assert any("'nothing · here'" in text for text in (owned.manifest() or {})["notices"])
    assert "Shops and mills" in CliRunner().invoke(app, ["show", str(owned.output)]).stdout


def test_own_segments_are_the_same_for_any_partitions_and_workers(asked, owned, tmp_path):
    table = pq.read_table(asked["folder"] / "market")
    path = market.write(table.take(np.random.default_rng(3).permutation(table.num_rows)), tmp_path / "market", files=3)
    again = market.run(path, tmp_path / "scores", {**asked["changes"], **OWN, "engine.workers": 1})
    assert table_of(again, "own_segments") == table_of(owned, "own_segments")


def test_too_many_segments_or_columns_that_hold_none_are_refused_before_the_fit(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(own, "MOST", 7)
    path = asked["folder"] / "market"
    with pytest.raises(InputContractError, match=r"'industry' and 'segment' make 19 segments, .* at most 7"):
        market.run(path, tmp_path / "scores", OWN)
    for columns in (["industry", "industry"], ["name"], ["employees"]):
        with pytest.raises(JobFileError, match=r"segments.own\[\d\]: expected a column of texts"):
            market.job(path, tmp_path, {"segments": {"own": columns}, "columns.name": "name"})
    with pytest.raises(JobFileError, match=r"segments.own"):
        market.job(path, tmp_path, {"segments": {"own": ["industry", "segment", "party_type", "note"]}})


def test_what_sections_have_counted_is_kept_for_a_run_that_goes_on(asked, owned, tmp_path, monkeypatch):
    """A run that is killed before its manifest goes on from its parts, with the same tables."""
    job = market.job(asked["folder"] / "market", tmp_path / "scores", {**asked["changes"], **OWN})
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_run", killed)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(job, Progress())
    progress = Progress()
    again = pipeline.run(job, progress)
    assert "resumed: census, model, assignment were there already" in progress.notices
    for name in ("alerts", "alert_lists", "own_segments", "segment_tests", "plays", "portfolio"):
        assert table_of(again, name) == table_of(owned, name)


def killed(*_: Any) -> None:
    raise KeyboardInterrupt
