"""Every row gets one reason, the first that holds; odd but usable rows get flags; the counts add up."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tamscore.schema import Flag, Reason
from tamscore.stages import contract

NAN, INF = float("nan"), float("inf")


def checked(ids_missing, sales, parties, *, reject):
    sales = np.array(sales)
    return contract.check_rows(
        np.array(ids_missing),
        sales,
        None if parties is None else np.array(parties),
        reject_missing_sales=reject,
        sales_is_null=np.isnan(sales),
    )


@pytest.mark.parametrize("reject", [True, False])
def test_the_first_reason_in_the_order_of_the_schema_stands(reject):
    """All combinations of missing id, sales and party type against the rule said aloud."""
    cases = list(
        product([False, True], [5.0, 0.0, -1.0, NAN, INF, -INF, 1e15, -1e300, 999_999_999_999_999.0], [0, 1, -1])
    )
    found = checked(*map(list, zip(*cases, strict=True)), reject=reject).reason
    for (id_missing, sales, party), reason in zip(cases, found, strict=True):
        applying = [
            Reason.MISSING_ID if id_missing else None,
            Reason.SALES_MISSING if np.isnan(sales) and reject else None,
            Reason.SALES_NOT_FINITE if np.isinf(sales) else None,
            Reason.SALES_TOO_LARGE if abs(sales) >= 1e15 else None,
            Reason.PARTY_TYPE_UNKNOWN if party < 0 else None,
        ]
        assert reason == next((one for one in applying if one), Reason.SCORED), (id_missing, sales, party)


def test_without_party_types_everyone_is_an_end_user():
    found = checked([False, False], [1.0, 2.0], None, reject=False)
    assert found.party.tolist() == [0, 0]
    assert found.party.dtype == np.int8
    assert found.reason.dtype == np.uint8


def test_missing_sales_are_counted_among_rows_with_an_id():
    assert checked([False, False, True], [NAN, 1.0, NAN], None, reject=False).sales_missing == 1


def test_usable_rows_hold_what_a_float32_can_hold_and_missing_is_fine(backend):
    largest = float(np.finfo(np.float32).max)
    a = np.array([1.0, INF, NAN, largest, 2 * largest, 1.0])
    b = np.array([1.0, 1.0, NAN, -largest, 1.0, -INF])
    usable = backend.get(contract.usable(backend.xp, [backend.put(a), backend.put(b)]))
    assert usable.tolist() == [True, False, True, True, False, False]


def test_flags_add_up_and_missing_numbers_raise_none():
    sales = np.array([-1.0, 10.0, NAN, 10.0, 0.0, -3.0])
    revenue = np.array([5.0, 5.0, 5.0, NAN, -1.0, -9.0])
    employees = np.array([1.0, -2.0, NAN, 0.0, 3.0, -1.0])
    found = contract.flags(sales, np.isnan(sales), revenue, [employees])
    negative, above, value = Flag.NEGATIVE_SALES, Flag.SALES_ABOVE_REVENUE, Flag.NEGATIVE_VALUE
    assert found.tolist() == [negative, above | value, Flag.SALES_MISSING, 0, 0, negative | value]
    assert found.dtype == np.uint8


def test_sales_equal_to_revenue_are_not_above_it():
    assert contract.flags(np.array([5.0]), np.array([False]), np.array([5.0]), []).tolist() == [0]


def test_every_combination_of_flags_has_its_text():
    texts = Flag.texts()
    assert texts[0] == ""
    assert texts[Flag.NEGATIVE_SALES | Flag.NEGATIVE_VALUE] == "negative_sales|negative_value"
    assert len(set(texts)) == 2 ** len(Flag)


def test_counts_by_reason_cover_all_partitions_and_leave_the_scored_out():
    parts = [np.array([0, 1, 1, 6], np.uint8), np.array([], np.uint8), np.array([2, 0], np.uint8)]
    found = contract.counts_by_reason(parts)
    assert found == {
        "missing_id": 2,
        "duplicate_id": 1,
        "sales_missing": 0,
        "sales_not_finite": 0,
        "party_type_unknown": 0,
        "feature_not_finite": 1,
        "sales_too_large": 0,
        "duplicate_row": 0,
        "added_up": 0,
    }
    assert sum(found.values()) + sum(int((part == 0).sum()) for part in parts) == sum(map(len, parts))


def test_no_partitions_reject_nothing():
    assert set(contract.counts_by_reason([]).values()) == {0}
