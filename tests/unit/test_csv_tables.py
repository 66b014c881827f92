"""Plans of CSV tables: types by the part of each column, refusals by row, one copy a process that no plan names."""

from __future__ import annotations

import bz2
import gzip
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, UsageError
from tamscore.schema import Copies, InputColumns
from tamscore.store import csv_tables, partitions, tables
from tamscore.store.temporary import remove_temporary_folder, temporary_folder

KEY = "lifetime_value.orders"
ORDERS = InputColumns("account", "amount", keep=("date",), dates=("date",))
LINES = ["account,date,amount", "0017,2026-01-31,12.5", "0018,2026-02-13,-3", "1E3,2026-03-01,1000"]


def csv(folder, lines, name="orders.csv", encode=lambda text: text.encode()):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode("\n".join(lines) + "\n"))
    return path


def planned(path, columns=ORDERS):
    return partitions.plan(str(path), columns, KEY)


def rows_of(plan, columns=ORDERS):
    read = [tables.read(partition, columns.all) for partition in plan.partitions]
    return pa.concat_tables(read).to_pylist()


def refusal(path, columns=ORDERS):
    with pytest.raises(InputContractError) as caught:
        planned(path, columns)
    return str(caught.value)


def test_ids_stay_text_dates_are_dates_and_amounts_numbers(tmp_path):
    read = rows_of(planned(csv(tmp_path, LINES)))
    assert [row["account"] for row in read] == ["0017", "0018", "1E3"]
    assert [str(row["date"]) for row in read] == ["2026-01-31", "2026-02-13", "2026-03-01"]
    assert [row["amount"] for row in read] == [12.5, -3.0, 1000.0]


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("o.tsv", lambda text: text.replace(",", "\t").encode()),
        ("o.csv.gz", lambda text: gzip.compress(text.encode())),
        ("o.csv.bz2", lambda text: bz2.compress(text.encode())),
        ("o.CSV", lambda text: text.replace(",", ";").encode("utf-16")),
        ("o.csv", lambda text: f"Orders of 2026\n\n{text}".encode()),
    ],
)
def test_files_are_read_as_the_import_reads_them(tmp_path, name, encode):
    if name == "o.csv":
        assert "--skip" in refusal(csv(tmp_path, LINES, name, encode))
        return
    assert rows_of(planned(csv(tmp_path, LINES, name, encode))) == rows_of(planned(csv(tmp_path, LINES)))


@pytest.mark.parametrize("amounts", [("1.362,47", "12,5", "-3,00"), ("12,50 €", "1.000,00 €", "-3,00 €")])
def test_german_decimals_are_read_where_the_column_leaves_no_doubt(tmp_path, amounts):
    lines = ["account;date;amount", *(f"{i};31.01.2026;{amount}" for i, amount in enumerate(amounts))]
    plan = planned(csv(tmp_path, lines))
    plain = [amount.removesuffix(" €").replace(".", "").replace(",", ".") for amount in amounts]
    assert [row["amount"] for row in rows_of(plan)] == [float(one) for one in plain]


REFUSED = {
    "a stray quote": (3, '0018,"2026-02-13,-3', "row 3"),
    "a cell too many": (3, "0018,2026-02-13,-3,9", "row 3"),
    "a cell too few": (4, "0019,2026-02-13", "row 4"),
    "an amount in words": (3, "0018,2026-02-13,unknown", "row 3: column 'amount' holds 'unknown', expected a number"),
    "a date in words": (4, "0018,soon,-3", "row 4: column 'date' holds 'soon', expected a date"),
    "text behind a quote": (3, '"0018"x,2026-02-13,-3', "row 3"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_row_that_cannot_be_read_is_refused_by_its_number(tmp_path, kind):
    row, line, expected = REFUSED[kind]
    lines = ["account,date,amount", *(f"{i:04d},2026-01-{1 + i % 28:02d},{i}.5" for i in range(400))]
    lines[row - 1] = line
    message = refusal(csv(tmp_path, lines))
    assert "orders.csv: " in message
    assert expected in message
    assert "tamscore-" not in message


DOUBTS = {
    "groups or fractions": (
        "amount",
        ["1,2026-01-31,850", '2,2026-01-30,"1.362"', '3,2026-01-29,"11.821"'],
        "--decimal",
    ),
    "day or month": ("date", ["1,03/04/2026,8.5", "2,05/06/2026,9"], "--type date=date:dmy"),
    "days as numbers": ("date", ["1,20260403,8.5", "2,20260504,9"], "--type date=date:%Y%m%d"),
    "several currencies": ("amount", ["1,2026-01-31,EUR 8", "2,2026-01-31,USD 9"], "several currencies"),
    "words": ("amount", ["1,2026-01-31,lots", "2,2026-01-31,few"], "row 2: column 'amount' holds 'lots'"),
    "no dates": ("date", ["1,today,8.5", "2,2026-01-31,9", "3,soon,9"], "row 2: column 'date' holds 'today'"),
}


@pytest.mark.parametrize("kind", DOUBTS)
def test_a_doubt_about_a_column_is_refused_with_what_decides_it(tmp_path, kind):
    column, lines, expected = DOUBTS[kind]
    message = refusal(csv(tmp_path, ["account,date,amount", *lines]))
    assert "orders.csv: " in message
    assert f"column {column!r}" in message
    assert expected in message
    if "--" in expected:
        assert "tamscore import" in message
        assert KEY in message


def test_a_missing_column_is_named_with_the_one_that_may_be_meant(tmp_path):
    message = refusal(csv(tmp_path, ["account,date,amounts", "1,2026-01-31,4"]))
    assert message.endswith("orders.csv: column 'amount' is missing; did you mean 'amounts'?")


def test_a_table_without_rows_is_refused(tmp_path):
    assert "expected rows below the header" in refusal(csv(tmp_path, LINES[:1]))


def test_a_folder_and_a_glob_are_read_in_order_of_name_each_file_planned_as_itself(tmp_path):
    for place, line in enumerate(LINES[1:]):
        csv(tmp_path, [LINES[0], line], f"orders/{place}.csv")
    csv(tmp_path, ["what,ever"], "orders/_rejected.csv")
    csv(tmp_path, ["notes"], "orders/readme.txt")
    folder, glob = planned(tmp_path / "orders"), planned(tmp_path / "orders" / "[0-9].csv")
    whole = planned(csv(tmp_path, LINES))
    assert rows_of(folder) == rows_of(glob) == rows_of(whole)
    assert folder.ignored == ("_rejected.csv", "readme.txt")
    assert folder.files == tuple(str(tmp_path / "orders" / f"{place}.csv") for place in range(3))
    assert len({folder.digest, whole.digest}) == 2


def test_a_folder_with_parquet_is_parquet_and_a_glob_of_both_kinds_is_refused(tmp_path):
    csv(tmp_path, LINES, "both/orders.csv")
    pq.write_table(pa.Table.from_pylist(rows_of(planned(csv(tmp_path, LINES)))), tmp_path / "both/o.parquet")
    plan = planned(tmp_path / "both")
    assert plan.ignored == ("orders.csv",)
    with pytest.raises(UsageError, match="files of one kind"):
        planned(tmp_path / "both" / "*")


def test_the_second_file_is_named_where_its_row_is_refused(tmp_path):
    csv(tmp_path, LINES, "orders/a.csv")
    csv(tmp_path, [*LINES, "7,2026-01-31,4,5"], "orders/b.csv")
    assert "b.csv: row 5" in refusal(tmp_path / "orders")


def test_plans_name_the_csv_and_never_the_copy(tmp_path):
    path = csv(tmp_path, LINES)
    plan = planned(path)
    assert plan.files == (str(path),)
    assert plan.stamps == ((path.stat().st_size, path.stat().st_mtime_ns),)
    assert {partition.path for partition in plan.partitions} == {partition.where for partition in plan.partitions}
    assert "tamscore-" not in str(plan.record) + "".join(one.where for one in plan.partitions)
    partitions.require_unchanged(plan)
    csv(tmp_path, LINES[:3])
    with pytest.raises(InputContractError, match="changed while"):
        partitions.require_unchanged(plan)
    with pytest.raises(InputContractError, match="changed while"):
        rows_of(plan)


def test_equal_bytes_have_equal_digests_and_changed_ones_are_read_again(tmp_path):
    first = planned(csv(tmp_path, LINES))
    second = planned(csv(tmp_path / "b", LINES))
    assert first.digest == second.digest
    changed = planned(csv(tmp_path, [*LINES, "9,2026-01-31,4"]))
    assert changed.digest != first.digest
    assert changed.rows == 4


def test_a_table_that_two_sections_use_is_imported_once(tmp_path):
    path = csv(tmp_path, ["account,date,product,amount", "7,2026-01-31,anvil,4", "8,2026-01-31,drill,4.5"])
    asked = (ORDERS, InputColumns("account", "amount", keep=("product",)), InputColumns("account", "amount"), ORDERS)
    before = len([*temporary_folder().iterdir()])
    plans = [planned(path, columns) for columns in asked]
    assert len({piece.copy for plan in plans for partition in plan.partitions for piece in partition.pieces}) == 1
    assert len([*temporary_folder().iterdir()]) == before + 1


def test_a_product_of_digits_is_text_for_the_section_that_compares_it(tmp_path):
    path = csv(tmp_path, ["account,date,product,amount", "7,2026-01-31,47.50,4", "8,2026-01-31,12.25,4.5"])
    columns = InputColumns("account", "amount", keep=("product",))
    planned(path)
    assert [row["product"] for row in rows_of(planned(path, columns), columns)] == ["47.50", "12.25"]


def test_workers_on_other_machines_get_no_csv(tmp_path):
    columns = replace(ORDERS, copies=Copies("s3://bucket/scores", far=True))
    with pytest.raises(UsageError, match=r"lifetime_value\.orders: .*remote.*as Parquet"):
        planned(csv(tmp_path, LINES), columns)


def test_columns_of_the_market_that_are_kept_have_the_types_of_an_import(tmp_path):
    columns = InputColumns("account", "amount", keep=("number",), more_texts=("code",))
    lines = ["account,number,code,amount", "0017,12,12,1.5", "0018,13,13,2"]
    plan = partitions.plan(str(csv(tmp_path, lines)), columns)
    assert [str(plan.schema.field(name).type) for name in columns.all] == ["string", "double", "string", "int64"]


def test_parquet_under_the_name_of_a_csv_is_read_as_what_it_is(tmp_path):
    read = rows_of(planned(csv(tmp_path, LINES)))
    pq.write_table(pa.Table.from_pylist(read), tmp_path / "p.csv")
    assert rows_of(planned(tmp_path / "p.csv")) == read


def test_the_temporary_folder_is_private_and_goes_with_all_that_is_in_it():
    folder = temporary_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "rest").touch()
    csv_tables._copied.clear()
    remove_temporary_folder()
    assert not folder.exists()
    assert temporary_folder() != folder


STUBBORN = """
import time
from tamscore.cli.failures import stoppable
from tamscore.store.temporary import temporary_folder
(temporary_folder() / "copy.parquet").touch()
with stoppable():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("ending", flush=True)
        time.sleep(60)
"""


def test_a_second_signal_that_ends_at_once_takes_the_folder_along(tmp_path):
    given = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(given, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for word in (b"ready", b"ending"):
            assert process.stdout.readline().strip() == word
            assert [*tmp_path.glob("tamscore-*/copy.parquet")]
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not [*tmp_path.iterdir()]
