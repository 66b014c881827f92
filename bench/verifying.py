"""What holding files against their hashes costs: readers of versions as they are, and with files opened unverified."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "from tamscore.cli import main\nmain()"
UNVERIFIED = """
import pyarrow as pa
from tamscore.store import contents
contents.verified = lambda path: pa.memory_map(str(path)).read_buffer()
"""
"""Files are mapped and not held against their manifest: of their bytes only the columns asked for are touched."""
KINDS = {"verified": PROGRAM, "unverified": UNVERIFIED + PROGRAM}
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
    """Yield per reader the median CPU seconds either way, in turn, their ratio, and the hash of what it wrote."""
    made = folder / "made"
    for name, arguments in readers(first, second, made).items():
        spent: dict[str, list[float]] = {kind: [] for kind in KINDS}
        answers = set()
        for _ in range(rounds):
            for kind, program in KINDS.items():
                shutil.rmtree(made, ignore_errors=True)
                made.mkdir()
                spent[kind].append(cpu_seconds(program, arguments))
                answers.add(digest(made))
        median = {kind: statistics.median(times) for kind, times in spent.items()}
        ratio = median["verified"] / median["unverified"]
        yield {"reader": name, **median, "ratio": ratio, "rounds": rounds, "answers": sorted(answers)}


def cpu_seconds(program: str, arguments: list[str]) -> float:
    """CPU seconds of a command in a process of its own; raise CalledProcessError where it fails."""
    before = os.times()
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def digest(folder: Path) -> str:
    """Return a hash of the results in a folder, and of their names."""
    found = hashlib.sha256()
    for path in sorted(path for form in RESULTS for path in folder.rglob(form)):
        found.update(str(path.relative_to(folder)).encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
