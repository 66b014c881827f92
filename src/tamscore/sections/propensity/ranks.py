"""The rank of every account among all of them, by a score that is made twice: once to be sorted, once to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.scoring.market import Market


def sorted_scores(market: Market, score: Callable[..., Any], *shared: Any) -> Any:
    """The scores (n,) of all scored accounts, sorted: 8 bytes each; `score(item, *shared, backend)` takes a partition.

    An item is a partition's rows and their assignment.
    """
    this = market.this
    given = this.flow.share(shared)
    items = zip(market.rows, market.assigned, strict=True)
    order = np.concatenate(list(this.map("ranks", scored, items, score, given, this.backend)))
    order.sort()
    return order


def scored(item: Any, score: Callable[..., Any], shared: Any, backend: Any) -> Any:
    """The scores of a partition."""
    return score(item, *shared, backend)


def ranks_among(order: Any, score: Any) -> Any:
    """The ranks (m,) int64 from 1, the best score first; equal scores share the better rank."""
    return len(order) - np.searchsorted(order, score, "right") + 1
