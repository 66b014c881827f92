"""Bad CSV files and bad requests: refused with a message that names file, place and remedy; nothing new appears."""

from __future__ import annotations

import gzip

import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.store import disk
from tamscore.store.csv_import import encodings as csv_encodings
from tamscore.store.csv_import import inspect, write
from tamscore.store.csv_import import rows as csv_rows
from tests.imports import import_csv


@pytest.fixture
def refused(tmp_path):
    """Import bytes that must be refused; return the message."""

    def make(data, error=InputContractError, name="bad.csv", **options):
        path = tmp_path / name
        path.write_bytes(data)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(error) as caught:
            import_csv([path], tmp_path / "out", **options)
        left = [one for one in sorted(tmp_path.rglob("*")) if one not in before and one.name != "out"]
        assert left == []
        assert str(path) in str(caught.value) or error is UsageError
        return str(caught.value)

    return make


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "the file is empty"),
        (b"\n\n  \n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"a,b\n", "got none"),
        (b"a,b", "got none"),
        (b"a,b\n\n,\n\n", "got none"),
        (b"a,b,a\n1,2,3\n", "stand twice: ['a']"),
        (b"a, a\n1,2\n", "stand twice: ['a']"),
        (b"1,2\n3,4\n", "got only numbers"),
        (b"a,b\n1,\xff\n", "on line 2"),
        (b"a,b\n" + b"1,2\n" * 100_000 + b"M\xfcller,2\n", "on line 100002"),
        (b"a,b\n1,\x00\n", "binary data"),
        (b"PK\x03\x04rest", "Excel workbook or zip"),
        (b"PAR1rest", "Parquet already"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), ".csv.gz"),
        (b'a,b\n1,2\n1,"open\n1,2\n1,2\n', "a quote is left open"),
        (b'a,b\n1,2\n"open,2\n1,2\n1,2\n', "a quote is left open"),
        (b"a,b\n1\n2\n3,4\n", "2 of 3 rows do not have as many cells"),
        (b"a,b\n1\n2\n", "2 of 2 rows do not have as many cells"),
    ],
)
def test_a_file_that_is_no_usable_csv_is_refused_by_name(refused, data, part):
    assert part in refused(data)


def test_a_wrong_delimiter_is_refused_when_rows_break_apart(refused):
    message = refused(b"a;b\n1;2,5\n", delimiter=",")
    assert "1 of 1 rows" in message
    assert "check the delimiter" in message


def test_the_message_about_encoding_names_the_remedy(refused):
    assert "add --encoding cp1252" in refused("a\nMüller\n".encode("cp1252"))
    assert "expected ascii text" in refused("a\nMüller\n".encode(), encoding="ascii")


def test_a_row_longer_than_a_block_is_refused(refused, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(csv_encodings, "HEAD_BYTES", 1 << 10)
    assert "a row is longer than" in refused(b'a,b\n1,"' + b"1,2\n" * 1_000_000)


def test_a_damaged_archive_is_refused(refused):
    data = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (one, one * 7919) for one in range(200_000)))
    assert "cannot be read" in refused(data[: len(data) // 2], name="bad.csv.gz")
    assert "cannot be read" in refused(b"no archive at all", name="bad.csv.gz")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"types": {"aa": "int"}}, "types: no column 'aa'; did you mean 'a'?"),
        ({"types": {"a": "amount"}}, "type of column 'a': expected one of string, int"),
        ({"types": {"a": "number:credit"}}, "such as number:credit_negative"),
        ({"types": {"a": "number:decimal_point+decimal_comma"}}, "got 'number:decimal_point+decimal_comma'"),
        ({"thousands": "_"}, "thousands: expected '.'"),
        ({"decimal": ",", "thousands": ","}, "thousands: expected another mark"),
        ({"types": {"a": "int:dmy"}}, "got 'int:dmy'"),
        ({"drop": ["c"]}, "drop: no column 'c'"),
        ({"drop": ["a", "b"]}, "every column would be dropped"),
        ({"delimiter": ";;"}, "delimiter: expected one character"),
        ({"delimiter": '"'}, "delimiter: expected one character"),
        ({"decimal": ";"}, "decimal: expected '.' or ','"),
        ({"encoding": "utf-9"}, "encoding: unknown 'utf-9'"),
        ({"max_bad_share": 1.5}, "max_bad_share: expected"),
        ({"row_group_rows": 0}, "row_group_rows: expected"),
    ],
)
def test_a_request_that_makes_no_sense_is_a_usage_error(refused, options, part):
    assert part in refused(b"a,b\n1,2\n", UsageError, **options)


def test_a_given_type_that_reads_no_cell_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\nx\ny\n")
    with pytest.raises(InputContractError, match=r"column 'a': none of its 2 cells reads as int \(row 2: 'x'\)"):
        inspect([path], {"a": "int"})


@pytest.mark.parametrize("paths", [[], ["nowhere.csv"], ["*.csv"], ["."]])
def test_paths_that_lead_to_no_file_are_a_usage_error(tmp_path, monkeypatch, paths):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no CSV file"):
        inspect(paths)


def test_files_with_other_columns_are_refused_with_the_difference(tmp_path):
    (tmp_path / "a.csv").write_text("id,sales\n1,2\n")
    (tmp_path / "b.csv").write_text("id,Sales\n1,2\n")
    with pytest.raises(InputContractError, match=r"b\.csv: .*missing \['sales'\], not expected \['Sales'\]"):
        inspect([tmp_path])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_an_existing_result_is_replaced_only_on_request(table, tmp_path):
    target = tmp_path / "out.parquet"
    import_csv([table], target)
    old = target.read_bytes()
    table.write_text("a,b\n3,4\n")
    with pytest.raises(UsageError, match="add --overwrite"):
        import_csv([table], target)
    assert target.read_bytes() == old
    import_csv([table], target, overwrite=True)
    assert pq.read_table(target).to_pydict() == {"a": [3], "b": [4]}


def test_a_folder_with_tables_of_another_import_is_refused(table, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "other.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="add --overwrite"):
        import_csv([table], out)
    with pytest.raises(UsageError, match=r"holds 'other\.parquet', which this import does not write"):
        import_csv([table], out, overwrite=True)


def test_a_destination_of_the_wrong_kind_is_refused(table, tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "file").write_text("x")
    for target in ("folder.parquet", "file"):
        with pytest.raises(UsageError, match="expected a"):
            import_csv([table], tmp_path / target)


def test_a_file_that_changes_between_the_passes_is_refused_and_nothing_appears(table, tmp_path):
    plan = inspect([table])
    table.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(InputContractError, match="changed while it was imported"):
        write(plan, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_leaves_the_old_result_and_no_leftover(table, tmp_path, monkeypatch):
    out = tmp_path / "out"
    import_csv([table], out)
    old = (out / "t.parquet").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "flush_file", full)
    with pytest.raises(RetryableError, match="No space left on device"):
        import_csv([table], out, overwrite=True)
    assert [path.name for path in out.iterdir()] == ["t.parquet"]
    assert (out / "t.parquet").read_bytes() == old


def test_a_result_is_never_written_through_a_link(table, tmp_path):
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("precious")
    out.mkdir()
    (out / "t.parquet").symlink_to(victim)
    import_csv([table], out, overwrite=True)
    assert victim.read_text() == "precious"
    assert pq.read_table(out / "t.parquet").num_rows == 1
