"""What to offer next: what many peers own and the account does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array

MOST = 62
"""So many products of a cluster at the most: what an account owns of them fits into one whole number."""


@dataclass(frozen=True)
class Offers:
    """The products (k, width) by number that may be offered in each cluster, the best first, -1 behind the last.

    `share` (k, width) of the cluster's customers own one, `value` (k, width) is its cut line among those.
    """

    product: Any
    share: Any
    value: Any

    @property
    def counts(self) -> Any:
        """How many products (k,) each cluster has."""
        return np.count_nonzero(self.product >= 0, axis=1)


def rank_offers(products: Sequence[Any], shares: Sequence[Any], values: Sequence[Any]) -> Offers:
    """The products of each cluster (k arrays) with share and value, those that most peers own first.

    Held against later baskets, this order sold more, and to more customers, than one by share · value. Of products
    owned alike the one of higher value comes first; equal ones go by number.
    """
    orders = [
        np.lexsort((product, -value, -share))[:MOST]
        for product, share, value in zip(products, shares, values, strict=True)
    ]
    width = max((len(order) for order in orders), default=0)
    clusters = len(orders)
    found = Offers(
        np.full((clusters, width), -1), np.full((clusters, width), np.nan), np.full((clusters, width), np.nan)
    )
    for c, order in enumerate(orders):
        for table, columns in ((found.product, products), (found.share, shares), (found.value, values)):
            table[c, : len(order)] = columns[c][order]
    return found


def first_lacking(xp: Any, owned: Array, label: Array, counts: Array) -> Array:
    """The place (m,) int64 of the best product that an account lacks in the offers of its cluster, -1 for none.

    `owned` (m,) int64 has bit j set where the account owns the j-th product of its cluster.
    """
    place = xp.full(owned.shape, -1, dtype=xp.int64, device=owned.device)
    offered = xp.take(counts, label)
    for j in range(int(xp.max(counts)) if counts.shape[0] else 0):
        lacks = (owned // 2**j) % 2 == 0
        place = xp.where((place < 0) & lacks & (offered > j), xp.asarray(j, dtype=xp.int64, device=owned.device), place)
    return place
