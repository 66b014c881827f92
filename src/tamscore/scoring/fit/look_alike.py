"""The look-alike of a party type, fitted on the first drawn rows and the features that the leakage guard lets pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.backend.host import HostBackend
from tamscore.scoring.features import texts_at
from tamscore.stages.look_alike_fit import FitRows, chosen_rows, fit_look_alike

if TYPE_CHECKING:
    from tamscore.config import Job
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.stages.look_alike import LookAlike

_SECTION = "look_alike"


def is_enabled(job: Job) -> bool:
    """Return whether a job asks for a look-alike."""
    return bool(getattr(job.sections.get(_SECTION), "enabled", False))


def look_alike_of(run: Run, data: FitData) -> LookAlike | None:
    """The look-alike of a party type; None where the job does not ask, or there are too few customers or prospects."""
    drawn, host = data.sample.drawn, HostBackend()
    chosen = chosen_rows(drawn.sales) if is_enabled(run.job) else None
    if chosen is None:
        return None
    at, weight = chosen
    numeric = {name: column[at] for name, column in drawn.numeric.items()}
    raw = data.encoding.raw(host, numeric, texts_at(drawn.texts, at), len(at))
    rows = FitRows(data.space.block(host, raw), drawn.numbers[at], drawn.sales[at] > 0, weight)
    return fit_look_alike(data.space, rows, data.flagged, run.job.clusters.seed)
