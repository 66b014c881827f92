"""The DAG in a real Airflow: what it makes of the exit codes of real runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tamscore.store import verify
from tamscore.synthetic import write_market

pytestmark = pytest.mark.platform

ROOT = Path(__file__).parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin"
DAGS = ROOT / "jobs" / "airflow"

PODS = ROOT / "jobs" / "airflow_kubernetes"
TRIED_AGAIN = {"Error 5", "Error 137", "Error 143", "lost"}


def environment_of(home: Path) -> dict[str, str]:
    """The environment of an Airflow of its own, without the packages of this one."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def program(path: Path, before: str = "", after: str = "") -> str:
    """A command line of tamscore as a script; `before` runs first, `after` are arguments of runs."""
    text = (
        f'#!/bin/bash\n{before}\n[[ $1 == score || $1 == refresh ]] && set -- "$@" --set=clusters.restarts=2 {after}\n'
    )
    text += f'export PYTHONPATH={os.pathsep.join(filter(None, sys.path))}\nexec {sys.executable} -m tamscore "$@"\n'
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_the_dags_retry_skip_and_fail_by_exit_code(tmp_path):
    """Done, nothing to do, a lost worker and then done, a gate, data against the contract, a gate that is opened."""
    write_market(tmp_path / "market", rows=3000, seed=5, files=2)
    job = tmp_path / "market" / "job.toml"
    once = f"if [[ $1 == score && ! -e {tmp_path}/tried ]]; then touch {tmp_path}/tried; exit 5; fi"
    gate = "[[ $1 == score ]] && { echo 'error: a gate' >&2; exit 4; }"
    shut = """[[ $1 == refresh && "$*" != *--accept* ]] && { echo 'error: clusters would change' >&2; exit 4; }"""
    commands = [
        f"tamscore_weekly::{program(tmp_path / 'plain')}",
        f"tamscore_weekly::{program(tmp_path / 'plain')}",
        f"tamscore_weekly::{program(tmp_path / 'later', once, '--set=rows.max_rejected_share=0.02')}",
        f"tamscore_weekly::{program(tmp_path / 'gate', gate)}",
        f"tamscore_weekly::{program(tmp_path / 'contract', after='--set=columns.sales=nothing')}",
        f"tamscore_refresh::{program(tmp_path / 'shut', shut)}",
        f"tamscore_refresh:accept:{program(tmp_path / 'shut', shut)}",
    ]
    environment = environment_of(tmp_path / "airflow") | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "TAMSCORE_JOB": str(job),
        "TAMSCORE_SCORES": str(tmp_path / "market" / "scores"),
        "TAMSCORE_LISTS": str(tmp_path / "lists"),
    }
    for command in (
        [str(AIRFLOW / "airflow"), "db", "migrate"],
        [str(AIRFLOW / "python"), str(Path(__file__).with_name("run_dag.py")), str(DAGS), *commands],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    plain, again, later, closed, contract, shut_gate, opened = json.loads(line.removeprefix("FOUND "))
    done_once = ["success", 1]
    assert plain == {"run": "success", **dict.fromkeys(("check", "score", "verify", "cover", "lists"), done_once)}
    assert (again["score"], again["verify"][0], again["run"]) == (["skipped", 1], "skipped", "success")
    assert (later["score"], later["run"]) == (["success", 2], "success")
    assert (closed["score"], closed["verify"][0], closed["run"]) == (["failed", 1], "upstream_failed", "failed")
    assert (contract["score"], contract["run"]) == (["failed", 1], "failed")
    assert (shut_gate["refresh"], shut_gate["run"]) == (["failed", 1], "failed")
    assert (opened["refresh"], opened["lists"], opened["run"]) == (done_once, done_once, "success")
    said = done.stdout + done.stderr
    assert "a person has to look and accept, nothing was published: error: a gate" in said
    assert "trigger the DAG with accept" in said
    assert (tmp_path / "lists" / "index.html").is_file()
    assert verify.problems_of_output(tmp_path / "market" / "scores") == []


def test_pods_get_the_parameters_and_are_judged_by_exit_code(tmp_path):
    """The DAGs whose tasks are pods, as a real Airflow reads them; no cluster is asked."""
    environment = environment_of(tmp_path / "airflow") | {"TAMSCORE_IMAGE": "registry.example/other:1"}
    for command in (
        [str(AIRFLOW / "airflow"), "db", "migrate"],
        [str(AIRFLOW / "python"), str(Path(__file__).with_name("parse_pods.py")), str(PODS)],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    output = json.loads(line.removeprefix("FOUND "))
    assert set(output["dags"]) == {"tamscore_weekly_pods", "tamscore_refresh_pods"}
    for dag, step in (("tamscore_weekly_pods", "score"), ("tamscore_refresh_pods", "refresh")):
        tasks = output["dags"][dag]
        assert {name: task["after"] for name, task in tasks.items()} == {
            "check": [step], step: ["verify"], "verify": ["cover"], "cover": ["lists"], "lists": [],
        }  # fmt: skip
        assert "--set=input.path=/data/market" in tasks[step]["plain"]
        assert [name for name, task in tasks.items() if task["accepted"] != task["plain"]] == [step]
        assert tasks[step]["accepted"] == [*tasks[step]["plain"], "--accept"]
        for task in tasks.values():
            assert (task["container"], task["user"]) == (["tamscore", "registry.example/other:1", True], 10001)
    judged = output["judged"]
    assert judged["Completed 0"] == "done"
    assert judged["Error 10"] == "AirflowSkipException"
    assert {end for end, error in judged.items() if error == "AirflowException"} == TRIED_AGAIN
    final = set(judged) - TRIED_AGAIN - {"Completed 0", "Error 10"}
    assert {judged[end] for end in final} == {"AirflowFailException"}
    assert "OOMKilled 137" in final
