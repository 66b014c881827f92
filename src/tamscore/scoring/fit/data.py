"""What the centers of a party type are sought on: its space, and its rows there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.backend import FitsScalers
from tamscore.errors import InputContractError
from tamscore.scoring.context import fewest_clusters, makes_market, most_clusters, numeric_columns, seed_rows_of
from tamscore.scoring.features import Encoding
from tamscore.scoring.fit.sources import EveryRow, SampleSource
from tamscore.scoring.memory_plan import resident_capacity
from tamscore.stages import prepare
from tamscore.stages.scale import by_library
from tamscore.stages.scaling import MODES
from tamscore.stages.space import fit_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.party import Party
    from tamscore.scoring.fit.resident_rows import ResidentRows
    from tamscore.scoring.fit.sources import RowSource
    from tamscore.stages.blocks import Span
    from tamscore.stages.prepare import Vocabulary
    from tamscore.stages.scale import ColumnScale
    from tamscore.stages.space import Space


@dataclass(frozen=True)
class FitData:
    """What the centers of a party type are sought on: its rows in their space, and the rows drawn of them.

    `seeds` (d, s) are the first of the drawn rows, `constant` the columns that were dropped, `flagged` those that the
    leakage guard suspects, and that nobody has allowed.
    """

    encoding: Encoding
    space: Space
    sample: SampleSource
    everywhere: EveryRow
    rows: ResidentRows
    spans: Sequence[Span]
    seeds: Any
    constant: tuple[str, ...]
    flagged: tuple[str, ...]


def make_fit_data(run: Run, party: Party) -> FitData:
    """The space of a party type, and its rows in it."""
    clusters, features = run.job.clusters, run.job.features
    _require_rows(run, party)
    encoding = Encoding(run.columns, party.code, (), party.segments)
    capacity = resident_capacity(run.flow, run.backend, run.job.engine.resident_share)
    everywhere = EveryRow(run.flow, run.backend, tuple(party.parts), encoding, clusters.seed, capacity)
    sample = SampleSource(party.local, run.backend, party.drawn, encoding)
    source: RowSource = everywhere if clusters.fit_rows == "all" else sample
    levels = {column: source.levels(column) for column in run.columns.categorical}
    vocabularies = tuple(prepare.vocabulary(*level, features.category_floor) for level in levels.items())
    _require_levels(run, vocabularies)
    sample, everywhere = sample.encode(vocabularies), everywhere.encode(vocabularies)
    source = everywhere if clusters.fit_rows == "all" else sample
    columns = numeric_columns(run.job)
    space, constant = fit_space(columns, vocabularies, features.category_weight, source.order, source.moments)
    if isinstance(source, SampleSource):
        space = _scaled_by_library(run, party.name, source, space)
    seed_rows = seed_rows_of(run.job, most_clusters(run.job, party.name))
    seeds = run.backend.get(space.block(run.backend, sample.raw.part(0, seed_rows)))
    rows, spans = source.rows(space), source.spans(clusters.batch_rows)
    encoding = replace(encoding, vocabularies=vocabularies)
    return FitData(encoding, space, sample, everywhere, rows, spans, seeds, constant, party.flagged)


def _scaled_by_library(run: Run, party: str, sample: SampleSource, space: Space) -> Space:
    """The space with the scales that the backend's own library finds in the sample, where it has scalers.

    Where a scale differs from that of the shared text, a notice says so and the shared text counts: a model does not
    depend on what is installed.
    """
    backend = run.backend
    if not isinstance(backend, FitsScalers):
        return space
    weights = {column.name: column.weight for column in numeric_columns(run.job)}
    scales, differing = [], []
    for scale in space.scales:
        theirs: ColumnScale | None = scale
        if MODES[scale.scaling].scaler and scale.factor:
            column = sample.raw.numeric[scale.name]
            theirs = by_library(backend, backend.xp, scale, weights[scale.name], column, sample.raw.segment)
        scales.append(theirs or scale)
        differing += [] if theirs else [scale.name]
    if differing:
        run.progress.notice(f"{party}: the library's scalers find other values for {', '.join(differing)}; ours count")
    return replace(space, scales=tuple(scales))


def _require_rows(run: Run, party: Party) -> None:
    """Raise InputContractError unless a party type has rows for its clusters."""
    rows, k = len(party.drawn), fewest_clusters(run.job, party.name)
    if rows < k:
        what = "families" if makes_market(run.job) else "usable rows"
        raise InputContractError(
            f"{run.job.input.name}: party type {party.name!r} has {rows} {what}, fewer than clusters.k = {k}; "
            "lower clusters.k, or give each party type its own: k = { end_user = …, channel = … }"
        )


def _require_levels(run: Run, vocabularies: Sequence[Vocabulary]) -> None:
    """Raise InputContractError if any categorical column has too many categories."""
    for vocabulary in vocabularies:
        if len(vocabulary.levels) > run.columns.limits.levels:
            raise InputContractError(
                f"{run.job.input.name}: column {vocabulary.column!r} has {len(vocabulary.levels):,} categories that "
                "stand for "
                f"themselves, allowed are {run.columns.limits.levels:,}; raise features.category_floor, or "
                "features.max_levels"
            )
