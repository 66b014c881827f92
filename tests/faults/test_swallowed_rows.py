"""Stray quotes that swallow rows: refused by row; text of several lines that is text is read."""

from __future__ import annotations

import bz2
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, UsageError
from tamscore.store.csv_import import inspect, read_table, write
from tamscore.store.csv_import import rows as csv_rows

HEADER = ["account_id", "name", "sales", "employees", "industry"]


def table(names, *, delimiter=",", ending="\n", rows=120):
    """Return the text of a market; `names` as they stand in the file, by row."""
    lines = [HEADER] + [
        [f"K{row:04d}", names.get(row, f"Firma {row}"), f"{row}.25", str(row % 70), ("Food", "Metal")[row % 2]]
        for row in range(rows)
    ]
    return ending.join(delimiter.join(line) for line in lines) + ending


def refusal(path, data):
    path.write_bytes(data)
    with pytest.raises(InputContractError) as caught:
        inspect([path])
    return str(caught.value)


STRAY = {
    "backslashes": ('"Rohr 3\\""', '"Rohr 4\\""'),
    "lone leading quotes": ('"Rohr 3', '"Rohr 4'),
    "half-doubled quotes": ('"Rohr 3""', '"Rohr 4""'),
    "a leading quote and an inch mark": ('"Rohr 3', 'Rohr 4"'),
    "a leading quote and a quoted name": ('"Rohr 3', '"Rohr 4"'),
    "a leading quote and an empty name": ('"Rohr 3', '""'),
    "a delimiter too many": ('"Rohr 3, 4', 'Rohr 4"'),
}


@pytest.mark.parametrize("kind", STRAY)
@pytest.mark.parametrize("places", [(10, 100), (10, 11), (118, 119)])
@pytest.mark.parametrize(("delimiter", "ending"), [(",", "\n"), (";", "\r\n"), ("\t", "\n"), ("|", "\r")])
def test_rows_between_two_stray_quotes_are_refused_by_the_row_of_the_first(tmp_path, kind, places, delimiter, ending):
    names = {place: name.replace(",", delimiter) for place, name in zip(places, STRAY[kind], strict=True)}
    message = refusal(tmp_path / "t.csv", table(names, delimiter=delimiter, ending=ending).encode())
    assert f"t.csv: row {places[0] + 2}:" in message


@pytest.mark.parametrize("kind", ["backslashes", "lone leading quotes", "half-doubled quotes"])
@pytest.mark.parametrize("places", [(60,), (10, 11, 12), (0, 50, 119)])
def test_an_odd_number_of_stray_quotes_is_refused_by_row(tmp_path, kind, places):
    message = refusal(tmp_path / "t.csv", table(dict.fromkeys(places, STRAY[kind][0])).encode())
    assert f"row {places[0] + 2}:" in message


@pytest.mark.parametrize(("name", "pack"), [("t.csv.gz", gzip.compress), ("t.csv.bz2", bz2.compress)])
def test_stray_quotes_in_packed_files_are_found(tmp_path, name, pack):
    assert "row 7:" in refusal(tmp_path / name, pack(table({5: '"Rohr 5\\""', 60: '"Rohr 6\\""'}).encode()))


@pytest.mark.parametrize("block", [200, 1000])
def test_stray_quotes_over_the_bounds_of_blocks_are_refused(tmp_path, monkeypatch, block):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", block)
    assert "row 7:" in refusal(tmp_path / "t.csv", table({5: '"Rohr', 100: 'Rohr"'}).encode())
    assert "row 7:" in refusal(tmp_path / "t.csv", table({5: '"Rohr', 7: 'Rohr"'}).encode())


def test_two_of_two_hundred_thousand_rows_are_found(tmp_path):
    text = table({100_000: '"Rohr 5"""', 150_000: '"Rohr"" 5', 150_010: 'Rohr 6"'}, rows=200_000)
    assert "row 150002:" in refusal(tmp_path / "t.csv", text.encode())


def test_the_refusal_of_backslashes_names_the_escape_and_with_it_the_file_is_read(tmp_path):
    path = tmp_path / "t.csv"
    assert "add --escape '\\'" in refusal(path, table({3: '"Rohr 3\\""', 9: '"a\\\\b\\", c"', 11: "\\N"}).encode())
    plan = inspect([path], escape="\\")
    found = pq.read_table(write(plan, tmp_path / "o.parquet").files[0]).column("name").to_pylist()
    assert (found[3], found[9], found[11], len(found)) == ('Rohr 3"', 'a\\b", c', None, 120)


@pytest.mark.parametrize("escape", ["ab", '"', "x", ""])
def test_an_escape_that_is_no_mark_is_a_usage_error(tmp_path, escape):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="escape: expected one character"):
        inspect([tmp_path / "t.csv"], escape=escape)


HONEST = {
    "doubled": ('"Rohr 3"" lang"', 'Rohr 3" lang'),
    "an address": ('"Ring 1\nHaus 4, Hof, 2. Stock\n1010 Wien, AT"', "Ring 1\nHaus 4, Hof, 2. Stock\n1010 Wien, AT"),
    "as many commas as a row": ('"Ring, 1, Hof, 2\nWien, AT"', "Ring, 1, Hof, 2\nWien, AT"),
    "lines of four commas": ('"a\nlinks, rechts, oben, unten, Mitte\nb"', "a\nlinks, rechts, oben, unten, Mitte\nb"),
    "inch marks": ('6" Rohr', '6" Rohr'),
    "inch mark at the end": ('Rohr 6"', 'Rohr 6"'),
    "backslashes": ("C:\\daten\\", "C:\\daten\\"),
    "backslash in quotes": ('"C:\\daten, neu\\"', "C:\\daten, neu\\"),
    "apostrophes": ("O'Neil", "O'Neil"),
    "only quotes": ('""""', '"'),
}


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("places", [(0,), (5, 6), tuple(range(0, 120, 2))])
def test_honest_quotes_and_lines_are_read_as_they_are(tmp_path, kind, places):
    written, text = HONEST[kind]
    path = tmp_path / "t.csv"
    path.write_bytes(table(dict.fromkeys(places, written)).encode())
    plan = inspect([path])
    found = pq.read_table(write(plan, tmp_path / "o.parquet").files[0])
    assert (plan.rejected, plan.files[0].sloppy, found.num_rows) == (0, 0, 120)
    assert {found.column("name")[place].as_py() for place in places} == {text}
    assert found.column("sales").to_pylist() == [row + 0.25 for row in range(120)]


def test_text_in_doubt_is_read_where_its_column_is_named(tmp_path):
    """Lines with the cells of a row: only the user can say that they are a note."""
    path = tmp_path / "t.csv"
    note = '"see:\nK0009,Firma 9,9.25,9,Food\nand so on"'
    message = refusal(path, table({5: note}).encode())
    assert "add --multiline 'name'" in message
    plan = inspect([path], multiline=["name"])
    assert (plan.rows, plan.files[0].inner) == (120, 2)
    with pytest.raises(UsageError, match="multiline: no column 'nam'; did you mean 'name'"):
        inspect([path], multiline=["nam"])


def test_quotes_that_are_lost_within_a_line_are_counted_and_shown(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(table({4: '"Big" Joe', 8: '"A" und "B"', 9: '"C" '}))
    file = inspect([path]).files[0]
    assert (file.sloppy, [row.row for row in file.sloppy_rows]) == (2, [6, 10])


@pytest.mark.parametrize("quote", ['"Ann\\""', '"Ann', '"Ann""'])
def test_a_table_of_people_with_stray_quotes_is_refused(tmp_path, quote):
    path = tmp_path / "people.csv"
    path.write_text(f'person,role,hours\n{quote},hunter,900\nBob,hunter,800\n"Cleo ""C""",sdr,700\n"Dan",sdr,1\n')
    with pytest.raises(InputContractError, match=r"people\.csv: row [234]:"):
        read_table(path, {"hours": "float"})


def test_a_small_table_is_read_with_its_types_and_bad_cells_are_refused(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("id;person;hours;locked\r\n007;Änn;1.5;yes\r\n;Bob;;no\r\n".encode("utf-16"))
    found = read_table(path, {"hours": "float", "locked": "bool", "elsewhere": "float"})
    assert found.to_pylist() == [
        {"id": "007", "person": "Änn", "hours": 1.5, "locked": True},
        {"id": None, "person": "Bob", "hours": None, "locked": False},
    ]
    assert found.schema.types == [pa.string(), pa.string(), pa.float64(), pa.bool_()]
    path.write_text("person,hours\nAnn,9\nBob,many\n")
    with pytest.raises(InputContractError, match=r"row 3: column 'hours' holds 'many', expected a number"):
        read_table(path, {"hours": "float"})
    path.write_text("person;hours\nAnn;1,5\n")
    assert read_table(path, {"hours": "float"})["hours"].to_pylist() == [1.5]
    path.write_text("person;hours\nAnn;1.500\n")
    with pytest.raises(InputContractError, match=r"people\.csv: column 'hours': .*'.' may group thousands"):
        read_table(path, {"hours": "float"})
    path.write_text("person;hours\nAnn;007\n")
    with pytest.raises(InputContractError, match=r"'hours': expected plain numbers, got text: leading zeros"):
        read_table(path, {"hours": "float"})
    path.write_text("person,hours\nAnn,9\nBob\n")
    with pytest.raises(InputContractError, match=r"row 3: 2 cells expected, 1 found"):
        read_table(path, {"hours": "float"})
    path.write_text('person,hours\n"Ann" B.,9\n')
    with pytest.raises(InputContractError, match=r"row 2: text behind a closing quote"):
        read_table(path, {"hours": "float"})
    path.write_bytes("person,hours\nÄnn,9\n".encode("cp1252"))
    with pytest.raises(InputContractError, match=r"--encoding cp1252 .*options of tamscore import"):
        read_table(path, {"hours": "float"})
    path.write_text("person,hours\n")
    assert read_table(path, {"hours": "float"}).num_rows == 0
