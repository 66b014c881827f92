"""What the guard tells apart on made-up columns: a leak looks at prospects as at accounts without sales."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from bench import guarding, leaks
from tamscore.stages import leakage, separation
from tamscore.stages.leakage import FeatureEvidence, LeakageLimits, evidence, level_views, numeric_views
from tamscore.synthetic.measures import NUMERIC
from tamscore.synthetic.rows import chunk_tables
from tamscore.synthetic.segments import draw_segments

ROWS = 4000
LIMITS = LeakageLimits()


def world(seed=0, rows=ROWS, customers=0.2):
    """Size, what follows from it, and sales of a fifth of the accounts, the larger somewhat likelier to buy."""
    random = np.random.default_rng(seed)
    size = np.exp(3.0 + random.standard_normal(rows))
    wallet = 50.0 * size * np.exp(0.3 * random.standard_normal(rows))
    buys = random.random(rows) < customers * np.clip(0.7 + 0.1 * np.log(size), 0.2, 3.0)
    sales = np.where(buys, wallet * random.uniform(0.3, 0.9, rows), 0.0)
    columns = {
        "employees": size,
        "revenue": 1e5 * size * np.exp(0.4 * random.standard_normal(rows)),
        "it_spend": 2e3 * size * np.exp(0.5 * random.standard_normal(rows)),
        "growth": random.standard_normal(rows),
    }
    return columns, wallet, sales, random


def judged(columns, sales):
    """The suspects among some columns, numbers or texts."""
    views = {
        name: numeric_views(x) if x.dtype.kind == "f" else level_views(np.unique(x, return_inverse=True)[1])
        for name, x in columns.items()
    }
    return {name for name, found in evidence(views, sales, LIMITS).items() if LIMITS.suspects(found)}


def test_features_of_size_are_no_suspects_however_well_they_know_the_wallet():
    """A perfect estimate of the wallet follows sales closely, but does not know who buys."""
    columns, wallet, sales, _ = world()
    assert spearmanr(wallet[sales > 0], sales[sales > 0]).statistic > 0.9
    assert judged({**columns, "estimate": wallet}, sales) == set()


LEAKS = {
    "scaled": lambda sales, _, __: 0.01 * sales,
    "negative": lambda sales, _, __: -sales,
    "noised": lambda sales, _, random: sales + 300.0 * random.standard_normal(len(sales)),
    "product": lambda sales, columns, _: sales * columns["employees"],
    "ratio": lambda sales, columns, _: sales / columns["revenue"],
    "sum with what dwarfs it": lambda sales, columns, _: sales + columns["it_spend"],
    "flag of the best": lambda sales, _, __: (sales > np.quantile(sales[sales > 0], 0.7)).astype(float),
    "customer or not": lambda sales, _, __: (sales > 0).astype(float),
    "missing for prospects": lambda sales, _, random: np.where(sales > 0, random.standard_normal(len(sales)), np.nan),
    "tier in words": lambda sales, _, __: np.array(["none", "silver", "gold"])[
        np.searchsorted([1e-9, np.median(sales[sales > 0])], sales, side="right")
    ],
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_a_suspect_and_no_other_feature_is_blamed(leak):
    """Also where the other feature of a sum is as far off for prospects, given the sum, as the sum is given it."""
    columns, wallet, sales, random = world(1)
    made = LEAKS[leak](sales, columns, random)
    assert judged({**columns, "estimate": wallet, "made": made}, sales) == {"made"}


def test_size_is_no_suspect_where_customers_are_larger():
    """Large accounts buy far likelier than small ones, yet many prospects are as large as the median customer."""
    columns, wallet, _, random = world(10)
    chance = 1 / (1 + np.exp(5.0 - 1.4 * np.log(columns["employees"])))
    sales = np.where(random.random(ROWS) < chance, wallet * random.lognormal(0.0, 0.7, ROWS), 0.0)
    columns = {name: columns[name] for name in ("employees", "growth")}
    views = {name: numeric_views(x) for name, x in columns.items()}
    found = evidence(views, sales, LIMITS)["employees"]
    assert found.separability_given > LIMITS.separability
    assert found.correlation_given > LIMITS.correlation
    assert judged(columns, sales) == set()


@pytest.mark.parametrize("seed", range(3))
def test_leaks_that_prospects_carry_too_are_suspects(seed):
    """Lapsed customers keep the value of their last year, and a floor hides who buys nothing."""
    columns, wallet, sales, _ = world(seed)
    for make, planted in guarding.leaks(sales).items():
        found = [judged({**columns, "estimate": wallet, "made": leak}, sales) for leak in planted]
        assert found == [{"made"}] * len(planted), make


def test_many_prospects_at_a_value_that_customers_have_too_do_not_make_a_suspect():
    """Size is no less honest where it is unknown as 0: for half of the prospects, and for a few of the customers."""
    columns, wallet, _, random = world(10)
    chance = 1 / (1 + np.exp(5.0 - 1.4 * np.log(columns["employees"])))
    sales = np.where(random.random(ROWS) < chance, wallet * random.lognormal(0.0, 0.7, ROWS), 0.0)
    unstated = random.random(ROWS) < np.where(sales > 0, 0.2, 0.55)
    columns = {"employees": np.where(unstated, 0.0, columns["employees"]), "growth": columns["growth"]}
    parked = numeric_views(columns["employees"])
    assert not leakage.parks(parked, sales > 0)
    assert leakage.parks(np.where(sales > 0, np.maximum(parked, 1e-9), parked), sales > 0)
    gaps = np.where(unstated, np.nan, columns["employees"])
    assert not leakage.parks(numeric_views(gaps), sales > 0)


def test_categories_and_missing_flags_are_never_taken_for_size():
    random = np.random.default_rng(11)
    sales = np.where(random.random(ROWS) < 0.3, random.lognormal(5, 1, ROWS), 0.0)
    known = random.random(ROWS) < np.where(sales > 0, 0.95, 0.2)
    columns = {"words": np.where(known, "there", "absent"), "gaps": np.where(known, 1.0, np.nan)}
    views = {"words": level_views(known.astype(int)), "gaps": numeric_views(columns["gaps"])}
    assert {found.overlap for found in evidence(views, sales, LIMITS).values()} == {0.0}


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_overlap_is_the_smaller_share_of_prospects_on_a_side_of_the_customers_median(rows):
    values = np.array([0.0, 1.0, *(float(value) for value, _ in rows)])
    customer = np.array([True, False, *(buys for _, buys in rows)])
    middle = np.median(values[customer])
    above = [value >= middle for value in values[~customer]]
    below = [value <= middle for value in values[~customer]]
    assert separation.overlap(values, customer) == min(sum(above), sum(below)) / len(above)


def test_rows_without_known_sales_are_not_compared():
    sales = np.array([np.nan, 0.0, 5.0, np.nan, -1.0, 7.0])
    assert leakage.chosen_rows(sales).tolist() == [1, 2, 4, 5]


def test_leaks_do_not_hide_behind_one_another():
    columns, wallet, sales, random = world(2)
    made = {name: make(sales, columns, random) for name, make in LEAKS.items()}
    assert judged({**columns, "estimate": wallet, **made}, sales) == set(made)


def test_nothing_that_is_independent_of_sales_is_a_suspect_however_many_features_there_are():
    random = np.random.default_rng(3)
    columns = {f"x{i}": random.standard_cauchy(2000) for i in range(40)}
    sales = np.where(random.random(2000) < 0.1, random.lognormal(5, 2, 2000), 0.0)
    assert judged(columns, sales) == set()


def test_with_fewer_rows_than_a_regression_needs_features_are_compared_without_one():
    columns, _, sales, random = world(4, rows=200, customers=0.4)
    many = {f"x{i}": random.standard_normal(200) for i in range(30)}
    assert judged({**columns, **many, "made": sales * 2.0}, sales) == {"made"}


def test_without_prospects_only_a_copy_is_a_suspect():
    columns, _, sales, _ = world(5)
    bought = sales > 0
    here = {name: column[bought] for name, column in columns.items()}
    assert judged({**here, "copy": np.log(sales[bought])}, sales[bought]) == {"copy"}


def test_a_category_of_rare_levels_only_says_nothing():
    columns, _, sales, _ = world(7)
    ids = np.array([f"id {i}" for i in range(ROWS)])
    assert level_views(np.arange(ROWS)).shape == (1, ROWS)
    assert judged({**columns, "ids": ids}, sales) == set()


def test_with_hardly_a_customer_nothing_is_said():
    columns, _, sales, _ = world(6)
    few = np.where(np.cumsum(sales > 0) <= leakage.FEWEST_CUSTOMERS - 1, sales, 0.0)
    assert evidence({name: numeric_views(x) for name, x in columns.items()}, few, LIMITS) == {}


@given(st.lists(st.integers(-3, 3), min_size=4, max_size=40), st.randoms())
def test_separability_is_the_area_of_scikit_learn_on_the_better_side(values, chance):
    customer = np.array([True, False] + [chance.random() < 0.5 for _ in values[2:]])
    area = roc_auc_score(customer, values)
    assert separation.separability(np.array(values, float), customer) == pytest.approx(max(area, 1 - area))


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=40))
def test_rank_correlation_is_spearmans_and_0_where_nothing_varies(pairs):
    x, y = np.array(pairs, float).T
    expected = spearmanr(x, y).statistic if len(set(x)) > 1 and len(set(y)) > 1 else 0.0
    assert separation.rank_correlation(x, y) == pytest.approx(expected, abs=1e-12)


def test_what_is_left_over_is_the_residual_of_least_squares_on_prospects():
    """Where nothing needs clipping: the regression sees prospects only, and customers are held against it."""
    random = np.random.default_rng(7)
    x = (random.random(3000) < 0.5).astype(float)
    y = 2.0 * x + random.standard_normal(3000)
    sales = np.where(np.arange(3000) < 600, 1.0, 0.0)
    compared = leakage.LeakageViews.of({"y": y[None], "x": x[None]}, sales)
    left = compared.left_over(0, [1])[0]
    prospects = sales == 0
    slope, level = np.polyfit(x[prospects], np.clip(y, *np.quantile(y[prospects], [0.005, 0.995]))[prospects], 1)
    expected = y - slope * x - level
    assert np.corrcoef(left, expected)[0, 1] > 0.99999


@pytest.mark.parametrize(
    ("found", "suspect"),
    [
        (FeatureEvidence(0.5, 0.9, 0.6, 0.05, 0.9), False),
        (FeatureEvidence(0.5, 0.9, 0.76, 0.05, 0.25), True),
        (FeatureEvidence(0.5, 0.9, 0.6, 0.13, 0.25), True),
        (FeatureEvidence(0.5, 0.9, 0.76, 0.13, 0.15), False),
        (FeatureEvidence(0.5, 0.0, 0.96, 0.5, 0.0), True),
        (FeatureEvidence(0.5, 0.9, 0.96, 0.5, -0.5), False),
        (FeatureEvidence(0.5, 0.9, 0.76, 0.05, 0.25, 0.05), False),
        (FeatureEvidence(0.5, 0.9, 0.6, 0.13, 0.25, 0.05), False),
        (FeatureEvidence(0.5, 0.9, 0.76, 0.05, 0.25, 0.049), True),
        (FeatureEvidence(0.5, 0.9, 0.88, 0.05, 0.25, 0.4), True),
        (FeatureEvidence(0.5, 0.9, 0.76, 0.05, 0.85, 0.4), True),
        (FeatureEvidence(np.nan, 0.97, np.nan, np.nan, np.nan), False),
        (FeatureEvidence(np.nan, -0.99, np.nan, np.nan, np.nan), True),
    ],
)
def test_a_suspect_knows_who_buys_and_follows_sales_beyond_the_other_features(found, suspect):
    assert LIMITS.suspects(found) is suspect


def test_a_market_full_of_leaks_and_features_of_size_is_distinguished_feature_by_feature():
    """29 measures, four made of the wallet, ten leaks, some of one row in 500: what no regression may be carried to."""
    made = [chunk_tables(draw_segments(0), 0, chunk) for chunk in range(2)]
    table, truth = (pa.concat_tables(tables) for tables in zip(*made, strict=True))
    bad = leaks.leaks(table, 0)
    good = leaks.honest(table, truth["wallet"].to_numpy(), 0)
    measures = {name: table[name].to_numpy().astype(np.float64) for name in NUMERIC}
    slip = np.where(np.arange(len(table)) % 500 == 0, 1.0, 0.0)
    bad["leak_with_slips"] = np.where(slip > 0, 3.0, table["sales"].to_numpy())
    rows = leakage.chosen_rows(table["sales"].to_numpy())
    here = {name: column[rows] for name, column in (measures | good | bad).items()}
    found = judged(here, table["sales"].to_numpy()[rows])
    assert found == set(bad)
