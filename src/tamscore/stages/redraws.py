"""What refits on fewer rows do to the potential of each step: intervals allow for it beside sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.potential import PotentialTable

REDRAWS, REDRAWN = 5, 0.6
"""The number of refits, and the share of the rows of each: few, since redraws share their rows with the model."""
_FEWEST = 20
"""With fewer factors of its own a step takes those of its cluster, and a cluster those of its party type."""


@dataclass(frozen=True)
class RedrawSpread:
    """The factors, (k, steps), by which refits move the potential of a step: `low` at most 1, `high` at least 1."""

    low: Any
    high: Any


def clusters_of_redraws(numbers: Sequence[int]) -> list[int]:
    """Return the number of clusters of every refit, spread evenly over those given in order."""
    places = np.rint(np.linspace(0, len(numbers) - 1, REDRAWS)).astype(int)
    return [numbers[place] for place in places]


def spread_of(label: Any, step: Any, factors: Any, shape: tuple[int, int], level: float) -> RedrawSpread:
    """Return the spread of ladders of this shape (k, steps) that holds a share `level` of the factors.

    `factors` (r, m) are potential after each of r refits over potential before, of accounts with cluster (m,) and step
    (m,) from 0; NaN where one of the two is missing.
    """
    ends = np.ones((2, *shape))
    for c in range(shape[0]):
        of_cluster = label == c
        for j in range(shape[1]):
            ends[:, c, j] = _middle(_pool(factors, of_cluster & (step == j), of_cluster), level)
    return RedrawSpread(np.minimum(ends[0], 1.0), np.maximum(ends[1], 1.0))


def _pool(factors: Any, *groups: Any) -> Any:
    """Return the factors (n,) of the first group (m,) that has enough of them, else all."""
    for group in groups:
        known = _finite(factors[:, group])
        if len(known) >= _FEWEST:
            return known
    return _finite(factors)


def _finite(factors: Any) -> Any:
    """Return the factors (n,) that are known."""
    return factors[np.isfinite(factors)]


def _middle(factors: Any, level: float) -> tuple[float, float]:
    """Return the ends of the middle share `level` of factors (n,); 1 and 1 if there are none."""
    if not len(factors):
        return 1.0, 1.0
    tail, ordered = (1 - level) / 2 * (len(factors) - 1), np.sort(factors)
    return float(ordered[int(np.floor(tail))]), float(ordered[int(np.ceil(len(factors) - 1 - tail))])


def share_of(level: float, *, by_account: bool) -> float:
    """Return the middle share of the factors that intervals with a probability of `level` allow for.

    At level cluster, where intervals are multiplied by them, twice the tails: both rarely lie at the same end at once.
    """
    return level if by_account else max(2 * level - 1, 0.0)


def widen(table: PotentialTable, spread: RedrawSpread) -> PotentialTable:
    """Return the ladders with intervals that hold the order statistics and the refits; none where there was none.

    At level cluster another fit cuts the market elsewhere, and the ladders of that cut are as unsure of the customers
    as those of this one: the interval of a cluster's own customers is multiplied by the factors. A borrowed interval
    allows for other clusters already, and at level account refits differ by the customers that they see: there the
    wider of the two counts.
    """
    account, bounds = table.account, table.bounds
    if account is None:
        low, high = _hull(table.values, bounds.low, bounds.high, spread)
        own = bounds.supported
        low, high = np.where(own, bounds.low * spread.low, low), np.where(own, bounds.high * spread.high, high)
        return replace(table, bounds=replace(bounds, low=low, high=high))
    low, high = _hull(account.multiples, account.low, account.high, spread)
    bounds = replace(bounds, low=account.of_median(low), high=account.of_median(high))
    return replace(table, bounds=bounds, account=replace(account, low=low, high=high))


def _hull(values: Any, low: Any, high: Any, spread: RedrawSpread) -> tuple[Any, Any]:
    """Return the ends (k, steps) that hold the interval and the values times the spread; NaN stays."""
    return np.minimum(low, values * spread.low), np.maximum(high, values * spread.high)
