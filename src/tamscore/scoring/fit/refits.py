"""Stability of potentials: a party type fitted again on redraws of its rows, with every choice but k made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.scoring.context import clusters_of, ladder_rules, recipe_of
from tamscore.scoring.fit.centers import seed
from tamscore.stages import kmeans, moves
from tamscore.stages.blocks import BlockRows
from tamscore.stages.moves import Accounts, Moves, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import Ground
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party
    from tamscore.stages.choose_k import Candidate

ROWS, SEEDS, CUSTOMERS, PASSES = 20_000, 5_000, 20_000, 10
"""So many accounts are fitted again at the most, from so many seed rows, in so many passes; and customers asked."""


def is_asked(this: Run, party: str) -> bool:
    """Whether the stability of potentials is measured for a party type: as the job says, else if k is chosen."""
    asked = this.job.potential.stability
    return clusters_of(this.job, party) is None if asked is None else asked


def moves_of(this: Run, party: Party, ground: Ground, customers: CustomerLevels | None, k: int) -> tuple[Moves, ...]:
    """What each redraw of the rows changes with k clusters; nothing if it is not asked for, or customers are too few.

    The fits start cold, with as many restarts as the model has.
    """
    if customers is None or not is_asked(this, party.name):
        return ()
    rules, recipe, host = rules_of(this, ground), recipe_of(this.job, k), HostBackend()
    drawn, most = party.drawn, min(ROWS, ground.seeds.shape[1])
    rows = Accounts(ground.seeds[:, :most], drawn.sales[:most], drawn.numbers[:most])
    of = slice(0, CUSTOMERS)
    buyers = Accounts(customers.block[:, of], customers.sales[of], customers.numbers[of])

    def money(rows: Accounts, buyers: Accounts, start: int) -> Any:
        seeds = seed(
            np.ascontiguousarray(rows.block[:, :SEEDS]), replace(recipe, seed=recipe.seed + start), party.local
        )
        everyone = BlockRows.of(host, rows.block)
        fit = kmeans.lloyd(everyone, seeds.centers, PASSES, kmeans.SEEDING_TOLERANCE)
        return moves.money_of(host, kmeans.without_empty(fit).centers, rows, buyers, rules)

    first, found = money(rows, buyers, 0), []
    for redraw in range(moves.REDRAWS):
        again = rows.redrawn(redraw)
        if len(again.numbers) <= k:
            return ()
        shared = np.isin(rows.numbers, again.numbers)
        before = replace(first, potential=first.potential[shared], whitespace=first.whitespace[shared])
        found.append(moves.compare(before, money(again, buyers.redrawn(redraw), redraw + 1), again.numbers))
    return tuple(found)


def rules_of(this: Run, ground: Ground) -> Rules:
    """How potentials follow from clusters."""
    ladder, space = ladder_rules(this.job), ground.space
    by_account, seed_ = this.job.potential.level == "account", this.job.clusters.seed
    how = ladder.lines, ladder.top_step, ladder.boundary, ladder.min_customers
    return Rules(*how, by_account, len(space.scales), space.fitted_grid.unit, seed_)


def tell_moves(this: Run, party: str, k: int, found: tuple[Moves, ...], choice: Sequence[Candidate]) -> None:
    """Say what to do if many potentials move."""
    most = moves.worst(found)
    if not most > moves.MOST_MOVED:
        return
    one = max(found, key=lambda each: each.moved)
    remedies = [] if this.job.potential.level == "account" else ["potential.level = 'account'"]
    smaller = [each for each in choice if each.k < k and each.admitted]
    if smaller:
        best, chosen = max(smaller, key=lambda each: each.k), next(each for each in choice if each.chosen)
        remedies.append(f"clusters.k = {best.k} at a held-out loss of {best.loss:.4f} instead of {chosen.loss:.4f}")
    elif not choice:
        remedies.append("a smaller clusters.k")
    what = f"; what may move less: {', or '.join(remedies)}" if remedies else ""
    this.progress.notice(
        f"{party}: potentials of {most:.0%} of the accounts move by more than {moves.MOVED:.0%} if the model is fitted "
        f"again on {moves.REDRAWN:.0%} of the rows; of the top {moves.TOP:.0%} by whitespace {one.top_overlap:.0%} "
        f"stay there{what}"
    )
