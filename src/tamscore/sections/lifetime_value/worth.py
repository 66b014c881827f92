"""What a customer is worth from today on: discounted margin while it stays, and the seed formula beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

MONTHS_A_YEAR = 12
_SEED_MONTHS = 36
"""The seed formula takes every order date for a month, and so many of them for a lifetime."""


@dataclass(frozen=True)
class Retention:
    """The share of customers that stay a year: `overall`, by cluster `own` (k,) (NaN for none) and `shrunk` (k,).

    `weight` is how many customers the overall rate counts for in each cluster; infinite where clusters do not differ.
    """

    overall: float
    own: Any
    shrunk: Any
    weight: float


def shrunk_retention(stayed: Any, customers: Any, months: int = MONTHS_A_YEAR) -> Retention | None:
    """The yearly retention of clusters of which `stayed` (k,) of `customers` (k,) stayed for so many months.

    None where there was no customer to stay. Shares are shrunk to that of all, (stayed + w · overall) / (customers + w)
    with the beta prior's weight w estimated from how much more they differ than chance lets them (moments; Kleinman
    1973, Proportions with extraneous variance). A share over other than 12 months is then taken to the year.
    """
    stayed, customers = np.asarray(stayed, np.float64), np.asarray(customers, np.float64)
    if not customers.sum():
        return None
    overall = float(stayed.sum() / customers.sum())
    weight = _prior_weight(stayed, customers, overall)
    shrunk = (stayed / weight + overall) / (customers / weight + 1) if weight else stayed / np.maximum(customers, 1)
    own = np.divide(stayed, customers, out=np.full(len(stayed), np.nan), where=customers > 0)
    yearly = MONTHS_A_YEAR / months
    return Retention(overall**yearly, own**yearly, shrunk**yearly, weight)


def _prior_weight(stayed: Any, customers: Any, overall: float) -> float:
    """How many customers the overall share counts for in each cluster, by the method of moments; inf for all of it."""
    there = customers > 0
    n, x = customers[there], stayed[there]
    chance = overall * (1 - overall)
    spread = n.sum() - np.sum(n**2) / n.sum() - (len(n) - 1)
    if not chance or spread <= 0:
        return np.inf
    observed = np.sum(n * (x / n - overall) ** 2) / chance
    correlation = min((observed - (len(n) - 1)) / spread, 1.0)
    return (1 - correlation) / correlation if correlation > 0 else np.inf


def annuity(retention: Any, discount: float, months: int) -> Any:
    """Return what one unit of margin a month is worth (k,), paid at the end of each month to a customer that may leave.

    Σ (r^{1/12} / (1+d)^{1/12})^t over t = 1 … months, for yearly retention r (k,) and yearly discount rate d.
    """
    monthly = (np.asarray(retention) / (1 + discount)) ** (1 / MONTHS_A_YEAR)
    return np.sum(monthly[:, None] ** np.arange(1, months + 1), axis=1)


def monthly_margin(xp: Any, sales: Array, margin: Array, months: float) -> Array:
    """The margin a month (m,) of trailing sales that so many months cover; NaN where one is unknown.

    Sales that are negative after returns are worth nothing.
    """
    return xp.where(sales < 0.0, 0.0, sales) * margin / months


def recency(xp: Any, days: Array, tau: float) -> Array:
    """The factor (m,) of customers whose last order lies so many days back, exp(-days / tau)."""
    return xp.exp(-days / tau)


def dcf(xp: Any, monthly: Array, recent: Array, label: Array, worth: Array) -> Array:
    """The discounted margin (m,) of customers with so much a month and a factor of recency; NaN where one is unknown.

    `worth` (k,) is the annuity of each cluster, in which the scale of recency is contained.
    """
    return monthly * recent * xp.take(worth, label)


def recency_scale(worth: Any, monthly: Any, recent: Any) -> float:
    """The factor by which the total of all clusters (k,) stays what it is without recency; 1 where there is none."""
    known = ~np.isnan(worth)
    total, lowered = (float(np.sum((worth * sums)[known])) for sums in (monthly, recent))
    return total / lowered if lowered > 0 else 1.0


def seed36(xp: Any, revenue: Array, order_dates: Array) -> Array:
    """Total revenue / distinct order dates · 36 (m,); NaN where there is no order.

    Kept for comparison: it takes an order for a month. A weekly buyer comes out four times too low, a yearly buyer
    twelve times too high, and nobody ever leaves.
    """
    return revenue / xp.where(order_dates > 0.0, order_dates, xp.nan) * float(_SEED_MONTHS)
