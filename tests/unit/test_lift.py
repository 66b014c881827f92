"""Lift: intervals that cover as they say, no effect seen where there is none, power as announced; over fixed seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from bench.lift import LIFTS, buyers, customers, money
from bench.published import of_counts
from tamscore.sections.coverage.measured import with_measured
from tamscore.sections.coverage.plans import DEFAULT_PLANS
from tamscore.sections.lift import design, verdict
from tamscore.sections.lift.money import FEWEST_CUSTOMERS, MOST_SKEWED, of_money
from tamscore.sections.lift.strata import merge
from tamscore.sections.lift.touches import PlannedTouches, by_touch
from tamscore.sections.lift.verdict import Experiment
from tamscore.stages.draw import draw_number, id_hash
from tamscore.store import holdouts as store_holdouts
from tamscore.store.holdouts import Controls

SEEDS = 2_000


@pytest.mark.parametrize("lift", LIFTS)
def test_intervals_of_buyers_cover_the_effect_in_95_of_100_experiments(lift):
    """In every stratum and over all; of 100 that are none at most 6.5 are called one; power is as announced."""
    found = buyers(lift, SEEDS)
    assert 0.93 <= found["covered"] <= 0.97
    assert all(0.93 <= share <= 0.975 for share in found["covered_by_stratum"])
    if lift:
        assert abs(found["seen"] - found["power"]) < 0.05
    else:
        assert 0.035 <= found["seen"] <= 0.065
        assert all(0.025 <= share <= 0.065 for share in found["seen_by_stratum"])


@pytest.mark.parametrize("effect", [0.0, 25.0])
def test_intervals_of_customers_money_cover_the_effect_and_are_narrower_with_past_sales(effect):
    found = money(effect, SEEDS // 4)
    assert found["admitted"] == 1
    assert 0.93 <= found["covered"] <= 0.97
    assert found["width_of_plain"] < 0.9


@pytest.mark.parametrize(
    ("name", "value", "low", "high"),
    [
        ("Criteo v2.1, visit", 0.0103424, 0.0100556, 0.0106292),
        ("X5 RetailHero, purchase", 0.0332356, 0.0289838, 0.0374875),
        ("Hillstrom, Mens E-Mail, visit", 0.0765896, 0.0699534, 0.0832257),
        ("Hillstrom, Womens E-Mail, visit", 0.0452331, 0.0388938, 0.0515724),
        ("Hillstrom, Mens E-Mail, conversion", 0.0068050, 0.0050001, 0.0086099),
        ("Hillstrom, Womens E-Mail, conversion", 0.0031111, 0.0014987, 0.0047234),
    ],
)
def test_published_experiments_have_their_published_effects(name, value, low, high):
    """With limits that are those of the normal interval, to a tenth of its half width."""
    found = next(one for one in of_counts() if one["of"] == name)
    assert found["value"] == pytest.approx(value, abs=1e-6)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.1 * (high - value))


def test_money_has_no_verdict_where_few_amounts_decide_or_an_arm_is_small():
    random = np.random.default_rng(5)
    amount, sales, control, stratum = customers(random, 0.0, rows=1_200, share=0.2)
    assert not of_money(amount, sales, control, stratum).is_admitted
    amount, sales, control, stratum = customers(random, 0.0)
    amount[np.flatnonzero(control)[0]] = 1e7
    found = of_money(amount, sales, control, stratum)
    assert found.fewest >= FEWEST_CUSTOMERS
    assert abs(found.skewness) >= MOST_SKEWED
    assert not found.is_admitted


def test_money_without_covariate_is_the_weighted_difference_of_means():
    amount = np.array([4.0, 6.0, 1.0, 3.0, 10.0, 12.0, 20.0, 8.0, 6.0, 7.0])
    control = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1, 1], bool)
    stratum = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    found = of_money(amount, np.ones(10), control, stratum)
    assert found.theta == 0
    assert found.effect.value == pytest.approx(0.4 * (5 - 2) + 0.6 * (12.5 - 6.5))


def test_strata_are_merged_until_their_controls_and_buyers_are_enough():
    names, controls = ["A", "B", "C", "D"], np.array([20, 80, 400, 40])
    assert merge(names, controls, controls * 0.04) == [("A", "B", "C", "D")]
    assert merge(names, controls, controls * 0.06) == [("A", "B"), ("C", "D")]
    assert merge(names[:1], np.array([3]), np.array([0.1])) == [("A",)]


def test_a_draw_goes_by_ids_alone_and_takes_the_share_of_every_stratum():
    ids = pa.array([f"A{i:05d}" for i in range(9_000)])
    tier = np.repeat([0, 1, 2], [1_000, 3_000, 5_000])
    plan, stratum = design.design_of(["A", "B", "C"], tier, np.full(9_000, 0.06), 0.1)
    assert plan.names == ("A", "B", "C")
    control = design.chosen(ids, stratum, plan.controls, 11)
    assert np.bincount(stratum[control]).tolist() == plan.controls.tolist() == [100, 300, 500]
    order = np.random.default_rng(0).permutation(9_000)
    again = design.chosen(ids.take(pa.array(order)), stratum[order], plan.controls, 11)
    assert (again == control[order]).all()
    assert (design.chosen(ids, stratum, plan.controls, 12) != control).any()


def test_what_cannot_be_seen_is_said_with_the_controls_that_it_takes():
    plan, _ = design.design_of(["all"], np.zeros(20_000, np.int64), np.full(20_000, 0.04), 0.05)
    sentences_shown = design.announcement(plan, 0.3)
    assert not sentences_shown["can_be_seen"]
    assert sentences_shown["controls"] == 1_000 < sentences_shown["controls_needed"] < sentences_shown["most_controls"]
    enough, _ = design.design_of(["all"], np.zeros(20_000, np.int64), np.full(20_000, 0.04), 0.2)
    assert design.announcement(enough, 0.3)["can_be_seen"]
    few, _ = design.design_of(["all"], np.zeros(200, np.int64), np.full(200, 0.04), 0.15)
    assert design.announcement(few, 0.3)["controls_needed"] is None
    assert design.announcement(few, 0.3)["smallest_lift"] is None


def test_groups_with_few_controls_have_no_verdict():
    control = np.tile([False, False, True], 200)
    place = np.where(np.arange(600) < 60, 0, 1)
    bought = ~control & (np.arange(600) % 2 == 0)
    made = Experiment(
        ["all"], np.zeros(600, np.int64), control, bought, None, np.zeros(600), {"play": (["x", "y"], place)}
    )
    rows = {row["name"]: row for row in verdict.by_group(made)["play"]}
    assert (rows["x"]["controls"], rows["x"]["verdict"], rows["x"]["effect"]) == (20, "too few", None)
    assert rows["y"]["verdict"] == "more"
    assert verdict.money(made, of_customers=True) is None


def test_controls_are_found_among_ids_as_these_are_compared(monkeypatch):
    """Also where ids share a hash, which is compared in full then."""
    controls = Controls(pa.array(["a", "b", "Å"], pa.large_string()))
    asked = pa.chunked_array([["b", " a ", "A"], ["A\u030a", "c"]])
    assert controls.among(asked).tolist() == [True, True, False, True, False]
    assert Controls(pa.array([], pa.large_string())).among(asked).tolist() == [False] * 5
    monkeypatch.setattr(store_holdouts, "id_hash", lambda ids: np.zeros(len(ids), np.uint64))
    again = Controls(controls.ids)
    assert again.among(asked).tolist() == [True, True, False, True, False]


def test_the_effect_of_each_touch_plan_is_that_among_its_own_accounts():
    """With the mean likelihood that its share of whitespace counts with; plans with few controls have none."""
    control = np.arange(3_000) % 3 == 0
    place = np.repeat([0, 1, -1], [1_400, 1_550, 50])
    place[:60] = 2
    bought = (np.arange(3_000) % 10 == 1) | ((place == 1) & ~control & (np.arange(3_000) % 10 == 7))
    likely = np.linspace(0.5, 1.5, 3_000)
    made = Experiment(["all"], np.zeros(3_000, np.int64), control, bought, None, np.zeros(3_000), {})
    names = [("hunter", "high_touch"), ("digital", "digital"), ("sdr", "pooled")]
    rows = by_touch(made, PlannedTouches(names, place, likely, np.ones(3_000)), of_customers=False)
    assert [(row["role"], row["service_level"]) for row in rows] == names[:2]
    for number, row in enumerate(rows):
        mine = place == number
        rate = [float(bought[mine & side].mean()) for side in (~control, control)]
        assert row["effect"] == pytest.approx(rate[0] - rate[1])
        assert row["low"] < row["effect"] < row["high"]
        assert row["open"] == pytest.approx(likely[mine].mean())
        assert row["controls"] == np.count_nonzero(mine & control)
    assert rows[1]["low"] > 0 > rows[0]["low"]


def test_money_of_customers_by_touch_plan_counts_where_an_interval_holds():
    random = np.random.default_rng(9)
    amount, sales, control, _ = customers(random, 40.0, rows=6_000, share=0.4)
    made = Experiment(["all"], np.zeros(6_000, np.int64), control, amount > 0, amount, sales, {})
    place, open_ = np.arange(6_000) // 5_000, np.full(6_000, 200.0)
    names = [("account_manager", "pooled"), ("digital", "digital")]
    (row,) = by_touch(made, PlannedTouches(names, place, np.ones(6_000), open_), of_customers=True)
    assert row["low"] < 40 < row["high"]
    assert (row["open"], row["sales"]) == (200.0, pytest.approx(sales[:5_000].mean()))


def touch(role, effect, error, **more):
    half = 1.959963984540054 * error
    figures = {
        "role": role,
        "service_level": "high_touch",
        "effect": effect,
        "low": effect - half,
        "high": effect + half,
    }
    return {**figures, "controls": 500, "open": 1.0, "sales": 0.0, **more}


def result(of, days, *touches):
    return {"holdout": of, "of": of, "days": days, "touches": [*touches]}


def test_measured_shares_replace_assumed_ones_by_how_well_they_are_known():
    """Hunters are assumed to win 9 % of prospects a year; what half a year says is 6 % a year, more or less surely."""
    before = {plan.name: plan for plan in DEFAULT_PLANS}
    for error, weight in ((0.0, 1.0), (0.045, 0.5), (1e9, 0.0)):
        found = with_measured(DEFAULT_PLANS, [result("prospects", 182.5, touch("Hunter", 0.06 / 2, error))])
        after = {plan.name: plan for plan in found.plans}
        hunter = after.pop("hunter/high_touch")
        assert hunter.acquisition == pytest.approx(0.09 - 0.03 * weight, abs=1e-9)
        assert (hunter.expansion, hunter.protection, hunter.limits) == (0.06, 0.02, before["hunter/high_touch"].limits)
        assert after == {name: plan for name, plan in before.items() if name != "hunter/high_touch"}
        assert (found.rows[0]["assumed"], found.rows[0]["measured"]) == (pytest.approx(0.09), pytest.approx(0.06))
        assert found.rows[0]["weight"] == pytest.approx(weight)


def test_measured_money_scales_expansion_and_protection_of_customers():
    """12 % of 1,000 open and 6 % of 500 sold are 150 a year; 300 measured are twice that; a loss leaves nothing."""
    for effect, factor in ((300.0, 2.0), (-50.0, 0.0), (150.0, 1.0)):
        measure = touch("account_manager", effect, 0.0, open=1_000.0, sales=500.0)
        found = with_measured(DEFAULT_PLANS, [result("customers", 365, measure)])
        plan = next(one for one in found.plans if one.name == "account_manager/high_touch")
        assert (plan.expansion, plan.protection) == pytest.approx((0.12 * factor, 0.06 * factor))
        assert plan.acquisition == 0.03
    unknown = with_measured(DEFAULT_PLANS, [result("customers", 365, touch("friend", 9.0, 0.1))])
    assert (unknown.plans, unknown.rows) == (DEFAULT_PLANS, ())


def test_lots_are_taken_in_order_of_their_number_and_whole():
    """Without lots of several accounts these are the lowest numbers, as many as are wanted."""
    random = np.random.default_rng(3)
    for _ in range(50):
        ids = pa.array([f"A{at}" for at in random.permutation(40)], pa.large_string())
        wanted, seed = int(random.integers(0, 41)), int(random.integers(0, 9))
        found = design.chosen(ids, np.zeros(40, np.int64), np.array([wanted]), seed)
        assert np.flatnonzero(found).tolist() == sorted(np.argsort(draw_number(id_hash(ids), seed))[:wanted].tolist())
        families = ids.take(pa.array(random.integers(0, 9, 40)))
        found = design.chosen(families, np.zeros(40, np.int64), np.array([wanted]), seed)
        assert found.sum() <= wanted
        names = np.array(families.to_pylist())
        assert not {*names[found]} & {*names[~found]}
        left = wanted - found.sum()
        assert all((names == name).sum() > left for name in {*names[~found]})


def clustered(random, families, lift=0.0):
    """Families of one to nine accounts, treated whole or not, in which all buy or none does."""
    size = random.integers(1, 10, families)
    family = np.repeat(np.arange(families), size)
    control = np.repeat(random.random(families) < 0.3, size)
    won = np.repeat(random.random(families), size) < np.where(control, 0.2, 0.2 + lift)
    none = np.zeros(len(family))
    return Experiment(["all"], none.astype(np.int64), control, won, None, none, {}, family)


def test_intervals_hold_where_accounts_of_a_family_buy_together():
    """Of 100 experiments without an effect at most 7 are called one; counted account by account far more would be."""
    random, seen, alone = np.random.default_rng(1), [], []
    for _ in range(400):
        made = clustered(random, 600)
        seen.append(verdict.buyers(made)["verdict"] != verdict.UNSEEN)
        alone.append(verdict.buyers(replace(made, family=None))["verdict"] != verdict.UNSEEN)
    assert np.mean(seen) <= 0.07
    assert np.mean(alone) > 0.2


def test_accounts_drawn_alone_count_as_they_are():
    random = np.random.default_rng(2)
    made = clustered(random, 500)
    single = replace(made, family=np.arange(len(made.family)))
    plain = verdict.buyers(replace(made, family=None))
    assert verdict.buyers(single)["low"] == pytest.approx(plain["low"], rel=2e-3)
    assert [verdict.buyers(made)[name] for name in ("treated", "controls", "effect")] == pytest.approx(
        [plain[name] for name in ("treated", "controls", "effect")]
    )
