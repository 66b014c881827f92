"""Figures about a run for those who watch over it: a text file for Prometheus, and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import TamscoreError
from tamscore.metrics.exposition import text_of
from tamscore.metrics.record import Ending, record_of
from tamscore.store import commit

if TYPE_CHECKING:
    from tamscore.config import Job
    from tamscore.progress import Progress

__all__ = ["Ending", "leave", "try_to_leave"]

_LATEST = "latest.json"


def leave(job: Job, progress: Progress, ending: Ending) -> None:
    """Write the metrics of a run to where its job wants them; nothing where it wants none.

    Raise RetryableError if a file cannot be written; one that lay there stays whole.
    """
    wanted = job.metrics
    if wanted.textfile is None and wanted.folder is None:
        return
    record = record_of(job, progress, ending)
    if wanted.folder is not None:
        names = [_LATEST] if progress.run_key is None else [f"{progress.run_key}.json", _LATEST]
        commit.sweep_beside(Path(wanted.folder) / _LATEST)
        for name in names:
            commit.place_bytes(commit.json_bytes(record), Path(wanted.folder) / name)
    if wanted.textfile is not None:
        commit.sweep_beside(Path(wanted.textfile))
        commit.place_bytes(text_of(record).encode(), Path(wanted.textfile))


def try_to_leave(job: Job, progress: Progress, ending: Ending) -> None:
    """Leave the metrics of a run; where that fails the run ends as it would have, and says so."""
    try:
        leave(job, progress, ending)
    except (TamscoreError, OSError) as trouble:
        progress.notice(f"no metrics are left: {trouble}")
