"""The party types of a market, one after another: what the fit of each starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tamscore.engine.flow import LocalFlow
from tamscore.schema import PARTY_TYPES
from tamscore.scoring.census import partition as census
from tamscore.scoring.context import most_clusters
from tamscore.scoring.fit import guard
from tamscore.scoring.fit.sample import Draw, Gathered, draw_sample, last_drawn
from tamscore.stages import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.engine.flow import Flow
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.fitted import Fitted
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.stages.prepare import Vocabulary


@dataclass(frozen=True)
class Party:
    """A party type that is to be fitted: its code, all rows of the market, those of its own that were drawn.

    `segments` are the market segments, None where the job has none; `local` are threads for work on the drawn rows.
    `flagged` are the features that the leakage guard does not take for clear.
    """

    code: int
    parts: list[PartRows]
    drawn: SampledRows
    segments: Vocabulary | None
    local: Flow
    flagged: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it stands in the input."""
        return PARTY_TYPES[self.code]


def each_party(this: Run, parts: list[PartRows], fit: Callable[[Run, Party], Fitted]) -> list[Fitted]:
    """What `fit` makes of every party type that has rows; the guard has seen them before."""
    counts = party_counts(parts)
    segments = segment_vocabulary(this, parts)
    samples = draw_samples(this, parts, counts)
    verdicts = this.checkpoints.once("guard", partial(guard.inspect, this, samples), "guard")
    with this.progress.stage("fit", len(counts)) as done, LocalFlow(this.job.engine.workers) as local:
        fitted = []
        for code, drawn in samples.items():
            flagged = tuple(one.feature for one in verdicts[code] if one.verdict != "clear")
            party = Party(code, parts, drawn, segments, local, flagged)
            one = this.checkpoints.once(f"model-{party.name}", partial(fit, this, party), f"model of {party.name}")
            fitted.append(replace(one, verdicts=verdicts[code]))
            done(1)
    return fitted


def party_counts(parts: list[PartRows]) -> dict[int, int]:
    """How many rows may be scored of every party type that has any."""
    counts = {party: sum(part.count_of(party) for part in parts) for party in range(len(PARTY_TYPES))}
    return {party: count for party, count in counts.items() if count}


def segment_vocabulary(this: Run, parts: list[PartRows]) -> Vocabulary | None:
    """The market segments by name, or None where the job has none."""
    if this.columns.market_segment is None:
        return None
    limit, remedy = this.columns.limits.market_segments, "name a coarser one, or raise rows.max_market_segments"
    where = f"{this.job.input.path}: column {this.columns.market_segment!r}"
    counts = census.merged_counts((part.segments for part in parts), where, limit, remedy)
    names = sorted(name for name in counts if name is not None)
    return prepare.Vocabulary(this.columns.market_segment, tuple(names))


def draw_samples(this: Run, parts: list[PartRows], counts: dict[int, int]) -> dict[int, SampledRows]:
    """The drawn rows of every party type."""
    up_to, gathered = {}, {}
    for party in counts:
        up_to[party], rows = last_of_sample(this, parts, party, counts)
        gathered[party] = Gathered(this.columns.numeric, rows)
    draws = Draw(this.job.clusters.seed, up_to)
    for drawn in this.map("sample", draw_sample, parts, this.columns, draws, this.backend):
        for party, rows in drawn.items():
            gathered[party].add(rows)
    return {party: gathered[party].in_order() for party in counts}


def last_of_sample(this: Run, parts: list[PartRows], party: int, counts: dict[int, int]) -> tuple[int, int]:
    """The last draw number of a party type's sample, and its rows: its share of those drawn, at least 256 a cluster."""
    clusters, total = this.job.clusters, sum(counts.values())
    rows = clusters.seed_rows if clusters.fit_rows == "all" else clusters.fit_rows
    wanted = max(-(-rows * counts[party] // total), 256 * most_clusters(this.job, PARTY_TYPES[party]))
    return last_drawn(parts, party, clusters.seed, wanted)
