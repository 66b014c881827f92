"""The fit of a party type: the number of clusters as the job says or chosen, the centers, and what follows on them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import PARTY_TYPES
from tamscore.scoring.context import clusters_of, recipe_of
from tamscore.scoring.fit import choose_k as choosing
from tamscore.scoring.fit import trust
from tamscore.scoring.fit.centers import fit_centers, polish
from tamscore.scoring.fit.data import make_fit_data
from tamscore.scoring.fit.level import add_level, customer_levels, over_typical
from tamscore.scoring.fit.level_guard import level_shifts
from tamscore.scoring.fit.look_alike import look_alike_of
from tamscore.scoring.fit.party import each_party
from tamscore.scoring.fit.party_fit import NO_REFERENCE, PartyFit
from tamscore.scoring.fit.refits import moves_of, redraw_spread, report_moves
from tamscore.scoring.party_model import PartyModel
from tamscore.stages import diagnose, drift
from tamscore.stages.identity import cluster_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party
    from tamscore.scoring.fit.party_fit import Reference
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.scoring.fit.sources import SampleSource
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.drift import Histogram
    from tamscore.stages.kmeans import Fit
    from tamscore.stages.moves import Moves
    from tamscore.stages.space import Space


def fit_parties(run: Run, parts: list[PartRows]) -> list[PartyFit]:
    """The fitted model of every party type that has rows, on a sample drawn by account id or on every row."""
    return each_party(run, parts, fit_party)


def fit_party(run: Run, party: Party) -> PartyFit:
    """Space and centers of one party type."""
    data = make_fit_data(run, party)
    customers = customer_levels(run, party, data)
    shifts = level_shifts(run, party, data, customers)
    k, choice, moves = _number_of_clusters(run, party, data, customers)
    fit = fit_centers(data.rows, data.seeds, recipe_of(run.job, k), data.spans, party.local)
    fit = polish_centers(run, data, fit)
    report_fit(run, data, fit, k)
    report_moves(run, party.name, k, moves, choice)
    fitted = make_party_fit(data, fit, cluster_ids(party.name, len(fit.centers)), len(fit.centers))
    spread = redraw_spread(run, party, data, customers, fit.centers, choice)
    fitted = add_stability(run, data, add_level(run, customers, fitted))
    return replace(fitted, choice=choice, moves=moves, shifts=shifts, spread_of_redraws=spread)


def _number_of_clusters(
    run: Run, party: Party, data: FitData, customers: CustomerLevels | None
) -> tuple[int, tuple[Candidate, ...], tuple[Moves, ...]]:
    """The number of clusters of a party type, as the job says or chosen, the candidates, and how potentials move.

    Candidates are judged by what customers buy, at level account by their sales over their typical sales.
    """
    fixed = clusters_of(run.job, party.name)
    if fixed is not None:
        return fixed, (), moves_of(run, party, data, customers, fixed)
    value = sum(part.count_of(party.code) for part in party.parts) / len(party.drawn)
    sales = party.drawn.sales
    if customers and run.job.potential.level == "account":
        sales = over_typical(party.drawn, customers)
    sample = choosing.Sample(data.space, data.sample.raw, sales, data.seeds, value)
    moves = partial(moves_of, run, party, data, customers)
    choose = partial(choosing.choose, run, party.name, sample, party.local, moves)
    return run.checkpoints.once(f"choice-{party.name}", choose, f"number of clusters of {party.name}")


def polish_centers(run: Run, data: FitData, fit: Fit) -> Fit:
    """The fit after the passes over all rows that the job asks for."""
    passes = run.job.clusters.polish_passes
    return polish(data.everywhere.rows(data.space), fit, passes) if passes else fit


def make_party_fit(
    data: FitData, fit: Fit, ids: Sequence[str], named: int, reference: Reference = NO_REFERENCE
) -> PartyFit:
    """The model of a party type with its centers in place, their ids, and how many ids were ever given."""
    drawn = data.sample.drawn
    model = PartyModel(PARTY_TYPES[data.encoding.party], data.encoding, data.space, fit.centers, tuple(ids))
    spread = np.std(data.seeds, axis=1, dtype=np.float64).astype(np.float32)
    return PartyFit(model, fit, spread, len(drawn), data.constant, _histograms(model, data.sample), named, reference)


def add_stability(run: Run, data: FitData, fitted: PartyFit) -> PartyFit:
    """The fit with its look-alike, and with what is known about every cluster, where the job asks for them."""
    fitted = replace(fitted, model=replace(fitted.model, look_alike=look_alike_of(run, data)))
    if not run.job.clusters.stability:
        return fitted
    return replace(fitted, trust=trust.trust(fitted.model, data.sample.drawn, data.seeds, run.job.clusters.seed))


def _histograms(model: PartyModel, sample: SampleSource) -> tuple[Histogram, ...]:
    """Return how the features of a model spread over the drawn rows."""
    numbers = [sample.spread(scale.name) for scale in model.space.scales]
    levels = [
        drift.level_histogram(vocabulary, sample.drawn.texts[vocabulary.column])
        for vocabulary in model.space.vocabularies
    ]
    return (*numbers, *levels)


def report_fit(run: Run, data: FitData, fit: Fit, k: int) -> None:
    """Tell what a person should know about a fit."""
    for text in _fit_warnings(data.space, data.sample.drawn, data.seeds, data.constant, fit, k):
        run.progress.notice(f"{PARTY_TYPES[data.encoding.party]}: {text}")


def _fit_warnings(
    space: Space, drawn: SampledRows, seeds: Any, constant: tuple[str, ...], fit: Fit, k: int
) -> list[str]:
    """What a person should know about the features: constant, skewed, nearly the same, too few different rows."""
    items = [f"column {name!r} is constant and was dropped" for name in constant]
    standard = [scale.name for scale in space.scales if scale.scaling == "standard"]
    items += diagnose.skew(standard, [drawn.numeric[name] for name in standard])
    numeric = [scale.name for scale in space.scales]
    items += diagnose.correlate(numeric, seeds[: len(numeric)].astype(np.float64))
    items += diagnose.coarse([feature.name for feature in space.features], space.fitted_grid.limit)
    if len(fit.centers) < k:
        items.append(f"{len(fit.centers)} clusters in effect, not {k}: too few different rows")
    return items
