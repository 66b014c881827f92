"""A PostgreSQL server of its own on a socket in a folder: nothing listens on a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "keeper", "s3cr3t-Kolibri/7"
PROGRAMS = [*Path("/usr/lib/postgresql").glob("*/bin"), *(Path(place) for place in os.get_exec_path())]
SETTINGS = ("listen_addresses=", "fsync=off", "shared_buffers=16MB", "max_connections=8")


@dataclass(frozen=True)
class Server:
    """A running server: the folder of its socket, and addresses with and without the password."""

    folder: Path

    @property
    def address(self) -> str:
        """The address of its database, as a job file may have it."""
        return f"postgresql://{USER}@/postgres?host={self.folder}"

    @property
    def open_address(self) -> str:
        """The address with the password."""
        return self.address.replace("@", f":{quote(PASSWORD, safe='')}@", 1)

    def execute(self, *statements: str) -> None:
        """Carry out statements, each in a transaction of its own."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.open_address, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def program(name: str) -> Path | None:
    """Where a program of the server lies, None where it is not installed."""
    return next((folder / name for folder in PROGRAMS if (folder / name).is_file()), None)


@contextmanager
def running() -> Iterator[Server]:
    """A server until the end; as root it runs as another user, since it refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="tamscore-pg-", dir="/tmp"))
    user = "nobody" if os.geteuid() == 0 else None
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}

    def call(name: str, *arguments: str) -> None:
        subprocess.run(
            [str(program(name)), *arguments],
            user=user, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    try:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if user:
            shutil.chown(folder, user)
            shutil.chown(folder / "password", user)
        data = str(folder / "data")
        call("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", "password", "-N", "-E", "UTF8")
        options = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={folder}"))
        call("pg_ctl", "-D", data, "-w", "-o", options, "-l", "log", "start")
        try:
            yield Server(folder)
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
