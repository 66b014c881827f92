"""Why potentials change between two runs: one cause after the other let in, in a fixed order.

Each account is valued six times: as the first run has it; with its new sales; in the cluster where the first model puts
it now; on that cluster's ladder with its peers' new sales; in its cluster under the second model; as the second run has
it. The differences are the parts, in this order: own sales, cluster move, peers, model, policy. They are differences of
whole cents, so they sum to the change to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.context import ladder_rules
from tamscore.stages.whitespace import value_accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.insight.stored import StoredRun
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.whitespace import Boundary

LARGEST = 2.0**63
"""Cents that no longer fit into 64 bits."""
CAUSES = ("own_sales", "cluster_move", "peers", "model", "policy")


@dataclass(frozen=True)
class World:
    """The ladders that accounts are valued on: cut values (clusters, steps) of all party types, and the boundary."""

    values: Any
    boundary: Boundary

    def potential(self, sales: Any, code: Any) -> Any:
        """The potential (m,) in cents of accounts with sales (m,) in clusters (m,)."""
        return cents(value_accounts(np, sales, code, self.values, self.boundary).potential)


@dataclass(frozen=True)
class Worlds:
    """Ladders: of the first run; of its clusters with the second's sales; of the second under the first's rules."""

    first: World
    peers: World
    model: World


def cents(money: Any) -> Any:
    """Amounts in whole cents (m,) int64, 0 where there is none; InputContractError where one is too large for that."""
    whole = np.rint(np.nan_to_num(money) * 100.0)
    if (np.abs(whole) >= LARGEST).any():
        largest = np.max(np.abs(whole)) / 100
        raise InputContractError(f"an amount of {largest:.3g} has no cents to tell; take sales in thousands, run again")
    return whole.astype(np.int64)


def parts(worlds: Worlds, before: Any, after: Any, sales: Any, codes: tuple[Any, Any, Any]) -> Any:
    """What each cause did to potentials (causes, m) int64 in cents, in the order of CAUSES.

    `before` and `after` (m,) are the stored potentials in cents, `sales` (m,) those of the second run. `codes` are the
    clusters (m,): in the first run, by its model in the second, in the second run.
    """
    then, moved, now = codes
    stages = [
        before,
        worlds.first.potential(sales, then),
        worlds.first.potential(sales, moved),
        worlds.peers.potential(sales, moved),
        worlds.model.potential(sales, now),
        after,
    ]
    return np.diff(np.stack(stages), axis=0)


def stored_world(run: StoredRun) -> World:
    """The ladders of a run as it has stored them."""
    return World(together([party.table.values for party in run.model.parties]), ladder_rules(run.job).boundary)


def settled_world(markets: Sequence[PartyMarket], boundary: Boundary) -> World:
    """The ladders of party types that were settled anew."""
    return World(together([market.table.values for market in markets]), boundary)


def together(values: Sequence[Any]) -> Any:
    """The ladders of all party types (clusters, steps), one below the other."""
    return np.concatenate(values)


def under_rules_of(first: StoredRun, second: StoredRun) -> World:
    """The second run's ladders under the first run's rules: as they are stored where the rules are the same."""
    rules = ladder_rules(first.job)
    if rules == ladder_rules(second.job):
        return stored_world(second)
    return settled_world(second.markets(rules), rules.boundary)
