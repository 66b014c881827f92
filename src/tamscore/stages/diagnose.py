"""Notices about features that reduce the trust in clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKEWED = 2.0
_CORRELATED = 0.9
_COARSE = 1000
"""Fewer steps than this, from the middle to the largest value, distinguish few accounts."""


def skewness(x: Any) -> float:
    """The third standardised moment of values (m,), NaN left out; 0 where they do not vary."""
    x = x[~np.isnan(x)]
    deviation = x - x.mean() if len(x) else x
    spread = float(np.sqrt(np.mean(deviation**2))) if len(x) else 0.0
    unit = deviation / spread if spread > 0 else np.zeros(1)
    return float(np.mean(unit * unit * unit))  # several times as fast as a power


def skew(names: Sequence[str], columns: Sequence[Any]) -> list[str]:
    """A warning for every column under `standard` scaling whose skewness is above 2."""
    items = [(name, column, skewness(column)) for name, column in zip(names, columns, strict=True)]
    return [
        f"column {name!r} under 'standard' has skewness {value:.1f}; {_remedy(column)} suits it"
        for name, column, value in items
        if value > _SKEWED
    ]


def _remedy(column: Any) -> str:
    """The scalings that tame a skewed column (m,): the logarithm does nothing for shares and other small numbers."""
    tamed = skewness(np.sign(column) * np.log1p(np.abs(column))) <= _SKEWED
    return "'log_standard' or 'quantile_normal'" if tamed else "'quantile_normal'"


def coarse(names: Sequence[str], limit: Any) -> list[str]:
    """A warning for every feature (d,) that the grid leaves only a few steps, since another one dwarfs it."""
    widest = names[int(np.argmax(limit))]
    return [
        f"column {name!r} hardly counts: column {widest!r} is {limit.max() / steps:.0g} times as wide; scale it"
        for name, steps in zip(names, limit, strict=True)
        if steps < _COARSE
    ]


def correlate(names: Sequence[str], x: Any) -> list[str]:
    """A notice for every pair of features (d, m) that say nearly the same."""
    if len(names) < 2 or x.shape[1] < 2:
        return []
    deviation = x - x.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.sum(deviation**2, axis=1))
    matrix = (deviation @ deviation.T) / np.maximum(np.outer(spread, spread), 1e-300)
    pairs = [(i, j) for i, j in np.argwhere(np.abs(matrix) > _CORRELATED) if i < j]
    return [f"columns {names[i]!r} and {names[j]!r} have correlation {matrix[i, j]:.2f}" for i, j in pairs]


def tied_share(values: Any) -> float:
    """The share of values (n,) that another one equals; 0 where there are none."""
    _, counts = np.unique(values, return_counts=True)
    return float(counts[counts > 1].sum() / counts.sum()) if len(values) else 0.0
