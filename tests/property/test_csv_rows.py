"""Law of CSV rows: a table comes back equal, or it or rows of it are refused; never shorter, never other numbers."""

from __future__ import annotations

import bz2
import gzip
import tempfile
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from tamscore.errors import InputContractError
from tamscore.store.csv_import import inspect, write
from tamscore.store.csv_import import rows as csv_rows

HEADER = ("account_id", "name", "city", "sales", "employees")
WORDS = st.sampled_from(["Pipe", "Works", "O'Neil", "C:\\data", "Größe", "A/S", "5", 'in"ch', 'Big "Joe"', "& Co"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
ADDRESSES = st.sampled_from(
    ["Main St 1\nSuite 4, 2nd floor, rear\n12345 Town", "Main St 2\r\nTown; B", "a\nb", 'the "old" mill, x\nYork']
)
PROPER = ("minimal", "all")
SLOPPY = ("raw", "lone", "backslash", "half", "inch", "words", "opened")


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def cell(text, style, delimiter):
    """Return a cell as a careless writer has it."""
    flat = " ".join(text.split()).replace(delimiter, " ")
    sloppy = {
        "raw": flat.lstrip('"'),
        "lone": '"' + flat,
        "backslash": '"' + flat.replace('"', "") + '\\""',
        "half": quoted(flat + '"')[:-1],
        "inch": flat.replace('"', "") + '"',
        "words": f'"{flat}" Ltd',
        "opened": '"' + flat + delimiter + " Ltd",
    }
    if style in sloppy:
        return sloppy[style]
    special = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
    return quoted(text) if style == "all" or special else text


@st.composite
def files(draw, styles):
    """Draw rows of truth, and the bytes of a file of them with its name and options."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]))
    usual = draw(st.sampled_from(PROPER))
    count = draw(st.integers(25, 60))
    odd = draw(st.dictionaries(st.integers(0, count - 1), st.tuples(NAMES, st.sampled_from(styles)), max_size=8))
    towns = draw(st.dictionaries(st.integers(0, count - 1), ADDRESSES, max_size=8))
    truth, lines = [], [delimiter.join(HEADER)]
    for row in range(count):
        name, style = odd.get(row, (f"Company {row}", usual))
        account, sales, employees = f"A{row:05d}", row * 7.25, row * 3
        truth.append((account, name, towns.get(row, "Town"), sales, employees))
        texts = [cell(text, how, delimiter) for text, how in ((name, style), (truth[-1][2], usual))]
        lines.append(delimiter.join([account, *texts, f"{sales:.2f}", str(employees)]))
    data = (ending.join(lines) + ending * draw(st.booleans())).encode(encoding)
    packed = draw(st.sampled_from([("t.csv", bytes), ("t.csv.gz", gzip.compress), ("t.csv.bz2", bz2.compress)]))
    return truth, packed[1](data), packed[0], encoding if encoding == "cp1252" else "utf-8"


def read(data, name, encoding, block):
    """Return plan, report and rows by account."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(csv_rows, "BLOCK_BYTES", block):
        path = Path(folder) / name
        path.write_bytes(data)
        types = {"name": "string", "city": "string", "account_id": "string"}
        plan = inspect([path], types, encoding=encoding)
        report = write(plan, Path(folder) / "out.parquet", max_rejected_share=1.0)
        return plan, report, {row["account_id"]: row for row in pq.read_table(report.files[0]).to_pylist()}


def same(text):
    return text.replace("\r\n", "\n").strip()


@given(files(PROPER), st.sampled_from([256, 4096, 4 << 20]))
def test_a_table_that_is_written_properly_is_read_back_equal(file, block):
    truth, data, name, encoding = file
    plan, report, found = read(data, name, encoding, block)
    assert (report.rows_written, plan.rejected, plan.files[0].sloppy) == (len(truth), 0, 0)
    for account, name_, city, sales, employees in truth:
        row = found[account]
        assert (row["sales"], row["employees"], same(row["name"]), same(row["city"])) == (
            sales, employees, same(name_), same(city),
        )  # fmt: skip


@given(files(PROPER + SLOPPY * 2), st.sampled_from([256, 4096, 4 << 20]))
def test_careless_quotes_never_lose_a_row_or_give_another_number(file, block):
    truth, data, name, encoding = file
    try:
        plan, report, found = read(data, name, encoding, block)
    except InputContractError as error:
        if "row " not in str(error):
            raise
        return
    lines = plan.files[0]
    assert lines.lines == 1 + lines.rows + lines.rejected + lines.blank + lines.inner
    assert report.rows_written + report.rows_rejected >= len(truth)  # a row may break into several that are rejected
    assert set(found) <= {row[0] for row in truth}
    assert len(truth) - len(found) <= report.rows_rejected
    for account, _, _, sales, employees in truth:
        if account in found:
            assert (found[account]["sales"], found[account]["employees"]) == (sales, employees)
    assert len(found) == report.rows_written
