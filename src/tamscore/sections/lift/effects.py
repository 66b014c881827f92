"""By how much treatment raises the share of buyers: per stratum, and over all strata weighted by their size.

Each stratum has the hybrid score interval of Newcombe (1998), "Interval estimation for the difference between
independent proportions", method 10. Over strata the distances from the estimate to both limits add up as squares, by
the method of variance estimates recovery (Zou and Donner, 2008). Both hold with few buyers, where the normal interval
of a difference covers too little: 0.79 instead of 0.95 with 30 controls at a rate of 4 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: intervals hold in 95 of 100 cases."""


@dataclass(frozen=True)
class ArmCounts:
    """Accounts and buyers of each stratum (s,), treated and controls; leading axes stand for several experiments."""

    treated: Any
    treated_buyers: Any
    controls: Any
    control_buyers: Any

    @property
    def accounts(self) -> Any:
        """The accounts (s,) of each stratum."""
        return self.treated + self.controls


@dataclass(frozen=True)
class Effect:
    """A difference of shares of buyers, treated less controls, with the limits of its 95 % interval."""

    value: Any
    low: Any
    high: Any

    @property
    def is_seen(self) -> Any:
        """Return whether the interval leaves out 0."""
        return (self.low > 0) | (self.high < 0)


def of_strata(counts: ArmCounts) -> Effect:
    """Return the effect (s,) in each stratum; every stratum needs treated accounts and controls."""
    rate_treated, rate_controls = counts.treated_buyers / counts.treated, counts.control_buyers / counts.controls
    low_treated, high_treated = _wilson(rate_treated, counts.treated)
    low_controls, high_controls = _wilson(rate_controls, counts.controls)
    value = rate_treated - rate_controls
    below = np.hypot(rate_treated - low_treated, high_controls - rate_controls)
    above = np.hypot(high_treated - rate_treated, rate_controls - low_controls)
    return Effect(value, value - below, value + above)


def of_all(counts: ArmCounts) -> Effect:
    """Return the effect over all strata, each weighted by its accounts."""
    effect = of_strata(counts)
    weight = counts.accounts / np.sum(counts.accounts, axis=-1, keepdims=True)
    value = np.sum(weight * effect.value, axis=-1)
    below = np.sqrt(np.sum((weight * (effect.value - effect.low)) ** 2, axis=-1))
    above = np.sqrt(np.sum((weight * (effect.high - effect.value)) ** 2, axis=-1))
    return Effect(value, value - below, value + above)


def _wilson(rate: Any, rows: Any) -> tuple[Any, Any]:
    """Return the limits of the score interval of a share of so many rows, after Wilson (1927)."""
    squared = Z * Z / rows
    middle = (rate + squared / 2) / (1 + squared)
    half = Z * np.sqrt(rate * (1 - rate) / rows + squared / (4 * rows)) / (1 + squared)
    return middle - half, middle + half
