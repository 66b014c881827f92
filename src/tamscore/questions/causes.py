"""Causes of changed potentials between two runs, applied one after the other in a fixed order.

Each account is valued seven times: as the first run has it; with its new sales; in the cluster where the first model
puts it now; at level account with the typical sales that the first model gives it now; on that cluster's ladder with
its peers' new sales; in its cluster under the second model; as the second run has it. The differences are the parts, in
this order: own sales, cluster move, level, peers, model, policy. They are differences of whole cents, so they sum to
the change to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.questions.worlds import World

CAUSES = ("own_sales", "cluster_move", "level", "peers", "model", "policy")


@dataclass(frozen=True)
class Worlds:
    """Ladders: of the first run; of its clusters with the second's sales; of the second under the first's rules.

    The last is None where the second run cannot be valued under the first's rules: then all that is left is policy.
    """

    first: World
    peers: World
    model: World | None


@dataclass(frozen=True)
class Triple:
    """Something of accounts (m,): in the first run, by its model in the second, and in the second run."""

    then: Any
    moved: Any
    now: Any


def parts(worlds: Worlds, before: Any, after: Any, sales: Any, codes: Triple, typical: Triple) -> Any:
    """Return what each cause did to potentials (causes, m) int64 in cents, in the order of CAUSES.

    `before` and `after` (m,) are the stored potentials in cents, `sales` (m,) those of the second run; `codes` are the
    clusters (m,), `typical` the typical sales (m,), NaN at level cluster.
    """
    first, model = worlds.first, worlds.model
    own_sales = first.potential(sales, codes.then, typical.then)
    moved, away = own_sales.copy(), np.flatnonzero(codes.then != codes.moved)
    moved[away] = first.potential(sales[away], codes.moved[away], typical.then[away])
    level = first.potential(sales, codes.moved, typical.moved) if first.own.any() else moved
    peers = worlds.peers.potential(sales, codes.moved, typical.moved)
    refitted = peers
    if model is not None and not (model is worlds.peers and codes.now is codes.moved):
        refitted = model.potential(sales, codes.now, typical.now)
    return np.diff(np.stack([before, own_sales, moved, level, peers, refitted, after]), axis=0)
