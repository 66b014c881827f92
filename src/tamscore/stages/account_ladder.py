"""The ladder of an account by its own level: multiples of its typical sales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.backend import Array

_SLACK = 1.0 + 2.0**-51
"""Factor for the rounding of sales / typical sales * typical sales, so that an account at a step has no whitespace."""


@dataclass(frozen=True)
class AccountLadder:
    """The steps of every cluster as multiples of typical sales, (k, steps), with their bounds `low` and `high`.

    No step lies above the `cap` (k,). `typical` (k,) are the typical sales of each cluster's median account; money is
    rounded down to `cents` parts of one.
    """

    multiples: Any
    low: Any
    high: Any
    cap: Any
    typical: Any
    cents: float

    def money(self, xp: Any, typical: Array, multiple: Array, cap: Array) -> Array:
        """Return the value (m,) of steps with these multiples (m,), for accounts with typical sales (m,).

        The cap is an amount that a customer pays, so it is not rounded.
        """
        whole = typical * multiple
        value = xp.floor(whole * (self.cents * _SLACK)) / self.cents
        return xp.where((whole * _SLACK >= cap) | (value > cap), cap, value)

    def of_median(self, multiples: Any) -> Any:
        """Return the value (k, steps) of multiples (k, steps) for the median account of each cluster."""
        return self.money(np, self.typical[:, None], multiples, self.cap[:, None])


def cents_of(median: float) -> float:
    """Return into how many parts of a currency unit money is rounded: 100, or far more if median sales are below 1.

    Nothing in between is used: sums of a tenth of a cent may lie midway between two cents.
    """
    return 100.0 if median >= 1 else 10.0 ** float(6 - np.floor(np.log10(median)))


def round_money(values: Any, cents: float) -> Any:
    """Return amounts (m,) rounded to `cents` parts of one; an amount above 0 that would become 0 stays as it is."""
    rounded = np.round(values * cents) / cents
    return np.where((rounded == 0) & (values > 0), values, rounded)
