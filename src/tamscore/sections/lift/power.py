"""Which effect a holdout can make visible: announced before it starts, by drawing many experiments of its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lift.effects import ArmCounts, of_all

if TYPE_CHECKING:
    from collections.abc import Callable

_EXPERIMENTS = 4_000
"""So many are drawn, always the same: a power of 0.8 is known to 0.006."""
ENOUGH = 0.8
"""An effect counts as one that can be seen from this power on."""
_LARGEST = 4.0
"""Buyers are at most so many times as many as without treatment; what cannot be seen then cannot be seen."""
_STEPS = 7
"""So often the range of lifts is halved: to a hundredth at the most."""


def power(treated: Any, controls: Any, rate: Any, lift: float) -> float:
    """Return the chance that the interval of an experiment leaves out 0.

    Treated accounts and controls (s,), the share of buyers without treatment (s,) in each stratum, and `lift`, the
    buyers with treatment over those without it, less 1.
    """
    random = np.random.default_rng(0)
    shape = (_EXPERIMENTS, len(treated))
    raised = np.minimum(rate * (1 + lift), 1.0)
    drawn = ArmCounts(
        treated, random.binomial(treated, raised, shape), controls, random.binomial(controls, rate, shape)
    )
    return float(np.mean(of_all(drawn).is_seen))


def smallest_lift(treated: Any, controls: Any, rate: Any) -> float | None:
    """Return the smallest lift that is seen with a power of 0.8; None if even four times the buyers would not be."""

    def is_seen(lift: float) -> bool:
        return power(treated, controls, rate, lift) >= ENOUGH

    return smallest(is_seen, 0.0, _LARGEST - 1, _STEPS)


def smallest(works: Callable[[float], bool], low: float, high: float, steps: int) -> float | None:
    """Return the smallest value between two that works, found by so many halvings; None if `high` does not work."""
    if not works(high):
        return None
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high
