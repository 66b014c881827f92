"""Totals among accounts: found by what they sell or by what they are called; giants and namesakes stay quiet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.scoring.census.totals import FEWEST, is_total, outselling


def ordered(*sales):
    """Return sales, the largest first, with their net sum and their number, as `outselling` takes them."""
    every = np.sort(np.array([one for one in sales if one > 0], np.float64))[::-1]
    return every[:20], float(np.sum(sales)), len(every)


DETAILS = [round(9.0 + 137.0 / (1 + at), 2) for at in range(60)]


def test_a_row_with_the_sum_of_all_others_is_found():
    assert outselling(*ordered(*DETAILS, sum(DETAILS))) == 1


def test_a_total_in_whole_units_is_found():
    assert outselling(*ordered(*DETAILS, round(sum(DETAILS)))) == 1


def test_a_total_of_net_sales_is_found():
    returns = [-20.0, -35.5]
    assert outselling(*ordered(*DETAILS, *returns, sum(DETAILS) + sum(returns))) == 1


def test_nobody_is_the_total_of_accounts_that_return_more_than_they_buy():
    assert outselling(*ordered(*DETAILS, *(-3 * one for one in DETAILS))) == 0


@pytest.mark.parametrize("groups", [2, 3])
def test_totals_of_groups_are_found_with_and_without_a_grand_total(groups):
    totals = [sum(DETAILS[at::groups]) for at in range(groups)]
    assert outselling(*ordered(*DETAILS, *totals)) == groups
    assert outselling(*ordered(*DETAILS, *totals, sum(DETAILS))) == groups + 1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.49])
def test_a_true_giant_stays_quiet(share):
    giant = sum(DETAILS) * share / (1 - share)
    assert outselling(*ordered(*DETAILS, giant)) == 0


@pytest.mark.parametrize("prices", [[10.0] * 60, [20.0] * 11 + [10.0] * 22, [100.0] * 4 + [10.0] * 40])
def test_lists_of_prices_stay_quiet(prices):
    """Many accounts pay the same, so that some of them come to just what the others pay."""
    assert outselling(*ordered(*prices)) == 0


def test_a_few_customers_prove_nothing():
    assert outselling(*ordered(*DETAILS[: FEWEST - 1], sum(DETAILS))) == 0


@given(st.lists(st.floats(0.01, 1e12), min_size=FEWEST, max_size=200))
def test_a_total_of_any_sales_is_found(sales):
    assert outselling(*ordered(*sales, float(np.sum(sales)))) == 1


@pytest.mark.parametrize("seed", range(20))
def test_lognormal_markets_stay_quiet(seed):
    sales = np.random.default_rng(seed).lognormal(8.0, 2.0, 2000)
    assert outselling(*ordered(*sales)) == 0


WORDS = ["Total", "** TOTAL **", "Summe", "gesamt", "Subtotal North", "Grand Total", "TOTAAL", "Suma", "Итого", "合計"]


@pytest.mark.parametrize("word", [*WORDS, "Total:", "Zwischensumme Nord", "Sous-total"])
def test_words_for_totals_are_known(word):
    assert is_total(word)


@pytest.mark.parametrize("word", ["TotalEnergies SE", "Total Wine & More", "Sumitomo", "Totality AG", "A000123", ""])
def test_names_of_companies_are_no_totals(word):
    assert not is_total(word)
