"""A small market with every optional section, two versions of its scores, and each command that writes; for campaigns.

Commands run in processes forked from one that has imported everything: no start of Python between two cases.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REALISED = ["--realised", "later", "--table", "later.parquet"]
COMMANDS: dict[str, list[str]] = {
    "init": ["init", "market", "--to", "first.toml", "--yes", "--overwrite"],
    "run": ["run", "job.toml", "--set", "clusters.seed=3"],
    "run, new output": ["run", "job.toml", "--set", "output.path=fresh"],
    "run, CSV tables": ["run", "csv.toml"],
    "run, processes": ["run", "job.toml", "--set", "engine.kind=processes", "--set", "output.path=fresh"],
    "score": ["score", "job.toml", "--model", "{first}"],
    "refresh": ["refresh", "job.toml", "--from", "{first}", "--accept"],
    "coverage": ["coverage", "scores"],
    "backtest": ["backtest", "job.toml", *REALISED],
    "template": ["template", "kubernetes", "deploy", "--overwrite"],
    "report": ["report", "scores", "--to", "report.html", "--figures", "figures"],
    "export": ["export", "scores", "--to", "upsert.csv"],
    "export, changes": ["export", "scores", "--to", "changes.parquet", "--since", "{first}"],
    "campaigns": ["campaigns", "scores", "--to", "lists"],
    "lists": ["lists", "scores", "--to", "work"],
    "holdout": ["holdout", "scores", "--share", "0.4"],
    "lift": ["lift", "scores", "--outcomes", "won.parquet", "--name", "customers"],
    "alerts": ["alerts", "scores", "--since", "{first}", "--to", "alerts.parquet"],
    "diff": ["diff", "{first}", "scores", "--to", "diff.parquet"],
    "prune": ["prune", "scores", "--keep", "1"],
    "pin": ["pin", "scores", "{first_key}"],
    "forget": ["forget", "scores", "A0000007"],
    "rollback": ["rollback", "scores"],
    "import": ["import", "new", "imported", "--overwrite", "--max-rejected-share", "0.5"],
    "import, one file": ["import", "new", "imported.parquet", "--overwrite", "--max-rejected-share", "0.5"],
    "synth": ["synth", "made", "--rows", "4000", "--files", "3", "--orders"],
}
"""Every command that writes; `{first}` is the older of two versions."""


def build(folder: Path) -> None:
    """Write market, tables and job files into a folder, and let the program make what the commands start from."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    from tests.end_to_end import market
    from tests.faults import everything
    from tests.faults.import_crashes import sources

    folder.mkdir()
    os.chdir(folder)
    changes = everything.build(Path())
    changes |= {"campaigns.size": "employees", "columns.keep": ["industry"], "engine.workers": 1, "coverage": {}}
    metrics = {"metrics": {"textfile": "metrics/run.prom", "folder": "metrics"}}
    job = market.job("market", "scores", {**changes, **metrics}).model_dump(mode="json", exclude_none=True)
    write_job(Path("job.toml"), job)
    orders = pq.read_table("orders.parquet")
    pyarrow.csv.write_csv(orders, "orders.csv")
    job["lifetime_value"]["orders"] = str(folder / "orders.csv")
    write_job(Path("csv.toml"), job)
    ids = pq.read_table("market", columns=["account_id"])["account_id"]
    later = [float(i % 500) for i in range(len(ids))]
    pq.write_table(pa.table({"account_id": ids, "later": later}), "later.parquet")
    pq.write_table(pa.table({"account_id": ids, "amount": later}), "won.parquet")
    for value, name in ((1, "old"), (2, "new")):
        sources(folder / name, value)
    Path("metrics").mkdir()
    Path("tmp").mkdir()


BEGIN = [
    ["run", "job.toml"],
    ["run", "job.toml", "--set", "clusters.seed=2", "--accept"],
    ["import", "old", "imported", "--max-rejected-share", "0.5"],
    ["import", "old", "imported.parquet", "--max-rejected-share", "0.5"],
    ["export", "scores", "--to", "upsert.csv", "--fields", "potential"],
    ["campaigns", "scores", "--to", "lists", "--fields", "potential"],
    ["holdout", "scores", "--of", "customers", "--share", "0.4"],
]
"""What the commands find: two versions, a holdout, and older files where they write."""


def write_job(file: Path, job: dict[str, Any]) -> None:
    """Write a job file whose paths count from its folder, so that it can be moved."""
    file.write_text("\n".join(toml(job)).replace(f"{Path.cwd()}/", ""), encoding="utf-8")


def toml(tables: dict[str, Any], head: str = "") -> Iterator[str]:
    """Yield nested settings as lines of a TOML file."""
    if head:
        yield f"[{head}]"
    for key, value in tables.items():
        if not isinstance(value, dict):
            yield f"{json.dumps(key)} = {json.dumps(value)}"
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from toml(value, f"{head}.{json.dumps(key)}" if head else json.dumps(key))


def begin(arguments: list[str], folder: Path, said: Path) -> int:
    """Return the process number of a live command in a folder, in a session of its own; `said` gets what it prints."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder / "tmp")
        with said.open("wb") as file:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
        sys.argv = ["tamscore", *arguments]
        import tempfile

        from tamscore.cli import main

        tempfile.tempdir = None
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - a child never returns
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        os._exit(code)


def end(child: int, limit: float = 300.0) -> int:
    """Return the exit code of a process, negative for a signal; one that hangs is killed and counts as -99."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -99


def alone(child: int, limit: float = 15.0) -> bool:
    """Return whether all processes of the session of a process that has ended are gone, after a wait at most."""
    until = time.monotonic() + limit
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(child, 0)
            time.sleep(0.01)
        return False
    return True


def call(arguments: list[str], folder: Path, said: Path) -> int:
    """Return the exit code of a command that is left alone."""
    return end(begin(arguments, folder, said))
