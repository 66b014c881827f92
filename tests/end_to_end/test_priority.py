"""Priority in the scores of a run: whose turn it is, in which tier, and what may be expected."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.end_to_end import market


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The scores of a market with customers and prospects of both party types."""
    return scored(tmp_path_factory.mktemp("priority"))


def scored(folder, changes=None, **layout):
    return market.scores(market.score(market.accounts(1500), folder, changes or {}, **layout)).to_pylist()


def of_party(rows):
    order = sorted(rows, key=lambda row: (row["party_type"], row["priority"]))
    return [list(group) for _, group in groupby(order, key=lambda row: row["party_type"])]


def test_no_two_accounts_of_a_party_type_share_a_place(rows):
    for party in of_party(rows):
        assert [row["priority"] for row in party] == list(range(1, len(party) + 1))
        for kind in ("expansion", "acquisition"):
            mine = [row["priority_in_kind"] for row in party if row["kind"] == kind]
            assert mine == list(range(1, len(mine) + 1))


def test_value_falls_along_the_order_and_nearer_accounts_come_first_where_it_is_the_same(rows):
    for party in of_party(rows):
        keys = [(-row["whitespace"] * row["probability"], -row["probability"], row["distance"]) for row in party]
        assert keys == sorted(keys)


def test_win_rates_stand_in_where_nothing_tells_more(tmp_path):
    rows = scored(tmp_path, {"look_alike": {"enabled": False}, "priority": {"win_rate": {"expansion": 0.5}}})
    found = {(row["kind"], row["probability"], row["p_basis"]) for row in rows}
    assert found == {("expansion", 0.5, "win_rate"), ("acquisition", 0.05, "win_rate")}


def test_prospects_that_look_like_customers_are_likelier_with_the_win_rate_on_the_average(rows):
    known = {row["party_type"] for row in rows if row["p_basis"] == "look_alike"}
    assert "end_user" in known
    for party in known:
        prospects = [row for row in rows if row["party_type"] == party and row["kind"] == "acquisition"]
        assert {row["p_basis"] for row in prospects} == {"look_alike"}
        assert np.mean([row["probability"] for row in prospects]) == pytest.approx(0.05, rel=0.02)
        by_likeness = sorted(prospects, key=lambda row: row["look_alike"])
        likely = [row["probability"] for row in by_likeness]
        assert np.corrcoef(np.arange(len(likely)), likely)[0, 1] > 0.5


def test_of_few_customers_a_prospect_may_be_expected_to_buy_what_those_of_its_cluster_buy(tmp_path):
    """Fewer than 30 tell no level of accounts: expected value goes by the mean of the cluster's customers."""
    changes = {"potential.min_customers": 5}
    rows = market.scores(market.score(market.accounts(1500, channel=0.05), tmp_path, changes)).to_pylist()
    party = next(party for party in of_party(rows) if sum(row["kind"] == "expansion" for row in party) < 30)
    count = 0
    for row in party:
        peers = [one["sales"] for one in party if one["cluster"] == row["cluster"] and one["kind"] == "expansion"]
        if len(peers) >= 5:
            above = np.mean(np.maximum(np.array(peers) - max(row["sales"] or 0.0, 0.0), 0.0))
            assert row["expected_value"] == pytest.approx(above * row["probability"], abs=0.006)
            count += 1
    assert count


def test_expected_value_goes_by_what_accounts_like_it_buy_at_either_level(tmp_path, rows):
    """The ladder is a matter of the level of potential; what may be expected is not."""
    again = by_id(scored(tmp_path, {"potential": {"level": "account"}}))
    for row in rows:
        assert again[row["account_id"]]["expected_value"] == row["expected_value"]


def test_tiers_follow_the_order_within_kind(rows):
    for party in of_party(rows):
        for kind in ("expansion", "acquisition"):
            tiers = [row["tier"] for row in party if row["kind"] == kind]
            assert tiers == sorted(tiers)
            assert 0 < tiers.count("A") <= np.ceil(0.1 * len(tiers))


@pytest.mark.parametrize("capacity", [1, 37, 100, 10**6])
def test_exactly_as_many_accounts_have_high_potential_as_can_be_covered(tmp_path, capacity):
    rows = scored(tmp_path, {"quadrant": {"threshold": "capacity", "capacity": capacity}})
    high = [row for row in rows if row["quadrant"] in {"blue", "yellow"}]
    rest = [row["potential"] for row in rows if row["quadrant"] not in {"blue", "yellow"}]
    assert len(high) == min(capacity, len(rows))
    assert min(row["potential"] for row in high) >= max(rest, default=0.0)


def test_partitions_and_their_order_change_no_place(tmp_path, rows):
    again = scored(tmp_path, files=5)
    assert by_id(again) == by_id(rows)


def by_id(rows):
    return {row["account_id"]: row for row in rows}


def test_at_level_account_money_is_expected_in_multiples_of_typical_sales(tmp_path):
    rows = scored(tmp_path, {"potential": {"level": "account"}})
    for party in of_party(rows):
        keys = [(-row["whitespace"] * row["probability"], -row["probability"], row["distance"]) for row in party]
        assert keys == sorted(keys)
        for row in party:
            peers = [one for one in party if one["cluster"] == row["cluster"] and one["kind"] == "expansion"]
            if len(peers) >= 25:
                own = max(row["sales"] or 0.0, 0.0) / row["typical_sales"]
                above = np.mean([max(one["sales"] / one["typical_sales"] - own, 0.0) for one in peers])
                wanted = row["probability"] * row["typical_sales"] * above
                assert row["expected_value"] == pytest.approx(wanted, rel=1e-9, abs=0.006)


def test_exactly_as_many_accounts_are_high_at_level_account(tmp_path):
    changes = {"potential": {"level": "account"}, "quadrant": {"threshold": "capacity", "capacity": 100}}
    assert sum(row["quadrant"] in {"blue", "yellow"} for row in scored(tmp_path, changes)) == 100


def test_the_portfolio_says_what_its_segments_take_as_far_as_the_job_knows(tmp_path):
    """Hours times their cost, and what an account costs beside; a cost that the job leaves open is null, never 0."""
    given = {
        "hours": {"enterprise": 40.0, "land": 30.0, "account_management": 10.0},
        "cost_per_hour": {"account_manager": 90.0},
        "cost_per_account": {"enterprise": 5.0, "digital": 2.5},
    }
    done = market.score(market.accounts(1500), tmp_path, {"portfolio": given})
    rows = pq.read_table(done.tables / "portfolio.parquet").to_pylist()
    assert {row["portfolio_segment"] for row in rows} >= {"enterprise", "land", "account_management", "digital"}
    each = {"enterprise": (40, 3605), "land": (30, None), "account_management": (10, 900), "digital": (None, 2.5)}
    for row in rows:
        hours, cost = each.get(row["portfolio_segment"], (None, None))
        assert row["hours"] == (hours and hours * row["accounts"])
        assert row["cost"] == (cost and pytest.approx(cost * row["accounts"]))


def test_without_a_portfolio_in_the_job_hours_and_cost_are_empty_columns_of_numbers(tmp_path):
    done = market.score(market.accounts(500), tmp_path)
    table = pq.read_table(done.tables / "portfolio.parquet")
    for name in ("hours", "cost"):
        assert (str(table.schema.field(name).type), table[name].null_count) == ("double", table.num_rows)
