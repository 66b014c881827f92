"""A market scores the same wherever and however its files lie."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.store import forgetting, pruning, verify
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_200
NUMERIC: dict[str, Any] = {
    "features.numeric": {"employees": "log_standard", "growth": "standard", "founded": "standard"}
}


def accounts() -> pa.Table:
    table = market.accounts(ROWS, seed=3)
    return table.append_column("founded", pa.array([1990 + number % 7 for number in range(ROWS)], pa.int64()))


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """The scores of the market as one plain file."""
    return market.scores(market.score(accounts(), tmp_path_factory.mktemp("flat"), NUMERIC))


def as_hive(table: pa.Table, folder: Path) -> None:
    pq.write_to_dataset(table, folder, partition_cols=["segment", "founded"])


def as_delta(table: pa.Table, folder: Path) -> None:
    """With accounts that were erased since, in a file that still lies there."""
    from deltalake import DeltaTable, write_deltalake

    erased = table.set_column(0, "account_id", pa.array([f"X{number}" for number in range(ROWS)]))
    write_deltalake(str(folder), pa.concat_tables([table, erased]), partition_by=["industry"])
    DeltaTable(str(folder)).delete("account_id like 'X%'")


def as_iceberg(table: pa.Table, folder: Path) -> None:
    """With a column that has another name in the files."""
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("tests", warehouse=f"file://{folder.parent}")
    catalog.create_namespace("db")
    before = table.rename_columns([f"{name}_" if name == "sales" else name for name in table.column_names])
    made = catalog.create_table("db.t", schema=before.schema, location=f"file://{folder}")
    made.append(before)
    with made.update_schema() as change:
        change.rename_column("sales_", "sales")


@pytest.mark.parametrize("write", [as_hive, as_delta, as_iceberg])
@pytest.mark.parametrize("engine", ["local", "processes"])
def test_scores_are_those_of_a_plain_file(tmp_path, flat, write, engine):
    if engine == "processes" and write is not as_hive:
        pytest.skip("one source suffices for workers of their own")
    write(accounts(), tmp_path / "market")
    done = market.run(tmp_path / "market", tmp_path / "scores", {**NUMERIC, "engine": {"kind": engine, "workers": 2}})
    assert market.different(market.scores(done), flat) == []


def test_what_was_read_stands_in_the_manifest_and_is_reported(tmp_path):
    as_delta(accounts(), tmp_path / "market")
    progress = Progress()
    done = pipeline.run(market.job(tmp_path / "market", tmp_path / "scores", NUMERIC), progress)
    inputs = (done.manifest() or {})["inputs"]
    assert (inputs["format"], inputs["version"]) == ("Delta", "1")
    assert "input.path: Delta table, version 1" in progress.notices
    assert len(inputs["files"]) == len(market.INDUSTRIES)


def test_an_earlier_version_is_scored_where_the_job_names_it(tmp_path):
    as_delta(accounts(), tmp_path / "market")
    changes = {**NUMERIC, "input.version": 0}
    assert market.scores(market.run(tmp_path / "market", tmp_path / "scores", changes)).num_rows == 2 * ROWS


def test_check_says_what_is_read_and_what_is_passed_over(tmp_path):
    as_hive(accounts(), tmp_path / "market")
    (tmp_path / "market" / "notes.txt").write_text("?", encoding="utf-8")
    job = tmp_path / "job.toml"
    job.write_text(
        '[input]\npath = "market"\n[output]\npath = "scores"\n[features.numeric]\nfounded = "standard"\n'
        "[clusters]\nk = 2\n[rows]\nmax_sales_missing_share = 0.5\n",
        encoding="utf-8",
    )
    output = json.loads(CliRunner().invoke(app, ["check", str(job), "--json"]).stdout)
    assert output["ready"]
    assert "passed over: notes.txt" in output["facts"]["input"]


def piped(kind: str) -> bytes:
    """The market as a pipe may bring it."""
    table, sink = market.plain_accounts(400), pa.BufferOutputStream()
    if kind == "lines of JSON":
        return "\n".join(map(json.dumps, table.to_pylist())).encode()
    if kind == "CSV":
        pa_csv.write_csv(table, sink)
    elif kind == "Parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=50)
    return bytes(sink.getvalue())


@pytest.fixture(scope="module")
def plain_scores(tmp_path_factory):
    return market.scores(market.score(market.plain_accounts(400), tmp_path_factory.mktemp("plain"), market.PLAIN))


@pytest.mark.parametrize("kind", ["CSV", "lines of JSON", "Arrow", "Parquet"])
def test_a_market_may_come_through_a_pipe(tmp_path, plain_scores, kind):
    (tmp_path / "job.toml").write_text(
        '[input]\npath = "none"\n[output]\npath = "scores"\n[features.numeric]\nx = "standard"\ny = "standard"\n'
        "[clusters]\nk = 2\n",
        encoding="utf-8",
    )
    call = ["run", str(tmp_path / "job.toml"), "--set", "input.path=-"]
    done = CliRunner().invoke(app, call, input=piped(kind))
    assert done.exit_code == 0, done.output
    (parts,) = {path.parent for path in (tmp_path / "scores").rglob("part-*.parquet")}
    assert market.different(market.gathered(sorted(parts.glob("part-*.parquet"))), plain_scores) == []
    assert CliRunner().invoke(app, [*call, "--if-changed"], input=piped(kind)).exit_code == 10


def test_a_table_in_a_pipe_is_imported_and_scored_without_a_job_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["import", "-", "market.parquet"], input=piped("CSV"))
    assert done.exit_code == 0, done.output
    assert pq.read_table("market.parquet").num_rows == 400
    done = CliRunner().invoke(app, ["run", "-", "--set", "output.path=scores"], input=piped("Arrow"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "scores" / "_CURRENT.json").is_file()


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "got nothing"), (b"PK\x03\x04", "got an Excel workbook"), (b'[{"a": 1}]', "got JSON text")],
)
def test_a_pipe_without_a_table_is_refused_by_what_it_holds(data, words):
    done = CliRunner().invoke(app, ["run", "-"], input=data)
    assert done.exit_code == 3
    assert words in done.output


def test_copies_beside_an_output_go_with_the_accounts_and_with_the_last_version_that_names_them(tmp_path):
    """Prune leaves those that a version names, forget none; a run after that makes them again and finds itself."""
    output, files = tmp_path / "scores", [tmp_path / f"{number}.arrow" for number in range(2)]
    for number, file in enumerate(files):
        table = market.plain_accounts(400 + number)
        with pa.ipc.new_file(str(file), table.schema) as writer:
            writer.write_table(table)
    first, second = [market.run(file, output, market.PLAIN) for file in files]
    assert len([*(output / "_sources").glob("*.parquet")]) == 2
    for path in (output / "_sources").iterdir():
        os.utime(path, (0, 0))
    assert [*pruning.prune(output, keep=1).removed] == [first.run_key]
    items = [path.name for path in (output / "_sources").glob("*.parquet")]
    assert items == (second.manifest() or {})["inputs"]["copies"]
    assert verify.problems_of_output(output) == []
    forgetting.forget(output, ["P00007"])
    assert not (output / "_sources").exists()
    assert market.run(files[1], output, market.PLAIN).run_key == second.run_key
    assert [path.name for path in (output / "_sources").glob("*.parquet")] == items


def test_orders_may_lie_in_a_delta_table(tmp_path):
    """A further table goes through the same door: an order that was deleted is none."""
    from deltalake import DeltaTable, write_deltalake

    table = accounts()
    ids = table["account_id"].to_pylist()[:100]
    days = pa.array([20_400 + number for number in range(100)], pa.date32())
    orders = pa.table({"account_id": ids, "ordered_on": days, "amount": [10.0] * 100})
    write_deltalake(str(tmp_path / "orders"), orders)
    DeltaTable(str(tmp_path / "orders")).delete("amount = 10.0 and account_id >= 'A0000600'")
    left = sum(one < "A0000600" for one in ids)
    worth = {"orders": str(tmp_path / "orders"), "order_date": "ordered_on", "margin": 0.3}
    done = market.score(table, tmp_path, {**NUMERIC, "lifetime_value": worth})
    read = (done.manifest() or {})["inputs"]["tables"]["lifetime_value.orders"]
    assert read["format"] == "Delta"
    assert sum(one is not None for one in market.scores(done)["last_order"].to_pylist()) == left
