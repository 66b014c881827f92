"""Later months of a market: most accounts stay and change a little, and segments do what was planted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import UsageError
from tamscore.synthetic import NUMERIC, Month, write_market
from tamscore.synthetic.months import BORN, GONE, INTO, MERGED, NEW_ROWS, SECOND_HALF, SPLIT
from tamscore.synthetic.segments import draw_segments

ROWS = 20_000


@pytest.fixture(scope="module")
def markets(tmp_path_factory):
    """Market and truth in one table, of the first month, the third, and the second with events."""
    folder = tmp_path_factory.mktemp("months")
    found = {}
    for name, month in (("first", Month()), ("third", Month(3)), ("events", Month(2, events=True))):
        write_market(folder / name, ROWS, seed=4, files=2, month=month)
        market, truth = (pq.read_table(folder / name / which) for which in ("market", "truth"))
        found[name] = market.append_column("segment", truth["segment"])
    return found


def both(first, other):
    """The accounts that stand in both tables, in one order."""
    names = pa.array(sorted({*first["account_id"].to_pylist()} & {*other["account_id"].to_pylist()}))
    rows = pa.table({"account_id": names})
    return [rows.join(table, "account_id").sort_by("account_id") for table in (first, other)]


def test_every_month_one_account_in_a_hundred_goes_and_another_comes(markets):
    first, third = both(markets["first"], markets["third"])
    assert markets["third"].num_rows == ROWS
    assert len(set(markets["third"]["account_id"].to_pylist())) == ROWS
    assert first.num_rows == third.num_rows == ROWS - 2 * ROWS // 100


def test_accounts_that_stay_keep_their_segment_and_most_of_their_numbers(markets):
    """After two months 44 % have reported anew; what they report is close to what it was."""
    first, third = both(markets["first"], markets["third"])
    assert first["segment"].equals(third["segment"])
    assert first["name"].equals(third["name"])
    here, there = (np.log(table["sites"].to_numpy() + 1.0) for table in (first, third))
    known = ~np.isnan(here + there)
    changed = np.mean(first["export_share"].to_numpy()[known] != third["export_share"].to_numpy()[known])
    assert 0.3 < changed < 0.6
    assert np.corrcoef(here[known], there[known])[0, 1] > 0.97
    rise = np.nanmedian(third["revenue"].to_numpy() / first["revenue"].to_numpy())
    assert 1.004 < rise < 1.012


def test_what_was_planted_happens_and_nothing_else(markets):
    first, later = both(markets["first"], markets["events"])
    before, now = first["segment"].to_numpy(), later["segment"].to_numpy()
    assert set(np.unique(before[before != now])) == {SPLIT}
    assert set(np.unique(now[before != now])) == {SECOND_HALF}
    assert np.mean(now[before == SPLIT] == SECOND_HALF) == pytest.approx(0.5, abs=0.05)
    assert GONE not in now
    assert BORN not in now, "the accounts of the new segment are none that were there before"
    all_now = markets["events"]["segment"].to_numpy()
    assert np.mean(all_now == BORN) == pytest.approx(np.mean(markets["first"]["segment"].to_numpy() == GONE), abs=0.01)


def test_segments_that_merge_look_alike_and_halves_of_a_split_do_not():
    first, later = draw_segments(4), Month(2, events=True).segments(4)
    assert np.array_equal(later.shift[MERGED], first.shift[INTO])
    assert np.array_equal(later.shift[SPLIT] + later.shift[SECOND_HALF], 2 * first.shift[SPLIT]) or np.allclose(
        later.shift[SPLIT] + later.shift[SECOND_HALF], 2 * first.shift[SPLIT], atol=1e-5
    )
    apart = np.abs(later.shift[SPLIT] - later.shift[SECOND_HALF])
    assert apart.max() > 0.5
    others = [i for i in range(len(first.size)) if i not in {SPLIT, MERGED}]
    assert np.array_equal(later.shift[others], first.shift[others])


def test_a_month_gives_the_same_bytes_again_and_other_ones_than_the_next(tmp_path):
    written = []
    for name, number in (("a", 2), ("b", 2), ("c", 3)):
        write_market(tmp_path / name, 1000, seed=4, files=1, month=Month(number))
        written.append((tmp_path / name / "market" / "part-00000.parquet").read_bytes())
    assert written[0] == written[1] != written[2]


@pytest.mark.parametrize(
    ("rows", "month", "expected"),
    [(10, Month(0), "month: expected an integer from 1 to 24, got 0"), (NEW_ROWS, Month(2), "rows: expected")],
)
def test_months_and_rows_out_of_range_are_refused(tmp_path, rows, month, expected):
    with pytest.raises(UsageError, match=expected):
        write_market(tmp_path / "m", rows, month=month)


def test_columns_are_those_of_the_first_month(markets):
    assert markets["events"].schema.equals(markets["first"].schema)
    assert set(NUMERIC) <= set(markets["third"].column_names)
