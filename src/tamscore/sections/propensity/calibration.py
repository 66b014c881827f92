"""Calibration of scores to probabilities, on rows outside the training data, then moved to the rate of the market.

Sigmoid: Platt (1999). Isotonic: Zadrozny & Elkan (2002); from 1,000 buyers on it is better than the sigmoid
(Niculescu-Mizil & Caruana 2005). Another class prior: Saerens, Latinne & Decaestecker (2002). Buyers and unlabelled
rows only: the share of buyers with a label does not depend on features (Elkan & Noto 2008).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

ISOTONIC_FROM = 1_000
"""From so many buyers on, isotonic calibration is better."""
PLACES = 6
"""Decimal places of probabilities, which are equal on all machines."""
_HALVINGS = 60


@dataclass(frozen=True)
class Calibration:
    """A map from scores to probabilities: lines through points (`x`, `y`), or 1 / (1 + exp(-(slope · score + offset))).

    Then `shift` is added to the log-odds. The result is divided by `labelled`, the share of buyers that have a label.
    `least` keeps probabilities off 0 and 1.
    """

    x: Any
    y: Any
    slope: float = 1.0
    offset: float = 0.0
    shift: float = 0.0
    labelled: float = 1.0
    least: float = 0.0

    @property
    def kind(self) -> str:
        """Return the kind of calibration: isotonic or sigmoid."""
        return "isotonic" if len(self.x) else "sigmoid"

    def probability(self, xp: Any, score: Array) -> Array:
        """Return the probabilities (m,) of scores (m,) in log-odds."""
        result = through(xp, score, self.x, self.y) if len(self.x) else sigmoid(xp, self.slope * score + self.offset)
        result = xp.clip(result, self.least, 1.0 - self.least)
        if self.shift:
            result = sigmoid(xp, xp.log(result / (1.0 - result)) + self.shift)
        return round_off(xp, xp.minimum(result / self.labelled, xp.ones_like(result)))


def sigmoid(xp: Any, odds: Array) -> Array:
    """Return the probabilities of log-odds."""
    return 1.0 / (1.0 + xp.exp(-xp.clip(odds, -500.0, 500.0)))


def round_off(xp: Any, values: Array) -> Array:
    """Return numbers rounded to six decimal places."""
    return xp.round(values * 10.0**PLACES) / 10.0**PLACES


def through(xp: Any, score: Array, x: Any, y: Any) -> Array:
    """Return the values (m,) of lines through points (p,) on the host, constant before the first and after the last."""
    xs, ys = (xp.asarray(item, dtype=xp.float64, device=score.device) for item in (x, y))
    inside = xp.clip(score, float(x[0]), float(x[-1]))
    right = xp.clip(xp.searchsorted(xs, inside), 1, len(x) - 1) if len(x) > 1 else xp.zeros_like(score, dtype=xp.int64)
    left = right - 1 if len(x) > 1 else right
    x0, x1, y0, y1 = xp.take(xs, left), xp.take(xs, right), xp.take(ys, left), xp.take(ys, right)
    width = xp.where(x1 > x0, x1 - x0, xp.ones_like(x0))
    return y0 + (y1 - y0) * ((inside - x0) / width)


def calibrate(score: Any, label: Any, weight: Any, kind: Literal["auto", "isotonic", "sigmoid"]) -> Calibration:
    """Return the calibration of scores (n,) from models without these rows, given labels 0 or 1 and weights."""
    isotonic = kind == "isotonic" or (kind == "auto" and label.sum() >= ISOTONIC_FROM)
    made = _by_steps(score, label, weight) if isotonic else _by_curve(score, label, weight)
    return replace(made, least=0.5 / len(label))


def _by_steps(score: Any, label: Any, weight: Any) -> Calibration:
    """Return the isotonic calibration: the rising step function that fits best."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, label, weight)
    return Calibration(np.asarray(fitted.X_thresholds_, np.float64), np.asarray(fitted.y_thresholds_, np.float64))


def _by_curve(score: Any, label: Any, weight: Any) -> Calibration:
    """Return the sigmoid calibration: the logistic curve that fits best."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(score[:, None], label, weight)
    nothing = np.empty(0)
    return Calibration(nothing, nothing, float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def move(calibration: Calibration, share: float, prior: float) -> Calibration:
    """Return the calibration of a market in which the share `prior` buys, not `share` as among the labelled rows."""
    return replace(calibration, shift=float(np.log(prior / (1 - prior)) - np.log(share / (1 - share))))


def freed(calibration: Calibration, score: Any, weight: Any, prior: float) -> Calibration:
    """Return the calibration for label 0 as unlabelled: the mean probability of all rows becomes `prior`."""
    probability = calibration.probability(np, score)
    low, high = min(float(np.average(probability, weights=weight)), 1.0) * 1e-3, 1.0 / prior
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        mean = float(np.average(np.minimum(probability / middle, 1.0), weights=weight))
        low, high = (middle, high) if mean > prior else (low, middle)
    return replace(calibration, labelled=float((low + high) / 2))
