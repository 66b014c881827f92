"""Refits of a party type on redraws of its rows: how far potentials move, and what intervals must allow for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.scoring.context import clusters_of, ladder_rules, recipe_of
from tamscore.scoring.fit.centers import seed
from tamscore.stages import choose_k, kmeans, moves, redraws, stability
from tamscore.stages.blocks import BlockRows
from tamscore.stages.moves import Moves, RedrawRules, SampledAccounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.engine.flow import Flow
    from tamscore.scoring.arguments import Recipe
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.data import FitData
    from tamscore.scoring.fit.level import CustomerLevels
    from tamscore.scoring.fit.party import Party
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.redraws import RedrawSpread
    from tamscore.stages.whitespace import Money

_ROWS, _SEEDS, _CUSTOMERS, _PASSES = 20_000, 5_000, 20_000, 10
"""So many accounts are fitted again at the most, from so many seed rows, in so many passes; and customers asked."""
_FEW_RESTARTS = 5
"""A refit has so many restarts at the most: they share its few seed rows."""


def _is_asked(run: Run, party: str) -> bool:
    """Return whether the stability of potentials is measured for a party type: as the job says, else if k is chosen."""
    asked = run.job.potential.stability
    return clusters_of(run.job, party) is None if asked is None else asked


@dataclass(frozen=True)
class _RefitAccounts:
    """The accounts that are fitted again, all customers that there are for it, and how it is done."""

    rows: SampledAccounts
    customers: SampledAccounts
    rules: RedrawRules
    recipe: Recipe
    local: Flow

    def centers(self, rows: SampledAccounts, k: int, start: int) -> Any:
        """Return k centers or fewer, fitted cold on some of the rows from a start of its own."""
        recipe = replace(self.recipe, k=k, seed=self.recipe.seed + start)
        seeds = seed(np.ascontiguousarray(rows.block[:, :_SEEDS]), recipe, self.local)
        everyone = BlockRows.of(HostBackend(), rows.block)
        return kmeans.without_empty(kmeans.lloyd(everyone, seeds.centers, _PASSES, kmeans.SEEDING_TOLERANCE)).centers

    def money(self, centers: Any, rows: SampledAccounts, customers: SampledAccounts) -> Money:
        """Return the money of rows whose ladders are those of the customers."""
        return moves.money_of(HostBackend(), centers, rows, customers, self.rules)


def _drawn_of(run: Run, party: Party, data: FitData, customers: CustomerLevels) -> _RefitAccounts:
    """Return what a party type is fitted again on."""
    drawn, most = party.drawn, min(_ROWS, data.seeds.shape[1])
    rows = SampledAccounts(data.seeds[:, :most], drawn.sales[:most], drawn.numbers[:most])
    buyers = SampledAccounts(customers.block, customers.sales, customers.numbers)
    recipe = recipe_of(run.job, 1)
    recipe = replace(recipe, restarts=min(recipe.restarts, _FEW_RESTARTS))
    return _RefitAccounts(rows, buyers, _rules_of(run, data), recipe, party.local)


def moves_of(run: Run, party: Party, data: FitData, customers: CustomerLevels | None, k: int) -> tuple[Moves, ...]:
    """What each redraw of the rows changes with k clusters; nothing if it is not asked for, or customers are too few.

    The fits start cold.
    """
    if customers is None or not _is_asked(run, party.name):
        return ()
    drawn = _drawn_of(run, party, data, customers)
    rows, buyers = drawn.rows, drawn.customers.first(_CUSTOMERS)
    first, items = drawn.money(drawn.centers(rows, k, 0), rows, buyers), []
    for redraw in range(moves.REDRAWS):
        again = rows.redrawn(redraw)
        if len(again.numbers) <= k:
            return ()
        shared = np.isin(rows.numbers, again.numbers)
        before = replace(first, potential=first.potential[shared], whitespace=first.whitespace[shared])
        after = drawn.money(drawn.centers(again, k, redraw + 1), again, buyers.redrawn(redraw))
        items.append(moves.compare(before, after, again.numbers))
    return tuple(items)


def redraw_spread(
    run: Run,
    party: Party,
    data: FitData,
    customers: CustomerLevels | None,
    centers: Any,
    choice: Sequence[Candidate] = (),
) -> RedrawSpread | None:
    """Return what refits on fewer rows do to the potentials of a model with centers (k, d).

    None if the stability of potentials is not measured, or rows or customers are too few. The numbers of clusters of
    the refits are those that the choice might have come to.
    """
    if customers is None or not _is_asked(run, party.name):
        return None
    drawn = _drawn_of(run, party, data, customers)
    rows, rules = drawn.rows, ladder_rules(run.job)
    before = drawn.money(centers, rows, drawn.customers)
    factors = np.full((redraws.REDRAWS, len(rows.numbers)), np.nan)
    for redraw, k in enumerate(redraws.clusters_of_redraws(_numbers_likely(run, choice) or [len(centers)])):
        place = moves.REDRAWS + redraw
        fewer, buyers = (accounts.redrawn(place, redraws.REDRAWN) for accounts in (rows, drawn.customers))
        if len(fewer.numbers) <= k or not len(buyers.numbers):
            return None
        after = drawn.money(drawn.centers(fewer, k, place + 1), rows, buyers)
        np.divide(after.potential, before.potential, out=factors[redraw], where=before.potential > 0)
    label = stability.labels(HostBackend(), rows.block, centers)
    share = redraws.share_of(rules.level, by_account=run.job.potential.level == "account")
    return redraws.spread_of(label, before.step - 1, factors, (len(centers), len(rules.lines) + 1), share)


def _numbers_likely(run: Run, choice: Sequence[Candidate]) -> list[int]:
    """Return the numbers of clusters that the choice might have come to; at level account there is only one."""
    by_account = run.job.potential.level == "account"
    return (
        [candidate.k for candidate in choice if candidate.chosen]
        if by_account
        else choose_k.likely(choice)
        if choice
        else []
    )


def _rules_of(run: Run, data: FitData) -> RedrawRules:
    """Return how potentials follow from clusters."""
    ladder, space = ladder_rules(run.job), data.space
    by_account, seed_ = run.job.potential.level == "account", run.job.clusters.seed
    how = ladder.lines, ladder.top_step, ladder.boundary, ladder.min_customers
    return RedrawRules(*how, by_account, len(space.scales), space.fitted_grid.unit, seed_)


def report_moves(run: Run, party: str, k: int, parts: tuple[Moves, ...], choice: Sequence[Candidate]) -> None:
    """Say what to do if many potentials move."""
    most = moves.worst(parts)
    if not most > moves.MOST_MOVED:
        return
    entry = max(parts, key=lambda item: item.moved)
    remedies = [] if run.job.potential.level == "account" else ["potential.level = 'account'"]
    smaller = [candidate for candidate in choice if candidate.k < k and candidate.admitted]
    if smaller:
        best, chosen = (
            max(smaller, key=lambda candidate: candidate.k),
            next(candidate for candidate in choice if candidate.chosen),
        )
        remedies.append(f"clusters.k = {best.k} at a held-out loss of {best.loss:.4f} instead of {chosen.loss:.4f}")
    elif not choice:
        remedies.append("a smaller clusters.k")
    what = f"; what may move less: {', or '.join(remedies)}" if remedies else ""
    run.progress.notice(
        f"{party}: potentials of {most:.0%} of the accounts move by more than {moves.MOVED:.0%} if the model is fitted "
        f"again on {moves.REDRAWN:.0%} of the rows; of the top {moves.TOP:.0%} by whitespace {entry.top_overlap:.0%} "
        f"stay there{what}"
    )
