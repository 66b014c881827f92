"""Measuring: CPU and wall seconds, peak memory, and where and with what it was measured."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tamscore

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).parent / "results"


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of what happens inside, in the dictionary handed out."""
    spent: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent |= {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def peak_megabytes() -> float:
    """The largest resident size of this program so far, without that of the one which started it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def circumstances() -> dict[str, Any]:
    """When, on what machine and with which versions a figure came about."""
    packages = ("numpy", "scikit-learn", "pyarrow")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "tamscore": tamscore.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
    }


def processor() -> str:
    """The processor's own name for itself."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def record(name: str, result: dict[str, Any]) -> None:
    """Print a result, and add it to the results as one JSON line."""
    line = json.dumps({"case": name, **result, **circumstances()}, ensure_ascii=False)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    sys.stdout.write(line + "\n")
