"""Confidence intervals of ladders: the range of the true cut values at a given level."""

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
    tail = (1 - level) / 2
    if max(share**n, (1 - share) ** n) > tail:
        return None
    reach = 9 * np.sqrt(n * share * (1 - share)) + 9
    first, last = max(int(n * share - reach), 1), min(int(n * share + reach), n)
    rank, below = np.arange(first, last + 1), fewer_than(first, last, n, share)
    low = max(int(np.searchsorted(below, tail, side="right")) - 1, 0)
    high = min(int(np.searchsorted(below, 1 - tail)), len(rank) - 1)
    while below[high - 1] - below[low] >= level:
        high -= 1
    while below[high] - below[low + 1] >= level:
        low += 1
    return int(rank[low]), int(rank[high])


def fewer_than(first: int, last: int, n: int, share: float) -> Any:
    """The probability (r,) that fewer of n values than each rank from `first` to `last` lie at or below the quantile.

    Binomial chances by their ratios, outward from the likeliest number and brought to 1; the ranks leave out so little
    that this comes nearer than the incomplete beta function (to 1e-14 at a million values), on every machine to the
    same bytes.
    """
    odds, likeliest = share / (1 - share), min(max(int((n + 1) * share), first - 1), last)
    up, down = np.arange(likeliest, last), np.arange(likeliest, first - 1, -1)
    more, fewer = np.cumprod((n - up) / (up + 1) * odds), np.cumprod(down / ((n - down + 1) * odds))
    chance = np.cumsum(np.concatenate((fewer[::-1], [1.0], more)))
    return chance[:-1] / chance[-1]


def bounds(clusters: Any, values: Any, pool: Pool, level: float) -> Bounds:
    """The bounds of the ladders (k, steps): order statistics where support allows, else a pooled bootstrap.

    The largest sales of a cluster (share 1) are a fact, no estimate: they have no bounds, and the support of the last
    cut line. Where all customers together are too few for an interval, none is given.
    """
    ends = [
        [_of_line(clusters.of(c), values[c, j], pool, j, level) for j in range(len(pool.shares))]
        for c in range(clusters.groups)
    ]
    low, high, supported = np.moveaxis(np.array(ends, dtype=np.float64), -1, 0)
    if pool.shares[-1] == 1:
        supported[:, -1] = supported[:, -2]
    return Bounds(level, low, high, supported > 0)


def _of_line(sales: Any, value: float, pool: Pool, line: int, level: float) -> tuple[float, float, bool]:
    """Low, high and whether they are its own, for a cut value of a cluster with these sorted sales."""
    n, share = len(sales), pool.shares[line]
    own = ranks(n, share, level) if n >= pool.enough and share < 1 else None
    if own is not None:
        return float(sales[own[0] - 1]), float(sales[own[1] - 1]), True
    if share == 1 or ranks(len(pool.shape), share, level) is None:
        return np.nan, np.nan, False
    return *_bootstrap(value, pool.errors(n)[:, line], level), False


def _bootstrap(value: float, errors: Any, level: float) -> tuple[float, float]:
    """The bounds of a value whose log is off by one of the sorted errors (b,): the basic bootstrap interval."""
    tail = (1 - level) / 2 * (len(errors) - 1)
    least, most = errors[int(np.floor(tail))], errors[int(np.ceil(len(errors) - 1 - tail))]
    return float(value * np.exp(-max(most, 0.0))), float(value * np.exp(-min(least, 0.0)))
