"""Who should be called now: customers that fall while their peers do not, and accounts that have begun to move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array

INTENT_SHARE = 0.9
"""An intent feature speaks where it rose by more than nine in ten accounts of the cluster saw it rise."""


STATES = ("prospect", "customer", "left")


def states(xp: Any, sales: Array, trailing: Array, before: Array) -> Array:
    """The place (m,) int64 in STATES of every account, given its sales, those of twelve months and of those before.

    Trailing sales decide who buys, where they are known (not NaN), else sales. An account that buys nothing has left
    if it bought before; without sales above 0 in any window it is a prospect.
    """
    buys = xp.where(xp.isnan(trailing), sales, trailing) > 0.0
    left = ~buys & (before > 0.0)
    customer = (buys | (sales > 0.0)) & ~left
    return xp.astype(customer, xp.int64) + 2 * xp.astype(left, xp.int64)


def churns(xp: Any, sales: Array, before: Array, label: Array, median: Array, drop: float) -> Array:
    """Return which accounts (m,) bool still buy, yet less than (1 - drop) of what they bought a year before.

    Not those of a cluster whose `median` (k,) of sales / sales before is as low: there the market fell, not the
    account. What is unknown raises no alert.
    """
    fell = (before > 0.0) & (sales > 0.0) & (sales < (1.0 - drop) * before)
    return fell & (xp.take(median, label) >= 1.0 - drop)


def intends(xp: Any, change: Array, label: Array, usual: Array) -> Array:
    """Return which accounts (m,) bool saw an intent feature rise beyond the `usual` (k,) change of their cluster."""
    return (change > 0.0) & (change > xp.take(usual, label))
