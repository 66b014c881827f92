"""What to offer next: what many peers own and the account does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.next_offer.ownership_model import bins_of, scores_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array

_MOST = 62
"""So many products of a cluster are offered at the most."""


@dataclass(frozen=True)
class Offers:
    """The products (k, width) by number that may be offered in each cluster, -1 behind the last.

    Those that most customers own come first. `share` (k, width) of the cluster's customers own one, `value` (k, width)
    is its cut line among those.
    """

    product: Any
    share: Any
    value: Any

    @property
    def counts(self) -> Any:
        """Return how many products (k,) each cluster has."""
        return np.count_nonzero(self.product >= 0, axis=1)


def rank_offers(products: Sequence[Any], shares: Sequence[Any], values: Sequence[Any]) -> Offers:
    """The products of each cluster (k arrays) with share and value, those that most peers own first.

    Of products owned alike the one of higher value comes first; equal ones go by number.
    """
    orders = [
        np.lexsort((product, -value, -share))[:_MOST]
        for product, share, value in zip(products, shares, values, strict=True)
    ]
    width = max((len(order) for order in orders), default=0)
    clusters = len(orders)
    offers = Offers(
        np.full((clusters, width), -1), np.full((clusters, width), np.nan), np.full((clusters, width), np.nan)
    )
    for c, order in enumerate(orders):
        for table, columns in ((offers.product, products), (offers.share, shares), (offers.value, values)):
            table[c, : len(order)] = columns[c][order]
    return offers


@dataclass(frozen=True)
class Ranking:
    """How offers are chosen, as arrays on a device.

    `column` (k, width) int64 is the column of each offer among those of the model, -1 behind the last; `value`
    (k, width) its value. `weights` (c + k, c) and `probability` (bins,) are those of the ownership model. `by_value`
    says whether probabilities are weighed with values.
    """

    column: Array
    value: Array
    weights: Array
    probability: Array
    by_value: bool


@dataclass(frozen=True)
class _Chosen:
    """What is offered to accounts (m,): its place int64 in the offers of the cluster, -1 for none; its probability."""

    place: Array
    probability: Array


def choose_likeliest(xp: Any, owned: Array, label: Array, ranking: Ranking) -> _Chosen:
    """Return the offer with the largest probability, or expected value, that an account lacks; the first of equals.

    `owned` (m, c) is 1 where the account owns the product of a column of the model, else 0; `label` (m,) its cluster.
    """
    at = xp.take(ranking.column, label, axis=0)
    flat = xp.maximum(at, xp.zeros_like(at)) + _columns_before(xp, owned)
    is_owned = _gather(xp, owned, flat)
    bins = bins_of(xp, _gather(xp, scores_of(xp, owned, label, ranking.weights), flat))
    probability = xp.reshape(xp.take(ranking.probability, xp.reshape(bins, (-1,))), bins.shape)
    worth = probability * xp.take(ranking.value, label, axis=0) if ranking.by_value else probability
    worth = xp.where((at >= 0) & (is_owned == 0.0), worth, xp.full_like(probability, -1.0))
    best = xp.argmax(worth, axis=1)
    some = xp.max(worth, axis=1) >= 0.0
    chance = _gather(xp, probability, (best + _columns_before(xp, probability)[:, 0])[:, None])[:, 0]
    return _Chosen(xp.where(some, best, xp.full_like(best, -1)), chance)


def _columns_before(xp: Any, table: Array) -> Array:
    """Return the place (m, 1) int64 at which each row of a table (m, c) begins."""
    rows = xp.arange(table.shape[0], dtype=xp.int64, device=table.device)
    return (rows * table.shape[1])[:, None]


def _gather(xp: Any, table: Array, flat: Array) -> Array:
    """Return the elements of a table (m, c) at places (m, w) counted through its rows."""
    return xp.reshape(xp.take(xp.reshape(table, (-1,)), xp.reshape(flat, (-1,))), flat.shape)


def choose_most_owned(xp: Any, owned: Array, label: Array, column: Array) -> Array:
    """Return the place (m,) int64 of the first offer that an account lacks, -1 for none; arguments as above."""
    at = xp.take(column, label, axis=0)
    is_owned = _gather(xp, owned, xp.maximum(at, xp.zeros_like(at)) + _columns_before(xp, owned))
    lacks = (at >= 0) & (is_owned == 0.0)
    best = xp.argmax(xp.astype(lacks, xp.int64), axis=1)
    return xp.where(xp.any(lacks, axis=1), best, xp.full_like(best, -1))
