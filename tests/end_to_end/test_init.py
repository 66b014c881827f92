"""`tamscore init` and `tamscore run TABLE`: from a table to scores without a job file of one's own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import open_run
from tamscore.cli import app
from tamscore.cli.run import columns_named
from tests.unit.test_first_job import HEADERS, market


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pc.write_csv(market(HEADERS["German"]), tmp_path / "kunden.csv")
    return "kunden.csv"


def command(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_init_check_and_run_need_no_edit(table, tmp_path):
    made = command("init", table, "--yes")
    assert made.exit_code == 0, made.output
    assert "Jahresumsatz 2025" in made.stdout
    checked = command("check", "job.toml")
    assert "ready to run" in checked.stdout, checked.output
    assert command("run", "job.toml").exit_code == 0
    job = open_run(str(tmp_path / "scores")).scores().to_table()
    ran = command("run", table)
    assert ran.exit_code == 0, ran.output
    assert "tamscore init kunden.csv" in ran.stderr
    assert open_run(str(tmp_path / "kunden-scores")).scores().to_table().equals(job)


def test_a_job_file_is_replaced_only_when_asked(table, tmp_path):
    (tmp_path / "job.toml").write_text("mine")
    refused = command("init", table, "--yes")
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (tmp_path / "job.toml").read_text() == "mine"
    assert command("init", table, "--yes", "--overwrite").exit_code == 0


@pytest.mark.parametrize("to", ["kunden.csv", "copy", "."])
def test_no_table_is_replaced_by_a_job_file(table, tmp_path, to):
    pq.write_table(market(HEADERS["English"]), tmp_path / "copy")
    before = (tmp_path / table).read_bytes(), (tmp_path / "copy").read_bytes()
    refused = command("init", table, "--yes", "--overwrite", "--to", to)
    assert refused.exit_code == 2
    assert "--to" in refused.stderr
    assert ((tmp_path / table).read_bytes(), (tmp_path / "copy").read_bytes()) == before


def test_a_table_in_place_of_a_job_file_is_called_one(table):
    checked = command("check", table)
    assert checked.exit_code == 2
    assert "tamscore init kunden.csv" in checked.stderr


@pytest.mark.parametrize("arguments", [("init",), ("run",), ("check",), ("score",)])
def test_a_database_is_called_one_and_the_keys_that_read_it_are_named(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("crm.sqlite")) as database:
        database.execute("create table accounts (account_id text)")
        database.commit()
    refused = command(*arguments, "crm.sqlite")
    assert refused.exit_code in {2, 3}
    assert "a SQLite database" in " ".join(refused.stderr.split())
    assert "input.sql and input.connection" in " ".join(refused.stderr.split())


def test_no_database_is_replaced_by_a_job_file(table, tmp_path):
    (tmp_path / "crm.db").write_bytes(b"SQLite format 3\0")
    refused = command("init", table, "--yes", "--overwrite", "--to", "crm.db")
    assert refused.exit_code == 2
    assert (tmp_path / "crm.db").read_bytes() == b"SQLite format 3\0"


def test_columns_that_some_files_lack_are_listed_as_no_features(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "market").mkdir()
    accounts = market(HEADERS["English"])
    half = len(accounts) // 2
    pq.write_table(accounts.slice(0, half).append_column("fleet", pa.array(range(half))), "market/a.parquet")
    pq.write_table(accounts.slice(half), "market/b.parquet")
    made = command("init", "market", "--yes", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["left_out"]["fleet"] == "not in all of the files"


def test_run_reads_names_of_columns_as_a_job_file_does():
    assert columns_named(['columns.sales="a b"', "columns.name=c", "x", "a.columns.size=d"]) == {
        "sales": "a b",
        "name": "c",
    }


def test_orders_become_a_section_that_runs(table, tmp_path):
    accounts = market(HEADERS["German"])
    lines = accounts.select(["KundenNr.", "Datum", "Jahresumsatz 2025"]).rename_columns(
        ["KundenNr.", "Datum", "Betrag"]
    )
    pq.write_table(lines, tmp_path / "orders.parquet")
    made = command("init", table, "--yes", "--orders", "orders.parquet", "--to", "jobs/job.toml")
    assert made.exit_code == 0, made.output
    ran = command("run", "jobs/job.toml", "--set", "lifetime_value.margin=0.3")
    assert ran.exit_code == 0, ran.output
    assert "last_order" in open_run(str(tmp_path / "jobs" / "scores")).scores().schema.names


def test_a_table_that_cannot_be_read_is_an_error_with_its_own_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("account_id,sales\n")
    assert command("run", "empty.csv").exit_code == 3
    assert command("init", "nowhere.csv", "--yes").exit_code == 2
    assert command("init", "empty.csv", "--set", "sales", "--yes").exit_code == 2


def test_a_table_on_standard_input_is_none_that_a_job_file_can_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = command("init", "-", "--yes")
    assert done.exit_code == 2
    assert "tamscore run -" in done.stderr


def test_what_would_stop_a_run_is_printed_by_init(table, tmp_path):
    accounts = market(HEADERS["German"])
    lines = accounts.select(["Datum", "Jahresumsatz 2025"]).rename_columns(["Datum", "Betrag"])
    strangers = lines.append_column("KundenNr.", pa.array([f"X{i}" for i in range(len(lines))]))
    pq.write_table(strangers, tmp_path / "orders.parquet")
    made = command("init", table, "--yes", "--orders", "orders.parquet")
    assert made.exit_code == 0, made.output
    assert "before a run: " in made.stdout
    assert command("check", "job.toml").exit_code == 3


@pytest.mark.parametrize(("answers", "times"), [("\n" * 5, 1), ("\n\nFirma\n\n\n", 1), ("\n\n\n\nFirma\n", 2)])
def test_the_choices_are_printed_again_only_after_another_answer(table, tmp_path, monkeypatch, answers, times):
    monkeypatch.setattr("tamscore.cli.init.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    made = CliRunner().invoke(app, ("init", table), input=answers)
    assert made.exit_code == 0, made.output
    assert made.stdout.count("400 of them looked at") == times
    assert "wrote job.toml" in made.stdout


def test_machines_get_the_choices_as_json(table, tmp_path):
    output = json.loads(command("init", table, "--json").stdout)
    assert output["columns"]["sales"]["column"] == "Jahresumsatz 2025"
    assert output["before_a_run"] == []
    assert set(output["left_out"]) == {"Datum", "Bestellungen"}
    assert output["job"] == str(tmp_path / "job.toml")
    made = json.loads(command("synth", "made", "--rows", "1000", "--json").stdout)
    assert made == {
        "rows": 1000,
        "market": str(tmp_path / "made" / "market"),
        "job": str(tmp_path / "made" / "job.toml"),
    }
    found = json.loads(command("import", table, "kunden.parquet", "--json").stdout)
    assert (found["rows"], found["rejected"], found["files"]) == (400, 0, ["kunden.parquet"])
    assert {one["name"]: one["type"] for one in found["columns"]}["Mitarbeiterzahl"] == "int"
    assert json.loads(command("import", table, "none.parquet", "--json", "--dry-run").stdout)["files"] == []
