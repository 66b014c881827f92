"""Separation of two groups of rows in one column, and rank correlation of two columns."""

from __future__ import annotations

from typing import Any

import numpy as np

FRINGE = 0.005
"""Share of prospects in the fringe: a customer beyond all but this share of them counts as separated."""


def ranks(values: Any) -> Any:
    """Return the ranks (n,) of values from 1, ties at their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def rank_correlation(x: Any, y: Any) -> float:
    """Return Spearman's rank correlation of two columns (n,); 0 if one of them does not vary."""
    return along(x, ranks(y))


def along(x: Any, ranked: Any) -> float:
    """Return the rank correlation with a column whose ranks (n,) are known; 0 if one of them does not vary."""
    a = ranks(x)
    a, b = a - a.mean(), ranked - ranked.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def separability(values: Any, customer: Any) -> float:
    """Return the area under the ROC curve of customers (m,) against prospects, on whichever side they lie: 0.5 to 1."""
    area = area_under_curve(values, customer)
    return max(area, 1 - area)


def area_under_curve(values: Any, customer: Any) -> float:
    """Return the area under the ROC curve of customers (m,) bool against prospects: 1 if all customers lie higher."""
    prospects, customers = np.sort(values[~customer]), np.sort(values[customer])
    twice = np.searchsorted(prospects, customers, "left").sum() + np.searchsorted(prospects, customers, "right").sum()
    return float(twice) / (2 * len(prospects) * len(customers))


def separation(values: Any, customer: Any) -> float:
    """Return the share of customers that lie beyond the fringe of the prospects, on the side with more of them."""
    low, high = np.quantile(values[~customer], (FRINGE, 1 - FRINGE), method="inverted_cdf")
    return float(max(np.mean(values[customer] > high), np.mean(values[customer] < low)))


def overlap(values: Any, customer: Any) -> float:
    """Return the share of prospects that lie beyond the customers' median (m,), on the side with fewer of them."""
    prospects, middle = values[~customer], np.median(values[customer])
    return float(min(np.mean(prospects >= middle), np.mean(prospects <= middle)))
