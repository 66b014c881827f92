"""Every section on: what a run, and what is asked of it afterwards, costs by stage and by section, and how that grows.

Each command runs in a process of its own, so that peak memory is its own. The answer stands beside: a digest of the
scores, what they come to, and a digest of what each section has recorded.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from bench.measure import clock, peak_megabytes
from bench.same_results import SECTIONS as MORE
from tamscore.progress import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tamscore.progress import StageTime

STEPS = ("run", "report", "lists")
"""What is measured, in this order."""
SMALLEST = 0.25
"""CPU seconds that a stage must take before its growth says anything."""


class Meter(Listener):
    """Listens to stages and notes the CPU seconds and the peak memory of each."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}

    def begin(self, stage: str, total: int | None) -> None:
        """Forget the peak of the stages before."""
        del stage, total
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123 - not a file of ours
            file.write("5")

    def end(self, spent: StageTime) -> None:
        """Note what the stage took."""
        known = self.stages.setdefault(spent.stage, {"cpu_seconds": 0.0, "peak_mb": 0.0})
        known["cpu_seconds"] += spent.cpu_seconds
        known["peak_mb"] = max(known["peak_mb"], peak_megabytes())


class SectionMeter:
    """CPU seconds of each section of the registry: of its `prepare`, and of its states' `score` and `count`."""

    def __init__(self) -> None:
        from tamscore.sections import SECTIONS

        self.spent: dict[str, dict[str, float]] = {}
        self._known: set[type] = set()
        for section in SECTIONS.values():
            if not section.folder:
                section.prepare = partial(self._prepare, section.name, section.prepare)  # type: ignore[method-assign]

    def _prepare(self, name: str, prepare: Callable[..., Any], *given: Any) -> Any:
        before = time.process_time()
        state = prepare(*given)
        self._add(name, "prepare", time.process_time() - before)
        if not isinstance(state, str) and type(state) not in self._known:
            self._known.add(type(state))
            for verb in ("score", "count"):
                setattr(type(state), verb, self._timed(name, verb, getattr(type(state), verb)))
        return state

    def _timed(self, name: str, verb: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*given: Any) -> Any:
            before = time.thread_time()
            found = function(*given)
            self._add(name, verb, time.thread_time() - before)
            return found

        return timed

    def _add(self, name: str, verb: str, seconds: float) -> None:
        known = self.spent.setdefault(name, {})
        known[verb] = known.get(verb, 0.0) + seconds


def write_job(market: Path) -> Path:
    """Write the job file of a market with orders that has every section on, and return where it lies."""
    path = market / "full.toml"
    path.write_text((market / "job.toml").read_text(encoding="utf-8") + MORE, encoding="utf-8")
    return path


def full(market: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Yield what each step takes on a market with orders."""
    job = write_job(market)
    for step in STEPS:
        code = f"from bench.full import {step}; {step}({str(job)!r}, {str(work)!r})"
        printed = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout
        yield {"step": step, **json.loads(printed.splitlines()[-1])}


def run(job: str, work: str) -> None:
    """Run the job, and print what it took and what came out."""
    from pathlib import Path

    from tamscore import job_file, pipeline
    from tamscore.progress import Progress

    meter, sections = Meter(), SectionMeter()
    with clock() as spent:
        done = pipeline.run(job_file.load(Path(job), [f'output.path="{work}/scores"']), Progress(meter))
    manifest = done.manifest() or {}
    parts = [file["xxh3"] for name, file in sorted(manifest["files"].items()) if name.startswith("scores/part-")]
    answer = {
        "scores_digest": digest(parts),
        "totals": manifest["totals"],
        "sections": {name: digest(record) for name, record in manifest["extras"].items()},
    }
    peak = max(stage["peak_mb"] for stage in meter.stages.values())
    stored_record = {"rows": manifest["rows"]["scored"], **spent, "peak_mb": peak, "stages": meter.stages}
    print(json.dumps({**stored_record, "sections": sections.spent, "answer": answer}))


def report(job: str, work: str) -> None:
    """Make the report of the run, and print what it took."""
    del job
    asked(["report", f"{work}/scores", "--output", f"{work}/report.html"], f"{work}/report.html")


def lists(job: str, work: str) -> None:
    """Make the lists to work from, and print what it took."""
    del job
    asked(["lists", f"{work}/scores", "--to", f"{work}/lists"], f"{work}/lists/index.html")


def asked(words: Sequence[str], made: str) -> None:
    """Carry out a command in this process, and print what it took and the size of the file that it made."""
    from pathlib import Path

    from tamscore.cli import app

    with clock() as spent:
        app([*words], standalone_mode=False)
    answer = {"bytes": Path(made).stat().st_size}
    print(json.dumps({**spent, "peak_mb": peak_megabytes(), "answer": answer}))


def digest(value: Any) -> str:
    """A short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def growth(result: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    """CPU seconds of every stage as a multiple of those of a smaller run, where they are long enough to tell."""
    pairs = {name: (stage["cpu_seconds"], before.get(name)) for name, stage in result.items()}
    return {
        name: round(seconds / earlier["cpu_seconds"], 2)
        for name, (seconds, earlier) in pairs.items()
        if earlier is not None and earlier["cpu_seconds"] >= SMALLEST
    }
