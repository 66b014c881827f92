"""The audit of the top step: every way to set it gives what a run under it gives, and `max` grows with the cluster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tamscore.stages import top_step
from tamscore.stages.potential import CustomerSales, potential_table
from tamscore.stages.whitespace import value_accounts

P85 = (0.85, 0.90, 0.95)


def cluster_of(*groups):
    offsets = np.concatenate(([0], np.cumsum([len(group) for group in groups])))
    return CustomerSales(np.concatenate([np.sort(group) for group in groups]), offsets)


def table_of(sales, top="max"):
    everyone = [("all", np.sort(sales.sales))] * sales.groups
    return potential_table(sales, everyone, P85, top, 25)


def audits_of(sales):
    found = top_step.audit(sales, table_of(sales), "at_or_below", "max")
    return {one.top_step: one for one in found}


@pytest.mark.parametrize("top", top_step.TOP_STEPS)
def test_every_variant_is_what_a_run_under_it_gives(rng, top):
    """Thick, thin and empty clusters alike."""
    sales = cluster_of(rng.lognormal(8, 1.5, 900), rng.lognormal(7, 1, 12), np.empty(0), rng.lognormal(9, 1, 40))
    label = np.repeat(np.arange(4), sales.support)
    money = value_accounts(np, sales.sales, label, table_of(sales, top).values, "at_or_below")
    one = audits_of(sales)[top]
    assert one.potential == pytest.approx(money.potential.sum(), rel=1e-12)
    assert one.whitespace.tolist() == pytest.approx(np.bincount(money.step - 1, money.whitespace, 4).tolist())
    assert one.above == np.count_nonzero(
        (money.whitespace == 0) & (money.potential > table_of(sales, top).values[label, -1])
    )


def test_shares_make_a_whole_and_nothing_open_has_none(rng):
    assert audits_of(cluster_of(rng.lognormal(8, 1, 300)))["max"].shares.sum() == pytest.approx(1.0)
    assert np.isnan(audits_of(cluster_of(np.full(50, 7.0)))["max"].shares).all()


def test_ladders_of_a_model_that_saw_no_customers_leave_nothing_open():
    sales = cluster_of(np.arange(1.0, 41.0))
    unknown = replace(table_of(sales), values=np.full((1, len(P85) + 1), np.nan))
    found = top_step.audit(sales, unknown, "at_or_below", "max")
    assert [(one.potential, *one.whitespace) for one in found] == [(0.0,) * 5] * len(found)


def test_frozen_ladders_are_audited_as_they_stand_and_alone():
    """Today's customers buy twice as much as those that made the ladder; by their own top more would be open."""
    then, today = cluster_of(np.arange(1.0, 101.0)), cluster_of(2 * np.arange(1.0, 101.0))
    (one,) = top_step.audit(today, table_of(then), "at_or_below", "max", frozen=True)
    assert one.above == np.count_nonzero(today.sales > 100)
    assert one.potential == np.maximum(today.sales, np.repeat([85.0, 90.0, 95.0, 100.0], [42, 3, 2, 53])).sum()


def ratio_and_share(rng, customers, markets):
    """Potential ÷ sales and the share held by the top step under `max` and `p99`: medians over so many markets."""
    found = []
    for _ in range(markets):
        audits = audits_of(cluster_of(rng.lognormal(8, 1.5, customers)))
        found.append([(audits[top].potential / audits[top].sales, audits[top].shares[-1]) for top in ("max", "p99")])
    return np.median(found, axis=0)


def test_a_hundred_times_the_customers_change_little_under_a_cap_and_more_than_double_all_under_max(rng):
    """Lognormal sales with sigma 1.5: potential ÷ sales moves by less than 10 % under p99, by over 100 % under max.

    The top 5 % of customers hold about half, three quarters, nine tenths of the whitespace: METHOD.md, section 5.
    """
    small, large = ratio_and_share(rng, 500, 60), ratio_and_share(rng, 50_000, 8)
    assert abs(large[1, 0] / small[1, 0] - 1) < 0.10
    assert large[0, 0] / small[0, 0] - 1 > 1.00
    assert small[0, 1] == pytest.approx(0.48, abs=0.06)
    assert large[0, 1] == pytest.approx(0.88, abs=0.04)
