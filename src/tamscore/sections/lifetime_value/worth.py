"""The value of a customer from today on: discounted margin while it stays; and the seed formula for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

MONTHS_A_YEAR = 12
_SEED_MONTHS = 36
"""Months of a lifetime in the seed formula, which takes every order date for a month."""


@dataclass(frozen=True)
class Retention:
    """The share of customers that stay a year: `overall`, by cluster `own` (k,) (NaN for none) and `shrunk` (k,).

    `weight` is the number of customers that the overall rate counts for in each cluster; infinite if clusters do not
    differ.
    """

    overall: float
    own: Any
    shrunk: Any
    weight: float


def shrunk_retention(stayed: Any, customers: Any, months: int = MONTHS_A_YEAR) -> Retention | None:
    """Return the yearly retention of clusters in which `stayed` (k,) of `customers` (k,) stayed for `months` months.

    Return None without customers. Shares are shrunk to the overall share, (stayed + w · overall) / (customers + w). The
    weight w of the beta prior is estimated from the variance beyond chance (moments; Kleinman 1973, Proportions with
    extraneous variance). A share over other than 12 months is then converted to a year.
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
    """Return the customers that the overall share counts for in each cluster, by moments; inf if it counts alone."""
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
    """Return the value (k,) of one unit of margin a month, paid at the end of each month to a customer that may leave.

    Σ (r^{1/12} / (1+d)^{1/12})^t over t = 1 … months, for yearly retention r (k,) and yearly discount rate d.
    """
    monthly = (np.asarray(retention) / (1 + discount)) ** (1 / MONTHS_A_YEAR)
    return np.sum(monthly[:, None] ** np.arange(1, months + 1), axis=1)


def monthly_margin(xp: Any, sales: Array, margin: Array, months: float) -> Array:
    """Return the margin a month (m,) of trailing sales that cover `months` months; NaN if either is unknown.

    Sales that are negative after returns count as 0.
    """
    return xp.where(sales < 0.0, 0.0, sales) * margin / months


def recency(xp: Any, days: Array, tau: float) -> Array:
    """Return the factor (m,) of customers whose last order was `days` (m,) days ago: exp(-days / tau)."""
    return xp.exp(-days / tau)


def dcf(xp: Any, monthly: Array, recent: Array, label: Array, worth: Array) -> Array:
    """Return the discounted margin (m,) of customers, given monthly margin and factor of recency; NaN if unknown.

    `worth` (k,) is the annuity of each cluster, which contains the scale of recency.
    """
    return monthly * recent * xp.take(worth, label)


def recency_scale(worth: Any, monthly: Any, recent: Any) -> float:
    """Return the factor that keeps the total of all clusters (k,) as without recency; 1 without a total."""
    known = ~np.isnan(worth)
    total, lowered = (float(np.sum((worth * sums)[known])) for sums in (monthly, recent))
    return total / lowered if lowered > 0 else 1.0


def seed36(xp: Any, revenue: Array, order_dates: Array) -> Array:
    """Return total revenue / distinct order dates · 36 (m,); NaN without orders.

    For comparison only: the formula takes an order for a month. A weekly buyer comes out four times too low, a yearly
    buyer twelve times too high, and no customer ever leaves.
    """
    return revenue / xp.where(order_dates > 0.0, order_dates, xp.nan) * float(_SEED_MONTHS)
