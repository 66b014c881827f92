"""Scripts and image files under their linters, manifests under the schemas of Kubernetes and of the Dask operator."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

pytestmark = pytest.mark.platform

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-platform" / "bin"
MANIFESTS = [file for file in sorted((ROOT / "jobs").glob("*/*.yaml")) if file.name != "kustomization.yaml"]
SCRIPTS = [*sorted((ROOT / "jobs").rglob("*.sbatch")), *sorted((ROOT / "tests").rglob("*.sh")), ROOT / ".ci" / "run"]


def complaints(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_shellcheck_has_no_complaint(tmp_path):
    (tmp_path / "bad.sh").write_text("#!/bin/bash\ncd $1\n", encoding="utf-8")
    assert complaints(TOOLS / "shellcheck", tmp_path / "bad.sh")
    assert complaints(TOOLS / "shellcheck", *SCRIPTS) == ""


def test_hadolint_has_no_complaint(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp\n", encoding="utf-8")
    assert complaints(TOOLS / "hadolint", tmp_path / "Dockerfile")
    assert complaints(TOOLS / "hadolint", *sorted((ROOT / "docker").glob("*.Dockerfile"))) == ""


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_manifests_are_what_kubernetes_takes(file, tmp_path):
    """Strictly: a key that Kubernetes does not know is refused. The kinds of the operator are looked at below."""
    ours = [one for one in documents(file) if one["apiVersion"] != "kubernetes.dask.org/v1"]
    assert ours
    (tmp_path / "sound.yaml").write_text(yaml.safe_dump_all(ours), encoding="utf-8")
    assert complaints(TOOLS / "kubernetes-validate", "--strict", tmp_path / "sound.yaml") == ""
    ours[-1]["nonsense"] = 1
    (tmp_path / "spoilt.yaml").write_text(yaml.safe_dump_all(ours), encoding="utf-8")
    assert complaints(TOOLS / "kubernetes-validate", "--strict", tmp_path / "spoilt.yaml")


def test_the_cluster_is_what_the_dask_operator_takes():
    [folder] = (ROOT / ".venv-platform").glob("lib/*/site-packages/dask_kubernetes/operator/deployment/helm/*/crds")
    [definition] = documents(folder / "daskcluster.yaml")
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    [cluster] = [
        one for one in documents(ROOT / "jobs" / "kubernetes" / "dask_cluster.yaml") if one["kind"] == "DaskCluster"
    ]
    jsonschema.validate(cluster, schema)
    cluster["spec"]["worker"]["replicas"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster, schema)
