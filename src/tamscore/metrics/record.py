"""The measurements of a run, as one record of plain values."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore import __version__
from tamscore.engine import memory
from tamscore.errors import GATES
from tamscore.progress import unit_of
from tamscore.store import contents
from tamscore.store.location import location
from tamscore.store.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config import Job
    from tamscore.progress import Progress, StageTime

Record = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """The end of a run: its exit code, its seconds, and the gate that stopped it, if any."""

    exit_code: int
    seconds: float
    gate: str | None = None


def record_of(job: Job, progress: Progress, ending: Ending) -> Record:
    """Return all measurements of a run; those of its scores only if it succeeded."""
    finished = None if ending.exit_code else progress.run_key
    return {
        "tamscore": __version__,
        "output": job.output.path,
        "engine": job.engine.kind,
        "run": progress.run_key,
        "exit_code": ending.exit_code,
        "ended": round(time.time(), 3),
        "seconds": round(ending.seconds, 6),
        "stopped_in": progress.reached if ending.exit_code else None,
        "gates": _gates_of(ending),
        "figures": progress.figures,
        "stages": [_stage_of(stage) for stage in progress.times],
        "memory": list(_peaks_of(job, progress)),
        "scores": _scores_of(RunDirectory(location(job.output.path), finished)) if finished else None,
    }


def _gates_of(ending: Ending) -> dict[str, bool]:
    """Return whether each gate closed: the known gates, and another one if it stopped the run."""
    names = [*GATES, *([ending.gate] if ending.gate else [])]
    return {gate: gate == ending.gate for gate in names}


def _stage_of(stage: StageTime) -> Record:
    """Return a stage, with its rows and their rate if it counts rows."""
    record = {"stage": stage.stage, "seconds": stage.seconds, "cpu_seconds": stage.cpu_seconds}
    if unit_of(stage.stage) != "rows" or not stage.done:
        return record
    return {**record, "rows": stage.done, "rows_per_second": stage.done / max(stage.seconds, 1e-9)}


def _peaks_of(job: Job, progress: Progress) -> Iterator[Record]:
    """Yield the peak memory of the process of the job, and of worker processes."""
    here, others = memory.peak(), progress.peaks
    if job.engine.kind == "local":
        here, others = replace(here, device=max((peak.device for peak in others), default=0)), []
    for number, peak in enumerate([here, *others]):
        yield {
            "process": f"worker {number}" if number else "main",
            "host_bytes": peak.host,
            "device_bytes": peak.device,
        }


def _scores_of(directory: RunDirectory) -> Record:
    """Return rows by outcome and accounts by cluster of the finished run."""
    manifest = directory.manifest() or {}
    return {
        "device": manifest["device"]["name"],
        "model": manifest["model"]["source"],
        "rows": manifest["rows"],
        "clusters": _clusters_of(directory),
    }


def _clusters_of(directory: RunDirectory) -> list[Record]:
    """Return the accounts of every cluster."""
    accounts: dict[tuple[str, str], int] = {}
    for row in contents.whole(directory.tables / "segments.parquet", ("party_type", "cluster", "accounts")).to_pylist():
        key = row["party_type"], row["cluster"]
        accounts[key] = accounts.get(key, 0) + round(row["accounts"])
    return [{"party_type": party, "cluster": name, "accounts": count} for (party, name), count in accounts.items()]
