"""Who should be called now: customers that fall while their peers do not, and accounts that have begun to move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array

INTENT_SHARE = 0.9
"""An intent feature speaks where it rose by more than nine in ten accounts of the cluster saw it rise."""


def churns(xp: Any, sales: Array, before: Array, label: Array, median: Array, drop: float) -> Array:
    """Which accounts (m,) bool buy less than (1 - drop) of what they bought in the same window a year before.

    Not those of a cluster whose `median` (k,) of sales / sales before is as low: there the market fell, not the
    account. What is unknown raises no alert.
    """
    fell = (before > 0.0) & (xp.where(xp.isnan(sales), 0.0, sales) < (1.0 - drop) * before)
    return fell & (xp.take(median, label) >= 1.0 - drop)


def intends(xp: Any, change: Array, label: Array, usual: Array) -> Array:
    """Which accounts (m,) bool saw an intent feature rise beyond the `usual` (k,) change of their cluster."""
    return (change > 0.0) & (change > xp.take(usual, label))
