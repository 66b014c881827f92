"""What a worker that is killed at nine tenths of a run costs: CPU and wall seconds against undisturbed runs, in turn.

`python -m bench.lost_worker MARKET OUTPUT PARTITIONS KILL` is one run, in a process of its own.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.progress import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 2
AT = 0.7
"""Of the last of three passes of about equal length this share is nine tenths of the run."""


class Killer(Listener):
    """A listener who kills one worker once so many rows are scored."""

    def __init__(self, rows: float, kill: Callable[[], None]) -> None:
        self.left, self.kill = rows, kill

    def advance(self, stage: str, by: int) -> None:
        """Count scored rows."""
        before = self.left
        self.left -= by if stage == "score" else 0
        if before > 0 >= self.left:
            self.kill()


def kill_a_worker() -> None:
    """Kill one of the worker processes of this process, as the system does where memory runs out."""
    import psutil

    children = psutil.Process().children(recursive=True)
    workers = [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
    os.kill(min(workers), signal.SIGKILL)


def one_run(market: Path, output: Path, size: int, kill: Callable[[], None]) -> None:
    """One whole run on worker processes, in partitions of so many rows."""
    from tamscore import job_file, pipeline
    from tamscore.progress import Progress
    from tamscore.scoring.context import columns_of
    from tamscore.store import partitions

    partitions.PARTITION_ROWS = size
    overrides = [f'output.path="{output}"', f'input.path="{market / "small"}"', 'engine.kind="processes"']
    job = job_file.load(market / "job.toml", [*overrides, f"engine.workers={WORKERS}", "device=cpu"])
    rows = partitions.market(job.input, columns_of(job)).rows
    pipeline.run(job, Progress(Killer(AT * rows, kill)))


def lost_worker(market: Path, output: Path, rounds: int, parts: int, rows: int) -> dict[str, Any]:
    """CPU and wall seconds of undisturbed runs and of runs that lose a worker: least, median and their ratios.

    The order within a round changes from round to round. What else a machine does is only ever added, so that the
    least is the steadier figure.
    """
    in_small_groups(market, rows // parts)
    spent: dict[str, list[dict[str, float]]] = {"undisturbed": [], "killed": []}
    for number in range(rounds):
        for name in sorted(spent, reverse=number % 2 == 0):
            spent[name].append(measured(market, output / f"{name}-{number}", rows // parts, name))
    found: dict[str, Any] = {"rows": rows, "partitions": parts, "workers": WORKERS, "rounds": rounds}
    for unit in ("cpu_seconds", "seconds"):
        for kind, of in (("least", min), ("median", statistics.median)):
            one, other = (of([times[unit] for times in spent[name]]) for name in ("undisturbed", "killed"))
            found |= {f"{kind}_{unit}": [round(one, 3), round(other, 3)], f"{kind}_{unit}_ratio": round(other / one, 4)}
    return found


def in_small_groups(market: Path, size: int) -> None:
    """The market once more, in row groups of so many rows: as many parts as a market ten times as large has."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    (market / "small").mkdir(exist_ok=True)
    table = ds.dataset(str(market / "market")).to_table()
    pq.write_table(table, market / "small" / "part-0.parquet", row_group_size=size)


def measured(market: Path, output: Path, size: int, name: str) -> dict[str, float]:
    """CPU and wall seconds of a run in a process of its own, workers included."""
    before, begun = cpu_of_children(), time.perf_counter()
    command = [sys.executable, "-m", "bench.lost_worker", str(market), str(output), str(size), name]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    return {"seconds": time.perf_counter() - begun, "cpu_seconds": cpu_of_children() - before}


def cpu_of_children() -> float:
    """CPU seconds of all child processes that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    one_run(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        int(sys.argv[3]),
        kill_a_worker if sys.argv[4] == "killed" else lambda: None,
    )
