"""How a look-alike is fitted: rows drawn, terms of a regression, folds that their model has not seen, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.look_alike import FOLDS, REST, LookAlike, contributions, fold_of
from tamscore.stages.prepare import nearest_rank
from tamscore.stages.ridge import fit_logistic, one_step_without
from tamscore.stages.separation import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.space import Space

FEWEST = 50
"""With fewer customers or fewer prospects there is no look-alike."""
CUSTOMERS, PROSPECTS = 4_000, 8_000
"""So many of the drawn rows are fitted on at the most."""
_RIDGES = (1.0, 10.0, 100.0)
_FAINT_RIDGE = 1e-3
"""Keeps a calibration solvable where no feature varies."""
_IDENTITY = np.array([0.0, 1.0])
_FEW_ROWS = 5_000
"""With fewer rows the ridge is chosen by the rows left out, and every fold has a fit of its own.

With more rows the ridge hardly matters, and a fold's fit lies one Newton step from that of all rows.
"""


@dataclass(frozen=True)
class FitRows:
    """Drawn rows that a look-alike is fitted on: block (d, n) on the host, customers (n,) bool, their weights (n,)."""

    block: Any
    numbers: Any
    customer: Any
    weight: Any


def chosen_rows(sales: Any) -> tuple[Any, Any] | None:
    """The places (n,) of the first drawn rows to fit on, given sales (s,) in order of draw, and their weights (n,).

    Customers and prospects weigh as many as there are of them. None with too few of either; rows without sales are
    neither.
    """
    customer, prospect = np.flatnonzero(sales > 0), np.flatnonzero(sales <= 0)
    if min(len(customer), len(prospect)) < FEWEST:
        return None
    parts = customer[:CUSTOMERS], prospect[:PROSPECTS]
    rows = np.sort(np.concatenate(parts))
    total = len(customer) + len(prospect)
    items = [
        len(every) / len(part) * len(rows) / total for every, part in zip((customer, prospect), parts, strict=True)
    ]
    return rows, np.where(sales[rows] > 0, *items)


def fit_look_alike(space: Space, rows: FitRows, excluded: Sequence[str], seed: int) -> LookAlike:
    """The look-alike that some rows teach, without the columns `excluded`."""
    used = np.array([feature.column not in excluded for feature in space.features])
    design = LookAlikeDesign.of(rows.block, used, len(space.scales))
    terms, fold = design.terms(rows.block), fold_of(rows.numbers)
    ridges = _RIDGES if len(fold) < _FEW_ROWS else _RIDGES[:1]
    tried = [cross(terms, rows, fold, ridge) for ridge in ridges]
    best = min(range(len(tried)), key=lambda place: tried[place].loss)
    made = tried[best]
    offset, slope = made.calibration
    values = np.stack([*made.by_fold, made.of_all]) * slope
    values[:, 0] += offset
    offsets, slopes, hinges = design.in_units(values)
    added = contributions(rows.block, design.bends, slopes[REST], hinges[REST])
    means = np.average(added, axis=1, weights=rows.weight)
    spreads = np.sqrt(np.average((added - means[:, None]) ** 2, axis=1, weights=rows.weight))
    customers = int(np.count_nonzero(rows.customer))
    return LookAlike(
        offsets, slopes, hinges, design.bends, means, spreads, seed, int(rows.numbers.max()), made.area, customers,
        len(rows.customer) - customers, tuple(excluded),
    )  # fmt: skip


@dataclass(frozen=True)
class LookAlikeDesign:
    """How a block becomes the terms of a regression: bends (n,), and mean and spread (d + n,) of every term.

    Terms that do not vary, or are not used, have spread 0 and take no part.
    """

    bends: Any
    means: Any
    spreads: Any

    @classmethod
    def of(cls, block: Any, used: Any, numeric: int) -> LookAlikeDesign:
        """The design of a block (d, n) whose first rows are numeric, `used` (d,) bool says which features count."""
        middle = nearest_rank(block.shape[1], 0.5)
        bends = np.partition(block[:numeric], middle, axis=1)[:, middle].astype(np.float64)
        raw = _raw_terms(block, bends)
        means, spreads = raw.mean(axis=1), raw.std(axis=1)
        spreads[~np.concatenate((used, used[:numeric])) | (spreads < 1e-9)] = 0.0
        return cls(bends, means, spreads)

    def terms(self, block: Any) -> Any:
        """The terms (p, n) of a block (d, n): the constant, and those in use with mean 0 and spread 1."""
        at = np.flatnonzero(self.spreads)
        scaled = (_raw_terms(block, self.bends)[at] - self.means[at, None]) / self.spreads[at, None]
        return np.concatenate((np.ones((1, block.shape[1])), scaled))

    def in_units(self, result: Any) -> tuple[Any, Any, Any]:
        """Coefficients (f, p) of the terms as offsets (f,), slopes (f, d) and hinges (f, n) in units of the space."""
        at, every = np.flatnonzero(self.spreads), np.zeros((len(result), len(self.spreads)))
        every[:, at] = result[:, 1:] / self.spreads[at]
        features = len(self.spreads) - len(self.bends)
        offsets = result[:, 0] - np.sum(every * self.means, axis=1)
        return offsets, every[:, :features], every[:, features:]


def _raw_terms(block: Any, bends: Any) -> Any:
    """The features of a block (d, n), and what numeric ones have beyond their bends, as (d + n, rows) float64."""
    features = block.astype(np.float64)
    return np.concatenate((features, np.maximum(features[: len(bends)] - bends[:, None], 0.0)))


@dataclass(frozen=True)
class _Crossed:
    """Coefficients (p,) of all rows and by fold, calibration (offset, slope), loss and area on rows left out."""

    of_all: Any
    by_fold: list[Any]
    calibration: tuple[float, float]
    loss: float
    area: float


def cross(terms: Any, rows: FitRows, fold: Any, ridge: float) -> _Crossed:
    """The regression of all rows and of all but each fold, and how it does on the fold that it has not seen."""
    of_all = fit_logistic(terms, rows.customer, rows.weight, ridge)
    by_fold = _without_folds(terms, rows, fold, ridge, of_all)
    odds = np.empty(len(fold))
    for number, result in enumerate(by_fold):
        outside = fold == number
        odds[outside] = result @ terms[:, outside]
    offset, slope = _calibrate(odds, rows)
    fair = offset + slope * odds
    loss = float(np.sum(rows.weight * (np.logaddexp(0.0, fair) - rows.customer * fair)))
    return _Crossed(of_all, by_fold, (offset, slope), loss, area_under_curve(odds, rows.customer))


def _without_folds(terms: Any, rows: FitRows, fold: Any, ridge: float, of_all: Any) -> list[Any]:
    """The regressions (p,) of all rows but those of each fold; of many rows one step away from that of all rows."""
    if len(fold) >= _FEW_ROWS:
        parts = [np.flatnonzero(fold == number) for number in range(FOLDS)]
        return one_step_without(terms, rows.customer, rows.weight, ridge, of_all, parts)
    items = [fold != number for number in range(FOLDS)]
    return [fit_logistic(terms[:, at], rows.customer[at], rows.weight[at], ridge, of_all) for at in items]


def _calibrate(odds: Any, rows: FitRows) -> tuple[float, float]:
    """Offset and slope that make log odds (n,) of rows left out fair; those of the share of customers if they mislead.

    They mislead where customers have the lower ones.
    """
    ones = np.ones((1, len(odds)))
    offset, slope = fit_logistic(
        np.concatenate((ones, odds[None, :])), rows.customer, rows.weight, _FAINT_RIDGE, _IDENTITY
    )
    if slope > 0.0:
        return float(offset), float(slope)
    return float(fit_logistic(ones, rows.customer, rows.weight, 0.0)[0]), 0.0
