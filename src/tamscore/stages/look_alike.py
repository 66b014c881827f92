"""A look-alike: the log odds that an account is a customer, from its features, by a model that has not seen it.

Customers are compared with prospects by a logistic regression on the features of the space. A numeric feature bends
once, at its median. Rows that were fitted on fall into folds, and each fold has a model of the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.draw import draw_number, mixed
from tamscore.stages.prepare import nearest_rank
from tamscore.stages.ridge import fit_logistic, one_step_without
from tamscore.stages.separation import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array, Backend
    from tamscore.stages.space import RawRows, Space

FOLDS = 5
REST = FOLDS
"""The place of the model for rows that were not fitted on."""
FEWEST = 50
"""With fewer customers or fewer prospects there is no look-alike."""
CUSTOMERS, PROSPECTS = 4_000, 8_000
"""So many of the drawn rows are fitted on at the most."""
RIDGES = (1.0, 10.0, 100.0)
FAINT_RIDGE = 1e-3
"""Keeps a calibration solvable where no feature varies."""
IDENTITY = np.array([0.0, 1.0])
FEW_ROWS = 5_000
"""With fewer rows the ridge is chosen by the rows left out, and every fold has a fit of its own.

With more rows the ridge hardly matters, and a fold's fit lies one Newton step from that of all rows.
"""


@dataclass(frozen=True)
class LookAlike:
    """The models of a look-alike, one for each fold and one for all other rows, in units of the space.

    Log odds are `offsets` (f + 1,) + sum of `slopes` (f + 1, d) · feature + sum of `hinges` (f + 1, n) · what a numeric
    feature has beyond its bend (`bends` (n,)). Rows with a draw number up to `last` were fitted on. `means` and
    `spreads` (d,) are those of what each feature adds. `area` is the area under the ROC curve of rows left out.
    """

    offsets: Any
    slopes: Any
    hinges: Any
    bends: Any
    means: Any
    spreads: Any
    seed: int
    last: int
    area: float
    customers: int
    prospects: int
    excluded: tuple[str, ...]

    def folds(self, hashes: Any) -> Any:
        """The place (m,) int8 of the model of rows, by their id hashes (m,) uint64."""
        numbers = draw_number(hashes, self.seed)
        return np.where(numbers <= np.uint64(self.last), fold_of(numbers), REST).astype(np.int8)


@dataclass(frozen=True)
class FitRows:
    """Drawn rows that a look-alike is fitted on: block (d, n) on the host, customers (n,) bool, their weights (n,)."""

    block: Any
    numbers: Any
    customer: Any
    weight: Any


def fold_of(numbers: Any) -> Any:
    """The fold (n,) of rows by draw number (n,) uint64, independent of the order that these draw rows in."""
    return (mixed(numbers ^ np.uint64(0xA0761D6478BD642F)) % np.uint64(FOLDS)).astype(np.int64)


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
    each = [len(every) / len(part) * len(rows) / total for every, part in zip((customer, prospect), parts, strict=True)]
    return rows, np.where(sales[rows] > 0, *each)


def fit_look_alike(space: Space, rows: FitRows, excluded: Sequence[str], seed: int) -> LookAlike:
    """The look-alike that some rows teach, without the columns `excluded`."""
    used = np.array([feature.column not in excluded for feature in space.features])
    design = Design.of(rows.block, used, len(space.scales))
    terms, fold = design.terms(rows.block), fold_of(rows.numbers)
    ridges = RIDGES if len(fold) < FEW_ROWS else RIDGES[:1]
    tried = [crossed(terms, rows, fold, ridge) for ridge in ridges]
    best = min(range(len(tried)), key=lambda place: tried[place].loss)
    made = tried[best]
    offset, slope = made.calibration
    each = np.stack([*made.by_fold, made.of_all]) * slope
    each[:, 0] += offset
    offsets, slopes, hinges = design.in_units(each)
    added = contributions(rows.block, design.bends, slopes[REST], hinges[REST])
    means = np.average(added, axis=1, weights=rows.weight)
    spreads = np.sqrt(np.average((added - means[:, None]) ** 2, axis=1, weights=rows.weight))
    customers = int(np.count_nonzero(rows.customer))
    return LookAlike(
        offsets, slopes, hinges, design.bends, means, spreads, seed, int(rows.numbers.max()), made.area, customers,
        len(rows.customer) - customers, tuple(excluded),
    )  # fmt: skip


@dataclass(frozen=True)
class Design:
    """How a block becomes the terms of a regression: bends (n,), and mean and spread (d + n,) of every term.

    Terms that do not vary, or are not used, have spread 0 and take no part.
    """

    bends: Any
    means: Any
    spreads: Any

    @classmethod
    def of(cls, block: Any, used: Any, numeric: int) -> Design:
        """The design of a block (d, n) whose first rows are numeric, `used` (d,) bool says which features count."""
        middle = nearest_rank(block.shape[1], 0.5)
        bends = np.partition(block[:numeric], middle, axis=1)[:, middle].astype(np.float64)
        raw = raw_terms(block, bends)
        means, spreads = raw.mean(axis=1), raw.std(axis=1)
        spreads[~np.concatenate((used, used[:numeric])) | (spreads < 1e-9)] = 0.0
        return cls(bends, means, spreads)

    def terms(self, block: Any) -> Any:
        """The terms (p, n) of a block (d, n): the constant, and those in use with mean 0 and spread 1."""
        at = np.flatnonzero(self.spreads)
        scaled = (raw_terms(block, self.bends)[at] - self.means[at, None]) / self.spreads[at, None]
        return np.concatenate((np.ones((1, block.shape[1])), scaled))

    def in_units(self, found: Any) -> tuple[Any, Any, Any]:
        """Coefficients (f, p) of the terms as offsets (f,), slopes (f, d) and hinges (f, n) in units of the space."""
        at, every = np.flatnonzero(self.spreads), np.zeros((len(found), len(self.spreads)))
        every[:, at] = found[:, 1:] / self.spreads[at]
        features = len(self.spreads) - len(self.bends)
        offsets = found[:, 0] - np.sum(every * self.means, axis=1)
        return offsets, every[:, :features], every[:, features:]


def raw_terms(block: Any, bends: Any) -> Any:
    """The features of a block (d, n), and what numeric ones have beyond their bends, as (d + n, rows) float64."""
    features = block.astype(np.float64)
    return np.concatenate((features, np.maximum(features[: len(bends)] - bends[:, None], 0.0)))


@dataclass(frozen=True)
class Crossed:
    """Coefficients (p,) of all rows and by fold, calibration (offset, slope), loss and area on rows left out."""

    of_all: Any
    by_fold: list[Any]
    calibration: tuple[float, float]
    loss: float
    area: float


def crossed(terms: Any, rows: FitRows, fold: Any, ridge: float) -> Crossed:
    """The regression of all rows and of all but each fold, and how it does on the fold that it has not seen."""
    of_all = fit_logistic(terms, rows.customer, rows.weight, ridge)
    by_fold = without_folds(terms, rows, fold, ridge, of_all)
    odds = np.empty(len(fold))
    for number, found in enumerate(by_fold):
        outside = fold == number
        odds[outside] = found @ terms[:, outside]
    offset, slope = calibrated(odds, rows)
    fair = offset + slope * odds
    loss = float(np.sum(rows.weight * (np.logaddexp(0.0, fair) - rows.customer * fair)))
    return Crossed(of_all, by_fold, (offset, slope), loss, area_under_curve(odds, rows.customer))


def without_folds(terms: Any, rows: FitRows, fold: Any, ridge: float, of_all: Any) -> list[Any]:
    """The regressions (p,) of all rows but those of each fold; of many rows one step away from that of all rows."""
    if len(fold) >= FEW_ROWS:
        parts = [np.flatnonzero(fold == number) for number in range(FOLDS)]
        return one_step_without(terms, rows.customer, rows.weight, ridge, of_all, parts)
    kept = [fold != number for number in range(FOLDS)]
    return [fit_logistic(terms[:, at], rows.customer[at], rows.weight[at], ridge, of_all) for at in kept]


def calibrated(odds: Any, rows: FitRows) -> tuple[float, float]:
    """Offset and slope that make log odds (n,) of rows left out fair; those of the share of customers if they mislead.

    They mislead where customers have the lower ones.
    """
    ones = np.ones((1, len(odds)))
    offset, slope = fit_logistic(
        np.concatenate((ones, odds[None, :])), rows.customer, rows.weight, FAINT_RIDGE, IDENTITY
    )
    if slope > 0.0:
        return float(offset), float(slope)
    return float(fit_logistic(ones, rows.customer, rows.weight, 0.0)[0]), 0.0


def contributions(block: Any, bends: Any, slopes: Any, hinges: Any) -> Any:
    """What each feature adds to the log odds (d, m) of a host block (d, m)."""
    added = block.astype(np.float64) * slopes[:, None]
    beyond = np.maximum(block[: len(bends)].astype(np.float64) - bends[:, None], 0.0)
    added[: len(bends)] += beyond * hinges[:, None]
    return added


def log_odds(backend: Backend, space: Space, model: LookAlike, block: Array, raw: RawRows, folds: Any) -> Any:
    """The log odds (m,) float32 on the host of rows, each by the model of its fold (m,).

    `block` (n, m) has their numbers in units of the space, and which are missing; categories are told by `raw`.
    """
    xp = backend.xp
    found = backend.get(summed(xp, space, model, block, raw.codes, None))
    seen = np.flatnonzero(folds != REST)
    if len(seen):
        at, place = backend.put(seen), backend.put(folds[seen].astype(np.int64))
        codes = {name: xp.take(code, at) for name, code in raw.codes.items()}
        found = found.copy()
        found[seen] = backend.get(summed(xp, space, model, xp.take(block, at, axis=1), codes, place))
    return found


def summed(
    xp: Any, space: Space, model: LookAlike, block: Array, codes: dict[str, Array], place: Array | None
) -> Array:
    """The log odds (m,) float32 of rows under the model at each row's place (m,), None for that of the rest.

    Feature by feature, so that no sum depends on how many rows there are.
    """
    numeric, levels = len(space.scales), sum(len(each.all_levels) for each in space.vocabularies)
    offsets = model.offsets - np.sum(model.hinges * model.bends, axis=1)
    on, start = float(np.rint(space.level_weight / space.fitted_grid.unit)), model.slopes.shape[1] - levels

    def of(coefficients: Any) -> Any:
        if place is None:
            return float(coefficients[REST])
        return xp.take(xp.asarray(coefficients, dtype=xp.float32, device=block.device), place)

    bends = xp.asarray(model.bends, dtype=xp.float32, device=block.device)
    total = xp.zeros(block.shape[1], dtype=xp.float32, device=block.device)
    total += of(offsets)
    for j in range(start):
        if model.slopes[:, j].any():
            total += block[j, :] * of(model.slopes[:, j])
        if j < numeric and model.hinges[:, j].any():
            total += xp.maximum(block[j, :], bends[j]) * of(model.hinges[:, j])
    for each in space.vocabularies:
        size = len(each.all_levels)
        added = model.slopes[:, start : start + size] * on
        if added.any():
            table = xp.asarray(added.reshape(-1), dtype=xp.float32, device=block.device)
            row = REST * size if place is None else place * size
            total += xp.take(table, codes[each.column] + row)
        start += size
    return total
