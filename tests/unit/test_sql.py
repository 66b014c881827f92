"""Queries: the rows that a database gives, of plain types, in an order of their own; and no password anywhere."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.schema import Copies, InputColumns
from tamscore.store import partitions, tables
from tamscore.store.sources import extra
from tamscore.store.sources.sql import find
from tests import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgresql import Server

COLUMNS = InputColumns("id", "sales")
ROWS = [(f"A{number:04d}", None if number % 7 == 0 else number * 0.5, number % 3) for number in range(3000)]
SQL = "select * from market;"
needs_server = pytest.mark.skipif(postgresql.program("initdb") is None, reason="needs a PostgreSQL server installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql.running() as started:
        yield started


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", postgresql.PASSWORD)


def in_sqlite(folder: Path, rows: list[Any]) -> str:
    with sqlite3.connect(folder / "market.db") as connection:
        connection.execute("drop table if exists market")
        connection.execute("create table market (id text, sales, kind integer)")
        connection.executemany("insert into market values (?, ?, ?)", rows)
    connection.close()
    return str(folder / "market.db")


def in_duckdb(folder: Path, rows: list[Any]) -> str:
    import duckdb

    names = ("id", "sales", "kind")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    with duckdb.connect(str(folder / "market.duckdb")) as connection:
        connection.register("rows", table)
        connection.sql("create or replace table market as select * from rows")
    return str(folder / "market.duckdb")


def in_postgresql(server: Server, rows: list[Any]) -> str:
    values = ", ".join(f"('{one}', {'null' if sales is None else sales}, {kind})" for one, sales, kind in rows)
    server.execute(
        "drop table if exists market",
        "create table market (id text, sales double precision, kind bigint)",
        f"insert into market values {values}",
    )
    return server.address


@pytest.fixture(params=["sqlite", "duckdb", pytest.param("postgresql", marks=needs_server)])
def put(request, tmp_path) -> Callable[[list[Any]], str]:
    """Puts rows into the table `market` of a database, and returns the connection."""
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        return lambda rows: in_postgresql(server, rows)
    return lambda rows: (in_sqlite if request.param == "sqlite" else in_duckdb)(tmp_path, rows)


def asked(connection: str, sql: str = SQL, columns: InputColumns = COLUMNS) -> pa.Table:
    """The rows of a query that is asked anew."""
    fresh = replace(columns, copies=replace(columns.copies, make=True))
    (file,) = find(sql, connection, fresh).files
    return pq.read_table(file.path)


class TestEveryDatabase:
    """What holds for each of them."""

    def test_gives_its_rows_in_order_of_id(self, put):
        shuffled = sorted(ROWS, key=lambda row: hash((row, "a")))
        names = ("id", "sales", "kind")
        assert asked(put(shuffled)).to_pylist() == [dict(zip(names, row, strict=True)) for row in ROWS]

    def test_gives_the_same_bytes_for_any_order_of_rows_and_other_bytes_for_other_rows(self, put, tmp_path):
        columns = replace(COLUMNS, copies=Copies(str(tmp_path / "scores"), make=True))
        twice = [*ROWS[:50], *[(one, sales, 9) for one, sales, _ in ROWS[:50]]]
        found = [
            find(SQL, put(rows), columns).files[0].path for rows in (twice, twice[::-1], twice[3:] + twice[:3], ROWS)
        ]
        assert found[0] == found[1] == found[2] != found[3]
        assert {path.parent for path in found} == {tmp_path / "scores" / "_sources"}

    def test_is_asked_once_for_each_run(self, put):
        connection = put(ROWS[:10])
        before = asked(connection)
        put(ROWS[:20])
        assert pq.read_table(find(SQL, connection, COLUMNS).files[0].path) == before
        assert len(asked(connection)) == 20

    def test_gives_no_rows_as_no_rows(self, put):
        assert asked(put(ROWS[:3]), "select * from market where kind = 99").num_rows == 0

    def test_is_planned_as_a_table(self, put):
        connection = put(ROWS)
        first = partitions.plan_partitions(find("select * from market order by kind", connection, COLUMNS), COLUMNS)
        second = partitions.plan_partitions(find("select * from market order by sales", connection, COLUMNS), COLUMNS)
        assert first.digest == second.digest
        assert first.format.endswith(" query")
        assert sum(tables.read(part, ["id"]).num_rows for part in first.partitions) == len(ROWS)

    @pytest.mark.parametrize(
        "sql",
        ["select * from nothing_here", "selec", "delete from market", "drop table market", "select 1; select 2"],
    )
    def test_refuses_what_is_no_query_and_keeps_its_rows(self, put, sql):
        connection = put(ROWS[:10])
        with pytest.raises(UsageError, match=r"input\.sql: .*the database refuses: .*; look at the query"):
            asked(connection, sql)
        assert len(asked(connection)) == 10

    def test_names_the_extra_that_is_missing(self, put, monkeypatch):
        connection = put(ROWS[:3])
        monkeypatch.setattr(extra, "find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"input\.sql: .* \[?.*\[sql\]'"):
            asked(connection)


TYPES = {
    "numeric(12, 2) '12.50'": 12.5,
    "numeric 'NaN'": float("nan"),
    "'2026-01-31 12:00+02'::timestamptz": "2026-01-31 10:00:00+00:00",
    "'2026-01-31 12:00'::timestamp": "2026-01-31 12:00:00",
    "date '2026-01-31'": "2026-01-31",
    "uuid '6f1cc09c-6ad0-4ac0-a9f5-3c3ef8a5b7d1'": "6f1cc09c-6ad0-4ac0-a9f5-3c3ef8a5b7d1",
    """json '{"a": 1}'""": '{"a": 1}',
    """jsonb '{"a":1}'""": '{"a": 1}',
    "true": True,
    "'naïve'::varchar": "naïve",
    "7::smallint": 7,
    "1.5::real": 1.5,
}
NO_TYPES = {
    "array[1, 2]": "_int4",
    "bytea 'x'": "bytea",
    "money '12.50'": "money",
    "interval '1 day'": "interval",
    "inet '10.0.0.1'": "inet",
    "point '(1,2)'": "point",
}


@needs_server
def test_types_of_postgresql_are_read_as_plain_ones(server):
    columns = ", ".join(f"{text} as c{place}" for place, text in enumerate(TYPES))
    (row, nulls) = asked(
        server.address,
        f"select 1 as id, {columns} union all select 2, {', '.join('null' for _ in TYPES)} order by id",
    ).to_pylist()
    for place, value in enumerate(TYPES.values()):
        assert str(row[f"c{place}"]) == str(value)
    assert [*nulls.values()] == [2, *[None] * len(TYPES)]


@needs_server
@pytest.mark.parametrize("text", NO_TYPES)
def test_types_that_are_not_read_are_refused_by_column(server, text):
    with pytest.raises(InputContractError, match=rf"input\.sql: column 'odd' is {NO_TYPES[text]}.*: .*cast"):
        asked(server.address, f"select 1 as id, {text} as odd")


def test_types_of_duckdb_are_read_as_plain_ones(tmp_path):
    connection = in_duckdb(tmp_path, ROWS[:1])
    sql = (
        "select 1::hugeint as id, 12.5::decimal(12, 2) as d, uuid '6f1cc09c-6ad0-4ac0-a9f5-3c3ef8a5b7d1' as u, "
        "'a'::enum('a', 'b') as e, '{}'::json as j, chr(0) || 'x' as n, timestamptz '2026-01-31 12:00+02' as t"
    )
    (row,) = asked(connection, sql).to_pylist()
    assert (row["u"], row["e"], row["j"], row["n"]) == ("6f1cc09c-6ad0-4ac0-a9f5-3c3ef8a5b7d1", "a", "{}", "\0x")
    assert (float(row["d"]), str(row["t"])) == (12.5, "2026-01-31 10:00:00+00:00")
    for odd in ("[1]", "{'a': 1}", "map {1: 2}", "'x'::blob", "interval 1 day", "'101'::bit"):
        with pytest.raises(InputContractError, match=r"input\.sql: column 'odd' is "):
            asked(connection, f"select 1 as id, {odd} as odd")


def test_a_query_of_a_duckdb_file_reads_nothing_else(tmp_path):
    connection = in_duckdb(tmp_path, ROWS[:1])
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    for sql in (f"select * from '{tmp_path}/secret.csv'", f"select * from read_csv('{tmp_path}/secret.csv')"):
        with pytest.raises(UsageError, match="the database refuses"):
            asked(connection, sql)


def test_numbers_of_sqlite_are_real_where_one_of_them_is_however_late(tmp_path):
    rows = [*((f"A{i:05d}", None, i) for i in range(3000)), ("B", 7, 1), ("C", 7.5, 1)]
    found = asked(in_sqlite(tmp_path, rows))
    assert found.schema.field("sales").type == pa.float64()
    assert found["sales"].to_pylist() == [*[None] * 3000, 7.0, 7.5]


@pytest.mark.parametrize("values", [("much", 5), (b"x", None), ("much", 5.5)])
def test_columns_of_sqlite_without_one_type_are_refused_by_name(tmp_path, values):
    rows = [(f"A{place}", value, 1) for place, value in enumerate(values)]
    with pytest.raises(InputContractError, match=r"input\.sql: column 'sales' holds values of the types .*cast it"):
        asked(in_sqlite(tmp_path, rows))


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("env:NO_SUCH_VARIABLE", "the environment variable NO_SUCH_VARIABLE is not set"),
        ("/nowhere/market.db", "got '/nowhere/market.db', where there is no file"),
        (__file__, "a file of another kind"),
    ],
)
def test_a_connection_that_leads_nowhere_is_named(connection, words):
    with pytest.raises(UsageError, match=words):
        asked(connection)


def test_a_file_may_be_named_by_a_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKET", in_sqlite(tmp_path, ROWS[:5]))
    assert len(asked("env:MARKET")) == 5


LEAKING = [
    "postgresql://keeper:{p}@127.0.0.1:1/postgres",
    "postgresql://keeper:{p}/x@y@127.0.0.1:1/postgres",
    "postgresql://keeper:{p}@/postgres?host=/nowhere",
    "postgresql://keeper@127.0.0.1:1/postgres?password={p}",
    "postgresql://keeper:{p}@::/postgres",
    "postgresql://keeper:a:{p}@127.0.0.1:1/postgres?nonsense={p}",
    "keeper:{p}@127.0.0.1",
    "host=127.0.0.1 password={p}",
]


@pytest.mark.parametrize("address", LEAKING)
def test_no_error_repeats_a_password_from_the_environment(monkeypatch, address):
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("MARKET", address.format(p="Kolibri77"))
    with pytest.raises((UsageError, RetryableError)) as caught:
        asked("env:MARKET")
    assert "Kolibri77" not in str(caught.value) + repr(caught.value.__cause__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@needs_server
def test_a_wrong_password_is_a_mistake_and_a_server_that_is_away_is_not(server, monkeypatch):
    in_postgresql(server, ROWS[:3])
    monkeypatch.setenv("PGPASSWORD", "Kolibri77")
    with pytest.raises(UsageError, match=r'password authentication failed for user "keeper"'):
        asked(server.address)
    with pytest.raises(RetryableError, match="the database does not answer"):
        asked("postgresql://keeper@/postgres?host=/nowhere")


@needs_server
def test_credentials_may_come_from_a_file_of_libpq(server, monkeypatch, tmp_path):
    in_postgresql(server, ROWS[:3])
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{postgresql.PASSWORD}\n", encoding="utf-8")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert len(asked(server.address)) == 3


@needs_server
@pytest.mark.parametrize(
    ("sql", "words"), [("select 1 as id, 2 as id", "column 'id' stands 2 times"), ("select", "no columns")]
)
def test_columns_of_one_name_and_none_at_all_are_refused(server, sql, words):
    with pytest.raises(InputContractError, match=rf"input\.sql: .*{words}"):
        asked(server.address, sql)


@needs_server
def test_an_error_among_the_rows_is_reported(server):
    with pytest.raises(UsageError, match="division by zero"):
        asked(server.address, "select i as id, 1 / (2500 - i) as x from generate_series(1, 3000) i")


@needs_server
def test_a_server_that_goes_away_among_the_rows_can_be_asked_later(server):
    end = "pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(RetryableError, match=r"input\.sql: .*the database does not answer"):
        asked(server.address, f"select i as id, case when i = 2500 then {end} end as x from generate_series(1, 3000) i")


def test_temporary_answers_have_the_bytes_of_kept_ones(tmp_path):
    connection = in_sqlite(tmp_path, ROWS)
    input_columns = replace(COLUMNS, copies=Copies(str(tmp_path / "scores"), make=True))
    names = [find(SQL, connection, columns).files[0].path.name for columns in (input_columns, COLUMNS)]
    os.utime(tmp_path / "market.db")
    fresh = replace(COLUMNS, copies=Copies(None, make=True))
    assert len({*names, find(SQL, connection, fresh).files[0].path.name}) == 1
