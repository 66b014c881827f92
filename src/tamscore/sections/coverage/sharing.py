"""Accounts that several kinds of people could cover by the same plan, shared out by the hours that each kind has.

Prices of hours send all of them to one kind of people, since a plan is worth the same with any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tamscore.sections.coverage.offer import Offer


def twins(offer: Offer, option: Any, rows: Any) -> Any:
    """Return which options (o, n) are worth the same for the same hours as those that some accounts have."""
    value, hours = (numbers[option[rows], rows] for numbers in (offer.value, offer.hours))
    return (offer.value[:, rows] == value) & (offer.hours[:, rows] == hours)


def shared_out(offer: Offer, option: Any) -> Any:
    """The choice (m,) with accounts moved to options worth the same, so that hours are exceeded as little as can be.

    Of accounts alike the first ids get the first options; as it is where no account has two options worth the same.
    """
    rows = np.flatnonzero(offer.takes[option])
    same = twins(offer, option, rows)
    if not (same.sum(axis=0) > 1).any():
        return option
    kinds, kind = np.unique(same, axis=1, return_inverse=True)
    hours = offer.hours[option[rows], rows]
    parts = _portions(offer, kinds, np.bincount(kind.ravel(), hours, kinds.shape[1]))
    result = option.copy()
    for k, portion in enumerate(parts.T):
        mine, options = kind.ravel() == k, np.flatnonzero(kinds[:, k])
        middle = np.cumsum(hours[mine]) - hours[mine] / 2
        place = np.searchsorted(np.cumsum(portion[options])[:-1], middle)
        result[rows[mine]] = options[place]
    return result


def _portions(offer: Offer, kinds: Any, demand: Any) -> Any:
    """The hours (o, k) that kinds of accounts take by each option open to them (o, k), in all their `demand` (k,).

    They exceed the hours there are by as little as can be.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, hstack

    option, kind = np.nonzero(kinds)
    cell, scarce = np.arange(len(option)), np.flatnonzero(np.isfinite(offer.limits))
    ones = np.ones(len(cell))
    item = coo_array((ones, (kind, cell)), (len(demand), len(cell))).tocsr()
    taken = coo_array((ones, (offer.role[option], cell)), (len(offer.limits), len(cell))).tocsr()[scarce]
    over = coo_array((-np.ones(len(scarce)), (np.arange(len(scarce)),) * 2)).tocsr()
    blank = coo_array((len(demand), len(scarce))).tocsr()
    cost = np.append(np.zeros(len(cell)), np.ones(len(scarce)))
    rows, whole = hstack([taken, over], "csr"), hstack([item, blank], "csr")
    result = linprog(cost, rows, offer.limits[scarce], whole, demand, method="highs")
    parts = np.zeros(kinds.shape)
    parts[option, kind] = result.x[: len(cell)]
    return parts
