"""Clusters across a network: who may be joined, over what, and what Dask is not allowed to bring along."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import dask.config
import pytest

from tamscore.config import Engine
from tamscore.engine import connect, versions
from tamscore.errors import JobFileError, RetryableError, UsageError
from tamscore.job_file import parse
from tests.faults import tasks
from tests.faults.clusters import BUSY_S, cluster, free_port, wait_until, workers_of
from tests.unit.test_config import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator


def remote(address: str, **settings: Any) -> Any:
    return connect.connect(Engine(kind="remote", scheduler=address, **{"connect_timeout": 2.0} | settings))


def refused(address: str, **settings: Any) -> tuple[RetryableError, float]:
    """The error, and how long it took."""
    began = time.monotonic()
    with pytest.raises(RetryableError) as caught:
        remote(address, **settings)
    assert caught.value.exit_code == 5
    return caught.value, time.monotonic() - began


def test_a_closed_port_is_reported_in_time():
    """F15."""
    address = f"tcp://127.0.0.1:{free_port()}"
    error, took = refused(address)
    assert str(error) == (
        f"engine.scheduler: no Dask scheduler answers at {address!r}: nothing listens at this port, tried for 2 s"
    )
    assert took < 2 + BUSY_S


def test_an_unknown_host_is_reported_in_time():
    """F15: the name cannot exist (RFC 2606)."""
    error, took = refused("tcp://nowhere.invalid:8786", allow_insecure_scheduler=True)
    assert "the host name 'nowhere.invalid' is not known" in str(error)
    assert took < 2 + BUSY_S


def test_a_host_that_does_not_answer_is_reported_in_time():
    """F15: a listener whose queue is full lets connections hang, as a firewall does."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(deaf.getsockname())
        error, took = refused(f"tcp://127.0.0.1:{deaf.getsockname()[1]}")
        for one in waiting:
            one.close()
    assert "no answer" in str(error)
    assert took < 2 + BUSY_S


def test_something_that_is_no_scheduler_is_reported_in_time():
    """F15: it accepts and stays silent."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(16)
        error, took = refused(f"tcp://127.0.0.1:{mute.getsockname()[1]}")
    assert "something answers at" in str(error)
    assert "but not as a Dask scheduler within 2 s" in str(error)
    assert took < 2 + BUSY_S


def job(**engine: Any) -> Any:
    return parse({**SMALL, "engine": engine}, folder=Path("/jobs"))


@pytest.mark.parametrize(
    "host",
    ["10.0.0.5", "scheduler", "dask.example.com", "0.0.0.0", "[2001:db8::1]", "localhost.x"],  # noqa: S104 - a name to refuse
)
def test_a_scheduler_elsewhere_needs_tls_or_a_word_that_it_does_not(host):
    """C08, C18: anybody who reaches an open scheduler runs code on it; exit code 2 says so."""
    with pytest.raises(
        JobFileError, match=r"engine\.scheduler: expected tls:// for .* anybody on the network"
    ) as caught:
        job(kind="remote", scheduler=f"tcp://{host}:8786")
    assert caught.value.exit_code == 2
    assert job(kind="remote", scheduler=f"tcp://{host}:8786", allow_insecure_scheduler=True)
    assert job(kind="remote", scheduler=f"tls://{host}:8786")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "[::1]"])
def test_a_scheduler_on_loopback_may_speak_in_the_open(host):
    assert job(kind="remote", scheduler=f"tcp://{host}:8786")


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_is_one(port):
    with pytest.raises(JobFileError, match="expected tcp://HOST:PORT"):
        job(kind="remote", scheduler=f"tcp://127.0.0.1:{port}")


PRELOADS = [f"DASK_DISTRIBUTED__{role}__PRELOAD" for role in ("SCHEDULER", "WORKER", "NANNY", "CLIENT")]
OTHERS = [
    "DASK_DISTRIBUTED__WORKER__PRELOAD_ARGV",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES",
    "DASK_DISTRIBUTED__CLIENT__SECURITY_LOADER",
    "DASK_DISTRIBUTED__NANNY__ENVIRON__LD_PRELOAD",
    "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON",
]


@pytest.mark.parametrize("kind", [{"kind": "processes"}, {"kind": "remote", "scheduler": "tcp://127.0.0.1:9"}])
@pytest.mark.parametrize("variable", [*PRELOADS, *OTHERS])
def test_settings_of_dask_that_run_code_are_refused_by_name(monkeypatch, variable, kind):
    """C08: exit code 2 before any process starts."""
    monkeypatch.setenv(variable, "{'LD_PRELOAD': 'x'}" if variable.endswith("ENVIRON") else "['canary']")
    before = workers_of()
    with pytest.raises(UsageError, match=f"the environment variable {variable} sets distributed") as caught:
        connect.connect(Engine(**kind))
    assert caught.value.exit_code == 2
    assert workers_of() == before


def test_settings_in_a_file_of_dask_that_run_code_are_refused_too():
    """C08: whichever way they came."""
    with (
        dask.config.set({"distributed.worker.preload": ["canary.py"]}),
        pytest.raises(UsageError, match=r"the Dask configuration sets distributed.worker.preload"),
    ):
        connect.connect(Engine(kind="processes"))


def test_code_named_in_the_environment_never_runs(tmp_path):
    """C08: the whole program, with a preload that would leave a trace."""
    from tamscore.synthetic import write_market

    write_market(tmp_path / "market", 600, seed=1, files=1)
    (tmp_path / "canary.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w')\n")
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__PRELOAD": f"['{tmp_path / 'canary.py'}']"}
    command = [
        sys.executable,
        "-c",
        "from tamscore.cli import main; main()",
        "run",
        str(tmp_path / "market" / "job.toml"),
    ]
    done = subprocess.run(
        [*command, "--set", "engine.kind=processes", "--set", "device=cpu"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "error: the environment variable DASK_DISTRIBUTED__WORKER__PRELOAD sets" in done.stderr
    assert not (tmp_path / "trace").exists()


def test_other_settings_of_dask_from_outside_do_not_reach_our_processes(monkeypatch):
    """C08: of `distributed` nothing but its defaults and our own settings counts, and all is as before afterwards."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 99, "distributed.worker.memory.target": 0.01}):
        with connect.connect(Engine(kind="processes", workers=1)) as flow:
            assert dask.config.get("distributed.scheduler.allowed-failures") == 3
            [target] = flow._client.run(memory_target).values()  # type: ignore[attr-defined]
            assert target == 0.6
        assert dask.config.get("distributed.scheduler.allowed-failures") == 99


def memory_target() -> float:
    return float(dask.config.get("distributed.worker.memory.target"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, each with a certificate and key that it signed."""
    if which("openssl") is None:
        pytest.skip("openssl is not here to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ours", "foreign"):
        new_key = ["-newkey", "rsa:2048", "-nodes", "-keyout"]
        openssl(folder, "req", "-x509", *new_key, f"{name}-ca.key", "-out", f"{name}-ca.pem", "-subj", f"/CN={name}")
        openssl(folder, "req", *new_key, f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=dask")
        signed = ["-CA", f"{name}-ca.pem", "-CAkey", f"{name}-ca.key", "-CAcreateserial", "-out", f"{name}.pem"]
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed)
    return folder


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def encrypted(certificates: Path) -> Iterator[Any]:
    """A cluster that speaks TLS only."""
    cert = ("--tls-cert", str(certificates / "ours.pem"), "--tls-key", str(certificates / "ours.key"))
    with cluster(1, "tls", ("--tls-ca-file", str(certificates / "ours-ca.pem"), *cert)) as theirs:
        yield theirs


def certified(certificates: Path, authority: str, name: str) -> Any:
    """Dask's own settings for certificates, as a person would set them."""
    return dask.config.set(
        {
            "distributed.comm.tls.ca-file": str(certificates / f"{authority}-ca.pem"),
            "distributed.comm.tls.client.cert": str(certificates / f"{name}.pem"),
            "distributed.comm.tls.client.key": str(certificates / f"{name}.key"),
        }
    )


def test_certificates_of_one_authority_join(encrypted, certificates, tmp_path):
    """C18: the certificates come from Dask's settings."""
    plan = tasks.Plan(str(tmp_path))
    with certified(certificates, "ours", "ours"):

        def answers() -> bool:
            try:
                with remote(encrypted.address, connect_timeout=5.0) as flow:
                    return list(flow.map(tasks.square, map(tasks.partition, range(3)), plan)) == [0, 1, 4]
            except RetryableError:
                return False

        assert wait_until(answers, 60)


@pytest.mark.parametrize(("authority", "name"), [("foreign", "ours"), ("ours", "foreign"), ("foreign", "foreign")])
def test_certificates_of_another_authority_do_not(encrypted, certificates, authority, name):
    """C18: neither side trusts the other on its word."""
    wait_for(encrypted)
    with (
        certified(certificates, authority, name),
        pytest.raises(UsageError, match=r"do not trust each other .* certificates of one authority"),
    ):
        remote(encrypted.address)


def wait_for(theirs: Any) -> None:
    """Until the scheduler listens."""
    port = int(theirs.address.rpartition(":")[2])

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert wait_until(listens, 60)


def test_without_certificates_the_settings_that_are_missing_are_named():
    """C18."""
    with pytest.raises(
        UsageError, match="DASK_DISTRIBUTED__COMM__TLS__CA_FILE and DASK_DISTRIBUTED__COMM__TLS__CLIENT"
    ):
        remote("tls://127.0.0.1:8786")


def test_a_plain_client_is_not_let_in_by_a_scheduler_that_speaks_tls(encrypted):
    """C18."""
    wait_for(encrypted)
    error, _ = refused(encrypted.address.replace("tls", "tcp"))
    assert "not as a Dask scheduler within 2 s; look at the port, and whether it is tcp:// or tls://" in str(error)


def test_tls_to_a_scheduler_in_the_open_is_refused(certificates):
    """C18: nothing is sent in the open that was meant to be encrypted."""
    with cluster(0) as theirs, certified(certificates, "ours", "ours"):
        wait_for(theirs)
        with pytest.raises((UsageError, RetryableError), match=r"does not speak TLS|no answer"):
            remote(theirs.address.replace("tcp", "tls"))


def test_workers_with_other_versions_are_refused_before_any_work(monkeypatch):
    """F23: both versions are named; nothing was submitted."""
    with cluster(1) as theirs:
        there, check = versions.versions(), versions.require_same
        monkeypatch.setattr(
            "tamscore.engine.remote.require_same", lambda here, found: check(here | {"numpy": "0.1"}, found)
        )

        def tables() -> str:
            try:
                remote(theirs.address)
            except UsageError as error:
                return str(error)
            except RetryableError:
                return ""
            raise AssertionError("joined")

        assert wait_until(tables, 60)
        text = tables()
    assert "engine.scheduler: worker tcp://127.0.0.1:" in text
    assert f"has numpy {there['numpy']!r}, here '0.1'; install the same versions" in text


def test_any_difference_is_reported_and_a_worker_without_the_package_too():
    """F23: code, interpreter and libraries count."""
    here = versions.versions()
    assert {"python", "numpy", "pyarrow", "distributed", "tamscore code"} <= set(here)
    versions.require_same(here, {"worker 1": dict(here), "worker 2": dict(here)})
    for name in here:
        with pytest.raises(UsageError, match=f"worker 2 has {name} 'other', here "):
            versions.require_same(here, {"worker 1": here, "worker 2": here | {name: "other"}})
    with pytest.raises(UsageError, match=r"worker 3 cannot run tamscore .*No module named 'tamscore'"):
        versions.require_same(here, {"worker 3": ModuleNotFoundError("No module named 'tamscore'")})
