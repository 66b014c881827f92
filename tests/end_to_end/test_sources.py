"""A market scores the same wherever and however its files lie."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
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


def test_what_was_read_stands_in_the_manifest_and_is_told(tmp_path):
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
    told = json.loads(CliRunner().invoke(app, ["check", str(job), "--json"]).stdout)
    assert told["ready"]
    assert "passed over: notes.txt" in told["facts"]["input"]


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
    kept = [path.name for path in (output / "_sources").glob("*.parquet")]
    assert kept == (second.manifest() or {})["inputs"]["copies"]
    assert verify.problems_of_output(output) == []
    forgetting.forget(output, ["P00007"])
    assert not (output / "_sources").exists()
    assert market.run(files[1], output, market.PLAIN).run_key == second.run_key
    assert [path.name for path in (output / "_sources").glob("*.parquet")] == kept


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
