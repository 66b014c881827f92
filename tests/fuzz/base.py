"""The base that campaigns start from: the small world after some commands, what it holds, and what readers ask."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import shutil
import sys
import threading
from hashlib import sha256
from pathlib import Path

import tamscore
from tests.fuzz import small_world

Tree = dict[str, str]
READERS = {
    "verify": ["verify", "scores"],
    "show": ["show", "scores", "--json"],
    "history": ["history", "scores", "--json"],
    "doctor": ["doctor", "--output", "scores"],
    "export": ["export", "scores", "--to", "tmp/read.csv"],
    "explain": ["explain", "scores", "A0000007", "--json"],
    "what-if": ["what-if", "scores", "--set", "potential.top_step=next_step", "--json"],
    "report": ["report", "scores", "--to", "tmp/read.html"],
    "campaigns": ["campaigns", "scores", "--to", "tmp/read"],
}


def tree(folder: Path) -> Tree:
    """Return the digest of each file below a folder; folders without files have their own name, too."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file():
            found[name] = sha256(path.read_bytes()).hexdigest()
        elif path.is_dir() and not any(path.iterdir()) and name != "tmp":
            found[f"{name}/"] = ""
    return found


def make_base(work: Path, base: Path, said: Path, commands: list[list[str]]) -> list[str]:
    """Make the small world, run commands in it, and copy it to a base; return the keys of its versions in order."""
    if base.exists():
        shutil.copytree(base, work, symlinks=True)
        commands = []
    elif (child := os.fork()) == 0:
        small_world.build(work)
        os._exit(0)
    elif small_world.end(child):
        sys.exit("the small world could not be made")
    for arguments in commands:
        if code := small_world.call(arguments, work, said):
            sys.exit(f"{arguments}: exit code {code}: {said.read_text()[-800:]}")
    if not base.exists():
        shutil.copytree(work, base, symlinks=True)
    ledger = (base / "scores" / "_history.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(str(json.loads(line)["version"]) for line in ledger))


TIMED = {"_history.jsonl", "manifest.json", "_CURRENT.json", "_pins.json", "_lock", "holdout.json", "lift.json"}


def varies(name: str) -> bool:
    """Return whether a file tells of times or of how often something was done."""
    return name.startswith("metrics/") or "/handed_out/" in name or Path(name).name in TIMED


def import_all() -> None:
    """Import what commands need, so that no child has to: all modules but those for devices and workers."""
    for found in pkgutil.walk_packages(tamscore.__path__, "tamscore."):
        if not re.search(r"cuda|__main__|\.engine\b", found.name):
            importlib.import_module(found.name)
    for name in ("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "rich.console", "rich.table"):
        importlib.import_module(name)
    if threading.active_count() > 1:
        sys.exit("a process with threads cannot be forked")
