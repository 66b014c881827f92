"""Job files, scripts, manifests and image files say the same as the program: exit codes, users, keys."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tamscore import errors, job_file

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "jobs" / "slurm").glob("*.sbatch"))
KUBERNETES = ROOT / "jobs" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
MANIFESTS = [
    one
    for file in sorted(KUBERNETES.glob("*.yaml"))
    if file.name != "kustomization.yaml"
    for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
AIRFLOW_POD: dict[str, Any] = yaml.safe_load((ROOT / "jobs" / "airflow_kubernetes" / "pod.yaml").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
FINAL = {
    one.exit_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.TamscoreError)
} - {errors.RetryableError.exit_code, errors.NothingToDo.exit_code}
"""The exit codes that the same command would end with again."""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.name)
def test_settings_of_slurm_stand_before_the_first_command_where_it_reads_them(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/bin/bash"
    first = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    settings = [number for number, line in enumerate(lines) if line.startswith("#SBATCH ")]
    assert settings
    assert max(settings) < first
    assert not [line for line in lines if re.match(r"\s+#SBATCH|#\s+SBATCH", line)]


@pytest.mark.parametrize("script", [*SCRIPTS, *sorted((ROOT / "tests").rglob("*.sh"))], ids=lambda file: file.name)
def test_scripts_are_bash(script):
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in MANIFESTS if one["kind"] == kind]


def jobs() -> list[dict[str, Any]]:
    """What each Job is to be, those that a CronJob makes among them."""
    return [*of_kind("Job"), *(one["spec"]["jobTemplate"] for one in of_kind("CronJob"))]


def pods() -> list[dict[str, Any]]:
    [cluster] = of_kind("DaskCluster")
    roles = [cluster["spec"][role]["spec"] for role in ("scheduler", "worker")]
    return [*(job["spec"]["template"]["spec"] for job in jobs()), *roles, AIRFLOW_POD["spec"]]


def named_by(pod: dict[str, Any]) -> set[tuple[str, str]]:
    """Kind and name of each object that a pod takes in."""
    places = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName")}
    places["persistentVolumeClaim"] = ("PersistentVolumeClaim", "claimName")
    volumes = {(kind, one[key][name]) for one in pod["volumes"] for key, (kind, name) in places.items() if key in one}
    secrets = {source["secretRef"]["name"] for one in pod["containers"] for source in one.get("envFrom", ())}
    return volumes | {("Secret", name) for name in secrets} | {("ServiceAccount", pod["serviceAccountName"])}


def test_all_that_a_pod_names_is_defined_but_for_the_certificate_of_the_cluster():
    defined = {(one["kind"], one["metadata"]["name"]) for one in MANIFESTS} | {("Secret", "tamscore-tls")}
    for pod in pods():
        assert named_by(pod) <= defined


def test_the_weekly_run_is_not_joined_by_the_next_and_the_base_applies_it_with_its_settings():
    [weekly] = of_kind("CronJob")
    assert weekly["spec"]["concurrencyPolicy"] == "Forbid"
    files = {file: [*yaml.safe_load_all((KUBERNETES / file).read_text())] for file in KUSTOMIZATION["resources"]}
    together = {(one["kind"], one["metadata"]["name"]) for file in files.values() for one in file}
    asked = named_by(weekly["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    assert asked - together == {("Secret", "tamscore-storage")}, "which is optional"
    [image] = KUSTOMIZATION["images"]
    [container] = weekly["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{image['name']}:{image['newTag']}"


def test_kubernetes_gives_up_on_what_would_come_out_the_same_and_on_nothing_else():
    assert len(jobs()) == 5
    for job in jobs():
        [rule] = [one for one in job["spec"]["podFailurePolicy"]["rules"] if one["action"] == "FailJob"]
        killed_for_memory = 137
        assert set(rule["onExitCodes"]["values"]) - {killed_for_memory} == FINAL == {1, 2, 3, 4, 6, 7}
        assert killed_for_memory in rule["onExitCodes"]["values"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert rule["onExitCodes"]["containerName"] == container["name"]
        assert "--if-changed" not in container["args"], "its exit code 10 would count as a failure"


def test_pods_run_as_nobody_write_nowhere_but_in_volumes_and_stay_within_limits():
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
            assert not container["image"].endswith(":latest")
            assert {mount["name"] for mount in container["volumeMounts"]} <= {one["name"] for one in pod["volumes"]}
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}  # noqa: S108 - in a pod


def test_the_job_file_in_the_manifest_is_one_with_the_settings_that_its_jobs_add():
    [settings] = of_kind("ConfigMap")
    for job in jobs():
        arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
        sets = [value for option, value in pairwise(arguments) if option == "--set"]
        job_file.parse(settings["data"]["job.toml"], "job.toml", sets)


def test_what_crosses_the_network_of_a_cluster_is_encrypted():
    roles = ("CLIENT", "SCHEDULER", "WORKER")
    named = {variable["name"] for pod in pods() for one in pod["containers"] for variable in one.get("env", ())}
    assert {f"DASK_DISTRIBUTED__COMM__TLS__{role}__{kind}" for role in roles for kind in ("CERT", "KEY")} <= named
    text = (KUBERNETES / "dask_cluster.yaml").read_text(encoding="utf-8")
    assert "tcp://" not in text
    assert "tcp://" not in (ROOT / "jobs" / "slurm" / "many_nodes.sbatch").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ["airflow/tamscore_weekly.py", "airflow_kubernetes/tamscore_weekly_pods.py"])
def test_the_dags_know_the_exit_codes_of_the_program(file):
    tree = ast.parse((ROOT / "jobs" / file).read_text(encoding="utf-8"))
    [values] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("REVIEW, RETRY, NOTHING_TO_DO)")
    ]
    leaves = (errors.GateError, errors.RetryableError, errors.NothingToDo)
    assert values[-3:] == tuple(leaf.exit_code for leaf in leaves)
    assert values[:-3] in {(), (0,)}


def test_services_are_closed_up_wait_for_health_and_mount_data_alone():
    services = COMPOSE["services"]
    assert set(services) == {"scheduler", "worker", "job"}
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001:10001"
        assert "ports" not in service, "nothing is reached from outside"
        assert all(volume.endswith(":/data") and volume.startswith("${DATA") for volume in service.get("volumes", ()))
    for role, others in {"worker": {"scheduler"}, "job": {"scheduler", "worker"}}.items():
        assert {name: how["condition"] for name, how in services[role]["depends_on"].items()} == dict.fromkeys(
            others, "service_healthy"
        )
    assert COMPOSE["networks"]["cluster"]["internal"] is True


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_images_take_any_base_pin_what_they_install_and_are_not_root(file):
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"^# syntax=", text, re.MULTILINE), "it would be fetched from a registry"
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)
    assert {base for base, _ in stages} <= {"${BASE_IMAGE}", *(name for _, name in stages)}
    assert re.search(r"^ARG BASE_IMAGE=\S+:\S*\d", text, re.MULTILINE), "a base with a version"
    assert text.count("--require-hashes") == text.count(" -r ") == 2
    assert text.count("pip wheel") == 1
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_a_base_can_be_pinned_by_digest_and_the_image_says_which_it_has(file):
    """An argument of the build counts in a stage only where the stage names it again."""
    text = file.read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^ARG BASE_IMAGE$", final, re.MULTILINE)
    assert final.index("ARG BASE_IMAGE") < final.index('org.opencontainers.image.base.name="${BASE_IMAGE}"')
    default = re.findall(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    readme = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")
    assert [f"-f docker/{file.name} --build-arg BASE_IMAGE={name}@sha256:" in readme for name in default] == [True]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_into_an_image_enters_the_build(file):
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"}
    text = file.read_text(encoding="utf-8").replace("${REQUIREMENTS}", "locks/gpu-cu12.txt")
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert name in allowed
            assert (ROOT / name).exists()


EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
LEAN, FULL = ("gpu-cu12", "gpu-cu13"), ("rapids-cu12", "rapids-cu13")
LARGE = re.compile(r"cudf|cuml|raft|cuvs|nvidia-(cublas|cufft|curand|cusolver|cusparse|nccl|libnvcomp)")


def locked(extra: str) -> list[tuple[str, str]]:
    """The packages of the lock of an extra with their versions; one may stand there twice."""
    text = (ROOT / "locks" / f"{extra}.txt").read_text(encoding="utf-8")
    return re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==([^ ;]+)", text, re.MULTILINE)


@pytest.mark.parametrize("extra", [*LEAN, *FULL])
def test_a_lock_of_each_gpu_extra_enters_an_image_and_holds_what_its_reader_imports(extra):
    """The lean ones hold none of the large libraries, no lock holds a version before its release."""
    packages = locked(extra)
    assert f"!locks/{extra}.txt" in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {re.split(r"[=><\[]", one)[0] for one in EXTRAS[extra]} <= {name for name, _ in packages}
    assert any(LARGE.match(name) for name, _ in packages) == (extra in FULL)
    assert [(name, version) for name, version in packages if re.search(r"\d(a|b|rc)\d|dev", version)] == []


def test_the_conda_environment_asks_for_what_the_extra_asks_for():
    """Under conda's names for packages; a version that one of the two forgets would install something untested."""
    text = (ROOT / "locks" / "environment-gpu.yml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_extra = (re.sub(r"^(cudf|cuml|cupy)-cu(da)?13x?", r"\1", one) for one in EXTRAS["rapids-cu13"])
    wanted = {re.sub(r"==(.*)\.\*", r"=\1", one) for one in of_extra}
    wanted |= {one.replace("xxhash", "python-xxhash") for one in project["dependencies"]}
    given = set(yaml.safe_load(text)["dependencies"])
    assert wanted <= given
    assert given - wanted == {"python=3.12", "cuda-version>=13,<14", "rmm=26.10"}


@pytest.mark.parametrize("target", ["demo", "test", "test-platform", "docs", "lock", "bench", "clean"])
def test_a_shell_can_read_what_a_target_of_make_does(target):
    """A comma in a text that is handed to a macro would cut the text, and its quote, in two."""
    output = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    read = subprocess.run(["sh", "-n"], input=output, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
