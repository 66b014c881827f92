"""A market scored week after week by the DAGs of a real Airflow: how many accounts keep their cluster.

`python jobs/trials/weeks_in_airflow.py FOLDER` prints a table as CSV: for each version but the first, the accounts that
the version before had, too, and those of them that are in the same cluster. Five weekly runs see a market that moves on
by a month: each week another quarter of the accounts has the numbers of the next month. With `--every month`, each run
sees the market of the next month. The quarterly refresh comes last, behind its gate. It needs the environment of
`make .venv-airflow`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import tamscore
from tamscore.synthetic import write_market
from tamscore.synthetic.months import Month

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin"
DAGS = ROOT / "jobs" / "airflow"
RUNS = 5
STEPS = {"week": 1 / 4, "month": 1.0}
"""How far the market moves on from run to run, in months."""
FIELDS = ("rows", "every", "version", "made_by", "known_accounts", "same_cluster", "share")


def main() -> None:
    """Make the markets, run the DAGs on each, and print who kept their cluster."""
    parser = argparse.ArgumentParser(description="Score five months of a market by the DAGs of a real Airflow.")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--rows", type=int, default=20_000, help="accounts of the market")
    parser.add_argument("--every", choices=STEPS, default="week", help="how far the market moves on from run to run")
    given = parser.parse_args()
    folder = given.folder.absolute()
    write_markets(folder, given.rows, STEPS[given.every])
    weeks = [f"tamscore_weekly::{program(folder, run)}" for run in range(RUNS)]
    for states in run_dags(folder, [*weeks, f"tamscore_refresh::{program(folder, RUNS - 1)}"]):
        sys.stderr.write(f"{states}\n")
    rows = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    rows.writeheader()
    rows.writerows({"rows": given.rows, "every": given.every} | one for one in compared(folder / "scores"))


def write_markets(folder: Path, rows: int, step: float) -> None:
    """Write the market of each run, `run-0` and so on, and the job file."""
    months = math.ceil((RUNS - 1) * step) + 1
    tables = []
    for month in range(1, months + 1):
        made = folder / f"month-{month}"
        write_market(made, rows=rows, seed=0, files=1, month=Month(month))
        tables.append(pq.read_table(made / "market"))
    shutil.copy(folder / "month-1" / "job.toml", folder)
    for run in range(RUNS):
        month, part = int(run * step), run * step % 1
        (folder / f"run-{run}").mkdir()
        pq.write_table(moved_on(tables[month:], part), folder / f"run-{run}" / "market.parquet")


def moved_on(tables: Sequence[pa.Table], part: float) -> pa.Table:
    """Return the first table with part of its accounts replaced by those of the second, whose numbers are newer."""
    if not part:
        return tables[0]
    places = [[crc32(account.encode()) / 2**32 for account in one["account_id"].to_pylist()] for one in tables[:2]]
    remaining, newer = pc.greater_equal(places[0], part), pc.less(places[1], part)
    return pa.concat_tables([tables[0].filter(remaining), tables[1].filter(newer)])


def program(folder: Path, run: int) -> str:
    """Return the path of a script that is tamscore, with the market of a run in place once it checks the job."""
    path, market = folder / f"tamscore-{run}", folder / "market"
    swap = f"[[ $1 == check ]] && rm -rf {market} && cp -r {folder}/run-{run} {market}"
    command = f'exec {sys.executable} -m tamscore "$@"'
    path.write_text(f"#!/bin/bash\n{swap}\n{command}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def run_dags(folder: Path, commands: list[str]) -> list[dict[str, object]]:
    """Run a DAG with each command as tamscore; return the states of run and tasks."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "TAMSCORE_JOB": str(folder / "job.toml"),
        "TAMSCORE_SCORES": str(folder / "scores"),
        "TAMSCORE_LISTS": str(folder / "lists"),
    }
    driver = ROOT / "tests" / "platform" / "run_dag.py"
    subprocess.run([AIRFLOW / "airflow", "db", "migrate"], env=environment, capture_output=True, check=True)
    call = [str(AIRFLOW / "python"), str(driver), str(DAGS), *commands]
    done = subprocess.run(call, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    states: list[dict[str, object]] = json.loads(line.removeprefix("FOUND "))
    return states


def compared(scores: Path) -> list[dict[str, object]]:
    """Return for each swap of versions how many accounts of both are in the same cluster."""
    history = json.loads(
        subprocess.run(
            [sys.executable, "-m", "tamscore", "history", str(scores), "--json"],
            capture_output=True, text=True, check=True,
        ).stdout
    )  # fmt: skip
    rows = []
    for old, new in pairwise(history["entries"]):
        before, after = (clusters(scores / "versions" / one["version"]) for one in (old, new))
        known = before.keys() & after.keys()
        same = sum(before[account] == after[account] for account in known)
        found = (new["version"], new["action"], len(known), same, f"{same / len(known):.4f}")
        rows.append(dict(zip(FIELDS[2:], found, strict=True)))
    return rows


def clusters(version: Path) -> dict[str, str]:
    """Return the cluster of each account of a version, with its party type: each has clusters of its own."""
    columns = tamscore.open_run(str(version)).scores().to_table(["account_id", "party_type", "cluster"]).to_pydict()
    named = [f"{party} {cluster}" for party, cluster in zip(columns["party_type"], columns["cluster"], strict=True)]
    return dict(zip(columns["account_id"], named, strict=True))


if __name__ == "__main__":
    main()
