"""Ours, the floor and peers on the same rows in one run, each in a process of its own, in turn."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS, BARE, FLOOR = "tamscore", "tamscore, no checks of the model", "floor"
PEERS_PYTHON = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"


@dataclass
class Contender:
    """Somebody in the race: how to start it, where its scores lie, and what each of its runs has cost."""

    name: str
    command: list[str]
    output: Path
    scores: Path
    runs: list[dict[str, float]] = field(default_factory=list)

    def run(self) -> None:
        """Run once; what it cost is added. A contender that fails is told and leaves the race."""
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir(parents=True)
        began = time.perf_counter()
        process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=as_installed()
        )
        out, err = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{self.name}: exit code {process.returncode}: {err.strip()[-500:]}")
        output = json.loads(out.splitlines()[-1]) if out.strip().endswith("}") else {}
        self.runs.append({"seconds": time.perf_counter() - began, **output})


def as_installed() -> dict[str, str]:
    """The environment of a run: Python keeps its bytecode, as it is there once a package is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


MEASURED = """\
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: whoever is left behind counts, too
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - began
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu_seconds = used.ru_utime + used.ru_stime
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": used.ru_maxrss / 1024}))
sys.exit(done.returncode)
"""


def measured(*command: str) -> list[str]:
    """A command that runs another and prints the CPU seconds and peak memory of it and of all that it started."""
    return [sys.executable, "-c", MEASURED, *command]


def ours(market: Path, folder: Path, name: str = OURS, *options: str) -> Contender:
    """This program on the market's job file."""
    output = folder / name.replace(" ", "-").replace(",", "")
    run = [sys.executable, "-m", "tamscore", "run", str(market / "job.toml"), "--set", f'output.path="{output}"']
    settings = [part for option in options for part in ("--set", option)]
    return Contender(name, measured(*run, *settings), output, output)


def floor(market: Path, folder: Path, scores: Path) -> Contender:
    """The least that a run can cost."""
    output = folder / FLOOR
    command = [sys.executable, "-m", "bench.floor", str(market), str(scores), str(output)]
    return Contender(FLOOR, command, output, scores)


def peers(market: Path, folder: Path, names: Sequence[str]) -> list[Contender]:
    """Peers by name, run by a Python that has their packages."""
    made = []
    for number, name in enumerate(names):
        output = folder / f"peer-{number}"
        command = measured(str(PEERS_PYTHON), "-m", "bench.peers", name, str(market), str(output))
        made.append(Contender(name, command, output, output))
    return made


def scores_of(output: Path) -> Path:
    """Where the scores of our run lie."""
    return next((output / "versions").glob("*/scores"))


def race(market: Path, folder: Path, rounds: int, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What everybody cost: ours and the floor `rounds` times in turn, each peer once in between; inertia of all.

    Peers do not ask whether features leak sales or clusters would come out again; so ours runs without that, too.
    """
    mine = ours(market, folder)
    mine.run()
    mine.runs.clear()
    first = folder / "first"
    shutil.copytree(scores_of(mine.output), first, dirs_exist_ok=True)
    bare = ours(market, folder, BARE, 'leakage.action="off"', "clusters.stability=false")
    least, others = floor(market, folder, first), peers(market, folder, names)
    for number in range(max(rounds, len(others))):
        for contender in (*((mine, bare, least) if number < rounds else ()), *others[number : number + 1]):
            attempt(contender)
    found = judged(market, [one for one in (mine, bare, *others) if one.runs])
    for contender in (mine, bare, least, *others):
        if contender.runs:
            yield figures_of(contender, mine, least) | quality(found, contender.name)


def attempt(contender: Contender) -> None:
    """Run once; a peer that cannot is told on stderr."""
    try:
        contender.run()
    except RuntimeError as error:
        if contender.name in (OURS, BARE, FLOOR):
            raise
        sys.stderr.write(f"left out: {error}\n")


def judged(market: Path, contenders: Sequence[Contender]) -> dict[str, float]:
    """Inertia over all rows by contender."""
    places = {
        one.name: scores_of(one.output) if one.name.startswith(OURS) else one.output / "scores.parquet"
        for one in contenders
    }
    command = [sys.executable, "-m", "bench.judge", str(market / "market"), *map(str, places.values())]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: found[str(path)] for name, path in places.items()}


def quality(found: dict[str, float], name: str) -> dict[str, float]:
    """The inertia of a contender, and as a multiple of the best of all."""
    return {"inertia": found[name], "inertia_over_best": found[name] / min(found.values())} if name in found else {}


def figures_of(contender: Contender, mine: Contender, least: Contender) -> dict[str, Any]:
    """Medians of a contender, and its CPU seconds beside ours and beside the floor."""
    spent = [run["cpu_seconds"] for run in contender.runs]
    medians = {key: statistics.median(run[key] for run in contender.runs) for key in contender.runs[0]}
    over = {
        f"cpu_over_{name}": medians["cpu_seconds"] / statistics.median(run["cpu_seconds"] for run in other.runs)
        for name, other in (("ours", mine), (FLOOR, least))
    }
    return {"contender": contender.name, **medians, "cpu_runs": spent, **over, "load": os.getloadavg()[0]}
