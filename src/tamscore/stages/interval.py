"""How sure a ladder is: between which amounts the true cut values lie, at a stated level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.stages.pooling import Pool


@dataclass(frozen=True)
class Bounds:
    """Where the true values of the ladders lie, (k, steps): `low` and `high`, NaN where nothing can be said.

    `supported` (k, steps): whether the cluster's own customers suffice for an interval that holds for any distribution.
    """

    level: float
    low: Any
    high: Any
    supported: Any


@lru_cache(maxsize=4096)
def ranks(n: int, share: float, level: float) -> tuple[int, int] | None:
    """The ranks, from 1, of two of n sorted values that hold the quantile at `share` with probability `level` or more.

    Whatever the distribution (Thompson 1936): the equal-tailed pair, drawn in by single ranks from above, then from
    below, as long as it reaches the level. None where n is too small: 23, 36, 72 are enough for P85, P90, P95 at 95 %.
    """
    from scipy.special import bdtr

    tail = (1 - level) / 2
    if max(share**n, (1 - share) ** n) > tail:
        return None
    reach = 9 * np.sqrt(n * share * (1 - share)) + 9
    rank = np.arange(max(int(n * share - reach), 1), min(int(n * share + reach), n) + 1)
    below = bdtr(rank - 1.0, n, share)  # the probability that fewer than `rank` values lie at or below the quantile
    low = max(int(np.searchsorted(below, tail, side="right")) - 1, 0)
    high = min(int(np.searchsorted(below, 1 - tail)), len(rank) - 1)
    while below[high - 1] - below[low] >= level:
        high -= 1
    while below[high] - below[low + 1] >= level:
        low += 1
    return int(rank[low]), int(rank[high])


def bounds(clusters: Any, values: Any, pool: Pool, level: float) -> Bounds:
    """The bounds of the ladders (k, steps): order statistics where support allows, else a pooled bootstrap.

    The largest sales of a cluster (share 1) are a fact, no estimate: they have no bounds, and the support of the last
    cut line. Where all customers together are too few for an interval, none is given.
    """
    found = [of_cluster(clusters.of(c), values[c], pool, level) for c in range(clusters.groups)]
    low, high, supported = (np.array(column) for column in zip(*found, strict=True))
    if pool.shares[-1] == 1:
        supported[:, -1] = supported[:, -2]
    return Bounds(level, low, high, supported)


def of_cluster(sales: Any, values: Any, pool: Pool, level: float) -> tuple[Any, Any, Any]:
    """Low, high and whether they are its own, (steps,) each, for the ladder of a cluster with these sorted sales."""
    n, shares = len(sales), pool.shares
    own = [ranks(n, share, level) if n >= pool.enough and share < 1 else None for share in shares]
    low, high, supported = (
        np.full(len(own), np.nan),
        np.full(len(own), np.nan),
        np.array([pair is not None for pair in own]),
    )
    errors = np.empty((1, len(own))) if supported.all() else pool.errors(n)
    for j, (pair, share) in enumerate(zip(own, shares, strict=True)):
        if pair is not None:
            low[j], high[j] = sales[pair[0] - 1], sales[pair[1] - 1]
        elif share < 1 and ranks(len(pool.shape), share, level) is not None:
            low[j], high[j] = bootstrap(values[j], errors[:, j], level)
    return low, high, supported


def bootstrap(value: float, errors: Any, level: float) -> tuple[float, float]:
    """The bounds of a value whose log is off by one of the sorted errors (b,): the basic bootstrap interval."""
    tail = (1 - level) / 2 * (len(errors) - 1)
    least, most = errors[int(np.floor(tail))], errors[int(np.ceil(len(errors) - 1 - tail))]
    return float(value * np.exp(-max(most, 0.0))), float(value * np.exp(-min(least, 0.0)))
