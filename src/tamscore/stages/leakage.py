"""Leakage of sales into features: features that reveal who is a customer, beyond what the other features predict.

An honest feature follows sales because large accounts buy more, and it does so for prospects too. A leak is made from
sales, so it treats prospects as accounts that buy nothing. So the question is: which value would the feature have, for
an account like this, if it were a prospect? A regression on the other features, fitted on prospects only, gives the
answer. Its residuals are compared between customers and prospects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.separation import FRINGE, along, overlap, rank_correlation, ranks, separability, separation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROSPECTS, _CUSTOMERS = 6_000, 3_000
"""Most rows of each group in a comparison."""
_FEWEST_PROSPECTS, FEWEST_CUSTOMERS = 50, 25
"""With fewer rows of either group there is no verdict."""
PROSPECTS_TO_BLOCK = 100
"""Fewest prospects for a comparison that may stop a run."""
_OVERLAP, _PLAIN_SEPARABILITY, _PLAIN_CORRELATION = 0.05, 0.88, 0.85
"""A feature follows size if this share of prospects lies beyond the customers' median and both limits are kept."""
_PARKED, _EXEMPT = 0.5, 0.2
"""A feature parks prospects: least share of prospects with one value, largest ratio of the customers' share to it."""
_ROWS_PER_VIEW = 5
"""Fewest prospects for each term of a regression; with fewer, features are compared without a regression."""
_RIDGE = 1e-4
_RAREST, _MOST_LEVELS = 0.01, 50
"""Levels of a category that are compared: their least share of the rows, and their greatest number."""
SURE = 0.95
"""Separability from which a feature reveals who buys, whether or not it predicts how much."""
COPY = 0.98
"""Rank correlation with sales that makes a feature a copy of them if there are too few prospects to compare."""
_AGAINST = -0.1
"""Correlations below this run against the feature's own: they come from a leak among the other features."""


@dataclass(frozen=True)
class FeatureEvidence:
    """Evidence on how much a feature reveals about sales, alone and given the other features.

    `separability` is the area under the ROC curve of customers against prospects, in [0.5, 1]. `told_apart_given` is
    the share of customers beyond the fringe of the prospects. `correlation` is the rank correlation with sales among
    customers; given the others, it counts as negative if it runs against the feature's own. `overlap` is the share of
    prospects beyond the customers' median given the others, 0 for categories, missing values, and a feature that
    `parks` the prospects. Figures that cannot be computed are NaN.
    """

    separability: float
    correlation: float
    separability_given: float
    told_apart_given: float
    correlation_given: float
    overlap: float = 0.0


@dataclass(frozen=True)
class LeakageLimits:
    """Limits from which a feature is a suspect: see `[leakage]` in the job file."""

    separability: float = 0.75
    told_apart: float = 0.12
    correlation: float = 0.2

    def suspects(self, feature_evidence: FeatureEvidence) -> bool:
        """Return whether a feature with this evidence is a suspect."""
        if np.isnan(feature_evidence.separability):
            return abs(feature_evidence.correlation) >= COPY
        if follows_size(feature_evidence):
            return False
        if feature_evidence.separability_given >= SURE and feature_evidence.correlation_given >= _AGAINST:
            return True
        apart = (
            feature_evidence.separability_given >= self.separability
            or feature_evidence.told_apart_given >= self.told_apart
        )
        return apart and feature_evidence.correlation_given >= self.correlation


def follows_size(feature_evidence: FeatureEvidence) -> bool:
    """Return whether a feature with this evidence may be honest size: prospects reach the customers' median, too."""
    near = (
        feature_evidence.separability_given < _PLAIN_SEPARABILITY
        and feature_evidence.correlation_given < _PLAIN_CORRELATION
    )
    return near and feature_evidence.overlap >= _OVERLAP


def parks(views: Any, customer: Any) -> bool:
    """Return whether one known value of a feature (v, m) stands for most prospects and for few customers."""
    known = views[-1] == 0 if len(views) > 2 else np.ones(len(customer), bool)
    values, counts = np.unique(views[0, ~customer & known], return_counts=True)
    share = counts.max(initial=0) / np.count_nonzero(~customer)
    if share < _PARKED:
        return False
    return bool(np.mean(views[0, customer] == values[counts.argmax()]) <= _EXEMPT * share)


def numeric_views(column: Any) -> Any:
    """Return a numeric column (m,) with NaN as views (v, m): filled, its logarithm, and whether it is missing."""
    column = column.astype(np.float64)
    missing = np.isnan(column)
    filled = np.where(missing, np.median(column[~missing]) if not missing.all() else 0.0, column)
    views = [filled, np.sign(filled) * np.log1p(np.abs(filled))]
    return np.stack([*views, missing] if missing.any() else views)


def level_views(codes: Any) -> Any:
    """Return codes (m,) of a category as indicators (v, m) of its frequent levels; one row of 0 if none is frequent."""
    counts = np.bincount(codes)
    frequent = [code for code in np.argsort(-counts, kind="stable") if counts[code] >= max(_RAREST * len(codes), 1)]
    chosen = np.array(frequent[:_MOST_LEVELS] or [-1])
    return (codes[None, :] == chosen[:, None]).astype(np.float64)


@dataclass(frozen=True)
class LeakageViews:
    """Customers against prospects: views (v, m) in the prospects' units, the feature of each (v,), who buys (m,).

    `bounded` are the views clipped to the range of prospects: a regression fitted on prospects must not extrapolate.
    `flags` (v,) are the views that are 0 or 1, `parking` (v,) those of features that park the prospects.
    """

    views: Any
    bounded: Any
    owner: Any
    customer: Any
    sales: Any
    flags: Any
    parking: Any

    @classmethod
    def of(cls, features: Mapping[str, Any], sales: Any) -> LeakageViews:
        """Return the comparison of features, each given as views (v, m), of rows with these sales (m,)."""
        views = np.concatenate(list(features.values())).astype(np.float64)
        owner = np.repeat(np.arange(len(features)), [len(feature) for feature in features.values()])
        customer = sales > 0
        of_prospects = views[:, ~customer]
        low, high = np.quantile(of_prospects, (FRINGE, 1 - FRINGE), axis=1, method="inverted_cdf")
        binary = np.all((views == 0) | (views == 1), axis=1)
        low, high = np.where(binary, 0.0, low), np.where(binary, 1.0, high)
        bounded = np.clip(views, low[:, None], high[:, None])
        mean = bounded[:, ~customer].mean(axis=1, keepdims=True)
        spread = bounded[:, ~customer].std(axis=1, keepdims=True)
        unit = np.where(spread > 1e-9 * np.maximum(1.0, np.abs(mean)), spread, np.inf)
        alone = np.where(np.isinf(unit), 1.0, unit)
        parking = np.array([parks(feature, customer) for feature in features.values()])[owner]
        return cls((views - mean) / alone, (bounded - mean) / unit, owner, customer, sales[customer], binary, parking)

    @cached_property
    def products(self) -> Any:
        """The products (v, v) of the bounded views over the prospects."""
        prospects = self.bounded[:, ~self.customer]
        return prospects @ prospects.T

    @cached_property
    def correlations(self) -> Any:
        """The rank correlation (v,) of each view with sales among customers."""
        return np.array([along(view[self.customer], self.ranked) for view in self.views])

    @cached_property
    def ranked(self) -> Any:
        """The ranks of the customers' sales."""
        return ranks(self.sales)

    def left_over(self, feature: int, others: Sequence[int]) -> Any:
        """Return residuals (v, m) of a feature's views in a regression on other features, fitted on prospects."""
        own = np.flatnonzero(self.owner == feature)
        given = np.flatnonzero(np.isin(self.owner, others))
        prospects = np.count_nonzero(~self.customer)
        if not len(given) or prospects < _ROWS_PER_VIEW * len(given):
            return self.views[own]
        ridge = _RIDGE * prospects * np.eye(len(given))
        weights = np.linalg.solve(self.products[np.ix_(given, given)] + ridge, self.products[np.ix_(given, own)])
        return self.views[own] - weights.T @ self.bounded[given]

    def evidence(self, feature: int, others: Sequence[int]) -> FeatureEvidence:
        """Return the evidence on a feature, alone and given the others, by the view that reveals most."""
        own = np.flatnonzero(self.owner == feature)
        alone = max(separability(self.views[v], self.customer) for v in own)
        correlation = max(self.correlations[own], key=abs)
        given = []
        for v, left in zip(own, self.left_over(feature, others), strict=True):
            sign = np.sign(self.correlations[v]) or 1.0
            same_way = sign * along(left[self.customer], self.ranked)
            shared = 0.0 if self.flags[v] or self.parking[v] else overlap(left, self.customer)
            given.append((separability(left, self.customer), separation(left, self.customer), float(same_way), shared))
        return FeatureEvidence(alone, float(correlation), *max(given, key=lambda parts: parts[0] + parts[1]))


def chosen_rows(sales: Any) -> Any:
    """Return the places of the rows to compare: the first prospects and customers whose sales are known."""
    prospects, customers = np.flatnonzero(sales <= 0)[:PROSPECTS], np.flatnonzero(sales > 0)[:_CUSTOMERS]
    return np.sort(np.concatenate((prospects, customers)))


def evidence(features: Mapping[str, Any], sales: Any, limits: LeakageLimits) -> dict[str, FeatureEvidence]:
    """Return the evidence on every feature, given as views (v, m), and known sales (m,); empty with few customers.

    Leaks stand in for one another, so suspects leave the regression one by one, the plainest first, and the rest is
    compared again: an honest feature that a leak is made of must not be blamed for it.
    """
    names = list(features)
    prospects, customers = np.count_nonzero(~(sales > 0)), np.count_nonzero(sales > 0)
    if customers < FEWEST_CUSTOMERS:
        return {}
    if prospects < _FEWEST_PROSPECTS:
        return {name: _without_prospects(views, sales) for name, views in features.items()}
    compared = LeakageViews.of(features, sales)
    record: dict[int, FeatureEvidence] = {}
    open_ = list(range(len(names)))
    while open_:
        record |= {i: compared.evidence(i, [j for j in open_ if j != i]) for i in open_}
        suspects = _plainest({i: record[i] for i in open_ if limits.suspects(record[i])})
        if not suspects:
            break
        open_ = [i for i in open_ if i not in suspects]
    return {name: record[i] for i, name in enumerate(names)}


def _plainest(suspects: Mapping[int, FeatureEvidence]) -> list[int]:
    """Return the suspects that are plain without a comparison with others; else the one closest to sales."""
    plain = [i for i, suspect in suspects.items() if suspect.separability >= SURE]
    return plain or sorted(suspects, key=lambda i: (-abs(suspects[i].correlation), i))[:1]


def _without_prospects(views: Any, sales: Any) -> FeatureEvidence:
    """Return the evidence on a feature (v, m) if there are too few prospects to compare customers with."""
    customer = sales > 0
    correlation = max((rank_correlation(view[customer], sales[customer]) for view in views), key=abs)
    return FeatureEvidence(np.nan, correlation, np.nan, np.nan, np.nan)
