"""Features of customers whose job is known, drawn by account id: the draw does not depend on the partitioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.engine.flow import LocalFlow
from tamscore.schema import Reason
from tamscore.scoring.features import PartFeatures, joined_texts, read_features, texts_at
from tamscore.sections.jobs.look_alike import MOST_ROWS, JobLookAlikes, JobRows, learn
from tamscore.stages.draw import draw_number, threshold
from tamscore.stages.orders import places_of
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.schema import InputColumns
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.market import Market
    from tamscore.scoring.party_model import PartyModel
    from tamscore.sections.jobs.grouping import KnownJobs

_Drawn = tuple[Any, Any, PartFeatures]
"""Draw numbers (n,), customer jobs (n,) from 0 and features of the drawn rows of a party type in a partition."""


@dataclass(frozen=True)
class _CustomerDraw:
    """The customers that are drawn: the seed and, by party type, the highest draw number that is taken.

    `first` is the number of the first customer job of each party type. A party type with fewer than two jobs takes
    nobody.
    """

    known: KnownJobs
    seed: int
    last: tuple[int, ...]
    first: tuple[int, ...]


def _draw_of(known: KnownJobs, jobs: Sequence[int], seed: int) -> _CustomerDraw:
    """Return which customers are drawn to learn their jobs from, given the number of jobs of each party type."""
    first = np.cumsum([0, *jobs]).tolist()
    numbers, last = draw_number(known.key, seed), []
    for begin, count in zip(first, jobs, strict=False):
        mine = (known.job >= begin) & (known.job < begin + count)
        last.append(threshold([numbers[mine]], MOST_ROWS) if count > 1 and mine.any() else 0)
    return _CustomerDraw(known, seed, tuple(last), tuple(first[:-1]))


def look_alikes(market: Market, known: KnownJobs, jobs: Sequence[int]) -> list[JobLookAlikes | None]:
    """Return the look-alikes of each party type's customer jobs; None for a party type with fewer than two jobs."""
    run, models = market.run, [fit.model for fit in market.fitted]
    if max(jobs, default=0) < 2:
        return [None] * len(jobs)
    how = run.flow.share(_draw_of(known, jobs, run.job.clusters.seed))
    parts = list(run.flow.map(_draw_rows, market.rows, run.flow.share(models), how))
    alikes: list[JobLookAlikes | None] = []
    with LocalFlow(run.job.engine.workers) as local:
        for place, (fitted, count) in enumerate(zip(market.fitted, jobs, strict=True)):
            mine = [drawn for part in parts if (drawn := part[place]) is not None]
            space, excluded = fitted.model.space, _excluded_of(fitted)
            rows = _rows_of(mine, fitted.model) if mine else None
            seed = run.job.clusters.seed
            alikes.append(learn(space, rows, count, excluded, seed, local.map) if rows is not None else None)
    return alikes


def _excluded_of(fitted: PartyFit) -> Sequence[str]:
    """Return the columns that the leakage guard suspects, without those that a person has allowed."""
    if fitted.model.look_alike is not None:
        return fitted.model.look_alike.excluded
    return tuple(verdict.feature for verdict in fitted.verdicts if verdict.verdict == "suspect")


def _draw_rows(part: PartRows, models: Sequence[PartyModel], how: _CustomerDraw) -> list[_Drawn | None]:
    """Return the drawn customers of a partition with their features, by party type; None for a type without any."""
    columns = models[0].encoding.columns
    buyers = np.sort(np.asarray(part.buyers, dtype=np.int64))
    number, party = draw_number(part.hashes[buyers], how.seed), part.party[buyers]
    scored = part.reason[buyers] == Reason.SCORED
    taken_by = [
        (party == model.encoding.party) & (number <= np.uint64(last))
        for model, last in zip(models, how.last, strict=True)
    ]
    at = buyers[scored & np.any(taken_by, axis=0)]
    job = _jobs_of(part, at, how.known, columns) if len(at) else at
    at, job = at[job >= 0], job[job >= 0]
    if not len(at):
        return [None] * len(models)
    features = read_features(part.partition, columns, HostBackend(), at)
    items: list[_Drawn | None] = []
    for party_model, first in zip(models, how.first, strict=True):
        rows = np.flatnonzero(features.usable & (part.party[at] == party_model.encoding.party))
        drawn = draw_number(part.hashes[at[rows]], how.seed), job[rows] - first, _taken_of(features, rows)
        items.append(drawn if len(rows) else None)
    return items


def _jobs_of(part: PartRows, at: Any, known: KnownJobs, columns: InputColumns) -> Any:
    """Return the customer job (n,) of some rows of a partition, -1 if it is not known."""
    ids = tables.account_ids(tables.read(part.partition, [columns.account_id])[columns.account_id], columns.id_form)
    place = places_of(known, part.hashes[at], ids.take(at).take)
    return np.append(known.job.astype(np.int64), -1)[place]


def _taken_of(features: PartFeatures, rows: Any) -> PartFeatures:
    """Return the features of some rows."""
    numeric = {name: column[rows] for name, column in features.numeric.items()}
    return PartFeatures(numeric, features.sales[rows], texts_at(features.texts, rows), features.usable[rows])


def _rows_of(parts: Sequence[_Drawn], model: PartyModel) -> JobRows:
    """Return all drawn customers in order of their draw numbers, in the space of their party type."""
    numbers, job = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    order, features = np.argsort(numbers, kind="stable"), [part[2] for part in parts]
    names = parts[0][2].numeric
    numeric = {name: np.concatenate([feature.numeric[name] for feature in features])[order] for name in names}
    texts, host = texts_at(joined_texts([feature.texts for feature in features]), order), HostBackend()
    raw = model.encoding.raw(host, numeric, texts, len(order))
    return JobRows(model.space.block(host, raw), raw, numbers[order], job[order])
