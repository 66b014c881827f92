"""Bad tables: each is refused with where, what and what to do, or scored with counts that add up; none is a traceback.

A case writes its input under a folder. `REFUSED` says which error comes and what its message names; `SCORED` says how
many rows are scored and rejected for what.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError, RetryableError, TamscoreError, UsageError
from tamscore.progress import Progress
from tamscore.schema import InputColumns
from tamscore.store import commit, partitions, tables
from tests.end_to_end import market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ROWS = 60


def changed(rows: int = ROWS, seed: int = 0, **columns: Any) -> pa.Table:
    """The plain market with some columns replaced or added; None takes a column out."""
    table = market.plain_accounts(rows, seed)
    for name, values in columns.items():
        place = table.column_names.index(name) if name in table.column_names else None
        if place is None:
            table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
        elif values is None:
            table = table.remove_column(place)
        else:
            column = values if isinstance(values, pa.Array) else pa.array(values)
            table = table.set_column(place, name, column)
    return table


def first(value: Any, name: str = "sales", rows: int = ROWS) -> list[Any]:
    """A column of the plain market with its first value replaced."""
    return [value, *market.plain_accounts(rows)[name].to_pylist()[1:]]


def one(folder: Path, table: pa.Table) -> Path:
    return market.write(table, folder / "market")


def two(folder: Path, *tables: pa.Table) -> Path:
    """One file for each table."""
    for i, table in enumerate(tables):
        market.write(table, folder / "market" / f"{i}")
        (folder / "market" / f"{i}" / "part-00000.parquet").rename(folder / "market" / f"part-{i}.parquet")
    return folder / "market"


def good_bytes(folder: Path) -> bytes:
    return (one(folder, changed()) / "part-00000.parquet").read_bytes()


def file_of(folder: Path, data: bytes) -> Path:
    (folder / "bad.parquet").write_bytes(data)
    return folder / "bad.parquet"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def garbage_footer(folder: Path) -> Path:
    data = good_bytes(folder)
    length = int.from_bytes(data[-8:-4], "little")
    return file_of(folder, data[: -8 - length] + bytes(range(256))[:length].ljust(length, b"\xff") + data[-8:])


def spoilt_page(folder: Path, column: int) -> Path:
    """A flipped bit in the data of one column, under a page checksum."""
    path = folder / "bad.parquet"
    pq.write_table(changed(), path, compression="none", use_dictionary=False, write_page_checksum=True)
    chunk = pq.read_metadata(path).row_group(0).column(column)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
    path.write_bytes(data)
    return path


def bytes_as_text(values: list[bytes]) -> pa.Array:
    """A string column that holds bytes of any kind."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


LATIN = bytes_as_text([b"caf\xe9", *(b"p%d" % i for i in range(1, ROWS))])
TODAY = datetime(2026, 1, 1, tzinfo=UTC)
TWO_PARTIES: dict[str, Any] = {"columns.party_type": "party"}
LENIENT: dict[str, Any] = {"rows": {"max_rejected_share": 0.9, "max_sales_missing_share": 1.0}}
TEXT: dict[str, Any] = {"features.categorical": ["text"]}
ONE_NUMBER: dict[str, Any] = {"features": {"numeric": {"x": "standard"}}}

Case = tuple[str, "Callable[[Path], Path]", dict[str, Any], type[TamscoreError], tuple[str, ...]]
CONTRACT = InputContractError

REFUSED: list[Case] = [
    ("no such path", lambda f: f / "nowhere", {}, UsageError, ("input.path", "nowhere", "give a file")),
    ("empty folder", empty_folder, {}, UsageError, ("input.path", "empty", "no Parquet file")),
    ("glob without match", lambda f: f / "*.parquet", {}, UsageError, ("input.path", "*.parquet")),
    ("glob that is no glob", lambda f: f / "a**b" / "x**.parquet", {}, UsageError, ("input.path", "x**.parquet")),
    ("zero bytes", lambda f: file_of(f, b""), {}, CONTRACT, ("bad.parquet", "expected a Parquet file")),
    ("four bytes", lambda f: file_of(f, b"PAR1"), {}, CONTRACT, ("bad.parquet", "write the file again")),
    (
        "CSV under a false name",
        lambda f: file_of(f, b"account_id,sales\n1,2\n"),
        {},
        CONTRACT,
        ("bad.parquet", "b'acco'", "tamscore import"),
    ),
    ("truncated", lambda f: file_of(f, good_bytes(f)[:-200]), {}, CONTRACT, ("bad.parquet", "write the file again")),
    ("garbage footer", garbage_footer, {}, CONTRACT, ("bad.parquet", "write the file again")),
    ("spoilt page of sales", lambda f: spoilt_page(f, 1), {}, CONTRACT, ("bad.parquet", "row groups (0,)")),
    ("spoilt page of a feature", lambda f: spoilt_page(f, 2), {}, CONTRACT, ("bad.parquet", "row groups (0,)")),
    ("zero rows", lambda f: one(f, changed().slice(0, 0)), {}, CONTRACT, ("market", "no row", "0")),
    ("column missing", lambda f: one(f, changed(y=None)), {}, CONTRACT, ("part-00000", "'y' is missing", "'sales'")),
    (
        "column missing in a later file",
        lambda f: two(f, changed(), changed(seed=1, sales=None)),
        {},
        CONTRACT,
        ("part-1.parquet", "'sales' is missing"),
    ),
    (
        "column missing in the first file",
        lambda f: two(f, changed(x=None), changed(seed=1)),
        {},
        CONTRACT,
        ("part-0.parquet", "'x' is missing"),
    ),
    (
        "case differs",
        lambda f: one(f, changed().rename_columns(["account_id", "Sales", "x", "y"])),
        {},
        CONTRACT,
        ("'sales' is missing", "did you mean 'Sales'?"),
    ),
    (
        "a letter off",
        lambda f: one(f, changed().rename_columns(["acount_id", "sales", "x", "y"])),
        {},
        CONTRACT,
        ("'account_id' is missing", "did you mean 'acount_id'?"),
    ),
    (
        "two columns missing, both told",
        lambda f: one(f, changed(x=None, y=None)),
        {},
        CONTRACT,
        ("'x' is missing", "'y' is missing"),
    ),
    (
        "numbers as text",
        lambda f: one(f, changed(x=[str(i) for i in range(ROWS)])),
        {},
        CONTRACT,
        ("part-00000.parquet", "'x' is string", "expected a number", "features.categorical"),
    ),
    ("sales as text", lambda f: one(f, changed(sales=["1,5"] * ROWS)), {}, CONTRACT, ("'sales' is string", "cast it")),
    (
        "column twice",
        lambda f: one(f, pa.table([*changed().columns, changed()["x"]], [*changed().column_names, "x"])),
        {},
        CONTRACT,
        ("'x' stands 2 times", "keep one"),
    ),
    ("null type", lambda f: one(f, changed(x=pa.nulls(ROWS))), {}, CONTRACT, ("'x' is null", "expected a number")),
    ("null type as sales", lambda f: one(f, changed(sales=pa.nulls(ROWS))), {}, CONTRACT, ("'sales' is null",)),
    (
        "timestamps as numbers",
        lambda f: one(f, changed(x=[TODAY] * ROWS)),
        {},
        CONTRACT,
        ("'x' is timestamp", "expected a number"),
    ),
    ("dates as numbers", lambda f: one(f, changed(x=[date(2026, 1, 1)] * ROWS)), {}, CONTRACT, ("'x' is date32",)),
    (
        "dates as categories",
        lambda f: one(f, changed(text=[date(2026, 1, 1)] * ROWS)),
        TEXT,
        CONTRACT,
        ("'text' is date32", "expected text or whole numbers"),
    ),
    ("fractions as categories", lambda f: one(f, changed(text=[0.5] * ROWS)), TEXT, CONTRACT, ("'text' is double",)),
    ("lists as numbers", lambda f: one(f, changed(x=[[1.0]] * ROWS)), {}, CONTRACT, ("'x' is list",)),
    ("records as numbers", lambda f: one(f, changed(x=[{"a": 1.0}] * ROWS)), {}, CONTRACT, ("'x' is struct",)),
    (
        "fractions as ids",
        lambda f: one(f, changed(account_id=[i + 0.5 for i in range(ROWS)])),
        {},
        CONTRACT,
        ("'account_id' is double", "an id must be exact"),
    ),
    (
        "decimals as ids",
        lambda f: one(f, changed(account_id=[Decimal(i) for i in range(ROWS)])),
        {},
        CONTRACT,
        ("'account_id' is decimal", "an id must be exact"),
    ),
    (
        "bytes as ids",
        lambda f: one(f, changed(account_id=[b"%d" % i for i in range(ROWS)])),
        {},
        CONTRACT,
        ("'account_id' is binary",),
    ),
    (
        "ids that are no UTF-8",
        lambda f: one(f, changed(account_id=LATIN)),
        {},
        CONTRACT,
        ("part-00000.parquet", "'account_id'", "UTF-8"),
    ),
    (
        "categories that are no UTF-8",
        lambda f: one(f, changed(text=LATIN)),
        TEXT,
        CONTRACT,
        ("part-00000.parquet", "'text'", "UTF-8"),
    ),
    (
        "party types that are no UTF-8",
        lambda f: one(f, changed(party=LATIN)),
        TWO_PARTIES,
        CONTRACT,
        ("part-00000.parquet", "'party'", "UTF-8"),
    ),
    (
        "segments that are no UTF-8",
        lambda f: one(f, changed(s=LATIN)),
        {"columns.market_segment": "s"},
        CONTRACT,
        ("part-00000.parquet", "'s'", "UTF-8"),
    ),
    (
        "names that are no UTF-8",
        lambda f: one(f, changed(n=LATIN)),
        {"columns.name": "n"},
        CONTRACT,
        ("part-00000.parquet", "'n'", "UTF-8"),
    ),
    (
        "kept text that is no UTF-8",
        lambda f: one(f, changed(n=LATIN)),
        {"columns.keep": ["n"]},
        CONTRACT,
        ("part-00000.parquet", "'n'", "UTF-8"),
    ),
    (
        "ids of two types",
        lambda f: two(f, changed(), changed(account_id=list(range(ROWS)))),
        {},
        CONTRACT,
        ("part-1.parquet", "'account_id' is int64", "string in", "part-0.parquet", "one schema"),
    ),
    (
        "kept columns of two types",
        lambda f: two(f, changed(n=[1] * ROWS), changed(account_id=[f"Q{i}" for i in range(ROWS)], n=["a"] * ROWS)),
        {"columns.keep": ["n"]},
        CONTRACT,
        ("part-1.parquet", "'n' is string", "int64 in", "one schema"),
    ),
    (
        "segments of two types",
        lambda f: two(f, changed(s=["1"] * ROWS), changed(account_id=[f"Q{i}" for i in range(ROWS)], s=[1] * ROWS)),
        {"columns.market_segment": "s"},
        CONTRACT,
        ("part-1.parquet", "'s' is int64", "string in", "one schema"),
    ),
    (
        "all sales missing",
        lambda f: one(f, changed(sales=pa.nulls(ROWS, pa.float64()))),
        {},
        CONTRACT,
        ("'sales'", "60 of 60", "1.00%", "rows.max_sales_missing_share"),
    ),
    ("all sales NaN", lambda f: one(f, changed(sales=[np.nan] * ROWS)), {}, CONTRACT, ("60 of 60", "no sales")),
    (
        "one sales missing where that is an error",
        lambda f: one(f, changed(sales=first(None))),
        {"rows": {"sales_missing": "error", "max_sales_missing_share": 0.5}},
        CONTRACT,
        ("'sales'", "1 of 60"),
    ),
    (
        "too many rejected in the census",
        lambda f: one(f, changed(sales=first(np.inf))),
        {},
        CONTRACT,
        ("1 of 60 rows rejected", "sales_not_finite 1", "1.00%", "rows.max_rejected_share"),
    ),
    (
        "too many rejected for their features",
        lambda f: one(f, changed(x=first(np.inf, "x"))),
        {},
        CONTRACT,
        ("1 of 60 rows rejected", "feature_not_finite 1", "rows.max_rejected_share"),
    ),
    (
        "every row rejected",
        lambda f: one(f, changed(account_id=[""] * ROWS)),
        {"rows": {"max_rejected_share": 1.0}},
        CONTRACT,
        ("no row is left", "60"),
    ),
    (
        "no row with usable features",
        lambda f: one(f, changed(x=[np.inf] * ROWS)),
        {"rows": {"max_rejected_share": 1.0}},
        CONTRACT,
        ("0 usable rows", "clusters.k = 2"),
    ),
    (
        "duplicate ids within a file",
        lambda f: one(f, changed(account_id=first("P00001", "account_id"))),
        {"rows.duplicates": "error"},
        CONTRACT,
        ("'account_id'", "'P00001'", "more than once", "duplicates = 'identical'"),
    ),
    (
        "duplicate ids across files",
        lambda f: two(f, changed(), changed(rows=1)),
        {"rows.duplicates": "error"},
        CONTRACT,
        ("'account_id'", "'P00000'", "more than once"),
    ),
    (
        "unknown party types",
        lambda f: one(f, changed(party=["Reseller", *["End Customer"] * (ROWS - 1)])),
        TWO_PARTIES,
        CONTRACT,
        (
            *("60 of 60", "party_type_unknown 60", "end_user, channel", "'End Customer' 59, 'Reseller' 1"),
            *("[values.party]", '"Reseller" = "channel"', '"End Customer" = "end_user"'),
        ),
    ),
    (
        "more clusters than rows",
        lambda f: one(f, changed()),
        {"clusters.k": 61},
        CONTRACT,
        ("'end_user'", "60 usable rows", "clusters.k = 61"),
    ),
    (
        "more clusters than channel rows",
        lambda f: one(f, changed(party=["channel"] + ["end_user"] * (ROWS - 1))),
        TWO_PARTIES,
        CONTRACT,
        ("'channel'", "1 usable rows", "clusters.k = 2"),
    ),
]


def parameters(cases: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The cases by name; what is known to fail is marked, and the mark falls when it does not fail any more."""
    return [pytest.param(*case, id=name) for name, *case in cases]


@pytest.mark.parametrize(("write", "changes", "error", "expected"), parameters(REFUSED))
def test_a_bad_table_is_refused_with_where_what_and_what_to_do(tmp_path, write, changes, error, expected):
    """I01-I03, I05, I08-I12, I14-I19, V08, V14-V16: the error has its class and exit code, nothing is published.

    The message names file, column, value and remedy.
    """
    where = write(tmp_path)
    with pytest.raises(TamscoreError) as caught:
        market.run(where, tmp_path / "scores", market.PLAIN | {"rows": {}} | changes)
    assert type(caught.value) is error
    assert caught.value.exit_code == error.exit_code
    missing = [text for text in expected if text not in str(caught.value)]
    assert not missing, str(caught.value)
    assert not (tmp_path / "scores" / "_CURRENT.json").exists()


def wide_and_narrow(folder: Path) -> Path:
    """Whole numbers in one file, fractions in the next: both are numbers."""
    x = pa.array(range(ROWS), pa.int16())
    return two(folder, changed(x=x), changed(account_id=[f"Q{i}" for i in range(ROWS)]))


def stranger_files(folder: Path) -> Path:
    """What other programs leave in a folder of Parquet files."""
    path = one(folder, changed())
    for name in ("_SUCCESS", "notes.txt", ".part.crc", "_tmp.parquet", ".hidden.parquet"):
        (path / name).write_bytes(b"not a table")
    return path


def parties(channel: int) -> list[str]:
    return ["channel"] * channel + ["end_user"] * (ROWS - channel)


def segments_of_two_kinds(folder: Path) -> Path:
    """Text in one file, a dictionary of it in the next: the same values."""
    plain = pa.array(["a", "b", None] * (ROWS // 3))
    other = changed(account_id=[f"Q{i}" for i in range(ROWS)], s=plain.dictionary_encode())
    return two(folder, changed(s=plain), other)


def one_size(value: float) -> pa.Table:
    return changed(x=[value] * ROWS, y=[value] * ROWS)


ODD_NAMES: dict[str, Any] = {"a.b": [1.0, 2.0] * 30, "a": [1.0, 2.0] * 30, 'it\'s "q"': ["u", "v"] * 30}


def kinds() -> dict[str, pa.Array]:
    """A column of every type that people keep, and of some that they should not."""
    columns = {
        "bytes": pa.array([b"\xff"] * ROWS),
        "decimal": pa.array([Decimal("1.25")] * ROWS),
        "moment": pa.array([TODAY] * ROWS),
        "day": pa.array([date(2026, 1, 1)] * ROWS),
        "clock": pa.array([7] * ROWS, pa.time64("us")),
        "length": pa.array([7] * ROWS, pa.duration("us")),
        "half": pa.array(np.ones(ROWS, np.float16)),
        "nothing": pa.nulls(ROWS),
        "yes": pa.array([True] * ROWS),
        "level": pa.array(["a"] * ROWS).dictionary_encode(),
        "view": pa.array(["a"] * ROWS, pa.string_view()),
        "map": pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
    }
    return {f"kept_{name}": column for name, column in columns.items()}


SURVIVED: list[tuple[str, Callable[[Path], Path], dict[str, Any], int, dict[str, int]]] = [
    ("a file without rows among others", lambda f: two(f, changed().slice(0, 0), changed()), {}, 60, {}),
    ("strangers in the folder", stranger_files, {}, 60, {}),
    ("one file", lambda f: one(f, changed()) / "part-00000.parquet", {}, 60, {}),
    ("glob", lambda f: one(f, changed()).parent / "mark*" / "*.parquet", {}, 60, {}),
    ("a row group a row", lambda f: market.write(changed(), f / "market", files=3, row_group=1), {}, 60, {}),
    ("whole and fractional numbers", wide_and_narrow, {}, 120, {}),
    ("yes and no as a feature", lambda f: one(f, changed(x=[i % 2 == 0 for i in range(ROWS)])), {}, 60, {}),
    (
        "decimals",
        lambda f: one(
            f, changed(x=[Decimal(i) / 4 for i in range(ROWS)], sales=[Decimal(i) / 100 for i in range(ROWS)])
        ),
        {"leakage": {"action": "off"}},
        60,
        {},
    ),
    (
        "unsigned numbers",
        lambda f: one(f, changed(x=pa.array([2**64 - 1 - i * 2**50 for i in range(ROWS)], pa.uint64()))),
        {},
        60,
        {},
    ),
    ("half-precision numbers", lambda f: one(f, changed(x=np.arange(ROWS).astype(np.float16))), {}, 60, {}),
    (
        "ids as unsigned numbers",
        lambda f: one(f, changed(account_id=pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64()))),
        {},
        60,
        {},
    ),
    (
        "ids as a dictionary",
        lambda f: one(f, changed(account_id=changed()["account_id"].dictionary_encode().combine_chunks())),
        {},
        60,
        {},
    ),
    (
        "ids as large text",
        lambda f: one(f, changed(account_id=changed()["account_id"].cast(pa.large_string()).combine_chunks())),
        {},
        60,
        {},
    ),
    (
        "ids as text views",
        lambda f: one(f, changed(account_id=changed()["account_id"].cast(pa.string_view()).combine_chunks())),
        {},
        60,
        {},
    ),
    (
        "categories as a dictionary",
        lambda f: one(f, changed(text=pa.array(["a", "b", None] * 20).dictionary_encode())),
        TEXT,
        60,
        {},
    ),
    ("categories as whole numbers", lambda f: one(f, changed(text=[1, 2, None] * 20)), TEXT, 60, {}),
    ("categories as yes and no", lambda f: one(f, changed(text=[True, False, None] * 20)), TEXT, 60, {}),
    ("a category without a value", lambda f: one(f, changed(text=pa.nulls(ROWS, pa.string()))), TEXT, 60, {}),
    ("segments of two kinds", segments_of_two_kinds, {"columns.market_segment": "s"}, 120, {}),
    ("a column without a value", lambda f: one(f, changed(x=pa.nulls(ROWS, pa.float64()))), {}, 60, {}),
    ("nested columns that nobody asks for", lambda f: one(f, changed(n=[[{"a": 1}]] * ROWS)), {}, 60, {}),
    ("nested columns kept", lambda f: one(f, changed(n=[[{"a": 1}]] * ROWS)), {"columns.keep": ["n"]}, 60, {}),
    ("columns of any type kept", lambda f: one(f, changed(**kinds())), {"columns.keep": list(kinds())}, 60, {}),
    (
        "a stranger column twice",
        lambda f: one(
            f, pa.table([*changed().columns, changed()["y"], changed()["y"]], [*changed().column_names, "z", "z"])
        ),
        {},
        60,
        {},
    ),
    (
        "dots and quotes in names",
        lambda f: one(f, changed(**ODD_NAMES)),
        {
            "features": {"numeric": {"x": "standard", "a.b": "standard"}, "categorical": ['it\'s "q"']},
            "columns.keep": ["a"],
        },
        60,
        {},
    ),
    ("nobody buys", lambda f: one(f, changed(sales=[0.0] * ROWS)), {}, 60, {}),
    ("everybody sends back", lambda f: one(f, changed(sales=[-5.0] * ROWS)), {}, 60, {}),
    ("everybody buys", lambda f: one(f, changed(sales=[7.0] * ROWS)), {}, 60, {}),
    ("one customer", lambda f: one(f, changed(sales=[0.0] * (ROWS - 1) + [9.0])), {}, 60, {}),
    ("all sales missing, allowed", lambda f: one(f, changed(sales=pa.nulls(ROWS, pa.float64()))), LENIENT, 60, {}),
    ("tiny sales", lambda f: one(f, changed(sales=first(5e-324))), {}, 60, {}),
    (
        "all rows identical but a category",
        lambda f: one(f, changed(x=[1.0] * ROWS, y=[1.0] * ROWS, text=["a", "b"] * 30)),
        TEXT,
        60,
        {},
    ),
    ("all rows identical", lambda f: one(f, changed(x=[1.0] * ROWS, y=[2] * ROWS)), {}, 60, {}),
    ("every feature without a value", lambda f: one(f, changed(x=pa.nulls(ROWS, pa.float32()))), ONE_NUMBER, 60, {}),
    (
        "one channel account, numbers alone",
        lambda f: one(f, changed(party=parties(1))),
        {**TWO_PARTIES, "clusters.k": {"end_user": 2, "channel": 1}},
        60,
        {},
    ),
    (
        "fewer different rows than clusters",
        lambda f: one(f, changed(x=[0.0, 1.0, 2.0] * 20, y=[0.0] * ROWS)),
        {"clusters.k": 20},
        60,
        {},
    ),
    ("as many clusters as rows", lambda f: one(f, changed()), {"clusters.k": ROWS}, 60, {}),
    (
        "one channel account",
        lambda f: one(f, changed(party=parties(1), text=["a", "b"] * 30)),
        {**TWO_PARTIES, **TEXT, "clusters.k": {"end_user": 2, "channel": 1}},
        60,
        {},
    ),
    ("channel accounts only", lambda f: one(f, changed(party=parties(ROWS))), TWO_PARTIES, 60, {}),
    ("near-constant large numbers", lambda f: one(f, changed(x=[1e15 + i % 2 for i in range(ROWS)])), {}, 60, {}),
    ("the largest float32", lambda f: one(f, changed(x=first(float(np.finfo(np.float32).max), "x"))), {}, 60, {}),
    ("values above float32", lambda f: one(f, changed(x=first(1e39, "x"))), LENIENT, 59, {"feature_not_finite": 1}),
    ("values below float32", lambda f: one(f, changed(y=first(-1e200, "y"))), LENIENT, 59, {"feature_not_finite": 1}),
    ("infinite features", lambda f: one(f, changed(x=first(-np.inf, "x"))), LENIENT, 59, {"feature_not_finite": 1}),
    ("NaN features", lambda f: one(f, changed(x=first(np.nan, "x"))), {}, 60, {}),
    ("infinite sales", lambda f: one(f, changed(sales=first(-np.inf))), LENIENT, 59, {"sales_not_finite": 1}),
    ("NaN sales", lambda f: one(f, changed(sales=first(np.nan))), LENIENT, 60, {}),
    (
        "missing sales rejected",
        lambda f: one(f, changed(sales=first(None))),
        {"rows": {**LENIENT["rows"], "sales_missing": "reject"}},
        59,
        {"sales_missing": 1},
    ),
    (
        "blank ids",
        lambda f: one(f, changed(account_id=[None, "", " ", "\t\u3000", *changed()["account_id"].to_pylist()[4:]])),
        LENIENT,
        56,
        {"missing_id": 4},
    ),
    (
        "duplicate ids within a file",
        lambda f: one(f, changed(account_id=first("P00001", "account_id"))),
        LENIENT,
        58,
        {"duplicate_id": 2},
    ),
    (
        "duplicate ids across files",
        lambda f: two(f, changed(), changed(rows=1, sales=[12345.0])),
        LENIENT,
        59,
        {"duplicate_id": 2},
    ),
    ("a row twice, in two files", lambda f: two(f, changed(), changed().slice(0, 1)), {}, 60, {"duplicate_row": 1}),
    ("every row twice", lambda f: two(f, changed(), changed()), {}, 60, {"duplicate_row": 60}),
    ("sales of an unknown amount", lambda f: one(f, changed(sales=first(1e300))), LENIENT, 59, {"sales_too_large": 1}),
    (
        "sales of sixteen nines",
        lambda f: one(f, changed(sales=first(-(1e16 - 1)))),
        LENIENT,
        59,
        {"sales_too_large": 1},
    ),
    ("the largest sales", lambda f: one(f, changed(sales=first(999_999_999_999_999.0))), {}, 60, {}),
    (
        "unknown party types",
        lambda f: one(f, changed(party=["Vendor", None, *parties(20)[2:]])),
        {**TWO_PARTIES, **LENIENT},
        58,
        {"party_type_unknown": 2},
    ),
]


@pytest.mark.parametrize(("write", "changes", "scored", "reasons"), parameters(SURVIVED))
def test_an_odd_table_is_scored_and_every_row_accounted_for(tmp_path, write, changes, scored, reasons):
    """I08, I13, I16, I18, V01-V07, V09-V16: scored and rejected rows are as foretold, the files hold them.

    No number that should be finite is not.
    """
    done = market.run(write(tmp_path), tmp_path / "scores", market.PLAIN | {"rows": {}} | changes)
    manifest = done.manifest()
    assert manifest is not None
    rows = manifest["rows"]
    assert rows["scored"] == scored
    assert {name: count for name, count in rows["rejected"].items() if count} == reasons
    assert rows["read"] == scored + sum(reasons.values())
    table = market.scores(done)
    assert table.num_rows == scored
    assert np.isfinite(table["distance"].to_numpy()).all()
    ladder = table["potential"].drop_null().to_numpy()
    assert np.isfinite(ladder).all()
    if reasons:
        assert market.rejected(done).num_rows == sum(reasons.values())


def test_no_footer_however_garbled_gives_anything_but_a_refusal_or_a_table(tmp_path):
    """I05: bytes of the footer are replaced 600 times: planning and reading succeed, or raise InputContractError."""
    data = (market.write(market.plain_accounts(200), tmp_path, row_group=50) / "part-00000.parquet").read_bytes()
    first_byte = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    random = np.random.default_rng(0)
    columns = InputColumns("account_id", "sales", numeric=("x", "y"))
    refused = 0
    for _ in range(600):
        garbled = np.frombuffer(data, np.uint8).copy()
        places = random.integers(first_byte, len(data), random.choice([1, 1, 2, 8]))
        garbled[places] = random.integers(0, 256, len(places))
        path = file_of(tmp_path, garbled.tobytes())
        try:
            parts = partitions.plan(str(path), columns).partitions
            assert sum(tables.read(part, columns.all).num_rows for part in parts) == sum(part.rows for part in parts)
        except InputContractError:
            refused += 1
    assert refused > 300


def test_any_truncation_of_a_file_is_refused(tmp_path):
    """I02: at every 37th length; by name."""
    data = good_bytes(tmp_path)
    columns = InputColumns("account_id", "sales", numeric=("x", "y"))
    for length in range(0, len(data), 37):
        with pytest.raises(InputContractError, match=r"bad\.parquet"):
            partitions.plan(str(file_of(tmp_path, data[:length])), columns)


def test_an_output_that_cannot_be_written_to_is_refused_before_anything_is_computed(tmp_path):
    where = one(tmp_path, changed())
    (tmp_path / "scores").write_text("a file where a folder should be", encoding="utf-8")
    progress = Progress()
    with pytest.raises(UsageError, match=r"output\.path: .*scores: expected a folder, a file is in its way") as caught:
        pipeline.run(market.job(where, tmp_path / "scores", market.PLAIN), progress)
    assert caught.value.exit_code == 2
    assert not progress.times
    assert (tmp_path / "scores").read_text(encoding="utf-8") == "a file where a folder should be"


@pytest.mark.parametrize("inside", ["market", "versions/0123456789abcdef"])
def test_an_input_inside_the_output_is_refused(tmp_path, inside):
    """S18: whatever clears an output must never find the input in it; links and dots do not hide it."""
    (tmp_path / "link").symlink_to(tmp_path / "scores")
    where = market.write(changed(), tmp_path / "scores" / inside)
    for output in (tmp_path / "scores", tmp_path / "link", tmp_path / "x" / ".." / "scores"):
        with pytest.raises(UsageError, match=r"output\.path: .*without the input in it.*name another folder"):
            market.run(where, output, market.PLAIN)


def test_a_full_disk_is_an_error_that_may_pass_and_publishes_nothing(tmp_path, monkeypatch):
    """The error is retryable and names the file; no part is left under its final or a temporary name."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(RetryableError, match=r"part-00000\.parquet: cannot be written .*No space left") as caught:
        commit.place_parquet(changed(), tmp_path / "scores" / "part-00000.parquet")
    assert caught.value.exit_code == 5
    assert list((tmp_path / "scores").iterdir()) == []


def test_an_error_in_a_worker_process_keeps_its_class_and_message(tmp_path):
    """I03: what a table does wrong reads the same whoever read it."""
    changes = market.PLAIN | {"engine": {"kind": "processes", "workers": 1}}
    where = spoilt_page(tmp_path, 1)
    with pytest.raises(InputContractError, match=r"bad\.parquet: row groups \(0,\): .*write the file again"):
        market.run(where, tmp_path / "scores", changes)
