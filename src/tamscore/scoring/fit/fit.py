"""The fit of a party type from nothing: the number of clusters as the job says or chosen, and the centers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tamscore.scoring.context import clusters_of, recipe_of
from tamscore.scoring.fit import choose_k as choosing
from tamscore.scoring.fit.centers import fit_centers
from tamscore.scoring.fit.completion import add_stability, make_party_fit, polish_centers, report_fit
from tamscore.scoring.fit.data import make_fit_data
from tamscore.scoring.fit.level import add_level, customer_levels, over_typical
from tamscore.scoring.fit.level_guard import level_shifts
from tamscore.scoring.fit.party import each_party
from tamscore.scoring.fit.refits import moves_of, redraw_spread, report_moves
from tamscore.stages.identity import cluster_ids

if TYPE_CHECKING:
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.moves import Moves


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
