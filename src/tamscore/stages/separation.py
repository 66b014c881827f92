"""How far two groups of rows lie apart in one column, and how closely two columns follow each other."""

from __future__ import annotations

from typing import Any

import numpy as np

FRINGE = 0.005
"""A customer is told apart where its value lies beyond those of all but this share of the prospects."""


def ranks(values: Any) -> Any:
    """The ranks (n,) of values from 1, ties at their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def rank_correlation(x: Any, y: Any) -> float:
    """Spearman's rank correlation of two columns (n,); 0 where one of them does not vary."""
    return along(x, ranks(y))


def along(x: Any, ranked: Any) -> float:
    """Return the same with a column whose ranks (n,) are known."""
    a = ranks(x)
    a, b = a - a.mean(), ranked - ranked.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def separability(values: Any, customer: Any) -> float:
    """The area under the ROC curve (m,) of customers against prospects, whichever side they lie on: 0.5 to 1."""
    area = area_under_curve(values, customer)
    return max(area, 1 - area)


def area_under_curve(values: Any, customer: Any) -> float:
    """The area under the ROC curve of customers (m,) bool against prospects: 1 where all customers lie higher."""
    prospects, customers = np.sort(values[~customer]), np.sort(values[customer])
    twice = np.searchsorted(prospects, customers, "left").sum() + np.searchsorted(prospects, customers, "right").sum()
    return float(twice) / (2 * len(prospects) * len(customers))


def separation(values: Any, customer: Any) -> float:
    """The share of the customers that lie beyond the fringe of the prospects, on the side where there are more."""
    low, high = np.quantile(values[~customer], (FRINGE, 1 - FRINGE), method="inverted_cdf")
    return float(max(np.mean(values[customer] > high), np.mean(values[customer] < low)))


def overlap(values: Any, customer: Any) -> float:
    """The share of the prospects that lie beyond the customers' median (m,), on the side where there are fewer."""
    prospects, middle = values[~customer], np.median(values[customer])
    return float(min(np.mean(prospects >= middle), np.mean(prospects <= middle)))
