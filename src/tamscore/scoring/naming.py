"""Names of clusters and columns from the job file, applied once the clusters have their ids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.scoring.fit.party_fit import Naming
from tamscore.stages.naming import ColumnTitle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.progress import Progress
    from tamscore.scoring.fit.party_fit import PartyFit

_LISTED = 6
"""So many ids are named in one notice."""


def naming_of(job: Job) -> Naming:
    """Return how the job calls columns and clusters."""
    titles = {
        column: ColumnTitle(title.title or "", title.high or "", title.low or "", dict(title.levels))
        for column, title in job.titles.items()
    }
    return Naming(titles, dict(job.names))


def name_clusters(job: Job, fitted: Sequence[PartyFit], progress: Progress, *, is_new: bool) -> list[PartyFit]:
    """Return the fits with the names of the job; `is_new` says that a new model has given the ids out anew."""
    ids = [cluster for fit in fitted for cluster in fit.model.ids]
    if here := [cluster for cluster in ids if cluster in job.names]:
        progress.notice(f"names: {_about(here, is_new=is_new)}")
    segments = job.sections.get("segments")
    unknown = [] if segments and segments.own else [key for key in job.names if key not in ids]
    if unknown:
        progress.notice(f"names: there is no cluster {', '.join(unknown[:_LISTED])}, only {', '.join(ids[:_LISTED])} …")
    return [replace(fit, naming=naming_of(job)) for fit in fitted]


def _about(ids: Sequence[str], *, is_new: bool) -> str:
    """Return what a person should know of clusters that carry names of the job."""
    more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
    which = ", ".join(ids[:_LISTED]) + more
    if is_new:
        return f"{which} are named by id, and a new model was fitted: check that these are the accounts you had in mind"
    return f"{which} keep their names, as they kept their ids"
