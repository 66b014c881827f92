"""A PostgreSQL of its own on a UNIX socket: made, started and stopped by the test, as a user without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.clusters import wait_until
from tests.platform.slurm import stop

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, SECRET = "tester", "canary-4711"
SETTINGS = {"listen_addresses": "", "fsync": "off", "shared_buffers": "64MB", "max_connections": "20"}


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Give the variables by which libpq finds a running server."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="tamscore-pg-", dir="/tmp"))
    secret = folder / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    for path in (folder, secret):
        shutil.chown(path, *(("postgres", "postgres") if os.geteuid() == 0 else (os.geteuid(), os.getegid())))
    made: list[str | Path] = [
        "-D",
        folder / "data",
        "-U",
        USER,
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        f"--pwfile={secret}",
    ]
    figures = {"unix_socket_directories": str(folder)} | SETTINGS
    options: list[str | Path] = [part for name, value in figures.items() for part in ("-c", f"{name}={value}")]
    environment = os.environ | {"PGHOST": str(folder), "PGUSER": USER, "PGPASSWORD": SECRET, "PGDATABASE": "postgres"}
    try:
        subprocess.run(
            [*as_nobody(), programs / "initdb", *made, "--auth=scram-sha-256"], check=True, capture_output=True
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_nobody(), programs / "postgres", "-D", folder / "data", *options], stdout=log, stderr=log
            )
        try:
            ready = ["psql", "-qc", "SELECT 1"]
            assert wait_until(
                lambda: subprocess.run(ready, env=environment, capture_output=True, check=False).returncode == 0, 60
            ), (folder / "log").read_text(encoding="utf-8")
            yield {name: value for name, value in environment.items() if name.startswith("PG")}
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_nobody() -> list[str]:
    """What a command begins with so that it has no rights of root, which the server refuses."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
