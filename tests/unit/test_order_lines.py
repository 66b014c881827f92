"""Order lines are read by type, by range of hashes, and with a reason for each that does not count."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError
from tamscore.schema import InputColumns
from tamscore.scoring.joining import order_lines
from tamscore.scoring.joining.order_lines import OrderColumns, Range, ranges
from tamscore.store import partitions

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = OrderColumns("who", "day", "money")
EVERY = Range(0, 2**64 - 1)
TODAY = (date(2026, 6, 30) - date(1970, 1, 1)).days


def read(folder: Path, within: Range = EVERY, **columns):
    table = {"who": ["a", "b"], "day": [date(2026, 6, 30)] * 2, "money": [1.0, 2.0], **columns}
    pq.write_table(pa.table(table), folder / "orders.parquet")
    plan = partitions.plan(str(folder / "orders.parquet"), InputColumns("who", "money", keep=("day",)))
    return order_lines.read_lines(plan.partitions[0], COLUMNS, TODAY, within)


@pytest.mark.parametrize("rows", [0, 1, 10, 11, 95, 10_000])
def test_ranges_hold_every_hash_once(rows):
    found = ranges(rows, 10)
    assert (found[0].low, found[-1].high) == (0, 2**64 - 1)
    assert all(one.high + 1 == other.low for one, other in pairwise(found))
    assert len(found) == min(max(-(-rows // 10), 1), order_lines.MOST_RANGES)


def test_each_line_falls_into_one_range(tmp_path):
    ids = [f"account {i}" for i in range(500)]
    columns = {"who": ids, "day": [date(2026, 1, 1)] * 500, "money": np.arange(500.0)}
    parts = [read(tmp_path, within, **columns) for within in ranges(500, 100)]
    assert len(parts) == 5
    assert all(60 < len(part.lines) < 140 for part in parts)
    assert sorted(units for part in parts for units in part.lines.units.tolist()) == (1e4 * np.arange(500.0)).tolist()


@pytest.mark.parametrize(
    "days",
    [
        pa.array([date(2026, 6, 29)] * 2),
        pa.array([date(2026, 6, 29)] * 2, pa.date64()),
        pa.array([datetime(2026, 6, 29, 23, 59)] * 2),  # noqa: DTZ001 - a time without a zone is what is tested
    ],
)
def test_dates_and_times_are_days(tmp_path, days):
    assert read(tmp_path, day=days).lines.day.tolist() == [TODAY - 1] * 2


@pytest.mark.parametrize("days", [["2026-06-29"] * 2, [20260629] * 2])
def test_text_and_numbers_are_no_dates(tmp_path, days):
    with pytest.raises(InputContractError, match=r"column 'day' is \w+, expected dates or timestamps; cast it"):
        read(tmp_path, day=days)


def test_the_first_reason_counts(tmp_path):
    days = [None, date(2026, 6, 29), date(2026, 7, 1), date(2026, 6, 30)]
    found = read(tmp_path, who=[None, "b", "c", "d"], day=days, money=[None, None, 1.0, 1.0])
    assert dict(zip(order_lines.REFUSED, found.refused.tolist(), strict=True)) == {
        "missing_id": 1, "missing_date": 0, "missing_amount": 1, "after_as_of": 1
    }  # fmt: skip
    assert len(found.lines) == 1


def test_amounts_that_cannot_be_added_up_exactly_are_refused(tmp_path):
    with pytest.raises(
        InputContractError, match=r"1e\+14 is too large to be added up exactly; .*else take amounts in thousands"
    ):
        read(tmp_path, money=[1.0, 1e14])
