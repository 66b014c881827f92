"""Scaling of numeric columns: fitted from order statistics and moments, applied as one text on every device."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.backend import Moments

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend
    from tamscore.stages.prepare import OrderStatistics

Scaling = Literal["standard", "robust", "minmax", "log_standard", "quantile_normal", "none"]
AFFINE: tuple[Scaling, ...] = ("standard", "robust", "minmax")
NEEDS_MOMENTS: tuple[Scaling, ...] = ("standard", "log_standard")
KNOTS = tuple(float(share) for share in np.linspace(0.0, 1.0, 257)[1:-1])
"""Shares at which `quantile_normal` takes its knots, beside the two extremes."""


@dataclass(frozen=True)
class NumericColumn:
    """How the job wants one numeric column treated."""

    name: str
    scaling: Scaling = "log_standard"
    winsorise: tuple[float, float] | None = None
    missing_indicator: bool = False
    weight: float = 1.0

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares at which order statistics of the column are needed."""
        robust = (0.25, 0.5, 0.75) if self.scaling == "robust" else ()
        knots = KNOTS if self.scaling == "quantile_normal" else ()
        return (*(self.winsorise or ()), *robust, *knots)


@dataclass(frozen=True)
class ColumnScale:
    """The fitted treatment of one column: fill, clip, bend, then `(x - center) * factor`.

    `fill` (segments,) is the median of each market segment; `knots` and `scores` (q,) are set for `quantile_normal`.
    """

    name: str
    scaling: Scaling
    fill: Any
    low: float
    high: float
    center: float = 0.0
    factor: float = 1.0
    knots: Any = None
    scores: Any = None
    missing_indicator: bool = False

    def bend(self, xp: Any, column: Array, segment: Array) -> Array:
        """The column (m,) float64 filled, clipped and bent, but not yet centered."""
        fill = xp.asarray(self.fill, dtype=xp.float64, device=column.device)
        x = xp.where(xp.isnan(column), fill if len(self.fill) == 1 else xp.take(fill, segment), column)
        if self.low > -np.inf or self.high < np.inf:
            x = xp.clip(x, self.low, self.high)
        if self.scaling == "log_standard":
            return signed_log(xp, x) if self.low < 0.0 else xp.log(1.0 + x)  # the same, without asking for a sign
        if self.scaling == "quantile_normal":
            return interpolate(xp, x, self.knots, self.scores)
        return x

    def apply(self, xp: Any, column: Array, segment: Array) -> Array:
        """The column (m,) float64 in the units of the clusters' space."""
        return (self.bend(xp, column, segment) - self.center) * self.factor


def signed_log(xp: Any, x: Array) -> Array:
    """`sign(x) * log(1 + |x|)`: the logarithm of money and counts that negative values survive."""
    return xp.copysign(xp.log(1.0 + xp.abs(x)), x)


def interpolate(xp: Any, x: Array, knots: Any, scores: Any) -> Array:
    """The piecewise linear function through (knots, scores), constant beyond them; knots strictly increasing."""
    at = xp.asarray(knots, dtype=xp.float64, device=x.device)
    score = xp.asarray(scores, dtype=xp.float64, device=x.device)
    right = xp.clip(xp.searchsorted(at, x), 1, at.shape[0] - 1)
    left_knot, left_score = xp.take(at, right - 1), xp.take(score, right - 1)
    share = (x - left_knot) / (xp.take(at, right) - left_knot)
    return left_score + xp.clip(share, 0.0, 1.0) * (xp.take(score, right) - left_score)


def before_moments(column: NumericColumn, order: OrderStatistics) -> ColumnScale:
    """The treatment of a column up to its center and factor, from its order statistics alone."""
    low, high = (order.at[share] for share in column.winsorise) if column.winsorise else (order.at[0.0], order.at[1.0])
    if not column.winsorise and column.scaling not in ("minmax", "quantile_normal"):
        low, high = -np.inf, np.inf
    knots, scores = normal_knots(order) if column.scaling == "quantile_normal" else (None, None)
    center, spread = 0.0, 1.0
    if column.scaling == "robust":
        center, spread = order.at[0.5], order.at[0.75] - order.at[0.25]
    if column.scaling == "minmax":
        center, spread = low, high - low
    return ColumnScale(
        column.name,
        column.scaling,
        order.median,
        float(low),
        float(high),
        float(center),
        float(column.weight / spread if spread > 0 else column.weight),
        knots,
        scores,
        column.missing_indicator,
    )


def with_moments(scale: ColumnScale, weight: float, mean: float, variance: float) -> ColumnScale:
    """The treatment of a column under a standard scaling, centered at its mean and divided by its deviation.

    Both keep a precision of about 1e-7 deviations: what is beyond depends on the order of the summation over all rows.
    """
    deviation = float(np.sqrt(variance))
    if not deviation > 1e-9 * abs(mean):
        return replace(scale, center=mean, factor=0.0)
    center = rounded(mean, math.frexp(deviation)[1])
    factor = weight / deviation
    return replace(scale, center=center, factor=rounded(factor, math.frexp(factor)[1]))


def bent_moments(backend: Backend, scales: tuple[ColumnScale, ...], raw: dict[str, Array], segment: Array) -> Moments:
    """The moments of the filled, clipped and bent columns of some rows, one column at a time to spare memory."""
    bent = (scale.bend(backend.xp, raw[scale.name], segment) for scale in scales)
    each = [backend.scaler_stats(column[None, :]) for column in bent]
    mean, variance = (np.concatenate(parts) for parts in zip(*((m.mean, m.variance) for m in each), strict=True))
    return Moments(each[0].rows, mean, variance)


def no_moments(d: int) -> Moments:
    """The moments of no rows at all."""
    return Moments(0, np.zeros(d), np.zeros(d))


def merge_moments(a: Moments, b: Moments) -> Moments:
    """The moments of two sets of rows taken together (Chan, Golub & LeVeque 1983)."""
    rows = a.rows + b.rows
    if rows == 0:
        return a
    shift = b.mean - a.mean
    mean = a.mean + shift * (b.rows / rows)
    within = a.variance * (a.rows / rows) + b.variance * (b.rows / rows)
    return Moments(rows, mean, within + shift * shift * ((a.rows / rows) * (b.rows / rows)))


def is_constant(scale: ColumnScale, order: OrderStatistics) -> bool:
    """Whether the column says nothing: one value only, after winsorising, and so no spread."""
    low, high = max(scale.low, order.at[0.0]), min(scale.high, order.at[1.0])
    return not high > low or scale.factor == 0.0


def normal_knots(order: OrderStatistics) -> tuple[Any, Any]:
    """Distinct values of a column at even shares and the normal score of each; ties take the middle of their shares."""
    shares = np.array((1e-4, *KNOTS, 1.0 - 1e-4))
    values = np.array((order.at[0.0], *(order.at[share] for share in KNOTS), order.at[1.0]))
    knots, first, counts = np.unique(values, return_index=True, return_counts=True)
    middle = (shares[first] + shares[first + counts - 1]) / 2
    scores = np.array([NormalDist().inv_cdf(share) for share in middle])
    if len(knots) == 1:
        return np.array([knots[0], knots[0] + 1.0]), np.zeros(2)
    return knots, scores


def rounded(value: float, exponent: int) -> float:
    """The value to a precision of 2^(exponent - 24)."""
    return math.ldexp(round(math.ldexp(value, 24 - exponent)), exponent - 24)
