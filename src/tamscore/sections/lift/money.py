"""What treated customers spend more, with their past sales as covariate; and where a normal interval of it holds.

CUPED (Deng, Xu, Kohavi and Walker, 2013): outcomes less theta times past sales differ by the same amount, and vary
less. The interval is normal; it is admitted where the skewness of the estimate is small and both arms are large.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from tamscore.sections.lift.effects import Effect, Z

FEWEST_CUSTOMERS = 500
"""Customers that each arm needs."""
MOST_SKEWED = 0.19
"""The largest skewness of the estimate: Cochran's rule, n > 28 G1², in terms of the mean of n amounts."""


@dataclass(frozen=True)
class _MoneyEffect:
    """A difference of mean amounts, treated less controls, and whether its interval holds; `theta` as in CUPED."""

    effect: Effect
    theta: float
    skewness: float
    fewest: int

    @property
    def is_admitted(self) -> bool:
        """Return whether both arms are large enough and the estimate is nearly normal."""
        return self.fewest >= FEWEST_CUSTOMERS and abs(self.skewness) < MOST_SKEWED


def of_money(amount: Any, sales: Any, control: Any, stratum: Any) -> _MoneyEffect:
    """Return the effect on the mean amount (m,) over strata (m,) weighted by their accounts.

    `sales` (m,) are those before the treatment, `control` (m,) bool says who was not treated. Every stratum needs two
    accounts in each arm.
    """
    cell = 2 * stratum + control
    rows = np.bincount(cell, minlength=2 * (int(stratum.max(initial=0)) + 1))
    spread, mean = _center(amount, cell, rows)
    earlier, mean_earlier = _center(sales, cell, rows)
    squares = float(earlier @ earlier)
    theta = float(earlier @ spread) / squares if squares else 0.0
    rest, mean = spread - theta * earlier, mean - theta * mean_earlier
    second = np.bincount(cell, rest**2, len(rows)) / np.maximum(rows - 1, 1)
    third = np.bincount(cell, rest**3, len(rows)) / np.maximum(rows, 1)
    accounts = rows[::2] + rows[1::2]
    weight = accounts / accounts.sum()
    variance = float(weight**2 @ (second / rows).reshape(-1, 2).sum(axis=1))
    skewed = (third / rows**2).reshape(-1, 2) @ (1.0, -1.0)
    value = float(weight @ (mean[::2] - mean[1::2]))
    half = Z * sqrt(variance)
    skewness = float(weight**3 @ skewed) / variance**1.5 if variance else 0.0
    fewest = int(min(rows[::2].sum(), rows[1::2].sum()))
    return _MoneyEffect(Effect(value, value - half, value + half), theta, skewness, fewest)


def _center(values: Any, cell: Any, rows: Any) -> tuple[Any, Any]:
    """Return values (m,) less the mean (c,) of their cell, and these means."""
    mean = np.bincount(cell, values, len(rows)) / np.maximum(rows, 1)
    return values - mean[cell], mean
