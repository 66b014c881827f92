"""Rows of one account that stand more than once: copies count once, parts are added up, contradictions are rejected."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tamscore.scoring.census.row_digests import row_digests
from tamscore.sections.backtest.accounts import read_accounts
from tamscore.stages.folding import fold_ids
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: dict[str, Any] = {**market.PLAIN, "engine": {"workers": 1}}
SUM: dict[str, Any] = {**PLAIN, "rows": {"duplicates": "sum"}}


def rejected(done) -> dict[str, int]:
    """Return the rows that are not scored by reason, without those of no row."""
    return {name: count for name, count in (done.manifest() or {})["rows"]["rejected"].items() if count}


def with_sales(table: pa.Table, sales) -> pa.Table:
    """Return the table with other sales."""
    return table.set_column(1, "sales", pa.array(sales, pa.float64()))


def test_copies_count_once_and_stop_nothing(tmp_path: Path) -> None:
    """Every row three times, in other files and orders: the scores of the market itself, and counts that add up."""
    table = market.plain_accounts(400)
    once = market.score(table, tmp_path / "once", PLAIN)
    tripled = pa.concat_tables([table, table.take(np.random.default_rng(1).permutation(400)), table]).combine_chunks()
    done = market.score(tripled, tmp_path / "thrice", PLAIN, files=5, row_group=50)
    assert market.different(market.scores(once), market.scores(done)) == []
    rows = (done.manifest() or {})["rows"]
    assert (rows["read"], rows["scored"], rejected(done)) == (1200, 400, {"duplicate_row": 800})
    assert market.rejected(done).num_rows == 800


@pytest.mark.parametrize("column", ["sales", "x", "note"])
def test_rows_that_differ_in_any_column_that_is_used_are_rejected(tmp_path: Path, column: str) -> None:
    """Even where two of three are equal: nothing tells which is right. A column that nobody reads does not count."""
    table = market.plain_accounts(400)
    table = table.append_column("note", pa.array(["a"] * 400)).append_column("unread", pa.array(range(400)))
    other = table.slice(0, 1).to_pylist()[0]
    other[column] = "b" if column == "note" else 12345.0
    copies = pa.concat_tables([table, table.slice(0, 1), pa.Table.from_pylist([other], table.schema)])
    copies = pa.concat_tables([copies, table.slice(1, 1).set_column(5, "unread", pa.array([-1]))])
    lenient = {**PLAIN, "columns": {"keep": ["note"]}, "rows": {"max_rejected_share": 0.1}}
    done = market.score(copies, tmp_path, lenient, files=2)
    assert rejected(done) == {"duplicate_id": 3, "duplicate_row": 1}


REMAINING_ROWS = {
    "texts": ["a", None, "c", ""],
    "floats": [1.5, float("nan"), None, -0.0],
    "decimals": [Decimal("1.10"), None, Decimal("-3.00"), Decimal("0.00")],
    "lists": [[1, 2], None, [], [None]],
    "structs": [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}, {"a": 2, "b": "y"}],
    "booleans": [True, None, False],
    "bytes": [b"a", None, b"", b"\0"],
    "dates": pa.array([1, None, -5, 0], pa.date32()),
    "times": pa.array([1, None, -5, 0], pa.timestamp("us", "UTC")),
}


@pytest.mark.parametrize("values", REMAINING_ROWS.values(), ids=REMAINING_ROWS.keys())
def test_values_of_every_type_are_compared(values) -> None:
    """Equal values give equal digests, different ones different digests, and NaN and missing equal themselves."""
    column = pa.chunked_array([values if isinstance(values, pa.Array) else pa.array(values)])
    count = len(column)
    digests = row_digests([pa.chunked_array([*column.chunks, *column.chunks])], 2 * count)
    assert (digests[:, :count] == digests[:, count:]).all()
    assert len({*digests.ravel().tolist()}) == 2 * count


def test_the_columns_of_a_row_are_not_exchanged() -> None:
    first, second = pa.chunked_array([["a", "b"]]), pa.chunked_array([["b", "a"]])
    digests = row_digests([first, second], 2)
    assert (digests[:, 0] != digests[:, 1]).all()


def parts_of(table: pa.Table, seed: int = 0) -> pa.Table:
    """Return the market with each account's sales in one to four rows that add up to them exactly in any order."""
    random = np.random.default_rng(seed)
    count = random.integers(1, 5, table.num_rows)
    rows = np.repeat(np.arange(table.num_rows), count)
    sales = table["sales"].to_numpy()
    pieces = random.integers(-40, 40, len(rows)) / 8.0
    last = np.cumsum(count) - 1
    pieces[last] += sales - np.bincount(rows, weights=pieces)
    return with_sales(table.take(rows), pieces)


def test_sales_of_several_rows_are_added_up(tmp_path: Path) -> None:
    """The scores of the market itself: ladders, features, ranks and written sales all know the sum."""
    table = market.plain_accounts(400)
    once = market.score(table, tmp_path / "once", SUM)
    split = parts_of(table)
    done = market.score(split, tmp_path / "split", SUM, files=3)
    assert market.different(market.scores(once), market.scores(done)) == []
    rows = (done.manifest() or {})["rows"]
    assert rejected(done) == {"added_up": split.num_rows - 400}
    assert rows["read"] == split.num_rows == rows["scored"] + sum(rejected(done).values())


@pytest.mark.parametrize("rule", ["identical", "sum"])
def test_neither_order_nor_partitions_nor_workers_change_a_bit(tmp_path: Path, rule: str) -> None:
    """Sums of amounts that float64 cannot hold, and copies, in any order: the same scores to the bit."""
    random = np.random.default_rng(5)
    table = market.plain_accounts(600)
    rows = np.concatenate([np.arange(600), random.integers(0, 300, 500)])
    table = table.take(rows)
    if rule == "sum":
        table = with_sales(table, random.lognormal(3, 2, len(rows)).round(2) * (random.random(len(rows)) < 0.6) / 3)
    changes = {**market.PLAIN, "rows": {"duplicates": rule}}
    layouts: list[dict[str, Any]] = [{}, {"files": 3, "row_group": 70}, {"files": 7, "row_group": 200}]
    found = []
    for workers, layout in enumerate(layouts, start=1):
        order = random.permutation(len(rows)) if workers > 1 else np.arange(len(rows))
        where = tmp_path / f"{workers}"
        found.append(market.score(table.take(order), where, {**changes, "engine": {"workers": workers}}, **layout))
    first, *others = map(market.scores, found)
    assert first.num_rows == 600
    assert [market.different(first, other) for other in others] == [[], []]


def test_missing_sales_are_absent_where_another_row_has_some(tmp_path: Path) -> None:
    table = market.plain_accounts(400)
    nothing = with_sales(table, [None] * 400)
    one = market.score(table, tmp_path / "one", SUM)
    done = market.score(pa.concat_tables([nothing, table]), tmp_path / "two", SUM, files=2)
    assert market.different(market.scores(one), market.scores(done)) == []
    assert (done.manifest() or {})["rows"]["flagged"]["sales_missing"] == 0


def test_missing_sales_of_all_rows_stay_missing(tmp_path: Path) -> None:
    table = market.plain_accounts(400)
    sales = table["sales"].to_pylist()
    sales[3] = None
    table = with_sales(table, sales)
    done = market.score(pa.concat_tables([table, table.slice(3, 1)]), tmp_path, SUM)
    assert (done.manifest() or {})["rows"]["flagged"]["sales_missing"] == 1
    assert rejected(done) == {"added_up": 1}


BAD = {"infinite": (np.inf, "sales_not_finite"), "beyond any business": (1e200, "sales_too_large")}


@pytest.mark.parametrize(("amount", "reason"), BAD.values(), ids=BAD.keys())
def test_rows_beside_one_that_cannot_be_added_are_rejected(tmp_path: Path, amount: float, reason: str) -> None:
    """A sum without the amount would be a wrong number in silence."""
    table = market.plain_accounts(400)
    bad = with_sales(table.slice(9, 1), [amount])
    done = market.score(pa.concat_tables([table, bad]), tmp_path, SUM)
    assert "P00009" not in market.scores(done)["account_id"].to_pylist()
    assert rejected(done) == {"duplicate_id": 2}
    del reason


def test_a_sum_beyond_any_business_is_rejected(tmp_path: Path) -> None:
    table = market.plain_accounts(400)
    large = with_sales(table.slice(9, 1), [6e14])
    done = market.score(pa.concat_tables([table.slice(0, 9), table.slice(10), large, large]), tmp_path, SUM)
    assert rejected(done) == {"sales_too_large": 1, "added_up": 1}


def test_rows_that_differ_beside_their_sales_are_not_added_up(tmp_path: Path) -> None:
    table = market.plain_accounts(400)
    other = table.slice(5, 1).set_column(2, "x", pa.array([99.0]))
    done = market.score(pa.concat_tables([table, other]), tmp_path, SUM)
    assert rejected(done) == {"duplicate_id": 2}


def test_amounts_of_several_currencies_are_converted_before_they_are_added_up(tmp_path: Path) -> None:
    table = market.plain_accounts(400).append_column("unit", pa.array(["EUR"] * 400))
    half = with_sales(table, table["sales"].to_numpy() / 2)
    other = half.set_column(4, "unit", pa.array(["USD"] * 400))
    other = with_sales(other, half["sales"].to_numpy() * 4)
    changes = {
        **SUM,
        "columns": {"currency": "unit"},
        "currency": {"target": "EUR", "rates": {"USD": 0.25}},
    }
    one = market.score(table, tmp_path / "one", changes)
    done = market.score(pa.concat_tables([half, other]), tmp_path / "two", changes, files=2)
    assert market.different(market.scores(one), market.scores(done)) == []


@pytest.mark.parametrize(("rule", "counts"), [("reject", {"duplicate_id": 2}), ("identical", {"duplicate_row": 1})])
def test_the_rule_decides_about_a_copy(tmp_path: Path, rule: str, counts: dict[str, int]) -> None:
    table = market.plain_accounts(400)
    copies = pa.concat_tables([table, table.slice(0, 1)])
    assert rejected(market.score(copies, tmp_path, {**PLAIN, "rows": {"duplicates": rule}})) == counts


def test_a_copy_is_an_error_where_the_job_says_so(tmp_path: Path) -> None:
    table = market.plain_accounts(400)
    with pytest.raises(InputContractError, match="'P00000'"):
        market.score(pa.concat_tables([table, table.slice(0, 1)]), tmp_path, {**PLAIN, "rows": {"duplicates": "error"}})


def test_a_backtest_on_the_input_counts_copies_once(tmp_path: Path) -> None:
    """Copies that agree on the later sales are one account; copies that do not are refused by their number."""
    table = market.plain_accounts(600)
    table = table.append_column("later", pa.array(table["sales"].to_numpy() * 1.5))
    copies = pa.concat_tables([table, table.slice(0, 3)])
    changes = {**PLAIN, "backtest": {"realised": "later"}}
    job = market.job(market.write(copies, tmp_path / "market"), tmp_path / "scores", changes)
    accounts = read_accounts(job, pipeline.run(job, Progress()))
    assert len(accounts) == 600
    assert np.sort(accounts.realised).tolist() == np.sort(table["later"].to_numpy()).tolist()
    other = copies.slice(600, 1).set_column(4, "later", pa.array([-1.0]))
    again = market.write(pa.concat_tables([table, other]), tmp_path / "again")
    job = market.job(again, tmp_path / "other", changes)
    with pytest.raises(InputContractError, match="1 scored accounts stand more than once"):
        read_accounts(job, pipeline.run(job, Progress()))


@pytest.mark.parametrize("amount", [1e15, -1e300])
def test_later_sales_beyond_any_business_are_refused(tmp_path: Path, amount: float) -> None:
    table = market.plain_accounts(400)
    later = table["sales"].to_numpy().copy()
    later[5] = amount
    where = market.write(table.append_column("later", pa.array(later)), tmp_path / "market")
    job = market.job(where, tmp_path / "scores", {**PLAIN, "backtest": {"realised": "later"}})
    with pytest.raises(InputContractError, match=r"'later'.*no amount of money"):
        read_accounts(job, pipeline.run(job, Progress()))


def written(ids: list[str], how: str) -> list[str]:
    """Return ids in another spelling of the same ids."""
    spell = {
        "trailing blanks": "{} ".format,
        "two accents": lambda name: unicodedata.normalize("NFD", name),
        "a check suffix": lambda name: fold_ids(pa.array([name], pa.large_string()), "crm18")[0].as_py(),
    }
    return [spell[how](name) for name in ids]


@pytest.mark.parametrize("rule", ["identical", "sum"])
@pytest.mark.parametrize("how", ["trailing blanks", "two accents", "a check suffix"])
def test_copies_whose_ids_are_spelled_in_two_ways_are_one_account(tmp_path: Path, how: str, rule: str) -> None:
    """In either order of the files; the id of one spelling is published whichever comes first."""
    table = market.plain_accounts(400)
    names = [f"{'Zoë' if how == 'two accents' else '00A5g00000'}{i:05d}" for i in range(400)]
    table = table.set_column(0, "account_id", pa.array(names))
    other = table.set_column(0, "account_id", pa.array(written(names, how)))
    assert not set(names) & set(other["account_id"].to_pylist())
    changes = {**PLAIN, "columns": {"id_form": "crm18"}, "rows": {"duplicates": rule}}
    done = [
        market.score(pa.concat_tables(files), tmp_path / str(place), changes, files=2)
        for place, files in enumerate([(table, other), (other, table)])
    ]
    first, second = map(market.scores, done)
    assert (first.num_rows, market.different(first, second)) == (400, [])
    assert rejected(done[0]) == {"added_up" if rule == "sum" else "duplicate_row": 400}


def test_the_same_input_again_shows_no_change_against_the_run_before(tmp_path: Path) -> None:
    """With sums, rates, folded ids and copies settled on both sides; other files, so that there is a run to compare."""
    table = market.plain_accounts(600)
    sales = np.round(table["sales"].to_numpy() * 1.1, 2)
    table = with_sales(table, sales).append_column("unit", pa.array(np.where(np.arange(600) % 3, "EUR", " usd")))
    again = table.take(np.arange(0, 600, 2))
    again = again.set_column(0, "account_id", pa.array([f"{name} " for name in again["account_id"].to_pylist()]))
    both = pa.concat_tables([table, again, again.slice(0, 50)])
    changes = {**SUM, "columns": {"currency": "unit"}, "currency": {"target": "EUR", "rates": {"USD": 0.9}}}
    for place in range(2):
        order = np.random.default_rng(place).permutation(both.num_rows)
        where = market.write(both.take(order), tmp_path / f"market{place}", files=place + 2)
        done = pipeline.run(market.job(where, tmp_path / "scores", changes), Progress())
    change = (done.manifest() or {})["input_change"]
    assert (change["gone"], change["new"], change["broken"], change["hundredfold"]) == (0, 0, [], 0.0)
    assert change["correlation"] == pytest.approx(1.0)
    for name in ("accounts", "customers", "sales", "median"):
        assert change[f"{name}_before"] == change[f"{name}_now"]


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("identical", "sales", "rows of one id differ, such as those of 'P00007'.*rows.duplicates = 'sum'"),
        ("sum", "x", "rows of one id differ, such as those of 'P00007'.*equal in all other columns"),
        ("reject", "sales", "rows of one id are several, such as those of 'P00007'.*rows.duplicates = 'identical'"),
    ],
)
def test_a_run_that_stops_at_contradictions_names_ids_and_what_to_do(
    tmp_path: Path, rule: str, column: str, words: str
) -> None:
    table = market.plain_accounts(400)
    place = table.schema.get_field_index(column)
    other = table.slice(7, 60).set_column(place, column, pa.array([99.0] * 60))
    with pytest.raises(InputContractError, match=words):
        market.score(pa.concat_tables([table, other]), tmp_path, {**PLAIN, "rows": {"duplicates": rule}})
