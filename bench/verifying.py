"""What holding files against their hashes costs the readers of a version: the CPU time spent on it by each command."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import atexit, json, os, time
from tamscore.store import contents
whole, spent = contents.verified, []
def timed(path):
    began = time.thread_time()
    try:
        return whole(path)
    finally:
        spent.append(time.thread_time() - began)
contents.verified = timed
def tell():
    with open(os.environ["SPENT"], "w") as file:
        json.dump({"verifying": sum(spent), "files": len(spent), "cpu_seconds": time.process_time()}, file)
atexit.register(tell)
from tamscore.cli import main
main()
"""
"""A command whose files of versions are timed while they are read and hashed; reading alone is part of that."""
RESULTS = ("*.parquet", "*.csv", "*.html")


def readers(first: Path, second: Path, made: Path) -> dict[str, list[str]]:
    """Return the commands by name: `second` is the output of a later month, `made` a folder for what they write."""
    score = ["score", str(second.parent / "job.toml"), "--model", str(first), "--set", f"output.path={made}/scores"]
    return {
        "export": ["export", str(first), "--to", str(made / "scores.parquet")],
        "score": score,
        "diff": ["diff", str(first), str(second), "--to", str(made / "changes.parquet")],
        "report": ["report", str(first), "--output", str(made / "report.html")],
    }


def verifying(first: Path, second: Path, folder: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield per reader the median share of its CPU seconds that verified files take, and the hash of what it wrote."""
    made = folder / "made"
    for name, arguments in readers(first, second, made).items():
        found, answers = [], set()
        for _ in range(rounds):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            found.append(spent_on(arguments, folder / "spent.json"))
            answers.add(digest(made))
        shares = [one["verifying"] / one["cpu_seconds"] for one in found]
        yield {"reader": name, **found[-1], "share": statistics.median(shares), "shares": shares, "answers": [*answers]}


def spent_on(arguments: list[str], to: Path) -> dict[str, float]:
    """CPU seconds of a command in a process of its own, and of its verified files; CalledProcessError if it fails."""
    environment = {**os.environ, "SPENT": str(to)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    content: dict[str, float] = json.loads(to.read_text(encoding="utf-8"))
    return content


def digest(folder: Path) -> str:
    """Return a hash of the results in a folder, and of their names."""
    found = hashlib.sha256()
    for path in sorted(path for form in RESULTS for path in folder.rglob(form)):
        found.update(str(path.relative_to(folder)).encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
