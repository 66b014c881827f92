"""Sums of money over the accounts of two runs, however large they are."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tamscore.questions.causes import CAUSES
from tamscore.questions.diff_page import sums
from tamscore.questions.diff_priority import CALL_CAUSES, EXPECTED_CAUSES
from tamscore.questions.diff_totals import Totals, add_accounts, add_changes, add_priority, exact_sum

ACCOUNTS = 1500
CENTS = 9 * 10**16
FALL = 4 * 10**16
"""1,500 times as many cents need 66 bits."""


@pytest.mark.parametrize("largest", [10, 2**40, 2**63 - 1])
def test_sums_are_those_of_whole_numbers(largest):
    amounts = np.random.default_rng(3).integers(-largest, largest, (3, 1000), np.int64)
    assert exact_sum(amounts).tolist() == [sum(row) for row in amounts.tolist()]
    assert exact_sum(amounts[0]) == sum(amounts[0].tolist())
    assert exact_sum(amounts[0, :0]) == 0


def test_accounts_that_come_may_hold_more_than_64_bits():
    totals, money = Totals(), np.full(ACCOUNTS, CENTS / 100)
    add_accounts(totals.new, money, money, np.zeros(ACCOUNTS))
    assert totals.new[1].tolist() == [ACCOUNTS, ACCOUNTS * CENTS, 0]
    figures = {"accounts": ACCOUNTS, "potential": ACCOUNTS * CENTS / 100, "whitespace": 0.0}
    assert json.loads(json.dumps(sums(totals.new[1]))) == figures


def test_changes_may_fall_by_more_than_64_bits():
    totals, bought = Totals(), np.ones(ACCOUNTS, bool)
    ends = np.full(ACCOUNTS, CENTS), np.full(ACCOUNTS, CENTS - FALL)
    parts = np.zeros((len(CAUSES), ACCOUNTS), np.int64)
    parts[0] = -FALL
    found: Any = SimpleNamespace(parts=parts, whitespace_parts=parts, potential=ends, whitespace=ends)
    add_changes(totals, found, bought, bought)
    assert totals.both[1].tolist() == totals.parts[1, 0].tolist() == [ACCOUNTS, -ACCOUNTS * FALL, -ACCOUNTS * FALL]


def test_calls_may_fall_by_more_than_64_bits():
    totals, level = Totals(), np.zeros(ACCOUNTS, np.int64)
    ranks = SimpleNamespace(tier=level, quadrant=level)
    call, expected = (np.full((len(causes), ACCOUNTS), -FALL) for causes in (CALL_CAUSES, EXPECTED_CAUSES))
    found: Any = SimpleNamespace(call=call, expected=expected, before=ranks, after=ranks)
    add_priority(totals, found, np.zeros(ACCOUNTS, bool))
    assert totals.calls[0].tolist() == [[ACCOUNTS, -ACCOUNTS * FALL]] * len(CALL_CAUSES)
    assert totals.expected[0].tolist() == [-ACCOUNTS * FALL] * len(EXPECTED_CAUSES)
