"""Whole runs and backtests with CSV in place of Parquet: the same scores, refusals by row, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from tamscore import backend, pipeline
from tamscore.progress import Progress
from tamscore.sections.backtest.comparison import backtest
from tests.end_to_end import market, shop
from tests.end_to_end.buyers import WINDOW

ROWS = 600
ASKED = (*market.JOB, "input", "output", "lifetime_value", "next_offer", "propensity", "backtest")
PLACES = {
    "orders": ("lifetime_value", "orders"),
    "products": ("next_offer", "path"),
    "labels": ("propensity", "label_table"),
    "later": ("backtest", "table"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A market whose ids have leading zeros, with its tables as Parquet and as CSV."""
    folder = tmp_path_factory.mktemp("tables")
    plain = market.accounts(ROWS)
    ids = pa.array([f"{i * 7 % ROWS:06d}" for i in range(ROWS)])
    accounts = plain.set_column(0, "account_id", ids)
    market.write(accounts, folder / "market")
    random = np.random.default_rng(5)
    made = {
        "orders": shop.orders_of(accounts),
        "products": shop.products_of(accounts),
        "labels": pa.table({"account_id": ids, "bought": random.integers(0, 2, ROWS)}),
        "later": pa.table({"account_id": ids, "later": random.random(ROWS).round(2) * 1000}),
    }
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=500)
        pc.write_csv(table, folder / f"{name}.csv")
    return folder


def changes(folder, ending, **more):
    """The changes of a job that asks for all of the tables, by the ending of their names."""
    asked: dict[str, dict[str, object]] = {
        "lifetime_value": {"as_of": str(shop.AS_OF), "margin": 0.3},
        "next_offer": {},
        "propensity": {"label": "bought", **WINDOW},
        "backtest": {"realised": "later", "challenger_rows": 200},
    }
    for name, (section, key) in PLACES.items():
        asked[section][key] = str(folder / f"{name}{ending}")
    return {**asked, **more}


def lines_of(value, *keys):
    """A table of settings as lines of TOML, each with its whole key."""
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in lines_of(one, *keys, key)]
    return [] if value is None else [f"{'.'.join(map(json.dumps, keys))} = {json.dumps(value)}"]


def started(folder, name, ending, *words, **more):
    """The command line under way on a job of the folder, and its place for temporary files."""
    job = market.job(folder / "market", folder / name, changes(folder, ending, **more))
    given = {key: value for key, value in job.model_dump(mode="json").items() if key in ASKED}
    (folder / f"{name}.toml").write_text("\n".join(lines_of(given)))
    space = folder / f"temporary-{name}"
    space.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tamscore", *(words or ("run",)), str(folder / f"{name}.toml")]
    environment, pipe = os.environ | {"TMPDIR": str(space)}, subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True), space


def done(folder, name, ending, *words, **more):
    """Exit code and output of the command line, once it has ended, and what is left of its temporary files."""
    process, space = started(folder, name, ending, *words, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err, left_in(space)


def left_in(space):
    return [one.name for one in space.iterdir() if one.name.startswith("tamscore-") and "kernels" not in one.name]


def scores_of(output):
    return [path.read_bytes() for path in sorted(output.glob("versions/*/scores/part-*.parquet"))]


def manifest_of(output):
    (path,) = output.glob("versions/*/manifest.json")
    return json.loads(path.read_text())


def test_csv_and_parquet_give_the_same_scores_in_threads_and_in_processes(folder):
    code, text, _ = done(folder, "parquet", ".parquet")
    assert code == 0, text
    for name, engine in (("csv", {"workers": 1}), ("processes", {"kind": "processes", "workers": 2})):
        code, text, left = done(folder, name, ".csv", engine=engine)
        assert code == 0, text
        assert scores_of(folder / name) == scores_of(folder / "parquet") != []
        assert not left
    first, second = manifest_of(folder / "csv"), manifest_of(folder / "processes")
    assert first["run_key"] == second["run_key"] != manifest_of(folder / "parquet")["run_key"]
    assert first["inputs"] == second["inputs"]
    assert {name: one["files"] for name, one in first["inputs"]["tables"].items()} == {
        f"{section}.{key}": [str(folder / f"{name}.csv")] for name, (section, key) in list(PLACES.items())[:3]
    }
    assert "temporary-" not in json.dumps(first)


def test_check_plans_csv_tables_and_leaves_nothing(folder):
    code, text, left = done(folder, "check", ".csv", "check")
    assert code == 0, text
    assert "orders.csv" in text
    assert not left
    assert not (folder / "check").exists()


def test_a_backtest_reads_the_sales_afterwards_from_either(folder):
    found = []
    for ending in (".csv", ".parquet"):
        job = market.job(
            folder / "market", folder / f"backtest{ending}", {"backtest": changes(folder, ending)["backtest"]}
        )
        run = pipeline.run(job, Progress())
        found.append(backtest(job, run, Progress(), backend.load("cpu")))
    assert found[0].tenths == found[1].tenths
    assert found[0].losses == found[1].losses
    assert found[0].joined.table.endswith("later.csv")


@pytest.mark.parametrize(("verb", "name"), [("run", "orders"), ("run", "products"), ("check", "labels")])
def test_a_stray_quote_ends_a_command_with_its_row_and_leaves_nothing(folder, tmp_path, verb, name):
    lines = (folder / f"{name}.csv").read_text().splitlines()
    lines[7] = lines[7].replace(",", ',"', 1)
    (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    section, key = PLACES[name]
    asked = changes(folder, ".csv")[section] | {key: str(tmp_path / f"{name}.csv")}
    code, text, left = done(folder, f"{verb}-{name}", ".csv", verb, **{section: asked})
    assert code == 3, text
    assert f"{name}.csv: row 8" in text
    assert not left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_temporary_folder(folder, number):
    process, space = started(folder, f"signal-{number}", ".csv", engine={"kind": "processes", "workers": 2})
    until = time.monotonic() + 120
    while process.poll() is None and not any(Path(space).glob("tamscore-*/*.parquet")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert not left_in(space)
