"""Deciles of accounts by whitespace and their later growth, compared with two baseline rankings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.sections.backtest.accounts import BacktestAccounts

_TENTHS = 10
_DRAWS = 1000
BINS = 1000
"""Bins of accounts that a bootstrap draws; accounts are put into bins at random. With fewer accounts, each is a bin."""
_LEVEL = 0.95


@dataclass(frozen=True)
class Tenth:
    """One decile of the accounts of a kind, 1 for the first ranks: means, medians and bootstrap intervals.

    `growth` is the mean of later sales minus sales. `grew` is the share of accounts whose sales rose. Both have the
    ends of their bootstrap intervals.
    """

    kind: str
    ranked_by: str
    tenth: int
    accounts: int
    whitespace: float
    sales: float
    realised: float
    growth: float
    growth_low: float
    growth_high: float
    median_growth: float
    grew: float
    grew_low: float
    grew_high: float


def tenths(kind: str, accounts: BacktestAccounts, seed: int) -> list[Tenth]:
    """Return the deciles of the accounts of one kind by whitespace, by a random ranking, and for customers by sales.

    Accounts with equal values are ordered at random. With fewer than ten accounts there are no deciles.
    """
    if len(accounts) < _TENTHS:
        return []
    lot = accounts.drawn(seed)
    by = {"whitespace": accounts.whitespace, "lot": np.zeros(len(accounts))}
    if kind == "expansion":
        by["sales"] = accounts.sales
    items = []
    for name, values in by.items():
        order = np.lexsort((lot, -values))
        for i, rows in enumerate(np.array_split(order, _TENTHS)):
            items.append(_tenth(kind, name, i + 1, accounts.at(np.sort(rows)), seed))
    return items


def _tenth(kind: str, ranked_by: str, number: int, accounts: BacktestAccounts, seed: int) -> Tenth:
    """Return the later sales and growth of the accounts of one decile."""
    growth = accounts.growth
    grew = (growth > 0).astype(np.float64)
    bins = np.argsort(accounts.drawn(seed + 1), kind="stable") % BINS
    (low, high), (grew_low, grew_high) = (mean_interval(values, bins) for values in (growth, grew))
    return Tenth(
        kind,
        ranked_by,
        number,
        accounts=len(accounts),
        whitespace=float(accounts.whitespace.mean()),
        sales=float(accounts.sales.mean()),
        realised=float(accounts.realised.mean()),
        growth=float(growth.mean()),
        growth_low=low,
        growth_high=high,
        median_growth=float(np.median(growth)),
        grew=float(grew.mean()),
        grew_low=grew_low,
        grew_high=grew_high,
    )


def mean_interval(values: Any, bins: Any) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean (Efron 1979), drawn over bins (m,) of the values (m,)."""
    count = np.bincount(bins)
    total = np.bincount(bins, weights=values)
    drawn = _weights(len(count))
    means = (drawn @ total) / (drawn @ count)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _weights(bins: int) -> Any:
    """Return how often each bin is drawn (draws, bins); deciles of the same number of bins share the result."""
    random = np.random.Generator(np.random.Philox(bins))
    return random.multinomial(bins, np.full(bins, 1 / bins), _DRAWS).astype(np.float64)


def rank_correlation(accounts: BacktestAccounts) -> float:
    """Return Spearman's rank correlation of whitespace and growth; NaN if either of them does not vary."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (accounts.whitespace, accounts.growth)]
    if len(accounts) < 2 or any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
