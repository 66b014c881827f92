"""The images, built from their files as they stand: who they run as, what is in them, a job that comes to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tamscore.store import verify
from tamscore.synthetic import write_market
from tests.faults.clusters import free_ports, wait_until
from tests.platform.images import ROOT, Container, build, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.platform

QUICK = ("--set", "clusters.restarts=2", "--set", "device=cpu")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def image() -> str:
    return build("cpu.Dockerfile", "localhost/tamscore:ci")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A market that user 10001 may read, and a place where it may write."""
    write_market(tmp_path / "data", rows=3000, seed=5, files=4)
    for path in (tmp_path / "data").rglob("*"):
        os.chown(path, 10001, 10001)
    os.chown(tmp_path / "data", 10001, 10001)
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(above.stat().st_mode | 0o055)
    return tmp_path / "data"


@pytest.fixture
def container(image: str, folder: Path) -> Iterator[Container]:
    with Container(image, folder) as made:
        yield made


def scores(output: Path) -> list[bytes]:
    assert verify.problems_of_output(output) == []
    return [path.read_bytes() for path in sorted(output.glob("versions/*/scores/part-*.parquet"))]


def reference(folder: Path, output: Path) -> list[bytes]:
    pipeline.run(job_file.load(folder / "job.toml", (f"output.path={output}", *QUICK[1::2])), Progress())
    return scores(output)


def test_the_job_of_the_image_comes_to_its_end_as_its_own_user(container, folder, tmp_path):
    done = container.run("run", "/data/job.toml", *QUICK)
    assert done.returncode == 0, done.stderr
    assert {path.stat().st_uid for path in (folder / "scores").rglob("*")} == {10001}
    assert scores(folder / "scores") == reference(folder, tmp_path / "here")
    refused = container.run("run", "/data/nothing.toml")
    assert (refused.returncode, "nothing.toml" in refused.stderr) == (2, True)


def test_nothing_but_the_program_is_in_the_image_and_nothing_of_it_belongs_to_its_user(container):
    look = "ls -A /src /build /dist /opt/tamscore/bin/pip* 2>/dev/null; find / -xdev -user 10001 -not -path '/data*'"
    assert container.run("-c", look, entry=["/bin/sh"]).stdout == ""
    for library in ("dask.config, distributed", "obstore", "pyarrow.compute", "scipy.optimize, scipy.stats"):
        assert container.run("-c", f"import {library}", entry=["python3"]).stderr == ""
    imported = "import sklearn.ensemble, sklearn.metrics, sklearn.neighbors, tamscore; print(tamscore.__file__)"
    done = container.run("-c", imported, entry=["python3"])
    assert done.stdout.startswith("/opt/tamscore/lib/"), done.stderr


def test_the_image_names_its_user_by_number_and_starts_the_program(image):
    image_config = configuration(image)
    assert image_config["User"] == "10001:10001"
    assert image_config["Entrypoint"] == ["tamscore"]


def test_the_file_for_gpus_builds_on_any_base_and_asks_for_the_gpus(folder):
    """The lock of the CPU stands in for that of a GPU. What is compiled at run time goes to /tmp."""
    image = build("gpu.Dockerfile", "localhost/tamscore-gpu:ci", REQUIREMENTS="locks/run.txt")
    image_config = configuration(image)
    variables = dict(one.split("=", 1) for one in image_config["Env"])
    assert (image_config["User"], image_config["Entrypoint"]) == ("10001:10001", ["tamscore"])
    assert (variables["NVIDIA_VISIBLE_DEVICES"], variables["NVIDIA_DRIVER_CAPABILITIES"]) == ("all", "compute,utility")
    assert variables["CUPY_CACHE_DIR"].startswith("/tmp/")  # noqa: S108 - a file system of its own in a container
    with Container(image, folder) as container:
        refused = container.run("run", "/data/job.toml", "--set", "device=cuda")
        assert refused.returncode == 7, refused.stderr
        assert "no NVIDIA driver" in refused.stderr


def healthy(container: Container, check: list[str]) -> bool:
    """Whether a service passes its check."""
    return container.run(entry=check).returncode == 0


def end(process: subprocess.Popen[bytes]) -> None:
    """End a service with all its processes."""
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=60)


def alone(text: str, ports: dict[str, str]) -> str:
    """A word of the compose file for containers that share this machine's network: loopback, and free ports."""
    here = re.sub(r"tcp://(0\.0\.0\.0|scheduler)", "tcp://127.0.0.1", text)
    for port, free in ports.items():
        here = re.sub(rf"\b{port}\b", free, here)
    return here


def test_the_services_of_the_compose_file_become_healthy_and_score(container, folder, tmp_path):
    """The commands and health checks as they stand there, in containers of the image."""
    ports = dict(zip(("8786", "8787", "8788"), map(str, free_ports(3)), strict=True))
    services = {
        name: [alone(word, ports) for word in (*service.get("entrypoint", ["tamscore"]), *service["command"])]
        for name, service in COMPOSE["services"].items()
    }
    checks = {
        name: [alone(word, ports) for word in service["healthcheck"]["test"][1:]]
        for name, service in COMPOSE["services"].items()
        if "healthcheck" in service
    }
    assert set(checks) == {"scheduler", "worker"}
    with ExitStack() as started:
        for name in ("scheduler", "worker"):
            assert not healthy(container, checks[name]), "a check that cannot fail"
            local = ("--host", "127.0.0.1") if name == "worker" else ()
            log = started.enter_context((tmp_path / f"{name}.log").open("wb"))
            command = container.command(*local, entry=services[name])
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            started.callback(end, process)
            assert wait_until(partial(healthy, container, checks[name]), 90), name
        done = container.run(*QUICK, entry=services["job"])
        assert done.returncode == 0, done.stderr
    assert scores(folder / "scores") == reference(folder, tmp_path / "here")
    manifest = json.loads(next((folder / "scores").glob("versions/*/manifest.json")).read_text(encoding="utf-8"))
    assert manifest["job"]["engine"]["kind"] == "remote"
