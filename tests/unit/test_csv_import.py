"""CSV to Parquet: types from every row, nothing guessed, nothing lost in silence."""

from __future__ import annotations

import codecs
import csv
import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.errors import InputContractError, UsageError
from tamscore.store.csv_import import ROW_GROUP_ROWS, inspect, write
from tamscore.store.csv_import import rows as csv_rows
from tests.imports import import_csv

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def file(tmp_path):
    def make(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return make


@pytest.fixture
def column(file):
    """Return plan and values of one column that holds the given cells."""

    def make(cells, **options):
        lines = ['"' + cell.replace('"', '""') + '",1' for cell in cells]
        path = file("x,other\n" + "\n".join(lines) + "\n")
        plan = inspect([path], **options)
        target = path.parent / "out.parquet"
        report = write(plan, target, overwrite=True)
        assert report.columns[0].bad == plan.columns[0].bad
        assert report.columns[0].bad_examples == plan.columns[0].bad_examples
        assert report.columns[0].nulls == plan.columns[0].bad + plan.columns[0].empty
        return plan.columns[0], pq.read_table(target).column("x").to_pylist()

    return make


def utc(year, month, day, hour=0, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-20", "+3", "0"], "int", [1, -20, 3, 0]),
        (["1", "2.5", ".5", "1e3", "7."], "float", [1.0, 2.5, 0.5, 1000.0, 7.0]),
        (["1,234.50", "$ 12", "-$3", "(4.5)", "5"], "float", [1234.5, 12.0, -3.0, -4.5, 5.0]),
        (["1,234", "1,234,567", "12"], "int", [1234, 1234567, 12]),
        (["EUR 1'000.5", "7 EUR"], "float", [1000.5, 7.0]),
        (["1 234.5", "1\N{NO-BREAK SPACE}234", "1.0"], "float", [1234.5, 1234.0, 1.0]),
        (["12 %", "3.5%"], "float", [12.0, 3.5]),
        (["1,5", "2,25"], "float", [1.5, 2.25]),
        (["Yes", "no", "YES"], "bool", [True, False, True]),
        (["true", "False"], "bool", [True, False]),
        (["Y", "N"], "bool", [True, False]),
        (["0", "1"], "int", [0, 1]),
        (["2012-02-29", "2013-01-01"], "date", [date(2012, 2, 29), date(2013, 1, 1)]),
        (["2012/2/9", "2013/12/31"], "date", [date(2012, 2, 9), date(2013, 12, 31)]),
        (["01.02.2020", "03.04.2020"], "date:dmy", [date(2020, 2, 1), date(2020, 4, 3)]),
        (["01/02/2020", "13/02/2020"], "date:dmy", [date(2020, 2, 1), date(2020, 2, 13)]),
        (["01/02/2020", "02/13/2020"], "date:mdy", [date(2020, 1, 2), date(2020, 2, 13)]),
        (
            ["2012-01-01 10:20", "2012-01-01T10:20:30.123456789", "2012-01-02"],
            "timestamp",
            [datetime(2012, 1, 1, 10, 20), datetime(2012, 1, 1, 10, 20, 30, 123456), datetime(2012, 1, 2)],  # noqa: DTZ001
        ),
        (
            ["1/31/2023 12:05 AM", "2/1/2023 9:05 pm"],
            "timestamp:mdy",
            [datetime(2023, 1, 31, 0, 5), datetime(2023, 2, 1, 21, 5)],  # noqa: DTZ001
        ),
        (
            ["2012-01-01T00:00:00Z", "2012-01-01T00:00:00+02:00", "2012-01-01T00:00:00-0330"],
            "timestamp_utc",
            [utc(2012, 1, 1), utc(2011, 12, 31, 22), utc(2012, 1, 1, 3, 30)],
        ),
        (["1969-12-31", "0001-01-01"], "date", [date(1969, 12, 31), date(1, 1, 1)]),
        (["a", "1"], "string", ["a", "1"]),
    ],
)
def test_a_column_gets_the_type_that_all_its_cells_have(column, cells, kind, values):
    plan, read = column(cells)
    assert (plan.type, read) == (kind, values)
    assert plan.bad == 0


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["05089", "12345"], "leading zeros"),
        (["010180687", "990180687"], "leading zeros"),
        (["1234567890123456789012", "5"], "more digits"),
        (["01/02/2020", "03/04/2020"], "cannot be told apart"),
        (["2012-01-01 10:00", "2012-01-01 10:00Z"], "with and without a zone"),
        (["$5", "€ 7"], r"several currencies"),
        (["12%", "0.12"], "percent sign"),
        (["552 100 554", "552 100 555"], "grouped by spaces"),
        (["T", "T"], "single letters"),
        (["N", "F"], "single letters"),
        (["1", "x", "3"], "only 66.7% of the cells read as int"),
        (["NA", "US"], "text"),
        (["1-2-3", "x"], "text"),
        (["2013-02-30", "2013-02-31"], "text"),
        (["25:00", "1.2.3"], "text"),
        (["nan", "-"], "text: words that stand for no value elsewhere"),
        (["0x1F", "0x2A"], "text"),
        (["inf", "infinity"], "text"),
        (["1_000", "2_000"], "text"),
    ],
)
def test_what_leaves_a_doubt_stays_text_and_the_plan_says_why(column, cells, reason):
    plan, values = column(cells)
    assert plan.type == "string"
    assert reason in plan.why
    assert values == cells


def test_one_leading_zero_in_the_last_of_many_blocks_keeps_the_column_text(monkeypatch, column):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 256)
    plan, values = column([str(10000 + one) for one in range(500)] + ["05089"])
    assert plan.type == "string"
    assert "row 502: '05089'" in plan.why
    assert values[-1] == "05089"


def test_few_bad_cells_become_null_and_are_reported_with_their_rows(column):
    cells = [str(1000 * (one % 300)) for one in range(1, 1001)]
    cells[7], cells[500] = "####", "2012-01-01"
    plan, values = column(cells)
    assert (plan.type, plan.bad) == ("int", 2)
    assert [str(cell) for cell in plan.bad_examples] == ["row 9: '####'", "row 502: '2012-01-01'"]
    assert plan.losses == (("'####'", 1), ("a date", 1))
    assert (values[7], values[500], values[8]) == (None, None, 9000)


@pytest.mark.parametrize(("limit", "kind"), [(0.02, "int"), (0.0199, "string"), (0.0, "string")])
def test_the_share_of_bad_cells_that_a_number_may_have_is_the_callers(column, limit, kind):
    assert column(["1"] * 49 + ["x"], max_bad_share=limit)[0].type == kind


def test_tokens_of_no_value_are_null_in_numbers_and_shown(column):
    tokens = ["", "NA", "n/a", "null", "-", "None", "NaN", " - ", "#N/A", "--", "?", "."]
    plan, values = column(["1", *tokens, "2"])
    assert (plan.type, plan.empty, plan.bad) == ("int", len(tokens), 0)
    assert values == [1, *[None] * len(tokens), 2]
    assert dict(plan.empty_tokens)["-"] == 2


def test_text_columns_keep_tokens_that_may_mean_something(column):
    """NA is Namibia, None a level, a dash a name; the empty cell, N/A and NULL are nothing everywhere."""
    plan, values = column(["US", "NA", "None", "-", "", "N/A", "NULL"])
    assert values == ["US", "NA", "None", "-", None, None, None]
    assert plan.empty == 3


def test_tokens_of_the_user_are_null_everywhere(column):
    _, values = column(["US", "NA", "unknown"], null_values=["NA", "Unknown"])
    assert values == ["US", None, None]


@pytest.mark.parametrize(
    ("given", "cells", "values", "bad"),
    [
        ("string", ["1", "2"], ["1", "2"], 0),
        ("float", ["05089", "1 000", "x"], [5089.0, 1000.0, None], 1),
        ("int", ["1.0", "x"], [1, None], 1),
        ("bool", ["1", "0", "yes", "maybe"], [True, False, True, None], 1),
        ("date:%Y%m%d", ["19970101", "x"], [date(1997, 1, 1), None], 1),
        ("date:%d-%b-%Y", ["1-Jan-2020", "31-DEC-2020"], [date(2020, 1, 1), date(2020, 12, 31)], 0),
        ("timestamp_utc", ["2012-01-01 10:00", "2012-01-01 10:00+01:00"], [utc(2012, 1, 1, 10), utc(2012, 1, 1, 9)], 0),
    ],
)
def test_a_given_type_is_used_and_what_it_cannot_read_is_counted(column, given, cells, values, bad):
    plan, read = column(cells, types={"x": given})
    assert (plan.type, plan.bad, plan.given) == (given, bad, True)
    assert read == values


@pytest.mark.parametrize(
    ("given", "cells", "values", "bad"),
    [
        ("float", ["1", "1e400", "9" * 400], [1.0, None, None], 2),
        ("int", ["1.0", "2.5", "99999999999999999999"], [1, None, None], 2),
        ("date:dmy", ["01/02/2020", "2020-01-01"], [date(2020, 2, 1), None], 1),
        ("date:%Y%m%d", ["19970101", "19970231", "x"], [date(1997, 1, 1), None, None], 2),
        ("bool", ["yes", "no", "2"], [True, False, None], 1),
        ("float", ["12", "3 of 4"], [12.0, None], 1),
    ],
)
def test_digits_that_a_given_type_cannot_read_are_refused_unless_a_share_is_allowed(column, given, cells, values, bad):
    with pytest.raises(InputContractError, match=r"column 'x': . cells hold digits that do not read as .* \(row \d: "):
        column(cells, types={"x": given})
    plan, read = column(cells, types={"x": given}, max_bad_share=0.9)
    assert (plan.bad, read) == (bad, values)
    assert sum(times for _, times in plan.losses) == bad


def test_types_of_one_plan_fix_those_of_the_next(file):
    path = file(
        "a,b,c\n1,2020-13-01,x\n2,2020-31-01,y\n".replace("2020-13-01", "13/01/2020").replace("2020-31-01", "1/2/2020")
    )
    plan = inspect([path])
    types = {one.name: one.type for one in plan.columns}
    again = inspect([path], types)
    assert {one.name: one.type for one in again.columns} == types == {"a": "int", "b": "date:dmy", "c": "string"}


def test_padding_is_taken_off_and_counted(column):
    plan, values = column([" a ", "b"])
    assert (plan.padded, values) == (1, ["a", "b"])


def test_samples_are_the_first_distinct_values(column):
    assert column(["", "b", "b", "3", "a", "c"])[0].samples == ("b", "3", "a")


def test_byte_order_mark_crlf_quoted_newlines_and_padded_names_are_read(file):
    path = file(codecs.BOM_UTF8 + b' id ,"note "\r\n1,"two\r\nlines, ""quoted"""\r\n2,x\r\n')
    report = import_csv([path], path.parent / "out.parquet", types={"id": "string"})
    table = pq.read_table(report.files[0]).to_pydict()
    assert table == {"id": ["1", "2"], "note": ['two\r\nlines, "quoted"', "x"]}


def test_row_numbers_are_those_of_a_spreadsheet(file):
    """Blank lines and cells over several lines count as one row each, the header as row 1."""
    rows = ["1,2", "", '"3', '4",5', "6", "x,7", *["1,1"] * 200]
    path = file("a,b\n" + "\n".join(rows) + "\n")
    plan = inspect([path], {"a": "int"}, max_bad_share=0.5)
    assert [one.row for one in plan.rejected_examples] == [5]
    assert [cell.row for cell in plan.columns[0].bad_examples] == [4, 6]
    assert plan.files[0].blank == 1


def test_rows_read_are_rows_written_and_rows_rejected(monkeypatch, file):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)
    good, ragged = 300, 3
    rows = ["1,2"] * 100 + ["1", "1,2,3"] + ["3,4"] * 200 + ["5"]
    path = file("a,b\n" + "\n".join(rows) + "\n\n\n")
    report = import_csv([path], path.parent / "out", max_rejected_share=0.02)
    assert (report.rows_read, report.rows_written, report.rows_rejected) == (good + ragged, good, ragged)
    assert [one.row for one in report.rejected_examples] == [102, 103, 304]
    assert report.rejected_file is not None
    with report.rejected_file.open(encoding="utf-8", newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [(one["row"], one["reason"], one["text"]) for one in written] == [
        ("102", "2 cells expected, 1 found", "1"),
        ("103", "2 cells expected, 3 found", "1,2,3"),
        ("304", "2 cells expected, 1 found", "5"),
    ]
    assert report.blank_lines == 2


def test_blocks_do_not_change_what_is_read(monkeypatch, file):
    path = file("id,n,d\n" + "".join(f"{one:05d},{one}.5,2020-01-{one % 28 + 1:02d}\n" for one in range(400)))
    whole = inspect([path])
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 100)
    assert inspect([path]).columns == whole.columns


@pytest.mark.parametrize(
    ("text", "names"),
    [("a;b\n1;2\n", ["a", "b"]), ("a\tb\n1,5\t2\n", ["a", "b"]), ("a|b|c\n1|2|3\n", ["a", "b", "c"]), ("a\n1\n", ["a"]),
     ("a;b\n1,5;2,5\n3,5;4,5\n", ["a", "b"]), ("sep=;\na;b\n1;2\n", ["a", "b"]), ("\n\na,b\n1,2\n", ["a", "b"])],
)  # fmt: skip
def test_delimiter_and_lines_before_the_header_are_found(file, text, names):
    assert [column.name for column in inspect([file(text)]).columns] == names


def test_decimal_commas_are_read_when_asked_for(file):
    path = file("a;b\n1.234,5;2,25\n-7;1\n")
    report = import_csv([path], path.parent / "out.parquet", decimal=",")
    assert pq.read_table(report.files[0]).to_pydict() == {"a": [1234.5, -7.0], "b": [2.25, 1.0]}


def test_other_encodings_and_compressed_files_are_read(file):
    text = "name,n\nMüller,1\n"
    paths = {
        "cp1252": file(text, "a.csv", "cp1252"),
        "utf-16": file(text, "b.csv", "utf-16"),
        "utf-8": file(gzip.compress(text.encode()), "c.csv.gz"),
    }
    for encoding, path in paths.items():
        report = import_csv([path], path.parent / f"{encoding}.parquet", encoding=encoding)
        assert pq.read_table(report.files[0]).to_pydict() == {"name": ["Müller"], "n": [1]}


def test_a_column_without_a_name_is_named_by_its_place(file):
    assert [one.name for one in inspect([file(",b,\n0,1,2\n")]).columns] == ["unnamed_1", "b", "unnamed_3"]


def test_files_of_one_import_share_types_and_columns_may_stand_in_another_order(file, tmp_path):
    first, second = file("id,zip\n1,12345\n", "one.csv"), file("zip,id\n05089,2\n", "two.csv")
    report = import_csv([tmp_path], tmp_path / "out")
    assert [path.name for path in report.files] == ["one.parquet", "two.parquet"]
    schemas = [pq.read_schema(path) for path in report.files]
    assert schemas[0].equals(schemas[1])
    assert pq.read_table(report.files[1]).to_pydict() == {"id": [2], "zip": ["05089"]}
    joined = import_csv([first, second], tmp_path / "all.parquet")
    assert pq.read_table(joined.files[0]).num_rows == 2


def test_files_of_the_same_name_do_not_overwrite_each_other(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(f"v\n{folder}\n")
    report = import_csv([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert [pq.read_table(path).to_pydict() for path in report.files] == [{"v": ["a"]}, {"v": ["b"]}]


@pytest.mark.parametrize(
    ("overwrite", "said"), [(False, r"other\.parquet: is there already"), (True, r"holds 'other\.parquet'")]
)
def test_an_import_that_another_one_overtook_mixes_nothing_in(tmp_path, overwrite, said):
    """Both began before there was anything in the folder."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("v\n1\n")
    out = tmp_path / "out"

    def other_import(*_):
        out.mkdir(exist_ok=True)
        (out / "other.parquet").touch()

    plan = inspect([tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(UsageError, match=said):
        write(plan, out, overwrite=overwrite, progress=other_import)
    assert [path.name for path in tmp_path.rglob("*") if path.suffix != ".csv"] == ["out", "other.parquet"]


def test_dropped_columns_are_left_out(file):
    path = file("a,b\n1,2\n")
    plan = inspect([path], drop=["b"])
    assert plan.dropped == ("b",)
    assert pq.read_schema(write(plan, path.parent / "o.parquet").files[0]).names == ["a"]


def test_row_groups_are_full_compressed_and_carry_page_checksums(file):
    path = file("a\n" + "".join(f"{one}\n" for one in range(1050)))
    report = import_csv([path], path.parent / "o.parquet", row_group_rows=500)
    footer = pq.read_metadata(report.files[0])
    assert [footer.row_group(one).num_rows for one in range(footer.num_row_groups)] == [500, 500, 50]
    assert footer.row_group(0).column(0).compression == "ZSTD"
    assert pq.read_table(report.files[0]).column("a").to_pylist() == list(range(1050))
    data = bytearray(report.files[0].read_bytes())
    data[footer.row_group(0).column(0).data_page_offset + 100] ^= 1
    report.files[0].write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(report.files[0], page_checksum_verification=True)
    assert ROW_GROUP_ROWS == 131_072


def test_the_same_file_gives_the_same_bytes(file):
    path = file("a,b\n1,x\n2,y\n")
    one, two = (import_csv([path], path.parent / name).files[0] for name in ("1.parquet", "2.parquet"))
    assert one.read_bytes() == two.read_bytes()


def test_progress_grows_to_the_whole_size_in_each_pass(monkeypatch, file):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)
    path = file("a,b\n" + "1,2\n" * 500)
    seen = []
    import_csv([path, file("a,b\n1,2\n", "z.csv")], path.parent / "out", progress=lambda *one: seen.append(one))
    for stage in ("inspect", "write"):
        done = [one[1] for one in seen if one[0] == stage]
        assert done == sorted(done)
        assert done[-1] == seen[0][2]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30))
def test_whatever_the_cells_rows_add_up_and_text_comes_back_as_it_was(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    rows = [("first", "1"), *rows]
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    plan = inspect([folder / "t.csv"], {"a": "string"}, delimiter=",")
    report = write(plan, folder / "o.parquet")
    assert report.rows_read == report.rows_written == len(rows) - report.blank_lines
    assert [one.bad for one in report.columns] == [one.bad for one in plan.columns]
    texts = [
        None if a.strip().lower() in {"", "n/a", "#n/a", "null", r"\n"} else a.strip()
        for a, b in rows
        if (a + b).strip()
    ]
    assert pq.read_table(report.files[0]).column("a").to_pylist() == texts


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("crunchbase_2013/crunchbase-companies.csv", {"funding_total_usd": ("int", 13), "founded_at": ("date", 0)}),
        ("irs_bmf", {"EIN": ("string", 0), "ZIP": ("string", 0), "REVENUE_AMT": ("int", 0)}),
        ("wholesale_customers", {"Fresh": ("int", 0)}),
        ("bank_marketing", {"balance": ("int", 0), "housing": ("bool", 0), "job": ("string", 0)}),
        ("cdnow", {"customer_id": ("string", 0), "dollar_value": ("float", 0)}),
    ],
)
def test_real_exports_import_with_the_types_a_person_would_give(tmp_path, name, expected):
    if not (DATA / name).exists():
        pytest.skip(f"the table {name} is not on this machine")
    report = import_csv([DATA / name], tmp_path / "out")
    found = {column.name: (column.type, column.bad) for column in report.columns}
    assert expected.items() <= found.items()
    assert report.rows_rejected == 0
