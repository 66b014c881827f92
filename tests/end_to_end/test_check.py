"""`tamscore check`: what the data say before a run, all at once, with the exit code that the run would end with."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.schema import InputColumns
from tamscore.store import partitions
from tamscore.store.row_sample import sample_rows
from tamscore.store.statistics import read_statistics
from tests.end_to_end import market
from tests.faults.test_hostile_files import write_encrypted

ROWS = 600
JOB = """
device = "cpu"
[input]
path = "market"
[columns]
party_type = "party_type"
market_segment = "segment"
[rows]
non_negative = ["employees"]
[features.numeric]
employees = "log_standard"
growth = "standard"
[features]
categorical = ["industry"]
[clusters]
k = 2
restarts = 2
[output]
path = "scores"
"""


def accounts(rows: int = ROWS) -> pa.Table:
    """Accounts with nothing wrong: sales are 0 where nobody buys."""
    table = market.accounts(rows)
    return put(table, "sales", pc.fill_null(pc.abs(table["sales"]), 0.0))


def put(table: pa.Table, name: str, values) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def with_nulls(table: pa.Table, name: str, count: int) -> pa.Table:
    """The table with so many nulls in a column, spread over it."""
    hidden = np.zeros(len(table), bool)
    hidden[np.linspace(0, len(table) - 1, count).astype(int)] = True
    return put(table, name, pc.if_else(pa.array(hidden), None, table[name].combine_chunks()))


def check(folder, table, *arguments, job=JOB, row_group=100):
    """What `check` says of a market."""
    market.write(table, folder / "market", files=2, row_group=row_group)
    (folder / "job.toml").write_text(job)
    return CliRunner().invoke(app, ["check", str(folder / "job.toml"), *arguments])


def run(folder):
    return CliRunner().invoke(app, ["run", str(folder / "job.toml")])


def test_a_clean_market_is_ready_and_draws_no_finding(tmp_path):
    done = check(tmp_path, accounts())
    assert done.exit_code == 0, done.output
    assert "ready to run" in done.stdout
    assert "look at" not in done.stdout


@pytest.mark.parametrize(
    ("changes", "empty", "stops"),
    [
        ("", 86, True),
        ("", 3, False),
        ('sales_missing = "error"', 1, True),
        ('sales_missing = "reject"', 86, True),
        ("max_sales_missing_share = 0.2", 86, False),
        ('sales_missing = "reject"\nmax_rejected_share = 0.2', 86, False),
    ],
)
def test_empty_sales_end_check_exactly_where_they_end_the_run(tmp_path, changes, empty, stops):
    """The footers count nulls; the limits are those of the job file."""
    job = JOB.replace("[rows]", f"[rows]\n{changes}")
    done = check(tmp_path, with_nulls(accounts(), "sales", empty), job=job)
    assert (done.exit_code, run(tmp_path).exit_code) == ((3, 3) if stops else (0, 0)), done.output
    assert f"{empty} of {ROWS}" in " ".join(done.output.split())
    assert ("ready to run" in done.stdout) is not stops


FAULTS = {
    "ids that repeat": lambda table: put(table, "account_id", pa.array(["A1"] * 20 + [f"B{i}" for i in range(580)])),
    "empty ids": lambda table: with_nulls(table, "account_id", 30),
    "infinite sales": lambda table: put(table, "sales", pa.array([np.inf] * 20 + [1.0] * 580)),
    "party types of other words": lambda table: put(table, "party_type", pa.array(["Reseller", "Direct"] * 300)),
    "features beyond every number": lambda table: put(table, "growth", pa.array([1e39] * 20 + [0.5] * 580)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_rows_that_a_run_would_reject_beyond_its_limit_end_check_with_3(tmp_path, fault):
    done = check(tmp_path, FAULTS[fault](accounts()))
    assert done.exit_code == 3, done.output
    assert run(tmp_path).exit_code == 3


def test_a_few_rows_to_reject_are_counted_by_reason_and_the_job_stays_ready(tmp_path):
    done = check(tmp_path, with_nulls(accounts(), "account_id", 4))
    assert done.exit_code == 0, done.output
    assert "missing_id 4" in done.stdout
    assert "ready to run" in done.stdout


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    table = put(accounts(), "sales", pa.array([None] * 200 + [5.0] * 400, pa.float64()))
    job = JOB.replace("[output]", "[lifetime_value]\norders = 'gone.parquet'\n[output]")
    done = check(tmp_path, FAULTS["empty ids"](table), job=job)
    assert done.exit_code == 2, done.output
    assert "gone.parquet" in done.stderr
    done = check(tmp_path, FAULTS["empty ids"](table))
    assert done.exit_code == 3
    assert "190 of 600" in done.stderr  # ten of them have no id
    assert "missing_id 30" in done.stderr


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("growth", [0.25] * ROWS, "feature 'growth' is 0.25 in every row"),
        ("growth", [None] * 400 + [1.0, 2.0] * 100, "feature 'growth' is empty in 67% of the rows"),
        ("employees", [-5] + [10, 20] * 299 + [7], "column 'employees': the least value is -5"),
        ("sales", [0.0] * ROWS, "no account of 600 rows is a customer"),
        ("industry", [f"I{i}" for i in range(ROWS)], "tells accounts apart one by one"),
    ],
)
def test_what_is_odd_about_a_column_is_worth_a_look_and_no_more(tmp_path, name, values, said):
    kind = accounts().schema.field(name).type
    done = check(tmp_path, put(accounts(), name, pa.array(values, kind)))
    assert done.exit_code == 0, done.output
    assert said in " ".join(done.stdout.split())


def test_machines_get_facts_notices_and_problems_as_one_record(tmp_path):
    done = check(tmp_path, accounts(), "--json")
    record = json.loads(done.stdout)
    assert (record["ready"], record["problems"], done.exit_code) == (True, [], 0)
    assert record["facts"]["input"][0].endswith("600 rows in 2 files, 2 partitions")
    done = check(tmp_path, with_nulls(accounts(), "sales", 86), "--json")
    record = json.loads(done.stdout)
    assert (record["ready"], done.exit_code) == (False, 3)
    assert [problem["exit_code"] for problem in record["problems"]] == [3]
    assert "86 of 600" in record["problems"][0]["text"]


def test_a_large_market_is_sampled_from_all_over_and_its_ends(tmp_path):
    rows = 50_000
    table = pa.table({"account_id": np.arange(rows), "sales": np.arange(rows, dtype=float)})
    market.write(table, tmp_path / "market", files=4, row_group=1000)
    plan = partitions.plan(str(tmp_path / "market"), InputColumns("account_id", "sales"))
    sampled = sample_rows(plan, ["account_id"], rows=3200)["account_id"].to_numpy()
    assert len(sampled) == len(set(sampled)) == 3200
    assert np.histogram(sampled, bins=8, range=(0, rows))[0].min() >= 200
    assert sampled.max() >= rows - 1000
    assert len(sample_rows(plan, ["sales", "account_id"], rows=20_000)) > 19_000


def test_statistics_are_left_out_where_a_file_has_none(tmp_path):
    table = pa.table({"a": [1.0, None, 3.0], "b": ["x", None, "y"]})
    with_them, without = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    pq.write_table(table, with_them)
    pq.write_table(table, without, write_statistics=False)
    found = read_statistics([with_them], ["a", "b"])
    assert (found["a"].nulls, found["a"].least, found["a"].largest, found["b"].nulls) == (1, 1.0, 3.0, 1)
    assert read_statistics([with_them, without], ["a", "b"]) == {}


def test_columns_with_encrypted_metadata_end_the_reader_but_not_check(tmp_path):
    """PyArrow aborts the process that asks for the metadata of an encrypted column; check ends with 3 and a message."""
    (tmp_path / "market").mkdir()
    path = tmp_path / "market" / "a.parquet"
    write_encrypted(path, plaintext_footer=True)
    assert read_statistics([str(path)], ["account_id", "sales"]) == {}
    job = JOB[: JOB.index("[columns]")] + "[features]\nnumeric = {x = 'standard', y = 'standard'}\n"
    (tmp_path / "job.toml").write_text(job + JOB[JOB.index("[clusters]") :])
    done = CliRunner().invoke(app, ["check", str(tmp_path / "job.toml")])
    assert done.exit_code == 3, done.output
    assert "a.parquet" in done.stderr


JOINS = """
[propensity]
label = "bought"
label_table = "labels.parquet"
feature_cutoff = 2026-01-01
label_start = 2026-01-02
label_end = 2026-06-30
[output]
"""


@pytest.mark.parametrize(("met", "stops"), [(1.0, False), (0.6, False), (0.4, True), (0.0, True)])
def test_labels_that_do_not_meet_the_market_end_check(tmp_path, met, stops):
    table = accounts()
    ids = table["account_id"].to_pylist()
    strangers = [one.replace("A", "X") for one in ids]
    named = [ids[i] if i < met * ROWS else strangers[i] for i in range(ROWS)]
    pq.write_table(pa.table({"account_id": named, "bought": [i % 2 for i in range(ROWS)]}), tmp_path / "labels.parquet")
    done = check(tmp_path, table, job=JOB.replace("[output]", JOINS))
    assert done.exit_code == (3 if stops else 0), done.output
    assert f"{round(met * ROWS)} of {ROWS} rows met" in " ".join(done.output.split())


def test_what_later_commands_need_is_looked_at_and_keeps_no_run_from_running(tmp_path):
    more = "[backtest]\nrealised = 'later'\ntable = 'gone.parquet'\n[output]"
    done = check(tmp_path, accounts(), job=JOB.replace("[output]", more))
    assert done.exit_code == 0, done.output
    assert "gone.parquet" in done.stdout


def test_people_that_cannot_be_read_would_stop_the_run(tmp_path):
    (tmp_path / "people.csv").write_text("person,role,hours\nAnn,hunter,many\n")
    done = check(tmp_path, accounts(), job=JOB.replace("[output]", "[coverage]\npeople = 'people.csv'\n[output]"))
    assert done.exit_code == 3, done.output
    assert "people.csv" in done.stderr


@pytest.mark.parametrize(
    ("hours", "owner", "code", "said"),
    [
        (1200, "Ann", 0, ""),
        (32, "Ann", 0, 'nobody has more than 32 hours a year; set coverage.hours_per = "week"'),
        (12_000, "Ann", 0, "'Ann': more hours than a year has (8,784)"),
        (0, "Ann", 0, "nobody has any hours"),
        (1200, "Bert", 3, "0 of 3 rows met a person; first stranger 'Bert'"),
    ],
)
def test_owners_and_hours_that_match_badly_are_named_before_anything_is_scored(tmp_path, hours, owner, code, said):
    (tmp_path / "people.csv").write_text(f"person,role,hours\nAnn,hunter,{hours}\n")
    (tmp_path / "owners.csv").write_text("account_id,person\n" + "".join(f"A{i},{owner}\n" for i in range(3)))
    section = "[coverage]\npeople = 'people.csv'\nowners = 'owners.csv'\n[output]"
    done = check(tmp_path, accounts(), job=JOB.replace("[output]", section))
    text = " ".join(done.output.split())
    assert done.exit_code == code, text
    assert said in text
    assert ("coverage:" in done.stdout) == (code == 0 and bool(said)), text


CURRENCIES = {"two": ["EUR"] * 580 + ["JPY"] * 20, "one": ["EUR"] * ROWS}


@pytest.mark.parametrize(("which", "noticed"), [("two", True), ("one", False)])
def test_a_column_of_several_currencies_is_named(tmp_path, which, noticed):
    table = put(accounts(), "sales", pa.array([5.0] * ROWS))
    done = check(tmp_path, table.append_column("CurrencyIsoCode", pa.array(CURRENCIES[which])))
    assert done.exit_code == 0, done.output
    assert ("CurrencyIsoCode" in done.stdout) is noticed
