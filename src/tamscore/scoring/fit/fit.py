"""The fit of a party type from nothing: the number of clusters as the job says or chosen, and the centers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tamscore.scoring.context import clusters_of, recipe_of
from tamscore.scoring.fit import choose_k as choosing
from tamscore.scoring.fit.centers import fit_centers
from tamscore.scoring.fit.data import ground_of
from tamscore.scoring.fit.finish import fitted_on, polished, tell, trusted
from tamscore.scoring.fit.level import customer_levels, leveled, over_typical
from tamscore.scoring.fit.level_guard import level_shifts
from tamscore.scoring.fit.party import each_party
from tamscore.scoring.fit.refits import moves_of, redraw_spread, tell_moves
from tamscore.stages.identity import cluster_ids

if TYPE_CHECKING:
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import Ground
    from tamscore.scoring.fit.fitted import Fitted
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.moves import Moves


def fit_parties(this: Run, parts: list[PartRows]) -> list[Fitted]:
    """The fitted model of every party type that has rows, on a sample drawn by account id or on every row."""
    return each_party(this, parts, fit_party)


def fit_party(this: Run, party: Party) -> Fitted:
    """Space and centers of one party type."""
    ground = ground_of(this, party)
    customers = customer_levels(this, party, ground)
    shifts = level_shifts(this, party, ground, customers)
    k, choice, found = number_of_clusters(this, party, ground, customers)
    fit = fit_centers(ground.rows, ground.seeds, recipe_of(this.job, k), ground.spans, party.local)
    fit = polished(this, ground, fit)
    tell(this, ground, fit, k)
    tell_moves(this, party.name, k, found, choice)
    fitted = fitted_on(ground, fit, cluster_ids(party.name, len(fit.centers)), len(fit.centers))
    spread = redraw_spread(this, party, ground, customers, fit.centers, choice)
    fitted = trusted(this, ground, leveled(this, customers, fitted))
    return replace(fitted, choice=choice, moves=found, shifts=shifts, spread_of_redraws=spread)


def number_of_clusters(
    this: Run, party: Party, ground: Ground, customers: CustomerLevels | None
) -> tuple[int, tuple[Candidate, ...], tuple[Moves, ...]]:
    """The number of clusters of a party type, as the job says or chosen, the candidates, and how potentials move.

    Candidates are judged by what customers buy, at level account by their sales over their typical sales.
    """
    fixed = clusters_of(this.job, party.name)
    if fixed is not None:
        return fixed, (), moves_of(this, party, ground, customers, fixed)
    each = sum(part.count_of(party.code) for part in party.parts) / len(party.drawn)
    sales = party.drawn.sales
    if customers and this.job.potential.level == "account":
        sales = over_typical(party.drawn, customers)
    sample = choosing.Sample(ground.space, ground.sample.raw, sales, ground.seeds, each)
    moves = partial(moves_of, this, party, ground, customers)
    choose = partial(choosing.choose, this, party.name, sample, party.local, moves)
    return this.checkpoints.once(f"choice-{party.name}", choose, f"number of clusters of {party.name}")
