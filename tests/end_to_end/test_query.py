"""A market that a query gives: scored as its table, asked again each week, and no password in anything written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.store import verify
from tamscore.store.run_directory import RunDirectory
from tests import postgresql
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ROWS = 600
JOB = """
[input]
sql = "select * from market"
connection = "{connection}"
[output]
path = "scores"
[features.numeric]
x = "standard"
y = "standard"
[clusters]
k = 2
"""


def statements(table: pa.Table) -> tuple[str, str]:
    """What makes the table `market` with these rows."""
    values = ", ".join(
        f"('{one['account_id']}', {one['sales']}, {one['x']!r}, {one['y']!r})" for one in table.to_pylist()
    )
    names = "account_id text, sales double precision, x double precision, y double precision"
    return f"create table market ({names})", f"insert into market values {values}"


def written(folder: Path, connection: str) -> Path:
    (folder / "job.toml").write_text(JOB.format(connection=connection), encoding="utf-8")
    return folder / "job.toml"


def called(*arguments: Any, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def in_sqlite(tmp_path):
    """A job on a database that grew out of order, and the file of the database."""
    table = market.plain_accounts(ROWS)
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        for statement in statements(table.take(list(range(ROWS))[::-1])):
            connection.execute(statement)
        connection.commit()
    return written(tmp_path, "crm.db"), tmp_path / "crm.db"


def test_scores_are_those_of_the_table_and_stay_while_the_rows_do(in_sqlite, tmp_path):
    job, database = in_sqlite
    output = json.loads(called("check", job, "--json").stdout)
    assert output["ready"]
    first = json.loads(called("run", job, "--json").stdout)
    plain = market.score(market.plain_accounts(ROWS), tmp_path / "plain", market.PLAIN)
    done = RunDirectory(tmp_path / "scores", first["run"])
    assert market.different(market.scores(done), market.scores(plain)) == []
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table aside as select * from market order by random()")
        connection.execute("drop table market")
        connection.execute("alter table aside rename to market")
        connection.commit()
    called("run", job, "--if-changed", code=10)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("update market set sales = sales + 1 where account_id = 'P00000'")
        connection.commit()
    again = json.loads(called("run", job, "--json").stdout)
    assert again["run"] != first["run"]


def test_questions_are_answered_from_the_rows_that_the_run_has_read(in_sqlite, tmp_path):
    job, database = in_sqlite
    called("run", job)
    before = called("explain", tmp_path / "scores", "P00007", "--json").stdout
    database.unlink()
    (tmp_path / "scores").rename(tmp_path / "moved")
    assert called("explain", tmp_path / "moved", "P00007", "--json").stdout == before
    assert verify.problems_of_output(tmp_path / "moved") == []


@pytest.mark.skipif(postgresql.program("initdb") is None, reason="needs a PostgreSQL server installed")
def test_no_password_is_in_anything_that_is_written_or_printed(tmp_path, monkeypatch):
    job = written(tmp_path, "env:MARKET")
    said = []
    with postgresql.running() as server:
        monkeypatch.setenv("MARKET", server.open_address)
        server.execute(*statements(market.plain_accounts(ROWS)))
        for arguments in (["check"], ["run", "--json"], ["score"]):
            done = called(*arguments[:1], job, *arguments[1:])
            said += [done.stdout, done.stderr]
        server.execute("drop table market")
        said.append(called("run", job, code=2).output)
    said.append(called("run", job, code=5).output)
    for arguments in (["show", "--json"], ["history"], ["verify"], ["report", "--to", str(tmp_path / "report.html")]):
        said.append(called(*arguments[:1], tmp_path / "scores", *arguments[1:]).output)
    secrets = [postgresql.PASSWORD, "Kolibri", server.open_address]
    assert [text for text in said if any(secret in text for secret in secrets)] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)] == []
