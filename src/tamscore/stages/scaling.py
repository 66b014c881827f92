"""The ways to scale a numeric column: each is one entry here, and nothing else lists them.

Job files, stored models and the fit follow from `MODES`; importing it takes no arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.backend import Array
    from tamscore.stages.prepare import OrderStatistics

KNOTS = tuple(place / 256 for place in range(1, 256))
"""Shares at which `quantile_normal` takes its knots, beside the two extremes."""


@dataclass(frozen=True)
class _Mode:
    """A way to scale: what it asks of a column, and what it makes of it.

    `affine` ones are clipped where features.winsorise says so, `bounded` ones to what was seen; `standard` ones are
    centered at the mean and divided by the deviation, `range` (order, low, high) gives center and spread of others.
    `shares` are those at which order statistics are needed; `knots` has values and scores for `bend`, which takes the
    array namespace, the fitted `scale.ColumnScale` and the column. `scaler` names the kind of scaler that libraries
    have for it. `logarithm` says that `bend` is to the logarithm, which a device may take along in the same pass.
    """

    affine: bool = False
    bounded: bool = False
    standard: bool = False
    shares: tuple[float, ...] = ()
    range: Callable[[OrderStatistics, float, float], tuple[float, float]] | None = None
    knots: Callable[[OrderStatistics], tuple[Any, Any]] | None = None
    bend: Callable[[Any, Any, Array], Array] | None = None
    scaler: str | None = None
    logarithm: bool = False


def _bend_to_logarithm(xp: Any, scale: Any, x: Array) -> Array:
    """`sign(x) * log(1 + |x|)` of a column (m,); without asking for a sign where it is never negative."""
    return signed_log(xp, x) if scale.low < 0.0 else xp.log(1.0 + x)


def _bend_to_scores(xp: Any, scale: Any, x: Array) -> Array:
    """The normal scores of a column (m,)."""
    return _interpolate(xp, x, scale.knots, scale.scores)


def _middle_half(order: OrderStatistics, low: float, high: float) -> tuple[float, float]:
    """The median, and the distance of the quartiles."""
    del low, high
    return order.at[0.5], order.at[0.75] - order.at[0.25]


def _whole_range(order: OrderStatistics, low: float, high: float) -> tuple[float, float]:
    """The lowest value, and the distance to the highest."""
    del order
    return low, high - low


def _normal_knots(order: OrderStatistics) -> tuple[Any, Any]:
    """Distinct values of a column at even shares and the normal score of each; ties take the middle of their shares."""
    import numpy as np

    shares = np.array((1e-4, *KNOTS, 1.0 - 1e-4))
    values = np.array((order.at[0.0], *(order.at[share] for share in KNOTS), order.at[1.0]))
    knots, first, counts = np.unique(values, return_index=True, return_counts=True)
    middle = (shares[first] + shares[first + counts - 1]) / 2
    scores = np.array([NormalDist().inv_cdf(share) for share in middle])
    if len(knots) == 1:
        return np.array([knots[0], knots[0] + 1.0]), np.zeros(2)
    return knots, scores


def signed_log(xp: Any, x: Array) -> Array:
    """`sign(x) * log(1 + |x|)`: the logarithm of money and counts that negative values survive."""
    return xp.copysign(xp.log(1.0 + xp.abs(x)), x)


def _interpolate(xp: Any, x: Array, knots: Any, scores: Any) -> Array:
    """The piecewise linear function through (knots, scores), constant beyond them; knots strictly increasing."""
    at = xp.asarray(knots, dtype=xp.float64, device=x.device)
    score = xp.asarray(scores, dtype=xp.float64, device=x.device)
    right = xp.clip(xp.searchsorted(at, x), 1, at.shape[0] - 1)
    left_knot, left_score = xp.take(at, right - 1), xp.take(score, right - 1)
    share = (x - left_knot) / (xp.take(at, right) - left_knot)
    return left_score + xp.clip(share, 0.0, 1.0) * (xp.take(score, right) - left_score)


MODES: dict[str, _Mode] = {
    "standard": _Mode(affine=True, standard=True, scaler="standard"),
    "robust": _Mode(affine=True, shares=(0.25, 0.5, 0.75), range=_middle_half, scaler="robust"),
    "minmax": _Mode(affine=True, bounded=True, range=_whole_range, scaler="minmax"),
    "log_standard": _Mode(standard=True, bend=_bend_to_logarithm, scaler="standard", logarithm=True),
    "quantile_normal": _Mode(bounded=True, shares=KNOTS, knots=_normal_knots, bend=_bend_to_scores),
    "none": _Mode(),
}

if TYPE_CHECKING:
    Scaling = str
else:
    Scaling = Literal[tuple(MODES)]
