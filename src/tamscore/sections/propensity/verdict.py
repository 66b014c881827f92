"""Quality of a propensity: separation of buyers from others, calibration of probabilities, and contacts saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tamscore.sections.propensity.learning import log_loss
from tamscore.stages.separation import ranks

_PARTS = 10


@dataclass(frozen=True)
class PropensityQuality:
    """Area under the ROC curve; Brier score, log loss and expected calibration error if there are probabilities.

    `error` is the mean distance of predicted and observed share over ten parts of equal size (Naeini et al. 2015).
    """

    auc: float
    brier: float | None = None
    log_loss: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Decile:
    """A decile of the rows, best first: predicted and observed share of buyers, lift over the mean, buyers captured.

    `capture` and `contacts`, rows contacted for each buyer, are those of this decile and all better ones.
    """

    decile: int
    accounts: float
    predicted: float | None
    observed: float
    lift: float
    capture: float
    contacts: float | None


def auc(score: Any, label: Any, weight: Any) -> float:
    """Return the area under the ROC curve: how often a buyer scores above others, ties half; NaN with one class."""
    if weight is None or np.all(weight == weight[0]):
        rank, buys = ranks(score), label == 1
        first, second = int(buys.sum()), int((~buys).sum())
        return float((rank[buys].sum() - first * (first + 1) / 2) / (first * second)) if first and second else np.nan
    order = np.argsort(score, kind="stable")
    _, place = np.unique(score[order], return_inverse=True)
    yes = np.bincount(place, weights=(weight * label)[order])
    no = np.bincount(place, weights=(weight * (1 - label))[order])
    below = np.cumsum(no) - no
    return float(np.sum(yes * (below + no / 2)) / (yes.sum() * no.sum())) if yes.sum() and no.sum() else np.nan


def verdict(score: Any, probability: Any | None, label: Any, weight: Any) -> PropensityQuality:
    """Return how well scores (n,), and probabilities if there are any, predict labels 0 or 1, with weights (n,)."""
    area = auc(score, label, weight)
    if probability is None:
        return PropensityQuality(area)
    brier = float(np.average((probability - label) ** 2, weights=weight))
    return PropensityQuality(
        area, brier, log_loss(probability, label, weight), calibration_error(probability, label, weight)
    )


def calibration_error(probability: Any, label: Any, weight: Any) -> float:
    """Return the mean distance of predicted and observed share over ten parts of equal weight."""
    items = deciles(probability, probability, label, weight)
    total = sum(decile.accounts for decile in items)
    return sum(decile.accounts * abs((decile.predicted or 0.0) - decile.observed) for decile in items) / total


def deciles(score: Any, probability: Any | None, label: Any, weight: Any) -> list[Decile]:
    """Return ten parts of equal weight, best scores first; equal scores stay together, so order has no effect."""
    part, items = _parts_of(score, weight), list[Decile]()
    rate, buyers = float(np.average(label, weights=weight)), float(np.sum(weight * label))
    contacted = captured = 0.0
    for number in np.unique(part):
        rows = part == number
        mine, bought = float(weight[rows].sum()), float(np.sum((weight * label)[rows]))
        contacted, captured = contacted + mine, captured + bought
        predicted = None if probability is None else float(np.average(probability[rows], weights=weight[rows]))
        contacts = contacted / captured if captured else None
        share = captured / buyers
        items.append(Decile(len(items) + 1, mine, predicted, bought / mine, bought / mine / rate, share, contacts))
    return items


def _parts_of(score: Any, weight: Any) -> Any:
    """Return the part (n,) from 0 of each row, best scores first; rows of one score go to the part of their middle."""
    distinct, place = np.unique(-score, return_inverse=True)
    values = np.bincount(place, weights=weight, minlength=len(distinct))
    middle = (np.cumsum(values) - values / 2) / values.sum()
    return np.minimum((middle * _PARTS).astype(np.int64), _PARTS - 1)[place]
