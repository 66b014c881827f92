"""The frame of CSV files: titles, trailing delimiters, headers that come again, encodings, and other formats."""

from __future__ import annotations

import gzip
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from tamscore.errors import InputContractError
from tamscore.store import footers
from tamscore.store.csv_import import inspect, write
from tamscore.store.formats import format_of

ROWS = "".join(f"K{row},Firma {row},{row}.5\n" for row in range(200))
GOOD = "id,name,sales\n" + ROWS


@pytest.fixture
def file(tmp_path):
    def make(data, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return make


def contents(plan, folder):
    found = pq.read_table(write(plan, folder / "o.parquet", max_rejected_share=1.0, overwrite=True).files[0])
    return found.to_pydict()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_delimiter_behind_every_row_is_left_out(file, tmp_path, delimiter, ending):
    text = GOOD.replace(",", delimiter).replace("\n", f"{delimiter}\n")
    header, rest = text.split("\n", 1)
    path = file((header[:-1] + "\n" + rest).replace("\n", ending))
    plan = inspect([path])
    assert (plan.files[0].source.trailing, plan.rows, plan.rejected) == (True, 200, 0)
    assert contents(plan, tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)


def test_text_behind_the_last_delimiter_and_rows_without_it_are_rejected_by_row(file):
    header, rest = GOOD.split("\n", 1)
    rest = rest.replace("\n", ",\n").replace("K7,Firma 7,7.5,", "K7,Firma 7,7.5,more").replace("9.5,\n", "9.5\n", 1)
    plan = inspect([file(f"{header}\n{rest}")])
    assert [(row.row, row.reason) for row in plan.rejected_examples] == [
        (11, "4 cells expected, 3 found: no delimiter at the end, where most rows have one"),
        (9, "text behind the delimiter at the end"),
    ]


def test_a_delimiter_behind_some_rows_is_named_as_the_cause(file, tmp_path):
    plan = inspect([file(GOOD.replace("5\n", "5,\n", 20))])
    assert plan.rejected == 20
    with pytest.raises(InputContractError, match="a delimiter too many at the end"):
        write(plan, tmp_path / "o.parquet")


@pytest.mark.parametrize(
    ("titles", "skip"),
    [
        ("Report of May\n", 1),
        ("Report of May\n\n", 1),
        ('"Report of ""May"""\nby Ann\n', 2),
        ("Report of May,,\n", 1),
        ("Report of May,,\n,,\n", 2),
        ("Report,,\nMade by,Ann,\n", 2),
        ("Made by,Ann,\n", 1),
        ("Report, May; all\n", 1),
    ],
)
def test_titles_are_refused_with_the_lines_to_skip_and_skipped(file, tmp_path, titles, skip):
    path = file(titles + GOOD)
    with pytest.raises(InputContractError, match=f"add --skip {skip} "):
        inspect([path])
    plan = inspect([path], skip=skip)
    assert [column.name for column in plan.columns] == ["id", "name", "sales"]
    assert contents(plan, tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)
    lines = plan.files[0]
    assert lines.lines == len((titles + GOOD).splitlines()) == lines.source.skip + 1 + lines.rows


def test_rows_are_numbered_from_the_first_line_of_the_file(file):
    plan = inspect([file("Report\nof May\n" + GOOD + "short,1\n")], skip=2)
    assert plan.rejected_examples[0].row == 204


@pytest.mark.parametrize(
    "header", [",name,sales\n", "id,name,\n", " id , name,sales \n", "id,a title of several words,sales\n"]
)
def test_headers_that_are_headers_are_no_titles(file, header):
    plan = inspect([file(header + ROWS)])
    assert (plan.rows, plan.rejected) == (200, 0)
    assert inspect([file("Report,,\n" + ROWS)], skip=0).columns[0].name == "Report"


def test_a_header_that_comes_again_is_rejected_by_row(file):
    plan = inspect([file(GOOD + "id,name ,sales\n" + ROWS)])
    assert [(row.row, row.reason) for row in plan.rejected_examples] == [(202, "the header again")]
    assert plan.columns[2].type == "float"


@pytest.mark.parametrize("footer", ["(200 rows affected)\n", "Total,10000\n", "\n\n200 rows\n\n"])
def test_footers_are_rejected_by_row(file, footer):
    plan = inspect([file(GOOD + footer)])
    assert plan.rejected == 1
    assert plan.rejected_examples[0].text == footer.strip()


def test_the_lines_of_a_file_add_up(file):
    text = "Report\n\n" + GOOD + '\nK,"two\r\nlines\nor three",1\nshort\n\nid,name,sales\nlast,x,1'
    lines = inspect([file(text)], skip=1).files[0]
    assert lines.account_of_lines == (
        "211 lines = 202 rows + 1 header + 2 above the header + 2 rejected + 2 blank + 2 further lines of cells"
    )
    assert lines.lines == len(text.splitlines())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("name", ["Größe", "Ārija", "公司名称有限责任"])
def test_encodings_that_their_bytes_show_are_read(file, tmp_path, encoding, name):
    plan = inspect([file(GOOD.replace("Firma", name).encode(encoding))])
    assert plan.files[0].source.dialect.encoding == encoding.removesuffix("-sig")
    assert contents(plan, tmp_path)["name"][7] == f"{name} 7"


def test_encodings_that_do_not_fit_are_named(file):
    with pytest.raises(InputContractError, match="got UTF-16-LE; add --encoding utf-16-le"):
        inspect([file(GOOD.encode("utf-16-le"))], encoding="cp1252")
    with pytest.raises(InputContractError, match="add --encoding utf-8"):
        inspect([file(GOOD)], encoding="utf-16")


def write_sqlite(path):
    with sqlite3.connect(path) as database:
        database.execute("create table market (id text)")
    database.close()


FOREIGN = {
    "ndjson": (lambda p: p.write_text('{"id": "K1"}\n{"id": "K2"}\n'), "JSON"),
    "a JSON array": (lambda p: p.write_text('\n [\n  {"id": "K1"}\n]'), "JSON"),
    "a JSON object": (lambda p: p.write_text('{\n "rows": []}'), "JSON"),
    "JSON in UTF-8 with a mark": (lambda p: p.write_bytes(b'\xef\xbb\xbf[["id"]]'), "JSON"),
    "SQLite": (write_sqlite, "SQLite"),
    "DuckDB": (lambda p: p.write_bytes(bytes(8) + b"DUCK" + bytes(60)), "DuckDB"),
    "Arrow": (lambda p: feather.write_feather(pa.table({"id": ["K1"]}), p), "Arrow"),
    "an Arrow stream": (lambda p: p.write_bytes(b"\xff\xff\xff\xff\x10" + bytes(60)), "Arrow stream"),
    "ORC": (lambda p: p.write_bytes(b"ORC" + bytes(60)), "ORC"),
    "Avro": (lambda p: p.write_bytes(b"Obj\x01" + bytes(60)), "Avro"),
    "HTML": (lambda p: p.write_text("<html><table></table></html>"), "HTML"),
    "a pickle": (lambda p: p.write_bytes(b"\x80\x04]\x94."), "pickle"),
    "PDF": (lambda p: p.write_bytes(b"%PDF-1.7"), "PDF"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["market.csv", "market.parquet", "market"])
def test_what_is_no_csv_is_refused_by_its_name_and_never_sent_to_the_import(tmp_path, kind, name):
    make, what = FOREIGN[kind]
    path = tmp_path / name
    make(path)
    with pytest.raises(InputContractError, match=f"got .*{what}"):
        inspect([path])
    with pytest.raises(InputContractError, match=what) as caught:
        footers.read_footer(path)
    assert "tamscore import" not in str(caught.value)


def test_packed_json_is_json(file):
    with pytest.raises(InputContractError, match="JSON"):
        inspect([file(gzip.compress(b'{"id": 1}\n'), "t.csv.gz")])


@pytest.mark.parametrize("head", [b"id,name\n", b'"id";"name"\n', b"[id],[name]\n", b"{id},x\n", "Größe;x\n".encode()])
def test_text_is_no_other_format(tmp_path, head):
    assert format_of(head) is None
    (tmp_path / "t.parquet").write_bytes(head)
    with pytest.raises(InputContractError, match="convert it with 'tamscore import'"):
        footers.read_footer(tmp_path / "t.parquet")


@pytest.mark.parametrize("delimiters", [",", ",,,"])
def test_columns_without_a_name_and_without_values_are_left_out_and_named(file, tmp_path, delimiters):
    plan = inspect([file(GOOD.replace("\n", f"{delimiters}\n"))])
    assert plan.dropped == tuple(f"unnamed_{place}" for place in range(4, 4 + len(delimiters)))
    assert contents(plan, tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)


def test_one_value_keeps_a_column_without_a_name(file, tmp_path):
    text = GOOD.replace("\n", ",\n").replace("7.5,", "7.5,x", 1)
    found = contents(inspect([file(text)]), tmp_path)
    assert sorted(set(found["unnamed_4"]), key=str) == [None, "x"]


@pytest.mark.parametrize("more", [",", ",,", ",,,"])
def test_delimiters_behind_every_row_are_left_out(file, tmp_path, more):
    header, rest = GOOD.split("\n", 1)
    plan = inspect([file(header + "\n" + rest.replace("\n", f"{more}\n"))])
    assert (plan.files[0].source.trailing, plan.rows, plan.rejected) == (len(more), 200, 0)
    assert contents(plan, tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)


def test_a_delimiter_behind_the_header_alone_is_left_out(file, tmp_path):
    plan = inspect([file(GOOD.replace("\n", ",\n", 1))])
    assert contents(plan, tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)


@pytest.mark.parametrize("title", ["Report\n", "Report\nby Ann\n", "Report of May,,\n"])
def test_titles_above_rows_that_end_with_a_delimiter_are_refused_and_skipped(file, tmp_path, title):
    header, rest = GOOD.split("\n", 1)
    path = file(title + header + "\n" + rest.replace("\n", ",\n"))
    skip = title.count("\n")
    with pytest.raises(InputContractError, match=f"add --skip {skip} "):
        inspect([path])
    assert contents(inspect([path], skip=skip), tmp_path) == contents(inspect([file(GOOD, "good.csv")]), tmp_path)
