"""A run under way: shown while it works, and measured however it ends."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tamscore import terminal
from tamscore.cli.failures import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config import Job
    from tamscore.progress import Progress


@contextmanager
def progress_shown(job: Job, *, as_json: bool) -> Iterator[Progress]:
    """The progress of a run of the job; its metrics are left where the job asks for them."""
    from tamscore.progress import Progress

    with terminal.listening(as_json=as_json) as listener:
        progress, began = Progress(listener), time.perf_counter()
        try:
            yield progress
        except BaseException as error:
            _measure(job, progress, began, error)
            raise
        _measure(job, progress, began)


def _measure(job: Job, progress: Progress, began: float, error: BaseException | None = None) -> None:
    """Leave the metrics of a run; where that fails the run ends as it would have, and says so."""
    from tamscore import metrics

    code = 0 if error is None else exit_code(error)
    ending = metrics.Ending(code, time.perf_counter() - began, getattr(error, "gate", None))
    metrics.try_to_leave(job, progress, ending)
