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
from tamscore.scoring.joining.order_lines import OrderColumns, Range, Reading, ranges, readings
from tamscore.store import partitions

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.scoring.joining.order_lines import ReadLines
    from tamscore.stages.orders import Lines

COLUMNS = OrderColumns("who", "day", "money")
EVERY = Reading((Range(0, 2**64 - 1),))
TODAY = (date(2026, 6, 30) - date(1970, 1, 1)).days


def read(folder: Path, reading: Reading = EVERY, **columns):
    table = {"who": ["a", "b"], "day": [date(2026, 6, 30)] * 2, "money": [1.0, 2.0], **columns}
    pq.write_table(pa.table(table), folder / "orders.parquet")
    plan = partitions.plan(str(folder / "orders.parquet"), InputColumns("who", "money", keep=("day",)))
    return order_lines.read_lines(plan.partitions[0], COLUMNS, TODAY, reading)


def only(found: ReadLines) -> Lines:
    """The lines that were read of one range alone."""
    (lines,) = found.lines
    return lines


@pytest.mark.parametrize("rows", [0, 1, 10, 11, 95, 10_000])
def test_ranges_hold_every_hash_once(rows):
    found = ranges(rows, 10)
    assert (found[0].low, found[-1].high) == (0, 2**64 - 1)
    assert all(one.high + 1 == other.low for one, other in pairwise(found))
    assert len(found) == max(-(-rows // 10), 1)


@pytest.mark.parametrize(("rows", "count"), [(0, 1), (70, 1), (100, 1), (101, 2), (1000, 10), (2000, 16), (9000, 16)])
def test_readings_hold_every_range_once_and_are_not_too_many(monkeypatch, rows, count):
    monkeypatch.setattr(order_lines, "RANGE_ROWS", 30)
    monkeypatch.setattr(order_lines, "HELD_ROWS", 100)
    found = readings(rows)
    assert [one for reading in found for one in reading.ranges] == ranges(rows, 30)
    assert len(found) == count
    sizes = [len(reading.ranges) for reading in found]
    assert max(sizes) - min(sizes) <= 1


def test_each_line_falls_into_one_range(tmp_path):
    ids = [f"account {i}" for i in range(500)]
    columns = {"who": ids, "day": [date(2026, 1, 1)] * 500, "money": np.arange(500.0)}
    every = ranges(500, 100)
    found = [read(tmp_path, Reading(tuple(part)), **columns).lines for part in (every[:2], every[2:])]
    parts = [lines for half in found for lines in half]
    assert list(map(len, found)) == [2, 3]
    assert all(60 < len(lines) < 140 for lines in parts)
    assert all(one.holds(lines.key).all() for one, lines in zip(every, parts, strict=True))
    assert sorted(units for lines in parts for units in lines.units.tolist()) == (1e4 * np.arange(500.0)).tolist()


def test_lines_of_all_partitions_come_range_by_range_and_in_order(tmp_path):
    first, second = Range(0, 2**63 - 1), Range(2**63, 2**64 - 1)
    ids = [f"account {i}" for i in range(90)]
    days = [date(2026, 1, 1 + i % 7) for i in range(90)]
    parts = [
        read(tmp_path, Reading((first, second)), who=ids[at], day=days[at], money=np.ones(len(ids[at]))).lines
        for at in (slice(0, 50), slice(50, 90))
    ]
    low, high = order_lines.range_by_range(iter(parts))
    assert len(low) + len(high) == 90
    assert first.holds(low.key).all()
    assert second.holds(high.key).all()
    assert all((lines.key[1:] >= lines.key[:-1]).all() for lines in (low, high))


@pytest.mark.parametrize(
    "days",
    [
        pa.array([date(2026, 6, 29)] * 2),
        pa.array([date(2026, 6, 29)] * 2, pa.date64()),
        pa.array([datetime(2026, 6, 29, 23, 59)] * 2),  # noqa: DTZ001 - a time without a zone is what is tested
    ],
)
def test_dates_and_times_are_days(tmp_path, days):
    assert only(read(tmp_path, day=days)).day.tolist() == [TODAY - 1] * 2


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
    assert len(only(found)) == 1


def test_amounts_that_cannot_be_added_up_exactly_are_refused(tmp_path):
    with pytest.raises(
        InputContractError, match=r"1e\+14 is too large to be added up exactly; .*else take amounts in thousands"
    ):
        read(tmp_path, money=[1.0, 1e14])
