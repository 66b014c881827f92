"""Who should be called now: customers that fall while their peers do not, and accounts that have begun to move."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend

INTENT_SHARE = 0.9
"""An intent feature speaks where it rose by more than nine in ten accounts of the cluster saw it rise."""


def quantile_by_cluster(backend: Backend, values: Any, label: Any, clusters: int, share: float) -> Any:
    """The nearest-rank quantile (k,) of host values (n,) within their clusters (n,); NaN for a cluster without any."""
    ordered, offsets = backend.segment_order(backend.put(values), backend.put(label), clusters)
    ordered, found = backend.get(ordered), np.full(clusters, np.nan)
    for c, (start, stop) in enumerate(pairwise(offsets)):
        if stop > start:
            found[c] = ordered[start + nearest_rank(int(stop - start), share)]
    return found


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
