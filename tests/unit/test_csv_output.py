"""CSV as a spreadsheet sees it: no cell of text starts a formula, numbers are numbers, and every text comes back."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.store import commit, csv_output
from tamscore.store.csv_import import output
from tamscore.store.csv_import.left_out import RejectedRow

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?%?|[-+]", re.IGNORECASE)
RISKY = st.text(st.sampled_from(f"{SIGNS}' \t\r\n\u00a0\u200b\u3000\ufeff12a;,\""), max_size=8)
TEXTS = st.lists(st.one_of(st.none(), RISKY, st.text(max_size=8)), min_size=1, max_size=20)


def starts_formula(cell):
    """What a spreadsheet that is careless about blanks does with a cell of text."""
    if NUMBER.fullmatch(cell):
        return False
    bare = cell.lstrip("".join(map(chr, range(33))) + "\u00a0\u200b\u3000\ufeff")
    return bare[:1] in set(SIGNS) or cell[:1] in set("\t\r\n")


def written(table, **options):
    file = io.BytesIO()
    csv_output.write([table], table.schema, file, **options)
    return file.getvalue()


def rows_of(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@given(TEXTS)
def test_no_text_starts_a_formula_and_all_come_back(texts):
    """V41: whatever is in a table, in one column or many, read back and unguarded it is what it was."""
    _, *rows = rows_of(written(pa.table({"a": pa.array(texts, pa.string()), "n": [1] * len(texts)})))
    assert not [cell for cell, _ in rows if starts_formula(cell)]
    assert [csv_output.unguarded(cell) for cell, _ in rows] == [text or "" for text in texts]


@given(st.lists(RISKY, min_size=1, max_size=5, unique=True))
def test_names_of_columns_are_guarded_like_texts_and_stay_different(names):
    """V41: a header cell is a cell."""
    header, _ = rows_of(written(pa.table({name: ["x"] for name in names})))
    assert not [cell for cell in header if starts_formula(cell)]
    assert [csv_output.unguarded(cell) for cell in header] == names


@given(TEXTS)
def test_rows_written_cell_by_cell_are_guarded_as_columns_are(texts):
    """V41: rejected rows of an import go through the same rule."""
    cells = [text or "" for text in texts]
    column = csv_output.guarded_texts(pa.chunked_array([pa.array(cells, pa.string())])).to_pylist()
    assert csv_output.guarded_cells(cells) == column


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1+1", "-2+3+cmd|x", "@SUM(1)", "\t=1", "\n=1", "\r=1", " =1", "\u00a0=1", "\u3000@x", "\u200b=1"),
        *("\uff1d1+1", "\uff0b1", "\uff0d1+A1", "\uff20SUM", "+49 30 1234", "--", "=", "@", "'=1", "\ttab", "\nline"),
    ],
)
def test_what_runs_stands_behind_an_apostrophe(text):
    """V41: the signs that OWASP names, behind blanks and line ends, in full width."""
    assert csv_output.guarded_cells([text]) == [f"'{text}"]


def test_every_first_byte_of_what_runs_is_known():
    """Only texts that begin with one of them are looked at, so every character that may stand first is tried."""
    places = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    first = {one.encode()[0] for one in places if csv_output.runs(f"{one}=1") or csv_output.runs(f"{one}x")}
    assert first <= csv_output.FIRST_BYTES


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_parts_of_columns_are_guarded_as_whole_columns_are(kind):
    texts = pa.chunked_array([["a", "=1", None, ""], ["", "=2", "-3", "@x"], []], kind)
    for part in (texts, texts.slice(1, 5), texts.slice(3, 2), pa.chunked_array([], kind)):
        expected = [None if one is None else csv_output.guarded_cells([one])[0] for one in part.to_pylist()]
        assert csv_output.guarded_texts(part).to_pylist() == expected


@pytest.mark.parametrize(
    "text", ["-2", "+4930123456", "-1,234.50", "-1e-05", "-5%", "-", "+", "a=b", "'quoted", "", "x-1"]
)
def test_plain_numbers_and_harmless_texts_stay_as_they_are(text):
    """V41: phone numbers in one piece, negative ids, a dash for nothing."""
    assert csv_output.guarded_cells([text]) == [text]


def test_typed_numbers_days_and_truths_are_never_guarded():
    """V41: a column that is no text cannot hold a formula."""
    table = pa.table({"whole": [-5], "real": [-0.5], "day": [date(2026, 1, 2)], "yes": [True]})
    money = table.append_column("money", pa.array(["-2.50"]).cast(pa.decimal128(20, 2)))
    assert rows_of(written(money))[1] == ["-5", "-0.5", "2026-01-02", "true", "-2.50"]


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        (None, datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),  # noqa: DTZ001 - the column has no time zone
        (None, datetime(2026, 1, 2, 3, 4, 5, 6000), "2026-01-02T03:04:05.006000"),  # noqa: DTZ001
        ("Europe/Berlin", datetime(2026, 7, 2, 3, 4, 5), "2026-07-02T03:04:05Z"),  # noqa: DTZ001
    ],
)
def test_moments_are_reported_as_iso_8601_has_them(zone, moment, expected):
    table = pa.table({"at": pa.array([moment, None], pa.timestamp("us", zone))})
    assert rows_of(written(table))[1:] == [[expected], []] or rows_of(written(table))[1:] == [[expected], [""]]


def test_categories_are_texts_and_are_guarded():
    """V41: a dictionary of texts is a column of texts."""
    table = pa.table({"play": pa.array(["=1", "x", "=1"]).dictionary_encode()})
    assert rows_of(written(table))[1:] == [["'=1"], ["x"], ["'=1"]]


def test_a_byte_order_mark_comes_first_where_it_is_asked_for():
    table = pa.table({"name": ["Müller"]})
    assert written(table, bom=True) == b"\xef\xbb\xbf" + written(table)


def test_tables_beside_the_scores_go_through_the_guard(tmp_path):
    """V41: tables, coverage, backtests are put in place by one function."""
    commit.place_csv(pa.table({"name": ["=cmd|x", "plain"], "@sales": [-1.5, 2.0]}), tmp_path / "t.csv")
    assert rows_of((tmp_path / "t.csv").read_bytes()) == [["name", "'@sales"], ["'=cmd|x", "-1.5"], ["plain", "2"]]


@pytest.mark.parametrize("text", ["=1+1;x;y", "@SUM(1);2;3", "\t=1;2;3"])
def test_rejected_rows_of_an_import_go_through_the_guard(tmp_path, text):
    """V41: the row as it stood in the file, behind an apostrophe."""
    with output.rejected_log(tmp_path / "r.csv") as keep:
        keep(RejectedRow("x.csv", 2, 2, 3, text))
    assert rows_of((tmp_path / "r.csv").read_bytes())[1][-1] == f"'{text}"
