"""Scaled features as whole numbers: the trick that makes every sum exact.

A block holds each scaled value as a whole number of `unit`s, a power of two chosen as fine as float64 allows. Products
and sums of such numbers are exact in float64, so they come out the same in any order: on any number of workers,
partitions and GPUs, and on CPU and GPU alike. The unit is about a millionth of a standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

HEADROOM = 2.0
"""Values up to so many times the largest of the fit rows are kept; larger ones are brought to that limit."""
EXACT = 2.0**53
LARGEST_FLOAT32 = 2.0**24


@dataclass(frozen=True)
class Grid:
    """The unit of the whole numbers and the largest (d,) of each feature, in units."""

    unit: float
    limit: Any

    def of(self, feature: int) -> tuple[float, float]:
        """Return how many units are one, and the largest of a feature in units."""
        return 1.0 / self.unit, float(self.limit[feature])

    def whole(self, xp: Any, scaled: Array, feature: int) -> Array:
        """One scaled feature (m,) as whole numbers in float32."""
        units, limit = self.of(feature)
        return xp.astype(xp.clip(xp.round(scaled * units), -limit, limit), xp.float32)


def fit_grid(largest: Any) -> Grid:
    """The finest grid on which squared distances of rows within HEADROOM times `largest` (d,) are exact in float64."""
    reach = np.maximum(np.asarray(largest, dtype=np.float64), 2.0**-20) * HEADROOM
    for_products = np.sqrt(4.0 * float(np.sum(reach**2)) / EXACT) * 2.0
    for_values = float(reach.max()) / LARGEST_FLOAT32 * 2.0
    unit = float(2.0 ** np.ceil(np.log2(max(for_products, for_values))))
    return Grid(unit, np.floor(reach / unit))
