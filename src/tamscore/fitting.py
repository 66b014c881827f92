"""The fit of every party type: sample, space, centers, and what a person should know about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import choosing, guard, trust
from tamscore.engine.flow import LocalFlow
from tamscore.errors import InputContractError
from tamscore.outcome import NOTHING_KEPT, Fitted
from tamscore.passes import census
from tamscore.passes.assign import PartyModel
from tamscore.passes.features import Encoding
from tamscore.passes.fit import fit_centers, polish
from tamscore.passes.sample import Draw, draw_sample, joined
from tamscore.passes.sources import EveryRow, SampleSource
from tamscore.schema import PARTY_TYPES
from tamscore.settings import clusters_of, numeric_columns, recipe_of
from tamscore.stages import diagnose, draw, drift, prepare
from tamscore.stages.identity import cluster_ids
from tamscore.stages.space import fit_space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.engine.flow import Flow
    from tamscore.outcome import Kept
    from tamscore.passes.census import PartRows
    from tamscore.passes.sample import SampledRows
    from tamscore.passes.sources import KeptRows, Source
    from tamscore.settings import Run
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.drift import Histogram
    from tamscore.stages.kmeans import Fit, Span
    from tamscore.stages.prepare import Vocabulary
    from tamscore.stages.space import Space


def fit_parties(this: Run, parts: list[PartRows]) -> list[Fitted]:
    """The fitted model of every party type that has rows, on a sample drawn by account id or on every row."""
    return each_party(this, parts, fit_party)


def each_party(this: Run, parts: list[PartRows], fit: Callable[..., Fitted]) -> list[Fitted]:
    """What `fit`, called as `fit_party` is, makes of every party type that has rows; the guard has seen them before."""
    counts = party_counts(parts)
    segments = segment_vocabulary(this, parts)
    samples = draw_samples(this, parts, counts)
    verdicts = guard.inspect(this, samples)
    with this.progress.stage("fit", len(counts)) as done, LocalFlow(this.job.engine.workers) as local:
        fitted = []
        for party, drawn in samples.items():
            one = fit(this, parts, party, drawn, segments, local)
            fitted.append(replace(one, verdicts=verdicts[party]))
            done(1)
    return fitted


def party_counts(parts: list[PartRows]) -> dict[int, int]:
    """How many rows may be scored of every party type that has any."""
    counts = {party: sum(len(part.of_party(party)) for part in parts) for party in range(len(PARTY_TYPES))}
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
    draws = Draw(this.job.clusters.seed, {party: drawn_up_to(this, parts, party, counts) for party in counts})
    drawn: dict[int, list[SampledRows]] = {party: [] for party in counts}
    with this.progress.stage("sample", this.plan.rows) as done:
        found = this.flow.map(draw_sample, parts, this.columns, draws, this.backend)
        for part, here in zip(parts, found, strict=True):
            for party, rows in here.items():
                drawn[party].append(rows)
            done(part.partition.rows)
    return {party: joined(rows) for party, rows in drawn.items()}


def drawn_up_to(this: Run, parts: list[PartRows], party: int, counts: dict[int, int]) -> int:
    """The largest draw number of a party type's sample: its share of the rows drawn, at least 256 a cluster."""
    clusters, total = this.job.clusters, sum(counts.values())
    rows = clusters.seed_rows if clusters.fit_rows == "all" else clusters.fit_rows
    wanted = max(
        -(-rows * counts[party] // total), 256 * (clusters_of(this.job, PARTY_TYPES[party]) or clusters.k_range[1])
    )
    numbers = [draw.draw_number(part.hashes[part.of_party(party)], clusters.seed) for part in parts]
    return draw.threshold(numbers, wanted)


@dataclass(frozen=True)
class Ground:
    """What the centers of a party type are sought on: its rows in their space, and the rows drawn of them.

    `seeds` (d, s) are the first of the drawn rows, `constant` the columns that were dropped.
    """

    encoding: Encoding
    space: Space
    sample: SampleSource
    everywhere: EveryRow
    rows: KeptRows
    spans: Sequence[Span]
    seeds: Any
    constant: tuple[str, ...]


def fit_party(
    this: Run, parts: list[PartRows], party: int, drawn: SampledRows, segments: Vocabulary | None, local: Flow
) -> Fitted:
    """Space and centers of one party type."""
    ground = ground_of(this, parts, party, drawn, segments, local)
    k, choice = number_of_clusters(this, parts, ground, local)
    fit = polished(this, ground, fit_centers(ground.rows, ground.seeds, recipe_of(this.job, k), ground.spans, local))
    tell(this, ground, fit, party, k)
    fitted = fitted_on(ground, fit, cluster_ids(PARTY_TYPES[party], len(fit.centers)), len(fit.centers))
    return replace(trusted(this, ground, fitted), choice=choice)


def number_of_clusters(
    this: Run, parts: list[PartRows], ground: Ground, local: Flow
) -> tuple[int, tuple[Candidate, ...]]:
    """The number of clusters of a party type, as the job says or chosen, and the candidates it was chosen from."""
    party, drawn = ground.encoding.party, ground.sample.drawn
    fixed = clusters_of(this.job, PARTY_TYPES[party])
    if fixed is not None:
        return fixed, ()
    each = sum(len(part.of_party(party)) for part in parts) / len(drawn)
    sample = choosing.Sample(ground.space, ground.sample.raw, drawn.sales, ground.seeds, each)
    return choosing.choose(this, PARTY_TYPES[party], sample, local)


def ground_of(
    this: Run, parts: list[PartRows], party: int, drawn: SampledRows, segments: Vocabulary | None, local: Flow
) -> Ground:
    """The space of a party type, and its rows in it."""
    clusters, features = this.job.clusters, this.job.features
    least = clusters_of(this.job, PARTY_TYPES[party]) or clusters.k_range[0]
    check_rows(this, PARTY_TYPES[party], len(drawn), least)
    encoding = Encoding(this.columns, party, (), segments)
    everywhere = EveryRow(this.flow, this.backend, tuple(parts), encoding, clusters.seed)
    sample = SampleSource(local, this.backend, drawn, encoding)
    source: Source = everywhere if clusters.fit_rows == "all" else sample
    levels = {column: source.levels(column) for column in this.columns.categorical}
    vocabularies = tuple(prepare.vocabulary(*each, features.category_floor) for each in levels.items())
    check_levels(this, vocabularies)
    sample, everywhere = sample.encoded(vocabularies), everywhere.encoded(vocabularies)
    source = everywhere if clusters.fit_rows == "all" else sample
    columns = numeric_columns(this.job)
    space, constant = fit_space(columns, vocabularies, features.category_weight, source.order, source.moments)
    seeds = this.backend.get(space.block(this.backend, sample.raw.part(0, clusters.seed_rows)))
    rows, spans = source.rows(space), source.spans(clusters.batch_rows)
    return Ground(replace(encoding, vocabularies=vocabularies), space, sample, everywhere, rows, spans, seeds, constant)


def polished(this: Run, ground: Ground, fit: Fit) -> Fit:
    """The fit after the passes over all rows that the job asks for."""
    passes = this.job.clusters.polish_passes
    return polish(ground.everywhere.rows(ground.space), fit, passes) if passes else fit


def fitted_on(ground: Ground, fit: Fit, ids: Sequence[str], named: int, kept: Kept = NOTHING_KEPT) -> Fitted:
    """The model of a party type with its centers in place, their ids, and how many ids were ever given."""
    drawn = ground.sample.drawn
    model = PartyModel(PARTY_TYPES[ground.encoding.party], ground.encoding, ground.space, fit.centers, tuple(ids))
    spread = np.std(ground.seeds, axis=1, dtype=np.float64).astype(np.float32)
    return Fitted(model, fit, spread, len(drawn), ground.constant, histograms(model, drawn), named, kept)


def trusted(this: Run, ground: Ground, fitted: Fitted) -> Fitted:
    """The fit with what is known about every cluster, where the job asks for it."""
    if not this.job.clusters.stability:
        return fitted
    return replace(fitted, trust=trust.trust(fitted.model, ground.sample.drawn, ground.seeds, this.job.clusters.seed))


def histograms(model: PartyModel, drawn: SampledRows) -> tuple[Histogram, ...]:
    """How the features of a model spread over the drawn rows."""
    numbers = [drift.number_histogram(each.name, drawn.numeric[each.name]) for each in model.space.scales]
    levels = [drift.level_histogram(each, drawn.texts[each.column]) for each in model.space.vocabularies]
    return (*numbers, *levels)


def check_rows(this: Run, party: str, rows: int, k: int) -> None:
    """Nothing, where a party type has rows for its clusters; InputContractError else."""
    if rows < k:
        raise InputContractError(
            f"{this.job.input.path}: party type {party!r} has {rows} usable rows, fewer than clusters.k = {k}; "
            "lower clusters.k, or give each party type its own: k = { end_user = …, channel = … }"
        )


def check_levels(this: Run, vocabularies: Sequence[Vocabulary]) -> None:
    """Nothing, where no categorical column has too many categories; InputContractError else."""
    for one in vocabularies:
        if len(one.levels) > this.columns.limits.levels:
            raise InputContractError(
                f"{this.job.input.path}: column {one.column!r} has {len(one.levels):,} categories that stand for "
                f"themselves, allowed are {this.columns.limits.levels:,}; raise features.category_floor, or "
                "features.max_levels"
            )


def tell(this: Run, ground: Ground, fit: Fit, party: int, k: int) -> None:
    """Tell what a person should know about a fit."""
    for text in remarks(ground.space, ground.sample.drawn, ground.seeds, ground.constant, fit, k):
        this.progress.notice(f"{PARTY_TYPES[party]}: {text}")


def remarks(space: Space, drawn: SampledRows, seeds: Any, constant: tuple[str, ...], fit: Fit, k: int) -> list[str]:
    """What a person should know about the features: constant, skewed, nearly the same, too few different rows."""
    said = [f"column {name!r} is constant and was dropped" for name in constant]
    standard = [scale.name for scale in space.scales if scale.scaling == "standard"]
    said += diagnose.skewed(standard, [drawn.numeric[name] for name in standard])
    numeric = [scale.name for scale in space.scales]
    said += diagnose.correlated(numeric, seeds[: len(numeric)].astype(np.float64))
    said += diagnose.coarse([feature.name for feature in space.features], space.fitted_grid.limit)
    if len(fit.centers) < k:
        said.append(f"{len(fit.centers)} clusters in effect, not {k}: too few different rows")
    return said
