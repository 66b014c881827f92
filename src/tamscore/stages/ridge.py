"""Logistic regression with a ridge, by Newton's method on the host: one text for few rows and many terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_STEPS = 30
_SETTLED = 1e-4
"""Steps end where no coefficient moves by more than this: the error is about its square by then."""
_HALVINGS = 20
_LARGEST_ODDS = 500.0
GRID = 2.0**16
"""Coefficients are rounded to 1 / GRID: what is beyond depends on how many processors add up."""


def fit_logistic(terms: Any, label: Any, weight: Any, ridge: float, start: Any | None = None) -> Any:
    """The coefficients (p,) of a logistic regression of labels (n,) bool on terms (p, n), rounded to the grid.

    The first term is the constant, which the ridge leaves alone. `start` (p,) is where the steps begin.
    """
    penalty = np.full(len(terms), ridge)
    penalty[0] = 0.0
    values = np.zeros(len(terms)) if start is None else start.copy()
    loss = _loss_of(values, terms, label, weight, penalty)
    for _ in range(_MOST_STEPS):
        chance = probability(values @ terms)
        slope = terms @ (weight * (label - chance)) - penalty * values
        curve = _squares(terms, weight * chance * (1.0 - chance))
        curve[np.diag_indices(len(terms))] += np.maximum(penalty, 1e-9)
        step = np.linalg.solve(curve, slope)
        values, loss, moved = _lower(values, step, loss, (terms, label, weight, penalty))
        if moved <= _SETTLED:
            break
    return np.rint(values * GRID) / GRID


def one_step_without(terms: Any, label: Any, weight: Any, ridge: float, result: Any, parts: Sequence[Any]) -> list[Any]:
    """The coefficients (p,) of all rows but those of each part (places), one Newton step from those of all rows."""
    penalty = np.full(len(terms), ridge)
    penalty[0] = 0.0
    slopes, curves = [], []
    for at in parts:
        here, chance = terms[:, at], probability(result @ terms[:, at])
        slopes.append(here @ (weight[at] * (label[at] - chance)))
        curves.append(_squares(here, weight[at] * chance * (1.0 - chance)))
    slope, curve = sum(slopes) - penalty * result, sum(curves) + np.diag(np.maximum(penalty, 1e-9))
    moved = [result + np.linalg.solve(curve - c, slope - s) for s, c in zip(slopes, curves, strict=True)]
    return [np.rint(item * GRID) / GRID for item in moved]


def _lower(result: Any, step: Any, loss: float, given: tuple[Any, Any, Any, Any]) -> tuple[Any, float, float]:
    """The coefficients after the step, halved until the loss falls; the loss there, and the largest move."""
    for halving in range(_HALVINGS):
        tried = result + step / 2**halving
        new = _loss_of(tried, *given)
        if new <= loss:
            return tried, new, float(np.abs(step).max()) / 2**halving
    return result, loss, 0.0


def _squares(terms: Any, weight: Any) -> Any:
    """The weighted sums of products (p, p) of terms (p, n); half of them are computed."""
    half = terms * np.sqrt(weight)
    return half @ half.T


def _loss_of(result: Any, terms: Any, label: Any, weight: Any, penalty: Any) -> float:
    """The weighted log loss of some coefficients, with the ridge."""
    odds = result @ terms
    return float(np.sum(weight * (np.logaddexp(0.0, odds) - label * odds)) + np.sum(penalty * result**2) / 2)


def probability(odds: Any) -> Any:
    """The probability (m,) of some log odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -_LARGEST_ODDS, _LARGEST_ODDS)))
