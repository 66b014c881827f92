"""Scaling of numeric columns: fitted from order statistics and moments, applied as one text on every device."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Moments, Treatment
from tamscore.stages.scaling import MODES

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend, FitsScalers
    from tamscore.stages.prepare import OrderStatistics
    from tamscore.stages.scaling import Scaling


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
        return (*(self.winsorise or ()), *MODES[self.scaling].shares)


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
        bend = MODES[self.scaling].bend
        return bend(xp, self, x) if bend else x

    @property
    def is_one_pass(self) -> bool:
        """Return whether `Treatment` can say what is done to the column."""
        mode = MODES[self.scaling]
        return mode.bend is None or mode.logarithm

    def treatment(self, units: float, limit: float) -> Treatment:
        """Return what makes the column whole numbers of `units` to one, at most `limit`."""
        logarithm = MODES[self.scaling].logarithm
        bounds = self.low, self.high, logarithm, self.low < 0.0
        return Treatment(self.fill, *bounds, self.center, self.factor, units, limit)

    def apply(self, xp: Any, column: Array, segment: Array) -> Array:
        """The column (m,) float64 in the units of the clusters' space."""
        return (self.bend(xp, column, segment) - self.center) * self.factor


def before_moments(column: NumericColumn, order: OrderStatistics) -> ColumnScale:
    """The treatment of a column up to its center and factor, from its order statistics alone."""
    mode = MODES[column.scaling]
    low, high = (order.at[share] for share in column.winsorise) if column.winsorise else (order.at[0.0], order.at[1.0])
    if not column.winsorise and not mode.bounded:
        low, high = -np.inf, np.inf
    knots, scores = mode.knots(order) if mode.knots else (None, None)
    center, spread = mode.range(order, low, high) if mode.range else (0.0, 1.0)
    return ColumnScale(
        column.name,
        column.scaling,
        order.median,
        float(low),
        float(high),
        float(center),
        _factor_of(column.weight, spread),
        knots,
        scores,
        column.missing_indicator,
    )


def _factor_of(weight: float, spread: float) -> float:
    """What values are multiplied by, so that the spread becomes the weight; the weight itself where nothing spreads."""
    return float(weight / spread if spread > 0 else weight)


def with_moments(scale: ColumnScale, weight: float, mean: float, variance: float) -> ColumnScale:
    """The treatment of a column under a standard scaling, centered at its mean and divided by its deviation.

    Both keep a precision of about 1e-7 deviations: what is beyond depends on the order of the summation over all rows.
    """
    deviation = float(np.sqrt(variance))
    if not deviation > 1e-9 * abs(mean):
        return replace(scale, center=mean, factor=0.0)
    center = _round_off(mean, math.frexp(deviation)[1])
    factor = weight / deviation
    return replace(scale, center=center, factor=_round_off(factor, math.frexp(factor)[1]))


def bent_moments(backend: Backend, scales: tuple[ColumnScale, ...], raw: dict[str, Array], segment: Array) -> Moments:
    """The moments of the filled, clipped and bent columns of some rows, one column at a time to spare memory."""
    bent = (scale.bend(backend.xp, raw[scale.name], segment) for scale in scales)
    moments = [backend.scaler_stats(column[None, :]) for column in bent]
    mean, variance = (np.concatenate(parts) for parts in zip(*((m.mean, m.variance) for m in moments), strict=True))
    return Moments(moments[0].rows, mean, variance)


def by_library(
    backend: FitsScalers, xp: Any, scale: ColumnScale, weight: float, column: Array, segment: Array
) -> ColumnScale | None:
    """The treatment of a column (m,) as the backend's own library finds it, rounded as ours; None if that differs.

    So a model is the same whether the library is there or not. Quartiles are those of values that are there.
    """
    mode = MODES[scale.scaling]
    bent = scale.bend(xp, column, segment)
    if mode.standard:
        theirs = with_moments(scale, weight, *backend.fit_scaler("standard", bent))
    else:
        (there,) = xp.nonzero(~xp.isnan(column))
        center, spread = backend.fit_scaler(mode.scaler or "", xp.take(bent, there))
        theirs = replace(scale, center=center, factor=_factor_of(weight, spread))
    return theirs if (theirs.center, theirs.factor) == (scale.center, scale.factor) else None


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
    """Return whether the column says nothing: one value only, after winsorising, and so no spread."""
    low, high = max(scale.low, order.at[0.0]), min(scale.high, order.at[1.0])
    return not high > low or scale.factor == 0.0


def _round_off(value: float, exponent: int) -> float:
    """The value to a precision of 2^(exponent - 24)."""
    return math.ldexp(round(math.ldexp(value, 24 - exponent)), exponent - 24)
