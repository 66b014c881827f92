"""`python -m tests.faults.pipeline_crashes FOLDER START STRIDE`: the whole run killed at every STRIDE-th step.

A process of its own, since it forks: everything is imported once, no thread is running yet. Prints what it found.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tamscore import pipeline
from tamscore.progress import Progress
from tamscore.store import run_directory, verify
from tamscore.store.run_directory import RunDirectory
from tamscore.store.versions import find
from tests.end_to_end import market
from tests.faults import protocol

CHANGES: dict[str, Any] = market.PLAIN | {"engine.workers": 1}


def job(folder: Path, output: Path, seed: int) -> Any:
    """The job of a small market of four files, one row of it to be rejected."""
    return market.job(folder / "market", output, CHANGES | {"clusters.seed": seed, "rows.max_rejected_share": 0.1})


def run(folder: Path, output: Path, seed: int = 1) -> RunDirectory:
    """One whole run."""
    return pipeline.run(job(folder, output, seed), Progress())


def files_of(directory: RunDirectory) -> dict[str, bytes]:
    """Every file but the manifest, which holds times."""
    return {name: data for name, data in protocol.bytes_of(directory).items() if name != "manifest.json"}


def crashes(folder: Path, start: int, stride: int) -> dict[str, Any]:
    """How many kills there were, and what went wrong after any of them."""
    run_directory.code_digest = lambda: "this code"
    table = market.plain_accounts(80).set_column(0, "account_id", [[None, *[f"P{i}" for i in range(79)]]])
    market.write(table, folder / "market", files=4)
    # A child of its own for every run: this process must stay without threads to be forked.
    protocol.killed_at(0, lambda: run(folder, folder / "reference"))
    protocol.killed_at(0, lambda: run(folder, folder / "old", seed=2))
    reference, old = find(folder / "reference"), find(folder / "old")
    wanted, wrong, kills, step = files_of(reference), [], 0, start
    while True:
        output = folder / "output"
        shutil.copytree(folder / "old", output)
        if not protocol.killed_at(step, partial(run, folder, output)):
            break
        kills += 1
        here = RunDirectory(output, reference.run_key)
        wrong += [f"step {step}: {p}" for p in protocol.broken(output, {old.run_key, reference.run_key})]
        before = {i: here.part(i).stat().st_ino for i in range(4) if here.sidecar(i).exists()}
        protocol.killed_at(0, partial(run, folder, output))
        if files_of(here) != wanted or find(output) != here or verify.problems_of_output(output):
            wrong.append(f"step {step}: resumed to something else")
        if any(here.part(i).stat().st_ino != inode for i, inode in before.items()):
            wrong.append(f"step {step}: a committed part was made again")
        shutil.rmtree(output)
        step += stride
    return {"kills": kills, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(crashes(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201 - what it is run for
