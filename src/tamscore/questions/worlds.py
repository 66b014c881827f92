"""The ladders that accounts of two runs are valued on: of each cluster, or of each account at level account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.context import ladder_rules
from tamscore.stages.whitespace import value_accounts, value_by_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.potential import PotentialTable
    from tamscore.stages.whitespace import Boundary

_LARGEST = 2.0**63
"""Cents that no longer fit into 64 bits."""


@dataclass(frozen=True)
class World:
    """The ladders that accounts are valued on, one table for each party type, and the boundary."""

    tables: tuple[PotentialTable, ...]
    boundary: Boundary

    @property
    def own(self) -> Any:
        """In which clusters (K,) bool each account has a ladder of its own."""
        return np.concatenate([np.full(len(table.values), table.account is not None) for table in self.tables])

    def potential(self, sales: Any, code: Any, typical: Any) -> Any:
        """The potential (m,) in cents of accounts with sales, cluster and, at level account, typical sales (m,)."""
        values = np.concatenate([table.values for table in self.tables])
        potential, first = value_accounts(np, sales, code, values, self.boundary).potential, 0
        for potential_table in self.tables:
            stop = first + len(potential_table.values)
            if potential_table.account is not None:
                at = np.flatnonzero((code >= first) & (code < stop))
                own = sales[at], typical[at], code[at] - first
                potential[at] = value_by_level(np, *own, potential_table.account, self.boundary).potential
            first = stop
        return cents(potential)


def cents(money: Any) -> Any:
    """Return amounts in whole cents (m,) int64, 0 if missing; raise InputContractError if one is too large."""
    whole = np.rint(money * 100.0)
    whole[np.isnan(whole)] = 0.0
    if (largest := np.abs(whole).max(initial=0.0) / 100) >= _LARGEST / 100:
        raise InputContractError(
            f"an amount of {largest:.3g} is not exact to the cent; give sales in thousands, then run again"
        )
    return whole.astype(np.int64)


def stored_world(run: StoredRun) -> World:
    """The ladders of a run as it has stored them."""
    return World(tuple(party.table for party in run.model.parties), ladder_rules(run.job).boundary)


def settled_world(markets: Sequence[PartyMarket], boundary: Boundary) -> World:
    """The ladders of party types that were settled anew."""
    return World(tuple(market.table for market in markets), boundary)


def under_rules_of(first: StoredRun, second: StoredRun) -> World | None:
    """The second run's ladders under the first run's rules: as they are stored where the rules are the same.

    None where the first run is at level account and the second has stored no typical sales.
    """
    rules, level = ladder_rules(first.job), first.job.potential.level
    if level == "account" and second.job.potential.level == "cluster":
        return None
    if rules == ladder_rules(second.job) and level == second.job.potential.level:
        return stored_world(second)
    return settled_world(second.markets(rules, level), rules.boundary)
