"""parse_pods.py FOLDER: what a real Airflow makes of the DAGs whose tasks are pods; prints it as JSON.

For the environment that has Airflow and the provider of Kubernetes. No cluster is asked: pods are made from the tasks
and judged as if they had ended.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

ENDS = [(0, "Completed"), *((code, "Error") for code in (1, 2, 3, 4, 5, 6, 7, 10, 137, 143)), (137, "OOMKilled"), None]
"""How the container of a pod may have ended; None: its node went away."""


def main(folder: str) -> None:
    """Print the arguments and the pod of each task, and what becomes of it by how it ended."""
    bag = DagBag(folder)
    if bag.import_errors:
        sys.exit(f"{bag.import_errors}")
    dags = {name: {task.task_id: described(task, dag) for task in dag.tasks} for name, dag in bag.dags.items()}
    [score] = [task for task in bag.dags["tamscore_weekly_pods"].tasks if task.task_id == "score"]
    judged = {f"{end[1]} {end[0]}" if end else "lost": judge(score, end) for end in ENDS}
    print(f"\nFOUND {json.dumps({'dags': dags, 'judged': judged})}")  # noqa: T201 - that is what it is for


def described(task: Any, dag: Any) -> dict[str, Any]:
    """Return what a task runs with the parameters as they stand, without and with accept; its pod; what comes after."""
    params = {key: dag.params[key] for key in dag.params}
    task.render_template_fields({"params": params, "ti": SimpleNamespace()})
    pod = task.build_pod_request_obj(dry_run=True)
    [container] = pod.spec.containers
    return {
        "plain": ran_with(task, params),
        "accepted": ran_with(task, {**params, "accept": True}),
        "container": [container.name, container.image, container.security_context.read_only_root_filesystem],
        "user": pod.spec.security_context.run_as_user,
        "after": sorted(task.downstream_task_ids),
        "retries": task.retries,
    }


def ran_with(task: Any, params: dict[str, Any]) -> list[str]:
    """Return the arguments that the pod of a task would get."""
    remaining = task.arguments
    with mock.patch.object(KubernetesPodOperator, "execute", lambda self, context: [*self.arguments]):
        arguments: list[str] = type(task).execute.__wrapped__(task, {"params": params})
    task.arguments = remaining
    return arguments


def judge(task: Any, end: tuple[int, str] | None) -> str:
    """Return the name of the error that a pod leads to which has ended so."""
    done = end and k8s.V1ContainerState(terminated=k8s.V1ContainerStateTerminated(exit_code=end[0], reason=end[1]))
    states = [k8s.V1ContainerStatus(name="tamscore", image="i", image_id="i", ready=False, restart_count=0, state=done)]
    status = k8s.V1PodStatus(
        phase="Succeeded" if end and not end[0] else "Failed", container_statuses=states if end else None
    )
    pod = k8s.V1Pod(metadata=k8s.V1ObjectMeta(name="one"), spec=k8s.V1PodSpec(containers=[]), status=status)
    vars(task).update(client=mock.MagicMock(), pod_manager=mock.MagicMock(), hook=mock.MagicMock())
    try:
        task.cleanup(pod, pod)
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return "done"


main(sys.argv[1])
