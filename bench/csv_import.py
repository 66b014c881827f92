"""What an import of CSV costs: a market of numbers, dates and two texts, with quotes around the texts or without."""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

BATCH_ROWS = 100_000
CITIES = ("Oslo", "Turku", "Graz", "Lyon", "New York", "Cork", "Ghent", "Porto")


def write_csv(path: Path, rows: int, seed: int, *, quotes: bool) -> None:
    """Write a CSV file of ten columns; names and cities stand in quotes, or no cell does."""
    import pyarrow as pa
    from pyarrow import csv

    style = csv.WriteOptions(quoting_style="needed" if quotes else "none")
    random = np.random.default_rng(seed)
    writer = None
    for first in range(0, rows, BATCH_ROWS):
        table = _batch(pa, random, np.arange(first, min(first + BATCH_ROWS, rows)))
        writer = writer or csv.CSVWriter(path, table.schema, write_options=style)
        writer.write_table(table)
    if writer:
        writer.close()


def _batch(pa: Any, random: np.random.Generator, ids: np.ndarray) -> Any:
    size = len(ids)
    columns: dict[str, Any] = {"account_id": ids + 10_000_000}
    columns["name"] = [f"Company {number} Ltd" for number in ids.tolist()]
    columns["city"] = np.take(CITIES, random.integers(0, len(CITIES), size)).tolist()
    columns["sales"] = np.round(random.lognormal(7, 1.5, size) * (random.random(size) < 0.2), 2)
    columns["revenue"] = np.round(random.lognormal(13, 2, size))
    columns["employees"] = random.integers(1, 5000, size)
    columns["age"] = random.integers(0, 120, size)
    columns["sites"] = random.integers(1, 40, size)
    columns["growth"] = np.round(random.normal(0, 0.1, size), 4)
    columns["founded"] = np.datetime64("1900-01-01") + random.integers(0, 45_000, size)
    return pa.table(columns)


def imported(path: Path, folder: Path, program: str) -> dict[str, Any]:
    """Import the file with a program in a process of its own; return CPU seconds, rows and the hash of the result."""
    import pyarrow.parquet as pq

    target = folder / "market.parquet"
    target.unlink(missing_ok=True)
    before = os.times()
    subprocess.run([program, "import", str(path), str(target)], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    checksum = hashlib.sha256(target.read_bytes()).hexdigest()[:16]
    return {"cpu_seconds": spent, "rows": pq.read_metadata(target).num_rows, "checksum": checksum}


def csv_import(path: Path, folder: Path, rounds: int, against: str | None) -> dict[str, Any]:
    """Return medians of CPU seconds, with those of another program in turn where one is named."""
    ours = str(folder.joinpath(sys.executable).with_name("tamscore"))
    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for name, program in (("here", ours), ("against", against)):
            if program:
                results.setdefault(name, []).append(imported(path, folder, program))
    seconds = {f"cpu_seconds_{name}": [one["cpu_seconds"] for one in runs] for name, runs in results.items()}
    medians = {f"median_{name}": statistics.median(times) for name, times in seconds.items()}
    facts = {(one["rows"], one["checksum"]) for runs in results.values() for one in runs}
    return {"bytes": path.stat().st_size, "results": sorted(facts), **medians, **seconds}
