"""Score the market every Monday: a DAG for Airflow 3 that knows what the exit codes of tamscore mean.

5, and a stop by a signal, are tried again; 10 skips what comes after; 4 fails at once and asks for a person, since the
same data would close the same gate again; so does everything else. A run that is tried again goes on where it was.

    TAMSCORE          the command line of tamscore; else `tamscore`
    TAMSCORE_JOB      the job file; else /etc/tamscore/job.toml
"""

# mypy: allow-untyped-decorators
from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections import deque
from datetime import UTC, datetime, timedelta

from airflow.exceptions import AirflowException
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

DONE, REVIEW, RETRY, NOTHING_TO_DO = 0, 4, 5, 10
LINES_TOLD = 20
STOP_S = 15
"""A run ends within ten seconds of being asked to."""


def judge(code: int, told: str) -> None:
    """Nothing, where the run is done; else the exception by which Airflow retries, skips, or fails."""
    if code == DONE:
        return
    if code == NOTHING_TO_DO:
        raise AirflowSkipException("these very scores are there already")
    if code == RETRY or code > 128 or code < 0:
        raise AirflowException(f"exit code {code}, to be tried again: {told}")
    if code == REVIEW:
        raise AirflowFailException(f"a person has to look and accept, nothing was published: {told}")
    raise AirflowFailException(f"exit code {code}: {told}")


def run(*arguments: str) -> None:
    """Run tamscore, its log lines in the log of the task; a task that is stopped stops the run."""
    command = [*shlex.split(os.environ.get("TAMSCORE", "tamscore")), *arguments]
    last: deque[str] = deque(maxlen=LINES_TOLD)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for line in process.stdout or ():
                sys.stdout.write(line)
                last.append(line)
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait(timeout=STOP_S)
            raise
    judge(code, "".join(last).strip())


@dag(
    schedule="0 5 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # one output, one writer; a second run would be told to come later
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=2),
    },
    tags=["tamscore"],
    doc_md=__doc__,
)
def tamscore_weekly() -> None:
    """Check the job, score the market, hold every byte against the manifest."""

    @task
    def check() -> None:
        """Read the job file and every footer; nothing is computed."""
        run("check", os.environ.get("TAMSCORE_JOB", "/etc/tamscore/job.toml"))

    @task
    def score() -> None:
        """Score the whole market with the model of the week before; the first week fits one."""
        run("score", os.environ.get("TAMSCORE_JOB", "/etc/tamscore/job.toml"), "--or-run", "--if-changed")

    @task
    def publish() -> None:
        """Stand for what uses the scores: a load into the CRM, say. Skipped where nothing has changed."""

    check() >> score() >> publish()


tamscore_weekly()
