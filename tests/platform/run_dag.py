"""run_dag.py FOLDER COMMAND...: run a DAG once with each command as tamscore; prints what became of it as JSON.

For the environment that has Airflow. Retries wait for nothing.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.dag_processing.dagbag import DagBag


def main(folder: str, *commands: str) -> None:
    """Print the state of the run and of its tasks, each with the number of its tries, for every command.

    A command is `DAG:ACCEPT:PROGRAM`.
    """
    bag = DagBag(folder)
    if bag.import_errors or sorted(bag.dags) != ["tamscore_refresh", "tamscore_weekly"]:
        sys.exit(f"{bag.import_errors or list(bag.dags)}")
    for task in (task for dag in bag.dags.values() for task in dag.tasks):
        task.retry_delay, task.retry_exponential_backoff = timedelta(0), False
    found: list[dict[str, Any]] = []
    for week, command in enumerate(commands):
        name, accept, os.environ["TAMSCORE"] = command.split(":", 2)
        day = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week)
        run = bag.dags[name].test(logical_date=day, run_conf={"accept": accept == "accept"})
        tasks = {one.task_id: [str(one.state), one.try_number] for one in run.get_task_instances()}
        found.append({"run": str(run.state), **tasks})
    print(f"\nFOUND {json.dumps(found)}")  # noqa: T201 - that is what it is for


main(*sys.argv[1:])
