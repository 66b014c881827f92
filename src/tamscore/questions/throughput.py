"""How fast this machine scores: the stages of a run, its memory, and the least that reading and writing cost."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tamscore.progress import StageTime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tamscore.config import Job
    from tamscore.progress import Progress
    from tamscore.store.run_directory import RunDirectory

_FIXED = frozenset({"guard", "fit", "candidates", "choose", "stability", "redraws", "potential", "priority"})
"""Stages that work on samples or on clusters: they hardly grow with the rows."""
SIZES = (1_000_000, 3_000_000, 10_000_000)
"""Rows that a run is scaled to."""
_READS = 2
"""Times that the features are read: for the sample, and to assign."""


@dataclass(frozen=True)
class Throughput:
    """A run of `rows` accounts: its stages, wall seconds, the most memory of this process, and what a GPU would keep.

    `floor` are CPU seconds of reading the columns of the job twice and writing the scores once, and nothing else;
    `device_bytes` is what the features of all rows take on a GPU. Both are None for a run that was not made here.
    """

    rows: int
    device: str
    stages: tuple[StageTime, ...]
    peak_bytes: int | None = None
    floor: float | None = None
    device_bytes: int | None = None

    @property
    def seconds(self) -> float:
        """Wall seconds of all stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all stages in this process."""
        return sum(stage.cpu_seconds for stage in self.stages)

    def seconds_at(self, rows: int) -> float:
        """Return the wall seconds that as many rows would take here: stages on samples as now, others by the rows."""
        fixed = sum(stage.seconds for stage in self.stages if stage.stage in _FIXED)
        return fixed + (self.seconds - fixed) * rows / self.rows


def measure(folder: Path, rows: int, device: str, workers: int | None, progress: Progress) -> Throughput:
    """Return the throughput of a run on a made-up market of so many rows, made and scored in a folder.

    Raise DeviceError if the device that is asked for cannot be used.
    """
    from tamscore import job_file, pipeline
    from tamscore.engine.memory import peak_host_bytes
    from tamscore.synthetic import write_market

    write_market(folder, rows)
    asked = [f'device="{device}"', *([] if workers is None else [f"engine.workers={workers}"])]
    job = job_file.load(folder / "job.toml", asked)
    done = pipeline.run(job, progress)
    stages, peak = tuple(progress.times), peak_host_bytes()
    named = (done.manifest() or {})["device"]["name"]
    return Throughput(rows, named, stages, peak, _floor_of(job, done), _device_bytes(job, rows))


def of_run(directory: RunDirectory) -> Throughput:
    """Return the throughput of a finished run, from its manifest."""
    manifest = directory.manifest() or {}
    stages = tuple(StageTime(**stage) for stage in manifest["stages"])
    return Throughput(manifest["rows"]["read"], manifest["device"]["name"], stages)


def _floor_of(job: Job, done: RunDirectory) -> float:
    """Return the CPU seconds of reading what a job reads, as often as a run does, and of writing its scores."""
    import pyarrow.parquet as pq

    from tamscore.family_runs import accounts_job
    from tamscore.questions.stored import open_run
    from tamscore.scoring.context import columns_read, plan_of
    from tamscore.store import contents, tables

    job = accounts_job(job)
    plan, columns = plan_of(job), [*columns_read(job).all]
    scores = [contents.whole(part) for part in open_run(done.path).parts()]
    started = time.process_time()
    for _ in range(_READS):
        for partition in plan.partitions:
            tables.read(partition, columns)
    for number, table in enumerate(scores):
        pq.write_table(table, f"{done.output}-floor-{number}.parquet", compression="zstd")
    return time.process_time() - started


def _device_bytes(job: Job, rows: int) -> int:
    """Return the bytes that the features of so many rows take on a device."""
    from tamscore.scoring.context import columns_read
    from tamscore.scoring.memory_plan import row_bytes

    return rows * row_bytes(columns_read(job))


def record(throughput: Throughput, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return a throughput for machines."""
    return {
        "rows": throughput.rows,
        "device": throughput.device,
        "seconds": throughput.seconds,
        "cpu_seconds": throughput.cpu_seconds,
        "rows_per_second": throughput.rows / throughput.seconds,
        "peak_bytes": throughput.peak_bytes,
        "floor_cpu_seconds": throughput.floor,
        "device_bytes": throughput.device_bytes,
        "stages": [asdict(stage) for stage in throughput.stages],
        "seconds_at": {str(rows): throughput.seconds_at(rows) for rows in sizes},
    }
