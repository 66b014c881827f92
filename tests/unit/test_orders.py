"""Order lines become accounts: the same whatever their order, with refunds, windows and shared hashes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import orders
from tamscore.stages.orders import Bought, Lines, Windows

TODAY = date(2024, 2, 29)
WINDOWS = Windows.until(TODAY, 12)
EPOCH = date(1970, 1, 1)


def day(text):
    return (date.fromisoformat(text) - EPOCH).days


def lines(*rows):
    """Lines of (account, date, amount); an account may be a pair of hashes."""
    pairs = [row[0] if isinstance(row[0], tuple) else (row[0], row[0] + 1000) for row in rows]
    key, check = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    days = np.array([day(row[1]) for row in rows], np.int32)
    return Lines(key, check, days, np.array([row[2] * orders.UNITS for row in rows]))


def bought(*rows, windows=WINDOWS):
    return orders.bought(accounts(*rows), windows)


def accounts(*rows):
    return orders.OrderedAccounts.of(lines(*rows).ordered())


@pytest.mark.parametrize(
    ("end", "months", "start"),
    [("2024-02-29", 12, "2023-02-28"), ("2024-03-31", 1, "2024-02-29"), ("2024-01-15", 24, "2022-01-15"),
     ("2024-05-05", 0, "2024-05-05"), ("2023-12-31", 6, "2023-06-30")],
)  # fmt: skip
def test_so_many_months_back_is_the_same_day_or_the_last_of_a_shorter_month(end, months, start):
    assert orders.months_back(date.fromisoformat(end), months) == day(start)


def test_windows_end_with_today_and_hold_whole_years():
    found = bought((1, "2024-02-29", 1), (1, "2023-03-01", 2), (1, "2023-02-28", 4), (1, "2022-03-01", 8),
                   (1, "2022-02-28", 16))  # fmt: skip
    assert (found.sales / orders.UNITS).tolist() == [3]
    assert (found.before / orders.UNITS).tolist() == [12]
    assert (found.revenue / orders.UNITS).tolist() == [31]
    assert found.last.tolist() == [day("2024-02-29")]


def test_refunds_lower_sales_and_are_no_order_dates():
    found = bought((1, "2024-01-01", -5), (1, "2024-01-02", 7), (1, "2024-01-02", 3), (1, "2024-01-02", -2),
                   (2, "2024-01-01", -5))  # fmt: skip
    assert (found.sales / orders.UNITS).tolist() == [3, -5]
    assert found.dates.tolist() == [1, 0]
    assert found.last.tolist() == [day("2024-01-02"), orders.NEVER]


def test_gaps_lie_between_order_days_of_one_account():
    """Refunds, two orders of a day and the step to the next account make no gap; nor does what comes later."""
    found = accounts((1, "2024-01-01", 5), (1, "2024-01-01", 6), (1, "2024-01-05", -6), (1, "2024-01-11", 5),
                     (1, "2024-02-10", 5), (2, "2024-01-01", 5), (3, "2024-01-01", 5),
                     (3, "2024-01-03", 5))  # fmt: skip
    assert found.gaps(day("2024-02-29")).tolist() == [10, 30, 2]
    assert found.gaps(day("2024-02-09")).tolist() == [10, 2]


def test_what_is_held_out_knows_nothing_of_what_came_later():
    then = Windows.until(date(2023, 12, 31), 3)
    rows = [(1, "2023-02-01", 1), (1, "2023-07-01", 2), (1, "2023-11-01", 4), (1, "2024-01-01", 8),
            (2, "2024-01-01", 9), (3, "2022-12-31", 5), (3, "2024-02-29", -3)]  # fmt: skip
    found = orders.held_out(accounts(*rows), then, day(str(TODAY)))
    assert (found.sales / orders.UNITS).tolist() == [7, 0, 0]
    assert (found.spent / orders.UNITS).tolist() == [8, 9, -3]
    assert found.last.tolist() == [day("2023-11-01"), orders.NEVER, day("2022-12-31")]
    assert found.base.tolist() == [True, False, False]
    assert found.stayed.tolist() == [True, False, False]


def test_who_returned_everything_did_not_stay():
    found = bought((1, "2023-01-01", 9), (1, "2024-01-01", 5), (1, "2024-01-02", -5), (2, "2023-01-01", 9),
                   (2, "2024-01-01", 5), (3, "2024-01-01", 5))  # fmt: skip
    assert found.base.tolist() == [True, True, False]
    assert found.stayed.tolist() == [False, True, True]


def test_retention_looks_at_windows_of_its_own_length():
    windows = Windows.until(TODAY, 3)
    found = bought((1, "2023-10-01", 9), (1, "2024-02-01", 5), (2, "2023-08-01", 9), windows=windows)
    assert found.base.tolist() == [True, False]
    assert found.stayed.tolist() == [True, False]


def test_lines_that_say_the_same_are_reported_and_others_are_not():
    ordered = lines((1, "2024-01-01", 5), (2, "2024-01-01", 5), (1, "2024-01-01", 5), (1, "2024-01-02", 5),
                    (1, "2024-01-01", 6), (1, "2024-01-01", 5)).ordered()  # fmt: skip
    assert np.count_nonzero(orders.repeats(ordered)) == 2
    assert len(ordered.at(~orders.repeats(ordered))) == 4


def test_accounts_that_share_a_key_stay_apart():
    """The day of one lies between those of the other, so that sorting by key and day alone would mix them."""
    found = bought(
        ((7, 1), "2024-01-01", 1), ((7, 2), "2024-01-02", 10), ((7, 1), "2024-01-03", 100), (9, "2024-01-01", 5)
    )
    assert (found.sales / orders.UNITS).tolist() == [101, 10, 5]
    assert found.dates.tolist() == [2, 1, 1]
    asked = np.array([7, 7, 7, 9, 8, 10], np.uint64), np.array([2, 1, 3, 1009, 0, 0], np.uint64)
    assert orders.places(found.key, found.check, *asked).tolist() == [1, 0, -1, 2, -1, -1]


ROW = st.tuples(
    st.integers(0, 4),
    st.integers(0, 900).map(lambda back: str(TODAY - timedelta(back))),
    st.sampled_from([-3, 0, 1, 2.5]),
)


@given(rows=st.lists(ROW, min_size=1, max_size=40), seed=st.integers(0, 99))
def test_sums_are_those_of_a_dictionary_in_whatever_order_lines_come(rows, seed):
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    found, again = bought(*rows), bought(*shuffled)
    assert all(np.array_equal(getattr(found, one.name), getattr(again, one.name)) for one in fields(Bought))
    revenue: dict[int, float] = defaultdict(float)
    dates: dict[int, set[str]] = defaultdict(set)
    for account, when, amount in rows:
        revenue[account] += amount
        dates[account] |= {when} if amount > 0 else set()
    assert found.key.tolist() == sorted(revenue)
    assert (found.revenue / orders.UNITS).tolist() == pytest.approx([revenue[a] for a in sorted(revenue)])
    assert found.dates.tolist() == [len(dates[a]) for a in sorted(revenue)]


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ([], None),
        ([1300], (999, 1)),
        ([1100, 1300], (999, 2)),  # both lie beyond the first gap
        ([1031], (999, 1)),
        ([1030], None),
        ([1300, 1301, 1302, 1303], None),  # more than a thousandth of the lines
    ],
)
def test_a_few_lines_far_after_all_others_are_found(days, found):
    """A placeholder at the beginning, with a gap of its own, does not hide them."""
    regular = np.arange(1000)
    for start in ([], [-20_000]):
        every = np.array([*start, *regular, *days])
        counts = np.where(np.isin(every, regular), 3, 1)
        assert orders.last_before_strays(every, counts, 10) == found


def test_gaps_that_orders_always_have_are_not_far():
    quarterly = 91 * np.arange(20)
    assert orders.last_before_strays(quarterly, np.full(20, 100), 3) is None
    late = np.append(quarterly, quarterly[-1] + 365)
    assert orders.last_before_strays(late, np.append(np.full(20, 100), 1), 3) == (quarterly[-1], 1)
    assert orders.last_before_strays(late, np.append(np.full(20, 100), 1), 10) is None


def test_a_long_thin_tail_is_found_where_it_begins():
    """Planned deliveries, one a week for a year, move the last day as one order in the future does."""
    days = np.concatenate((np.arange(800), np.arange(803, 1168, 7)))
    counts = np.where(days < 800, 20, 1)
    assert orders.last_before_thin_tail(days, counts) == (799, 53)
    for honest in (np.full(800, 20), 10 + np.arange(800) % 90, np.geomspace(200, 10, 800).astype(int)):
        assert orders.last_before_thin_tail(np.arange(800), honest) is None
    assert orders.last_before_thin_tail(np.arange(20), np.full(20, 500)) is None
    assert orders.last_before_thin_tail(days, np.ones_like(days)) is None  # too few to say
