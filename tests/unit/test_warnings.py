"""What is said about a result: where a remark is due it comes with its numbers, elsewhere there is none."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tamscore.scoring import warnings
from tamscore.scoring.arguments import LadderRules, QuadrantRules
from tamscore.scoring.fit.party_fit import Reference
from tamscore.scoring.potential import PartyMarket
from tamscore.stages import potential, whitespace
from tamscore.stages.diagnose import skew
from tamscore.stages.quadrant import QuadrantLimits

LINES = (0.85, 0.9, 0.95)
LADDER = LadderRules(LINES, "max", "at_or_below", 25)
SHARES = QuadrantRules("percentile", False, 0.8, 0.8, 0)
TALL = np.array([[50.0, 50.0, 50.0, 1e6]])
NOBODY = QuadrantLimits(np.inf, np.inf)


def party(*clusters: list[float], prospects: tuple[int, ...]) -> PartyMarket:
    """A party type with these customers' sales and so many prospects in each cluster."""
    offsets = np.cumsum([0, *map(len, clusters)])
    sales = potential.CustomerSales(np.concatenate([np.sort(np.array(one, float)) for one in clusters]), offsets)
    parents = [("end_user", np.sort(sales.sales))] * len(clusters)
    table = potential.potential_table(sales, parents, LINES, "max", 25)
    standing = whitespace.stand(sales, np.array(prospects), table, "at_or_below")
    model: Any = SimpleNamespace(name="end_user", ids=("E01", "E02", "E03"))
    return PartyMarket(model, sales, sales, None, table, standing)


def even(top: float = 100.0) -> list[float]:
    return [*map(float, range(1, 100)), top]


def said(market: PartyMarket, limits: QuadrantLimits = NOBODY, rules: QuadrantRules = SHARES) -> str:
    return "\n".join(warnings.market_warnings(market, limits, LADDER, rules))


def test_an_unremarkable_market_draws_no_remark():
    assert said(party(even(), even(), prospects=(50, 50))) == ""


def test_sales_below_what_cents_can_tell_are_reported():
    small = [one / 1000 for one in even()]
    text = said(party(small, small, prospects=(50, 50)))
    assert text.startswith("half of the customers buy 0.05 or less, but tables, expected value and lifetime value")


def test_few_customers_on_frozen_ladders_are_reported_since_what_is_expected_rests_on_them():
    before, few = party(even(), prospects=(50,)), party(even()[:49], prospects=(50,))
    text = warnings.fewer_today(few, Reference(table=before.table))
    assert text.startswith(
        "potential rests on ladders of the earlier run's 100 customers, but expected value on the 49"
    )
    assert warnings.fewer_today(party(even()[:50], prospects=(50,)), Reference(table=before.table)) == ""
    assert warnings.fewer_today(few, Reference()) == ""


def test_sales_in_bands_are_reported_with_the_most_frequent_amount():
    bands = [100.0] * 60 + [1000.0] * 38 + [5000.0, 7000.0]
    text = said(party(bands, even(), prospects=(50, 50)), rules=QuadrantRules("absolute", False, 0.8, 0.8, 0))
    assert text == ""  # half of the customers share amounts, the steps of their ladder coincide, but not of most
    text = said(party(bands, bands, even(), prospects=(50, 50, 50)))
    assert "sales come in bands: 67% of the customers share their amount with others, 121 have 100.00" in text
    assert "steps coincide in 2 of 3 ladders" in text


def test_sales_in_bands_are_reported_at_level_account_too():
    """Each account has steps of its own there, so that none coincide."""
    bands = party([100.0] * 60 + [1000.0] * 38 + [5000.0, 7000.0], prospects=(50,))
    typical = np.linspace(50.0, 500.0, 100, dtype=np.float32)
    own = potential.CustomerSales(bands.sales.sales, bands.sales.offsets, typical)
    relative = [("end_user", own.relative.sales)]
    everyone = [("end_user", own.sales)]
    table = potential.account_table(own, everyone, relative, np.array([200.0]), 100.0, LINES, "max", 25)
    assert table.distinct.tolist() == [4]
    text = warnings.band(replace(bands, sales=own, table=table), LADDER)
    assert "sales come in bands: 98% of the customers share their amount" in text
    assert "steps of level cluster coincide in 1 of 1 ladders" in text
    assert warnings.band(replace(party(even(), prospects=(9,)), table=table), LADDER) == ""


def test_steps_of_one_customer_are_no_bands():
    """Of seven customers the largest makes P90, P95 and the top."""
    small = [10.0, 10.0, 20.0, 20.0, 30.0, 30.0, 70.0]
    market = party(small, small, prospects=(9, 9))
    alone = potential.potential_table(market.sales, [("end_user", np.sort(market.sales.sales))] * 2, LINES, "max", 1)
    assert (alone.distinct < 4).all()
    assert warnings.band(replace(market, table=alone), LADDER) == ""


def test_amounts_that_many_share_are_no_bands_where_steps_differ():
    prices = sorted([*map(float, range(1, 101)), *map(float, range(1, 101))])
    assert "bands" not in said(party(prices, prospects=(9,)))


def test_a_market_of_customers_alone_is_reported():
    assert "every account is a customer" in said(party(even(), prospects=(0,)))


def test_a_market_without_customers_has_no_potential_and_says_only_that():
    assert said(party([], prospects=(9,))) == "no account has sales above 0, so there is no potential to tell"


def test_thin_clusters_are_named_with_their_customers_and_their_part_of_what_can_be_won():
    text = said(party(even(), [5.0, 6.0], [], prospects=(0, 70, 30)))
    assert "2 of 3 clusters have fewer than 25 customers (E02 has 2, E03 has 0)" in text
    assert "100% of the acquisition whitespace" in text
    market = party(even(), [5.0, 6.0], [], prospects=(0, 70, 30))
    text = warnings.thin(market, 25, Reference(table=market.table))
    assert "2 of 3 clusters had fewer than 25 customers in the earlier run (E02 had 2, E03 had 0)" in text


def test_a_top_step_that_holds_most_whitespace_is_reported_unless_it_is_capped():
    market = party(even(top=1e6), prospects=(0,))
    text = said(market)
    assert "100% of the expansion whitespace lies with the 5 customers above the last cut line" in text
    assert "potential.top_step = 'p99' would leave 0% of it" in text
    capped = LadderRules(LINES, "p99", "at_or_below", 25)
    assert warnings.top_heavy(market, capped) == ""


def test_high_that_many_accounts_share_is_reported_with_both_shares():
    text = said(party(even(), prospects=(300,)), QuadrantLimits(85.0, 80.0))
    assert "high potential: 100% of the accounts, not 20%, since 385 share the limit of 85.00" in text


def test_on_ladders_of_an_earlier_run_nothing_is_said_of_other_ladders():
    earlier = party(even(), prospects=(9,))
    reference = Reference(table=earlier.table, limits=QuadrantLimits(85.0, 80.0))
    today = party([50.0] * 40 + [96.0] * 60, prospects=(9,))
    standing = whitespace.stand(today.sales, np.array([9]), earlier.table, "at_or_below")
    frozen = replace(today, table=earlier.table, standing=standing)
    top = whitespace.stand(frozen.sales, np.array([9]), replace(earlier.table, values=TALL), "at_or_below")
    heavy = warnings.top_heavy(replace(frozen, standing=top), LADDER, reference)
    assert heavy.startswith("100% of the expansion whitespace lies with the 60 customers above the last cut line")
    assert heavy.endswith("measured against the largest of their cluster in the earlier run")
    text = warnings.crowd(frozen, QuadrantLimits(86.0, 80.0), SHARES, reference)
    assert "high potential: 55% of the accounts, not 20%, since the limit of 86.00 is that of the earlier run" in text
    shared = warnings.crowd(party(even(), prospects=(300,)), QuadrantLimits(85.0, 80.0), SHARES, reference)
    assert "since 385 share the limit of 85.00; quadrant.threshold = 'capacity' with --fresh-cut-lines takes" in shared


def test_without_customers_ladders_of_an_earlier_run_still_tell_potential():
    reference = Reference(table=party(even(), prospects=(9,)).table)
    nobody = party([], prospects=(9,))
    text = warnings.market_warnings(nobody, NOBODY, LADDER, SHARES, reference)
    assert text == ["no account has sales above 0: every potential is that of the earlier run's ladders"]
    unknown = Reference(table=nobody.table)
    assert "no potential to tell" in warnings.market_warnings(nobody, NOBODY, LADDER, SHARES, unknown)[0]


def test_the_limit_of_tiny_sales_is_no_zero():
    text = said(party([0.004] * 60 + [0.001] * 40, prospects=(300,)), QuadrantLimits(0.004, 0.004))
    assert "share the limit of 0.004;" in text
    assert "60 have 0.004, and" in text


@pytest.mark.parametrize("boundary", ["at_or_below", "strictly_below"])
def test_steps_hold_every_account_and_all_whitespace(boundary: whitespace.Boundary):
    market = party(even(), even(7.0), prospects=(3, 4))
    standing = whitespace.stand(market.sales, market.standing.prospects, market.table, boundary)
    sums = warnings.by_step(PartyMarket(market.model, market.sales, market.sales, None, market.table, standing))
    assert sums[:, :, 0].sum(axis=1).tolist() == [7, 200]
    assert sums[1, :, 1].sum() == pytest.approx(standing.customer_whitespace.sum())
    assert sums[0, 0, 1] == 3 * market.table.values[0, 0] + 4 * market.table.values[1, 0]


def test_skewed_columns_are_sent_to_a_scaling_that_helps_them():
    random = np.random.default_rng(0)
    money, share = np.exp(random.normal(8.0, 1.5, 5000)), random.beta(0.1, 2.0, 5000)
    text = skew(["money", "share"], [money, share])
    assert text[0].endswith("'log_standard' or 'quantile_normal' suits it")
    assert text[1].endswith("; 'quantile_normal' suits it")
