"""Score the market every Monday, fit the model on each quarter: DAGs for Airflow 3 that know what exit codes mean.

5, and a stop by a signal, are tried again; 10 skips what comes after; 4 fails at once and asks for a person, since the
same data would close the same gate again; so does everything else. A run that is tried again goes on where it was.
A gate is opened by hand: trigger the DAG with the parameter accept.

    TAMSCORE          the command line of tamscore; else `tamscore`
    TAMSCORE_JOB      the job file; else /etc/tamscore/job.toml
    TAMSCORE_SCORES   the output folder of the job; else /data/scores
    TAMSCORE_LISTS    where the lists of people and campaigns go; else /data/lists
"""

# mypy: allow-untyped-decorators
from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.exceptions import AirflowException
from airflow.sdk import Asset, Param, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

DONE, REVIEW, RETRY, NOTHING_TO_DO = 0, 4, 5, 10
LINES_REPORTED = 20
STOP_S = 15
"""A run ends within ten seconds of being asked to."""
SCORES = Asset("tamscore_scores")
"""What other DAGs can wait for: new scores, whole and verified."""
RULES = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "execution_timeout": timedelta(hours=2),
}


def judge(code: int, text: str) -> None:
    """Nothing, where the run is done; else the exception by which Airflow retries, skips, or fails."""
    if code == DONE:
        return
    if code == NOTHING_TO_DO:
        raise AirflowSkipException("these very scores are there already")
    if code == RETRY or code > 128 or code < 0:
        raise AirflowException(f"exit code {code}, to be tried again: {text}")
    if code == REVIEW:
        raise AirflowFailException(
            f"a person has to look and accept, nothing was published: {text}\nto accept: trigger the DAG with accept"
        )
    raise AirflowFailException(f"exit code {code}: {text}")


def run(*arguments: str) -> None:
    """Run tamscore, its log lines in the log of the task; a task that is stopped stops the run."""
    command = [*shlex.split(os.environ.get("TAMSCORE", "tamscore")), *arguments]
    last: deque[str] = deque(maxlen=LINES_REPORTED)
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


def settings() -> dict[str, Param]:
    """Return what a person may change for one run."""
    return {
        "job": Param(os.environ.get("TAMSCORE_JOB", "/etc/tamscore/job.toml"), type="string", description="Job file."),
        "scores": Param(os.environ.get("TAMSCORE_SCORES", "/data/scores"), type="string", description="Its output."),
        "lists": Param(os.environ.get("TAMSCORE_LISTS", "/data/lists"), type="string", description="Folder of lists."),
        "accept": Param(False, type="boolean", description="Publish what a gate has stopped."),
    }


def accepted(params: dict[str, Any]) -> list[str]:
    """Return the option that opens a gate, if a person has asked for it."""
    return ["--accept"] if params["accept"] else []


@task
def check(params: dict[str, Any]) -> None:
    """Read the job file and every footer; nothing is computed."""
    run("check", params["job"])


@task
def score(params: dict[str, Any]) -> None:
    """Score the whole market with the model of the week before; the first week fits one."""
    run("score", params["job"], "--or-run", "--if-changed", *accepted(params))


@task
def refresh(params: dict[str, Any]) -> None:
    """Fit the model on from that of the scores; a gate closes where too many accounts would change cluster."""
    run("refresh", params["job"], "--from", params["scores"], "--if-changed", *accepted(params))


@task(outlets=[SCORES])
def verify(params: dict[str, Any]) -> None:
    """Hold every byte of the scores against the manifest."""
    run("verify", params["scores"])


@task
def cover(params: dict[str, Any]) -> None:
    """Choose a role and a person for each account, as [coverage] of the job says."""
    run("coverage", params["scores"])


@task
def lists(params: dict[str, Any]) -> None:
    """Write what each person and each campaign works on."""
    run("lists", params["scores"], "--to", params["lists"])


@dag(
    schedule="0 5 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # one output, one writer; a second run would be told to come later
    default_args=RULES,
    params=settings(),
    tags=["tamscore"],
    doc_md=__doc__,
)
def tamscore_weekly() -> None:
    """Check the job, score the market, verify the scores, say who covers whom, write the lists."""
    check() >> score() >> verify() >> cover() >> lists()


@dag(
    schedule="0 9 1 1,4,7,10 *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=RULES,
    params=settings(),
    tags=["tamscore"],
    doc_md=__doc__,
)
def tamscore_refresh() -> None:
    """Fit the model on, verify, cover and list; whoever has looked at a closed gate triggers it with accept."""
    check() >> refresh() >> verify() >> cover() >> lists()


tamscore_weekly()
tamscore_refresh()
