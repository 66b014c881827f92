"""run_dag.py FOLDER COMMAND...: run the DAG once with each command as tamscore; prints what became of it as JSON.

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
    """Print the state of the run and of its tasks, each with the number of its tries, for every command."""
    bag = DagBag(folder)
    if bag.import_errors or list(bag.dags) != ["tamscore_weekly"]:
        sys.exit(f"{bag.import_errors or list(bag.dags)}")
    dag = bag.dags["tamscore_weekly"]
    for task in dag.tasks:
        task.retry_delay, task.retry_exponential_backoff = timedelta(0), False
    found: list[dict[str, Any]] = []
    for week, command in enumerate(commands):
        os.environ["TAMSCORE"] = command
        run = dag.test(logical_date=datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week))
        tasks = {one.task_id: [str(one.state), one.try_number] for one in run.get_task_instances()}
        found.append({"run": str(run.state), **tasks})
    print(f"\nFOUND {json.dumps(found)}")  # noqa: T201 - that is what it is for


main(*sys.argv[1:])
