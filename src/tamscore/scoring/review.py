"""What a run finds when it looks back at the one it builds on: drift, events, and whether a person must accept them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import GateError
from tamscore.schema import Reason
from tamscore.scoring.assign import by_party
from tamscore.scoring.drift import DriftCounts
from tamscore.scoring.tables.review import Review, Row, drift_rows, event_rows
from tamscore.stages import drift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.model_source import ModelSource


def review_run(
    run: Run,
    model_source: ModelSource,
    parts: list[PartRows],
    fitted: Sequence[PartyFit],
    assigned: Sequence[AssignedRows],
) -> Review:
    """Return what there is to say about a run beside the one it builds on; nothing where it builds on none.

    Raise GateError if more accounts would change cluster than the job allows, and nobody has accepted that.
    """
    if model_source.earlier is None:
        return Review(model_source.record)
    stored = {party.name: party for party in model_source.earlier.model.parties}
    parties = by_party(assigned)
    seen = [reduce(DriftCounts.merge, (part.seen for part in rows if part.seen)) for rows in parties]
    drifted: list[Row] = []
    events: list[Row] = []
    for fit, here, rows in zip(fitted, seen, parties, strict=True):
        counts = sum(part.count.accounts for part in rows).sum(axis=1)
        old = stored.get(fit.model.name)
        if old is not None:
            then = (fit.change.counts, fit.change.far) if fit.change else (counts, _far_of(fit, parts, assigned))
            drifted += drift_rows(fit, old, here, *then, run.job.features.category_floor)
            events += event_rows(fit, old, counts)
    review = Review(
        model_source.record, drifted, events, sum(counts.known for counts in seen), sum(counts.moved for counts in seen)
    )
    for text in review.notices:
        run.progress.notice(text)
    _require_relabelled(run, model_source, review)
    return review


def _require_relabelled(run: Run, model_source: ModelSource, review: Review) -> None:
    """Raise GateError unless few enough accounts change cluster, or somebody has accepted it, with the plan."""
    limit = run.job.clusters.max_relabelled_share
    run.progress.figures["relabelled_share"] = review.relabelled
    if review.relabelled > limit and not model_source.accept:
        raise GateError(
            f"{review.relabelled:.1%} of {review.known:,} accounts would change cluster, allowed are "
            f"{limit:.1%}; nothing was published; look at the plan, then refresh with --accept, or raise "
            "clusters.max_relabelled_share",
            review.events,
            gate="relabelled_share",
        )


def _places_of(fit: PartyFit, parts: Sequence[PartRows], assigned: Sequence[AssignedRows]) -> Iterator[tuple[Any, Any]]:
    """Label and distance (m,) of the scored rows of a party type, partition by partition."""
    for part, rows in zip(parts, assigned, strict=True):
        here = (rows.reason == Reason.SCORED) & (part.party == fit.model.encoding.party)
        label, distance = rows.columns.label, rows.columns.distance
        yield (label, distance) if here.all() else (label[here], distance[here])


def _far_of(fit: PartyFit, parts: Sequence[PartRows], assigned: Sequence[AssignedRows]) -> int:
    """Return how many accounts lie out of reach of their cluster."""
    reach = reach_of(fit, parts, assigned)
    return sum(int(np.sum(distance > reach[label])) for label, distance in _places_of(fit, parts, assigned))


def reach_of(fit: PartyFit, parts: Sequence[PartRows], assigned: Sequence[AssignedRows]) -> Any:
    """Return how far the clusters reach (k,): what the model has kept, or what the accounts of today say."""
    if fit.reference.reach is not None:
        return fit.reference.reach
    return drift.reaches(_places_of(fit, parts, assigned), fit.model.k)
