"""Score the market every Monday, refresh the model each quarter, each task in a pod: DAGs for Airflow 3 on Kubernetes.

They need the provider cncf.kubernetes, and do what tamscore_weekly.py does where Airflow's own workers have tamscore:
exit code 10 skips what comes after; 5, a stop by a signal and a lost node are tried again; all other codes and a pod
that ran out of memory fail at once, since they would come out the same again. Code 4 asks for a person, who opens the
gate by triggering the DAG with the parameter accept. The pod is pod.yaml beside this file.

    TAMSCORE_IMAGE      the image; else the one in pod.yaml
    TAMSCORE_NAMESPACE  the namespace of the pods; else Airflow's own
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Asset, Param, dag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

REVIEW, RETRY, NOTHING_TO_DO = 4, 5, 10
CONTAINER = "tamscore"
SCORES = Asset("tamscore_scores")
"""What other DAGs can wait for: new scores, whole and verified."""
RULES = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "execution_timeout": timedelta(hours=2),
}
PARAMS = {
    "job": Param("/etc/tamscore/job.toml", type="string", description="Job file in the pod."),
    "market": Param("/data/market", type="string", description="The table to score, in place of the job file's."),
    "scores": Param("/data/scores", type="string", description="The output, in place of the job file's."),
    "lists": Param("/data/lists", type="string", description="Folder of lists."),
    "accept": Param(False, type="boolean", description="Publish what a gate has stopped."),
}
JOB = ("{{ params.job }}", "--set=input.path={{ params.market }}", "--set=output.path={{ params.scores }}")


class TamscorePod(KubernetesPodOperator):
    """A command of tamscore in a pod, whose exit code says whether to go on, skip, try again or fail."""

    def __init__(self, *, opens_gate: bool = False, **options: Any) -> None:
        super().__init__(
            image=os.environ.get("TAMSCORE_IMAGE"),
            namespace=os.environ.get("TAMSCORE_NAMESPACE"),
            pod_template_file=str(Path(__file__).with_name("pod.yaml")),
            base_container_name=CONTAINER,
            skip_on_exit_code=NOTHING_TO_DO,
            **options,
        )
        self.opens_gate = opens_gate

    def execute(self, context: Any) -> Any:
        """Run the pod; with `--accept` if the command can open a gate and a person has asked for it."""
        if self.opens_gate and context["params"]["accept"]:
            self.arguments = [*self.arguments, "--accept"]
        return super().execute(context)

    def cleanup(self, pod: Any, remote_pod: Any, *more: Any, **options: Any) -> None:
        """Judge a pod that has ended; raise AirflowFailException if its exit code would come out the same again."""
        try:
            super().cleanup(pod, remote_pod, *more, **options)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            if reason := final_reason(remote_pod):
                raise AirflowFailException(reason) from error
            raise


def final_reason(pod: Any) -> str:
    """Return why a failed pod is not tried again; empty if it is."""
    states = [
        one.state.terminated for one in pod.status.container_statuses or () if one.name == CONTAINER and one.state
    ]
    if not states or states[0] is None:
        return ""
    code, reason = states[0].exit_code, states[0].reason
    if reason == "OOMKilled":
        return "out of memory: give the pod more, or lower engine.workers"
    if code == REVIEW:
        return "a person has to look and accept, nothing was published; to accept: trigger the DAG with accept"
    return f"exit code {code}" if code < 128 and code != RETRY else ""


def check_and(score: TamscorePod) -> None:
    """Put the check of the job before a run, and behind it what is done with new scores."""
    check = TamscorePod(task_id="check", arguments=["check", *JOB])
    verify = TamscorePod(task_id="verify", arguments=["verify", "{{ params.scores }}"], outlets=[SCORES])
    cover = TamscorePod(task_id="cover", arguments=["coverage", "{{ params.scores }}"])
    lists = TamscorePod(task_id="lists", arguments=["lists", "{{ params.scores }}", "--to", "{{ params.lists }}"])
    check >> score >> verify >> cover >> lists


@dag(
    schedule="0 5 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # one output, one writer; a second run would be told to come later
    default_args=RULES,
    params=PARAMS,
    tags=["tamscore"],
    doc_md=__doc__,
)
def tamscore_weekly_pods() -> None:
    """Check the job, score the market with the model of the week before, verify, cover and list."""
    arguments = ["score", *JOB, "--or-run", "--if-changed"]
    check_and(TamscorePod(task_id="score", arguments=arguments, opens_gate=True))


@dag(
    schedule="0 9 1 1,4,7,10 *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=RULES,
    params=PARAMS,
    tags=["tamscore"],
    doc_md=__doc__,
)
def tamscore_refresh_pods() -> None:
    """Fit the model on, verify, cover and list; a person who has looked at a closed gate triggers it with accept."""
    arguments = ["refresh", *JOB, "--from", "{{ params.scores }}", "--if-changed"]
    check_and(TamscorePod(task_id="refresh", arguments=arguments, opens_gate=True))


tamscore_weekly_pods()
tamscore_refresh_pods()
