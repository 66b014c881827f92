"""A real SLURM on loopback: one controller and two nodes, all of this machine, in a folder of their own."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.faults.clusters import free_ports, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """
ClusterName=ci
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
PropagateResourceLimits=NONE
ReturnToService=2
KillWait=10
MpiDefault=none
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=16 RealMemory=65536 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=16 RealMemory=65536 Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """The commands of a running SLURM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}

    def call(self, *command: str) -> str:
        """What a command says."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, *arguments: str, path: str, cwd: Path, **variables: str) -> str:
        """The id of a job that was handed in from a folder, with another PATH."""
        environment = self.environment | variables | {"PATH": path}
        command = ["sbatch", "--parsable", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def facts(self, job: str) -> dict[str, str]:
        """What SLURM knows of a job."""
        words = self.call("scontrol", "show", "job", "-o", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def ended(self, job: str, seconds: float = 240) -> dict[str, str]:
        """What SLURM knows of a job that has come to its end."""
        over = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
        assert wait_until(lambda: self.facts(job)["JobState"] in over, seconds), self.facts(job)
        return self.facts(job)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A SLURM that is ended with all its processes."""
    ports = dict(zip(("controller", "first", "second"), free_ports(3), strict=True))
    text = CONFIGURATION.format(host=socket.gethostname().split(".")[0], folder=folder, **ports)
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    devices = [folder / f"nvidia{number}" for number in range(2)]
    for device in devices:
        os.mknod(device, 0o020666, os.makedev(1, 3))  # /dev/null under another name: a GPU that does nothing
    gres = [f"NodeName=n{number + 1} Name=gpu File={device}\n" for number, device in enumerate(devices)]
    (folder / "gres.conf").write_text("".join(gres), encoding="utf-8")
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o400)
    running = Slurm(folder)
    with ExitStack() as started:
        for command in commands(folder):
            log = started.enter_context((folder / f"{command[0]}.out").open("ab"))
            process = subprocess.Popen(command, env=running.environment, stdout=log, stderr=log)
            started.callback(stop, process)
            if command[0] == "munged":
                assert wait_until((folder / "munge.socket").exists, 20)
        assert wait_until(lambda: running.call("sinfo", "-h", "-o", "%T %D").split() == ["idle", "2"], 60)
        yield running


def commands(folder: Path) -> list[list[str]]:
    """What is started, in order."""
    munge = [f"--{name}={folder}/munge.{end}" for name, end in (("socket", "socket"), ("pid-file", "pid"))]
    munge += [f"--{name}={folder}/munge.{end}" for name, end in (("key-file", "key"), ("log-file", "log"))]
    nodes = [["slurmd", "-D", "-N", name] for name in ("n1", "n2")]
    return [
        ["munged", "--foreground", "--force", *munge, f"--seed-file={folder}/munge.seed"],
        ["slurmctld", "-D"],
        *nodes,
    ]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force where it takes long."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
