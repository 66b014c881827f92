"""Changes of the input between two runs: accounts gone and new, customers, and the size of their sales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.separation import rank_correlation

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_BOTH = 100
"""Accounts that must buy in both runs before their sales are compared one by one."""
LEAST_CORRELATION = 0.4
"""Rank correlation of their sales below which ids count as wrong."""
_LEAST_OVERLAP = 0.1
"""Least overlap of customers above chance, for the case that too few buy in both runs for a correlation."""
_FACTOR, MOST_OF_THEM = 100.0, 0.03
"""Factor of sales in another unit, and the largest share of accounts whose sales may change by it."""
_RANKED = 2**17
"""Most accounts that are ranked, those with the lowest hashes; a correlation needs no more."""
_GONE, _GONE_A_MONTH, _MONTH_DAYS = 0.03, 0.01, 30.0
"""Share of accounts that may be gone: at once, and in addition for every month since the run before."""
_SALES, _SALES_LATER, _LATER_DAYS = 1.5, 2.0, 45.0
"""Factor by which sales may change: within the given days, and later."""


@dataclass(frozen=True)
class AccountSales:
    """The accounts of a run: `accounts` (n,) uint64, the hashes of their ids, sorted.

    `customers` (c,) uint64 are the hashes of those with sales above 0, sorted, and `sales` (c,) float64 their sales.
    """

    accounts: Any
    customers: Any
    sales: Any


@dataclass(frozen=True)
class InputChangeLimits:
    """Limits of change: the share gone, the relative change of customers, the factor of sales."""

    gone: float
    customers: float
    sales: float


@dataclass(frozen=True)
class InputChange:
    """Accounts, customers, and sum and median of customers' sales before and now.

    `both` counts the accounts that buy in both runs. `correlation` is the rank correlation of their sales, and
    `hundredfold` the share of them whose sales changed 100-fold or more; both are None for fewer than LEAST_BOTH.
    """

    accounts_before: int
    accounts_now: int
    gone: int
    new: int
    customers_before: int
    customers_now: int
    sales_before: float
    sales_now: float
    median_before: float | None
    median_now: float | None
    both: int
    correlation: float | None
    hundredfold: float | None

    @property
    def gone_share(self) -> float:
        """The share of the accounts before that are gone."""
        return self.gone / max(self.accounts_before, 1)

    @property
    def overlap(self) -> float | None:
        """How far the customers are the same accounts: 0 by chance, 1 at most; None for fewer than _LEAST_BOTH.

        After Cohen's kappa (1960), over the accounts of both runs.
        """
        known, fewer = self.accounts_before - self.gone, min(self.customers_before, self.customers_now)
        if fewer < _LEAST_BOTH or not known:
            return None
        chance = min(self.customers_before * self.customers_now / known, fewer)
        return (self.both - chance) / (fewer - chance) if chance < fewer else None


def limits_after(days: float | None, gone: float | None, customers: float, sales: float | None) -> InputChangeLimits:
    """Return the limits so many days after the run before; None for `gone` and `sales` means the default of the method.

    Unknown days count as none.
    """
    passed = max(days or 0.0, 0.0)
    usual = _SALES if passed <= _LATER_DAYS else _SALES_LATER
    return InputChangeLimits(
        min(_GONE + _GONE_A_MONTH * passed / _MONTH_DAYS, 1.0) if gone is None else gone,
        customers,
        usual if sales is None else sales,
    )


def compare(before: AccountSales, now: AccountSales) -> InputChange:
    """Return the changes from one run's accounts to the next, independent of the order of rows."""
    known = _count_common(before.accounts, now.accounts)
    distinct = len(before.customers) == len(_without_repeats(before.customers))
    _, then, today = np.intersect1d(before.customers, now.customers, assume_unique=distinct, return_indices=True)
    old, new = before.sales[then], now.sales[today]
    enough = len(old) >= _LEAST_BOTH
    return InputChange(
        len(before.accounts),
        len(now.accounts),
        len(before.accounts) - known,
        len(now.accounts) - known,
        len(before.sales),
        len(now.sales),
        float(np.sort(before.sales).sum()),
        float(np.sort(now.sales).sum()),
        _median(before.sales),
        _median(now.sales),
        len(old),
        rank_correlation(old[:_RANKED], new[:_RANKED]) if enough else None,
        _hundredfold_share(old, new) if enough else None,
    )


def _count_common(first: Any, second: Any) -> int:
    """Return how many different hashes of two sorted arrays are in both."""
    together = np.concatenate([_without_repeats(first), _without_repeats(second)])
    together.sort(kind="stable")  # which merges what is sorted: a third of the time of a binary search for each
    return int(np.count_nonzero(together[1:] == together[:-1]))


def _without_repeats(hashes: Any) -> Any:
    """Return sorted hashes without repeats: accounts whose ids are equal in another form of ids."""
    repeats = hashes[1:] == hashes[:-1]
    return hashes[np.append(True, ~repeats)] if repeats.any() else hashes


def _median(sales: Any) -> float | None:
    """Return the median of sales (c,), None without sales."""
    return float(np.median(sales)) if len(sales) else None


def _hundredfold_share(before: Any, now: Any) -> float:
    """Return the share of accounts (b,) whose sales became 100 times as large or small."""
    with np.errstate(over="ignore"):
        factor = now / before
    return float(np.mean((factor >= _FACTOR * (1 - 1e-6)) | (factor * _FACTOR * (1 - 1e-6) <= 1)))


def broken_limits(change: InputChange, limits: InputChangeLimits) -> Iterator[str]:
    """Yield the names of the broken limits, among `accounts`, `customers`, `sales`, `ids` and `unit`, in this order."""
    if change.gone_share > limits.gone:
        yield "accounts"
    if abs(change.customers_now - change.customers_before) > limits.customers * change.customers_before:
        yield "customers"
    amounts = (change.sales_before, change.sales_now), (change.median_before, change.median_now)
    if any(_factor_of(before or 0.0, now or 0.0) > limits.sales for before, now in amounts):
        yield "sales"
    if _has_other_ids(change):
        yield "ids"
    if change.hundredfold is not None and change.hundredfold > MOST_OF_THEM:
        yield "unit"


def _has_other_ids(change: InputChange) -> bool:
    """Return whether sales look like those of other accounts: by rank, or by who buys if few buy in both runs."""
    if change.correlation is not None:
        return change.correlation < LEAST_CORRELATION
    return change.overlap is not None and change.overlap < _LEAST_OVERLAP


def _factor_of(before: float, now: float) -> float:
    """Return how many times as large the larger amount is; 1 without sales before, infinite without sales now."""
    if before <= 0:
        return 1.0
    return float(max(now / before, before / now)) if now > 0 else float("inf")
