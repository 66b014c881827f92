"""Exports into a real PostgreSQL under the laws of all tables, a million rows and back, kills, locks, full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adbc_driver_postgresql.dbapi as driver
import pyarrow as pa
import pytest

from tamscore.errors import InputContractError, RetryableError, UsageError
from tamscore.questions.export_tables import content, postgresql
from tests.contract.table_contract import SETTINGS, TableContract, accounts, put, weeks
from tests.end_to_end import market
from tests.faults.clusters import wait_until
from tests.platform.postgres import SECRET, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["weeks"]
pytestmark = pytest.mark.platform
MEMORY_MB = 600
MEASURED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)
"""Prints the largest memory (KB) of a command; of a child of the tests themselves their own memory would count, too."""
SUMMED = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} AS t"


@pytest.fixture(scope="module")
def started() -> Iterator[dict[str, str]]:
    with postgres() as variables:
        yield variables


@pytest.fixture
def schema(started) -> Iterator[str]:
    """A schema of the test alone, in capitals and with a blank."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in started.items():
            environment.setenv(name, value)
        ask('CREATE SCHEMA "Sales 1"')
        yield "Sales 1"
        for name, value in {"PGOPTIONS": "", **started}.items():  # a test may have changed them
            environment.setenv(name, value)
        ask('DROP SCHEMA "Sales 1" CASCADE')


def ask(statement: str) -> list[Any]:
    """The rows that a statement gives, none where it gives none."""
    with driver.connect("postgresql://", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Any:
    """A run of 100,000 accounts."""
    return market.score(accounts(100_000), tmp_path_factory.mktemp("large"), SETTINGS, files=4)


def exported(run: Any, target: str, *options: str, wait: bool = True) -> Any:
    """An export in a process of its own, done unless it is not waited for."""
    command = [sys.executable, "-m", "tamscore", "-q", "export", str(run.path), "--to", target, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not wait:
        return process
    said, wrong = process.communicate(timeout=300)
    assert process.returncode == 0, wrong
    return said


class TestPostgres(TableContract):
    """A table of a schema that is not on the search path."""

    @pytest.fixture
    def target(self, schema):
        return f"postgresql:{schema}.Scores"

    def place(self, target):
        schema, table = target.removeprefix("postgresql:").split(".")
        return f'"{schema}"."{table}"'

    def rows(self, target):
        with driver.connect("postgresql://") as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE typname = 'numeric' AND "
                f"attrelid = '{self.place(target)}'::regclass"
            )
            exact = {name for (name,) in cursor.fetchall()}
            cursor.execute(f"SELECT * FROM {self.place(target)} ORDER BY 1")
            rows = cursor.fetch_arrow_table().to_pylist()
        return [
            {name: Decimal(value) if name in exact and value else value for name, value in row.items()} for row in rows
        ]

    def require_there(self, target):
        if ask(f"SELECT to_regclass('{self.place(target)}') IS NULL") == [(True,)]:
            raise LookupError(target)

    def spoil(self, target, how):
        change = {
            "foreign": "CREATE TABLE {} AS SELECT 5 AS mine",
            "type": "ALTER TABLE {} ALTER note TYPE varchar(99)",
        }
        ask(change[how].format(self.place(target)))

    def test_another_writer_is_waited_for_but_not_for_ever(self, weeks, target, monkeypatch):
        """In steps of two seconds, so that a signal ends the wait."""
        put(weeks[0], target)
        monkeypatch.setattr(postgresql, "TRY_S", 1)
        with driver.connect("postgresql://") as other, other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {self.place(target)} IN ROW EXCLUSIVE MODE")
            monkeypatch.setattr(postgresql, "WAIT_S", 0)
            with pytest.raises(RetryableError, match="another writer holds the table"):
                put(weeks[1], target)
            monkeypatch.setattr(postgresql, "WAIT_S", 60)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(put, weeks[1], target)
                assert wait_until(lambda: ask("SELECT 1 FROM pg_locks WHERE NOT granted") == [(1,)], 30)
                other.rollback()
                assert waiting.result()[0][0] == 25

    def test_of_two_that_make_the_table_at_the_same_time_one_may_have_to_try_again(self, weeks, target):
        """Whoever comes second finds it made, or is refused."""

        def result(_: int) -> Any:
            try:
                return put(weeks[0], target)[0]
            except RetryableError as error:
                return str(error)

        with ThreadPoolExecutor(2) as pool:
            results = [*pool.map(result, range(2))]
        assert (1000, 0, 0) in results
        assert all(entry in {(1000, 0, 0), (0, 0, 0)} or "another writer" in entry for entry in results)
        assert len(self.by_id(target)) == 1000

    def test_a_connection_that_is_lost_on_the_way_changes_nothing(self, weeks, target, monkeypatch):
        put(weeks[0], target)
        before, whole = self.rows(target), content.Content.batches

        def cut(self, tables):
            for number, batch in enumerate(whole(self, tables)):
                if number == 1:
                    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%tamscore%'")
                yield batch

        monkeypatch.setattr(content.Content, "batches", cut)
        with pytest.raises(RetryableError, match="does not answer as it should"):
            put(weeks[1], target)
        assert self.rows(target) == before

    @pytest.mark.parametrize(
        ("variables", "error", "words"),
        [
            ({"PGHOST": "/nowhere"}, RetryableError, "No such file or directory"),
            ({"PGPASSWORD": "wrong-canary"}, UsageError, "password authentication failed"),
            ({"PGDATABASE": "nowhere"}, UsageError, 'database "nowhere" does not exist'),
            ({"PGOPTIONS": "-c default_transaction_read_only=on"}, UsageError, "read-only transaction"),
        ],
    )
    def test_a_server_that_cannot_be_used_is_named_without_a_secret(
        self, weeks, target, monkeypatch, variables, error, words
    ):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(error, match=words) as caught:
            put(weeks[0], target)
        assert "canary" not in str(caught.value)

    def test_what_is_no_place_for_a_table_is_refused(self, weeks, schema):
        with pytest.raises(UsageError, match='schema "nowhere" does not exist'):
            put(weeks[0], "postgresql:nowhere.scores")
        ask(f'CREATE VIEW "{schema}".scores AS SELECT 1 AS x')
        with pytest.raises(UsageError, match="expected a table, got a view"):
            put(weeks[0], f"postgresql:{schema}.scores", overwrite=True)

    def test_a_text_that_the_server_cannot_hold_is_named_as_the_cause(self, target, tmp_path):
        """PostgreSQL has no character NUL."""
        table = accounts(1000).drop_columns(["note"])
        notes = pa.array(["a\0b"] * 1000)
        run = market.score(table.append_column("note", notes), tmp_path, SETTINGS)
        with pytest.raises(InputContractError, match=r"refuses a value .*0x00"):
            put(run, target)

    def test_no_record_holds_the_password(self, weeks, target):
        _, name = put(weeks[0], target)
        assert f"Scores in the database 'postgres' of {os.environ['PGHOST']}" in name
        records = [path.read_text(encoding="utf-8") for path in (weeks[0].output / "handed_out").iterdir()]
        assert any(name in text for text in records)
        assert not any(SECRET in text for text in records)

    def test_a_full_disk_of_the_server_leaves_the_table_as_it_was(self, weeks, target, large, tmp_path, monkeypatch):
        """Exit code 5: the same command may succeed when there is room."""
        disk = Path(os.environ["PGHOST"]) / "tiny"
        disk.mkdir()
        options = f"size=6m,uid={disk.parent.stat().st_uid},gid={disk.parent.stat().st_gid},mode=700"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=False).returncode:
            pytest.skip("mounting a small disk needs root")
        try:
            ask(f"CREATE TABLESPACE tiny LOCATION '{disk}'")
            monkeypatch.setenv("PGOPTIONS", "-c default_tablespace=tiny")
            with pytest.raises(RetryableError, match="No space left on device"):
                put(large, target)
            with pytest.raises(LookupError):
                self.require_there(target)
        finally:
            monkeypatch.delenv("PGOPTIONS")
            ask("DROP TABLESPACE IF EXISTS tiny")
            subprocess.run(["umount", "-l", disk], check=True)

    @pytest.mark.parametrize("phase", ["COPY", "UPDATE", "INSERT"])
    def test_kills_while_the_server_works_leave_all_or_nothing(self, large, target, phase):
        """Caught by what the server says that it is doing."""
        fields = ("--fields", "potential,note")
        if phase != "INSERT":
            exported(large, target, "--fields", "note")
        before = ask(SUMMED.format(self.place(target))) if phase != "INSERT" else None
        process = exported(large, target, *fields, wait=False)
        doing = f"SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '{phase} %tamscore_staged%'"
        with driver.connect("postgresql://", autocommit=True) as connection, connection.cursor() as cursor:

            def caught() -> bool:
                cursor.execute(f"{doing} AND pid <> pg_backend_pid()")
                return bool(cursor.fetchall())

            while process.poll() is None and not caught():
                pass
        process.kill()
        process.communicate()
        assert process.returncode == -9, "it was over before it was caught"
        alone = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        assert wait_until(lambda: ask(alone) == [(1,)], 60)
        if before is None:
            with pytest.raises(LookupError):
                self.require_there(target)
        else:
            assert ask(SUMMED.format(self.place(target))) == before
        assert f"{100_000 if before is None else 0:,} inserted" in exported(large, target, *fields)


def test_a_million_rows_go_there_and_back_in_bounded_memory(schema, tmp_path):
    """Each row as the scores have it; a rerun changes nothing."""
    run = market.score(accounts(1_000_000), tmp_path, SETTINGS, files=10)
    target = f"postgresql:{schema}.scores"
    command = [sys.executable, "-m", "tamscore", "-q", "export", str(run.path), "--to", target, "--fields", "potential"]
    for words in ("1,000,000 inserted", "nothing to change"):
        done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True)
        assert words in done.stdout
        assert int(done.stderr.splitlines()[-1]) < MEMORY_MB << 10
    with driver.connect("postgresql://") as connection, connection.cursor() as cursor:
        cursor.execute(f'SELECT account_id, potential FROM "{schema}".scores ORDER BY account_id')
        there = cursor.fetch_arrow_table()
    scores = market.scores(run)
    assert there["account_id"].cast(pa.string()).equals(scores["account_id"].cast(pa.string()))
    money = there["potential"].cast(pa.decimal128(20, 2))
    assert money.equals(pa.chunked_array(scores["potential"]).cast(pa.decimal128(20, 2), safe=False))
