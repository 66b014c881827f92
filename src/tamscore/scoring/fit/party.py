"""The party types of a market, one after another: what the fit of each starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tamscore.engine.flow import LocalFlow
from tamscore.schema import PARTY_TYPES
from tamscore.scoring.census import partition as census
from tamscore.scoring.context import most_clusters
from tamscore.scoring.fit import guard
from tamscore.scoring.fit.sample import GatheredRows, RowDraw, draw_sample, last_customer, last_drawn
from tamscore.stages import prepare
from tamscore.stages.level import MOST_CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.engine.flow import Flow
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.guard import FeatureVerdict
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.stages.prepare import Vocabulary


@dataclass(frozen=True)
class Party:
    """A party type that is to be fitted: its code, all rows of the market, those of its own that were drawn.

    `customers` are drawn for the level of accounts, in order of their draw numbers.
    `segments` are the market segments, None where the job has none; `local` are threads for work on the drawn rows.
    `flagged` are the features that the leakage guard suspects, and that nobody has allowed.
    """

    code: int
    parts: list[PartRows]
    drawn: SampledRows
    customers: SampledRows
    segments: Vocabulary | None
    local: Flow
    flagged: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it stands in the input."""
        return PARTY_TYPES[self.code]


def each_party(run: Run, parts: list[PartRows], fit: Callable[[Run, Party], PartyFit]) -> list[PartyFit]:
    """Return what `fit` makes of every party type that has rows; the guard has seen them before."""
    counts = party_counts(parts)
    segments = _segment_vocabulary(run, parts)
    drawn = _draw_samples(run, parts, counts)
    samples = {party: sample for party, (sample, _) in drawn.items()}
    verdicts = run.checkpoints.once("guard", partial(guard.inspect, run, samples), "guard")
    with run.progress.stage("fit", len(counts)) as done, LocalFlow(run.job.engine.workers) as local:
        fitted = []
        for code, rows in drawn.items():
            flagged = tuple(verdict.feature for verdict in verdicts[code] if verdict.verdict == "suspect")
            party = Party(code, parts, *rows, segments, local, flagged)
            party_fit = run.checkpoints.once(f"model-{party.name}", partial(fit, run, party), f"model of {party.name}")
            fitted.append(replace(party_fit, verdicts=verdicts[code]))
            done(1)
    return fitted


def judge_features(run: Run, parts: list[PartRows]) -> dict[int, tuple[FeatureVerdict, ...]]:
    """Return the leakage guard's verdict on each feature by party type; raise GateError if it stops a fit."""
    if not (counts := party_counts(parts)):
        return {}
    return guard.inspect(run, {party: rows for party, (rows, _) in _draw_samples(run, parts, counts).items()})


def party_counts(parts: list[PartRows]) -> dict[int, int]:
    """Return how many rows may be scored of every party type that has any."""
    counts = {party: sum(part.count_of(party) for part in parts) for party in range(len(PARTY_TYPES))}
    return {party: count for party, count in counts.items() if count}


def _segment_vocabulary(run: Run, parts: list[PartRows]) -> Vocabulary | None:
    """The market segments by name, or None where the job has none."""
    if run.columns.market_segment is None:
        return None
    limit, remedy = run.columns.limits.market_segments, "name a coarser one, or raise rows.max_market_segments"
    where = f"{run.job.input.name}: column {run.columns.market_segment!r}"
    counts = census.merged_counts((part.segments for part in parts), where, limit, remedy)
    names = sorted(name for name in counts if name is not None)
    return prepare.Vocabulary(run.columns.market_segment, tuple(names))


def _draw_samples(
    run: Run, parts: list[PartRows], counts: dict[int, int]
) -> dict[int, tuple[SampledRows, SampledRows]]:
    """The drawn rows of every party type, and the customers that its level is fitted on.

    At level cluster, where levels are only compared, these are the customers among the drawn rows.
    """
    seed, up_to, customers, gathered = run.job.clusters.seed, {}, {}, {}
    for party in counts:
        up_to[party], rows = _last_of_sample(run, parts, party, counts)
        customers[party] = 0
        if run.job.potential.level == "account":
            customers[party] = last_customer(parts, party, seed, MOST_CUSTOMERS)
            rows += MOST_CUSTOMERS if customers[party] > up_to[party] else 0
        gathered[party] = GatheredRows(run.columns.numeric, rows)
    draws = RowDraw(seed, up_to, customers)
    for drawn in run.map("sample", draw_sample, parts, run.columns, draws, run.backend):
        for party, rows in drawn.items():
            gathered[party].add(rows)
    return {party: _apart(gathered[party].in_order(), up_to[party]) for party in counts}


def _apart(drawn: SampledRows, up_to: int) -> tuple[SampledRows, SampledRows]:
    """The sample of drawn rows in order, up to a draw number (inclusive), and the first customers of them all."""
    buys = np.flatnonzero(drawn.sales > 0)[:MOST_CUSTOMERS]
    inside = int(np.searchsorted(drawn.numbers, np.uint64(up_to), side="right"))
    return drawn if inside == len(drawn) else drawn.taken(np.arange(inside)), drawn.taken(buys)


def _last_of_sample(run: Run, parts: list[PartRows], party: int, counts: dict[int, int]) -> tuple[int, int]:
    """The last draw number of a party type's sample, and its rows: its share of those drawn, at least 256 a cluster."""
    clusters, total = run.job.clusters, sum(counts.values())
    rows = clusters.seed_rows if clusters.fit_rows == "all" else clusters.fit_rows
    wanted = max(-(-rows * counts[party] // total), 256 * most_clusters(run.job, PARTY_TYPES[party]))
    return last_drawn(parts, party, clusters.seed, wanted)
