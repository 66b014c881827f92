"""Delta tables and DuckDB files under the laws of all tables, and what is peculiar to each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.errors import RetryableError, UsageError
from tamscore.questions.export_tables import content, delta, package
from tests.contract.table_contract import FIELDS, KILL, TableContract, exported_rows, put, weeks
from tests.faults import s3

__all__ = ["weeks"]


class TestDuckDb(TableContract):
    """A table of another schema, beside others in the file."""

    @pytest.fixture
    def target(self, tmp_path):
        with duckdb.connect(str(tmp_path / "lake house.db")) as connection:
            connection.execute('CREATE SCHEMA "Sales"; CREATE TABLE neighbour AS SELECT 1 AS x')
        return f"duckdb:{tmp_path}/lake house.db#Sales.scores"

    def ask(self, target, statement):
        with duckdb.connect(target.removeprefix("duckdb:").partition("#")[0], read_only=True) as connection:
            assert connection.execute("SELECT x FROM neighbour").fetchall() == [(1,)]
            return connection.sql(statement).to_arrow_table()

    def rows(self, target):
        return self.ask(target, 'SELECT * FROM "Sales".scores ORDER BY ALL').to_pylist()

    def require_there(self, target):
        if not self.ask(target, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'scores'").num_rows:
            raise LookupError(target)

    def spoil(self, target, how):
        change = {
            "foreign": 'CREATE TABLE "Sales".scores AS SELECT 5 AS mine',
            "type": 'ALTER TABLE "Sales".scores ALTER note TYPE BLOB USING encode(note)',
        }
        with duckdb.connect(target.removeprefix("duckdb:").partition("#")[0]) as connection:
            connection.execute(change[how])

    def test_a_file_that_another_process_has_open_is_one_to_try_again(self, weeks, target):
        """The lock of the file belongs to a process; a second connection of ours would share it."""
        put(weeks[0], target)
        file = target.removeprefix("duckdb:").partition("#")[0]
        hold = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", hold, file], stdin=-1, stdout=-1) as other:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(RetryableError, match="another process has the file open"):
                put(weeks[1], target)
            other.communicate()
        assert put(weeks[1], target)[0][0] == 25

    @pytest.mark.parametrize(
        ("spoilt", "words"),
        [("text", "expected a DuckDB file"), ("view", "expected a table, got a view"), ("schema", "DuckDB refuses")],
    )
    def test_what_is_no_place_for_a_table_is_refused(self, weeks, tmp_path, spoilt, words):
        file = tmp_path / "x.db"
        if spoilt == "text":
            file.write_text("hello " * 5000, encoding="utf-8")
        elif spoilt == "view":
            with duckdb.connect(str(file)) as connection:
                connection.execute("CREATE VIEW scores AS SELECT 1 AS x")
        with pytest.raises(UsageError, match=words):
            put(weeks[0], f"duckdb:{file}#{'nowhere.' if spoilt == 'schema' else ''}scores")

    def test_memory_and_network_are_bounded(self, weeks, target, monkeypatch):
        """DuckDB spills to the folder for temporary files, and fetches no extension."""
        seen: list[dict[str, Any]] = []
        plain = duckdb.connect

        def connect(file, config):
            seen.append(config)
            return plain(file, config=config)

        monkeypatch.setattr(duckdb, "connect", connect)
        put(weeks[0], target)
        assert seen[0]["memory_limit"] == "1GB"
        assert not seen[0]["autoinstall_known_extensions"]


class TestDelta(TableContract):
    """A folder."""

    @pytest.fixture
    def target(self, tmp_path):
        return f"delta:{tmp_path}/lake/scores"

    def table(self, target, **options):
        try:
            return deltalake.DeltaTable(target.removeprefix("delta:"), **options)
        except deltalake.exceptions.TableNotFoundError as error:
            raise LookupError(target) from error

    require_there = table

    def rows(self, target):
        names = [field.name for field in self.table(target).schema().fields]
        rows = self.table(target).to_pyarrow_table().to_pylist()
        return [{name: row[name] for name in names} for row in rows]

    def state(self, target):
        table = self.table(target)
        return table.version(), sorted(table.file_uris())

    def spoil(self, target, how):
        place = target.removeprefix("delta:")
        if how == "foreign":
            deltalake.write_deltalake(place, pa.table({"mine": [5]}))
        else:
            table = self.table(target)
            rows = pa.table(table.to_pyarrow_table())
            notes = rows["note"].cast(pa.binary())
            rows = rows.set_column(rows.column_names.index("note"), "note", notes)
            deltalake.write_deltalake(place, rows, mode="overwrite", schema_mode="overwrite")

    def test_the_table_says_how_it_came_and_older_versions_stay_readable(self, weeks, target, tmp_path):
        put(weeks[0], target)
        put(weeks[1], target)
        old = self.table(target, version=0).to_pyarrow_table().drop_columns(["gone_in"])
        assert {row["account_id"]: row for row in old.to_pylist()} == exported_rows(weeks[0], tmp_path)
        assert self.table(target).metadata().description == "tamscore export; key=account_id; accounts=all"

    @pytest.mark.parametrize("standing", [False, True])
    def test_of_two_writers_at_the_same_time_one_is_to_try_again(self, weeks, target, standing, monkeypatch):
        """The other has committed while this one was under way: nothing of it is lost."""
        if standing:
            put(weeks[0], target)
        whole = content.Content.batches

        def late(self, tables):
            yield from whole(self, tables)
            monkeypatch.setattr(content.Content, "batches", whole)
            with ThreadPoolExecutor(1) as other:  # the library's own threads cannot begin another write
                other.submit(put, weeks[1], target).result()

        monkeypatch.setattr(content.Content, "batches", late)
        with pytest.raises(RetryableError, match="another writer changed the table"):
            put(weeks[1], target, "delete")
        assert len(self.by_id(target)) == (1025 if standing else 985)
        assert self.table(target).version() == int(standing)

    def test_a_folder_with_other_files_is_left_alone(self, weeks, tmp_path):
        """Plain Parquet files, for example."""
        pq.write_table(pa.table({"x": [1]}), tmp_path / "part-0.parquet")
        with pytest.raises(UsageError, match="is there already, and no export of these scores"):
            put(weeks[0], f"delta:{tmp_path}")
        assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]

    def test_a_place_that_cannot_hold_a_folder_is_refused(self, weeks, tmp_path):
        (tmp_path / "file").write_bytes(b"x")
        with pytest.raises(UsageError, match=r"Not a directory|NotADirectory"):
            put(weeks[0], f"delta:{tmp_path}/file/scores")

    def test_a_time_of_day_has_no_type(self, tmp_path):
        whole = content.Content.of(pa.schema([("at", pa.time32("s"))]), "at", "v", "mark", "all")
        with delta.DeltaTarget(tmp_path / "lake").open_up() as table:
            with pytest.raises(UsageError, match=r"'at' holds time64\[us\], for which delta:"):
                content.require_types(whole, table)
            assert table.type_name(pa.timestamp("us", "UTC")) == "timestamp[us, tz=UTC]"


def test_a_delta_table_in_an_object_store(weeks, monkeypatch):
    """In a process of its own: the library holds Python still while it waits for an answer of the server."""
    with s3.serving() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        target = f"delta:s3://{s3.BUCKET}/lake/scores"
        said = [called(str(week.path), target).stdout for week in (weeks[0], weeks[1], weeks[1])]
        assert said[0].startswith(f"{target}: 1,000 inserted, 0 updated, 0 gone")
        assert said[1].startswith(f"{target}: 25 inserted, ")
        assert "nothing to change" in said[2]
    gone = called(str(weeks[1].path), target, OBJECT_STORE_MAX_RETRIES="0", AWS_MAX_RETRIES="0")
    assert gone.returncode == 5, gone.stderr
    assert f"{target}: cannot be written" in gone.stderr
    assert s3.SECRET not in gone.stderr


def called(run: str, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """An export in a process of its own."""
    command = [sys.executable, "-m", "tamscore", "-q", "export", run, "--to", target]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


STOP = KILL.replace("os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)")


@pytest.mark.parametrize("target", ["duckdb:{0}/x.db#scores", "delta:{0}/lake"])
def test_a_signal_ends_an_export_with_its_own_code(weeks, tmp_path, target):
    """Raised within a stream that a library reads, which makes another error of it; the table has all or nothing."""
    call = ["export", str(weeks[0].path), "--to", target.format(tmp_path), "--fields", ",".join(FIELDS)]
    done = subprocess.run([sys.executable, "-c", STOP, *call], capture_output=True, text=True, check=False)
    assert done.returncode == 143, done.stderr
    assert put(weeks[0], target.format(tmp_path))[0] in {(1000, 0, 0), (0, 0, 0)}


@pytest.mark.parametrize("kind", ["duckdb", "delta"])
def test_a_full_disk_leaves_the_table_as_it_was(weeks, tmp_path, kind):
    """Exit code 5; with room the same command does all of it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        target = f"duckdb:{disk}/x.db#scores" if kind == "duckdb" else f"delta:{disk}/lake"
        reader = TestDelta() if kind == "delta" else None
        put(weeks[0], target)
        usage = shutil.disk_usage(disk)
        (disk / "filler").write_bytes(b"x" * (usage.free - (8 << 10)))
        with pytest.raises(RetryableError, match=re.escape(str(disk))):
            put(weeks[1], target, fields=[*FIELDS, "penetration", "rank"])
        (disk / "filler").unlink()
        if reader:
            assert len(reader.rows(target)) == 1000
        assert put(weeks[1], target)[0][0::2] == (25, 40)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_folder_of_parquet_files_is_replaced_as_a_whole(weeks, tmp_path):
    """A file for each part; files that are not of an export stay."""
    run, folder = CliRunner(), tmp_path / "flat"
    call = ["export", str(weeks[0].path), "--to", f"parquet:{folder}", "--fields", ",".join(FIELDS)]
    assert run.invoke(app, call).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"part-0000{i}.parquet" for i in range(4)]
    assert {row["account_id"]: row for row in pq.read_table(folder).to_pylist()} == exported_rows(weeks[0], tmp_path)
    (folder / "_SUCCESS").touch()
    call[1] = str(weeks[1].path)
    done = run.invoke(app, [*call, "--since", str(weeks[0].path), "--only", "quadrant=none"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == ["_SUCCESS", "part-00000.parquet"]
    assert pq.read_table(folder).num_rows == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    refused = run.invoke(app, [*call[:3], f"parquet:{tmp_path / 'other'}"])
    assert (refused.exit_code, [*(tmp_path / "other").iterdir()]) == (2, [tmp_path / "other" / "mine.txt"])


@pytest.mark.parametrize(
    ("to", "options", "words"),
    [
        ("duckdb:x.db", [], "expected duckdb:FILE#TABLE"),
        ("duckdb:x.db#a.b.c", [], "expected duckdb:FILE#TABLE"),
        ("delta:", [], "the folder or the address of a Delta table"),
        ("postgresql:a.b.c", [], "expected postgresql:TABLE"),
        ("postgresql://me:hunter2@host/db", [], "got an address"),
        ("postgresql:postgresql://me:hunter2@host/db", [], "got an address"),
        ("delta:<place>", [], "without placeholders"),
        ("x.txt", [], "duckdb:FILE#TABLE"),
        ("x.csv", ["--gone", "delete"], "--gone: expected a table, got a file"),
        ("delta:x", ["--since", "{0}"], "--since: expected a file, got a table"),
        ("delta:x", ["--null", "#N/A"], "--null: expected a CSV file, got a table"),
        ("delta:x", ["--fields", "potential=A,whitespace=a"], "differ in more than capitals"),
        ("delta:x", ["--fields", "potential=gone_in"], "none 'gone_in'"),
        ("delta:{0}/x", [], "which holds the scores alone"),
        ("duckdb:{0}/x.db#t", [], "which holds the scores alone"),
    ],
)
def test_targets_that_make_no_sense_are_refused_and_no_password_is_repeated(
    weeks, tmp_path, to, options, words, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    output = str(weeks[0].output)
    call = ["export", str(weeks[0].path), "--to", to.format(output), *(text.format(output) for text in options)]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "hunter2" not in done.output
    assert not [*tmp_path.iterdir()]


def test_the_command_says_what_changed_in_text_and_in_json(weeks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = ["export", str(weeks[0].path), "--to", "duckdb:x.db#scores"]
    name = f"duckdb:{tmp_path}/x.db#main.scores"
    first = CliRunner().invoke(app, call).stdout
    assert first.startswith(
        f"{name}: 1,000 inserted, 0 updated, 0 gone and marked in gone_in, of 1,000 accounts of the"
    )
    assert "nothing to change, it has the 1,000 accounts of the run as they are" in CliRunner().invoke(app, call).stdout
    call[1] = str(weeks[1].path)
    counts = json.loads(CliRunner().invoke(app, [*call, "--gone", "delete", "--json"]).stdout)
    assert (counts["new"], counts["gone"], counts["file"]) == (25, 40, name)
    assert counts["exported"] == counts["new"] + counts["changed"]


@pytest.mark.parametrize(("target", "module"), [("delta:x", "deltalake"), ("duckdb:x.db#t", "duckdb")])
def test_a_package_that_is_missing_is_named_with_its_extra(weeks, target, module, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"written by the package '{module}', which is not installed; pip install"):
        put(weeks[0], target)
    assert package.library("os", "x", "y") is os
    assert not [*Path().iterdir()]
