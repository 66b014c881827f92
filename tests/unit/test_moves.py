"""How potentials move under refits: figures worked out again one account at a time, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tamscore.backend.host import HostBackend
from tamscore.stages import moves
from tamscore.stages.moves import RedrawRules, SampledAccounts
from tamscore.stages.whitespace import Money

RULES = RedrawRules((0.85, 0.9, 0.95), "max", "at_or_below", 5, False, 2, 2.0**-10, 0)


def money(potential, whitespace):
    potential, whitespace = (np.array(one, float) for one in (potential, whitespace))
    return Money(potential, whitespace, whitespace, whitespace)


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=3, max_size=60))
def test_figures_are_those_of_a_count_by_hand(rows):
    old, new, white, white_again = np.array(rows, float).T
    numbers = np.arange(len(rows), dtype=np.uint64)
    found = moves.compare(money(old, white), money(new, white_again), numbers)
    moved = sum(abs(b - a) > 0.2 * a for a, b in zip(old, new, strict=True))
    assert found.moved == pytest.approx(moved / len(rows))
    most = max(len(rows) // 20, 1)
    tops = [np.lexsort((np.arange(len(rows)), -each))[:most] for each in (white, white_again)]
    assert found.top_overlap == pytest.approx(len(set(tops[0]) & set(tops[1])) / most)
    if len(set(white)) > 1 and len(set(white_again)) > 1:
        assert found.rank_correlation == pytest.approx(spearmanr(white, white_again).statistic)


def test_the_same_money_does_not_move_and_nobody_without_potential_counts_as_moved():
    same = money([5.0, 7.0, np.nan], [5.0, 2.0, np.nan])
    found = moves.compare(same, same, np.arange(3, dtype=np.uint64))
    assert (found.moved, found.top_overlap) == (0.0, 1.0)
    assert found.rank_correlation == pytest.approx(1.0)


def accounts(rows=3000, seed=0):
    """Two groups of accounts, each with sales of its own; 40 % are customers."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, rows)
    block = np.rint(1024 * (4 * group[None, :] - 2 + 0.2 * random.standard_normal((2, rows)))).astype(np.float32)
    sales = np.where(random.random(rows) < 0.4, np.exp(2.0 * group + random.standard_normal(rows)), 0.0)
    return SampledAccounts(block, sales, random.integers(0, 2**63, rows).astype(np.uint64))


def of(rows, at):
    return SampledAccounts(rows.block[:, at], rows.sales[at], rows.numbers[at])


CENTERS = np.array([[-2048.0, -2048.0], [2048.0, 2048.0]])


def test_potentials_are_the_percentiles_of_the_nearest_center():
    rows = accounts()
    customers = of(rows, rows.sales > 0)
    found = moves.money_of(HostBackend(), CENTERS, rows, customers, RULES)
    for group in range(2):
        here = (rows.block[0] > 0) == bool(group)
        cut = np.quantile(rows.sales[here & (rows.sales > 0)], 0.85, method="inverted_cdf")
        assert set(found.potential[here & (rows.sales == 0)]) == {cut}
    assert np.all(found.potential >= rows.sales)


@pytest.mark.parametrize("by_account", [False, True])
def test_the_order_of_rows_changes_nothing(by_account):
    rows, rules = accounts(), replace(RULES, by_account=by_account)
    order = np.random.default_rng(1).permutation(len(rows.sales))
    shuffled = of(rows, order)
    ours = moves.money_of(HostBackend(), CENTERS, rows, of(rows, rows.sales > 0), rules)
    theirs = moves.money_of(HostBackend(), CENTERS, shuffled, of(shuffled, shuffled.sales > 0), rules)
    assert ours.potential[order].tobytes() == theirs.potential.tobytes()


def test_a_redraw_keeps_nine_in_ten_wherever_a_row_stands():
    rows = accounts(20_000)
    first, second = rows.redrawn(0), rows.redrawn(1)
    assert len(first.numbers) / 20_000 == pytest.approx(0.9, abs=0.01)
    both = len(np.intersect1d(first.numbers, second.numbers)) / 20_000
    assert both == pytest.approx(0.81, abs=0.01)
    turned = of(rows, np.arange(20_000)[::-1]).redrawn(0)
    assert np.array_equal(turned.numbers[::-1], first.numbers)
    assert np.array_equal(turned.block[:, ::-1], first.block)


def test_the_worst_redraw_counts():
    one = moves.Moves(0.1, 0.9, 0.8)
    assert moves.worst((one, replace(one, moved=0.3))) == 0.3
    assert np.isnan(moves.worst(()))
