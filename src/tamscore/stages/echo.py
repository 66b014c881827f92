"""How far peers' sales echo an account's own, and how far without one feature: a small refit each.

The clusters here are a quick sketch on few rows, to compare features by; they are not those of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans
from tamscore.stages.blocks import BlockRows
from tamscore.stages.prepare import nearest_rank
from tamscore.stages.separation import rank_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.backend import Backend

_ROWS, _CLUSTERS = 3_000, 8
_WHOLE = 1024.0
"""A standard deviation in whole numbers."""
_BOUND = 5.0
"""Values farther out than so many standard deviations are brought in."""
_FIRST_PASSES, _MORE_PASSES = 20, 5
_CUT = 0.85


def _sketch(views: Mapping[str, Any]) -> tuple[Any, Any]:
    """Features, each given as views (v, m), as one block (d, m) of whole numbers, and the feature (d,) of its rows.

    A numeric feature enters by its logarithm, the second of its views; a category by its levels.
    """
    chosen = [view if _is_category(view) else view[1:2] for view in views.values()]
    rows = np.concatenate(chosen)
    spread = np.where(np.all((rows == 0) | (rows == 1), axis=1), np.sqrt(2.0), rows.std(axis=1))
    scaled = (rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)[:, None]
    whole = np.rint(np.clip(scaled, -_BOUND, _BOUND) * _WHOLE).astype(np.float32)
    return whole, np.repeat(np.arange(len(chosen)), [len(item) for item in chosen])


def _is_category(views: Any) -> bool:
    """Return whether views (v, m) are the levels of a category: a numeric feature has its logarithm beside itself."""
    return bool(np.all((views == 0) | (views == 1)))


def echoes(backend: Backend, views: Mapping[str, Any], sales: Any, leave_out: Sequence[str], seed: int) -> Any:
    """The echo (1 + features + 1,) with every feature, without each in turn, and without all that are to be left out.

    NaN where nothing is left.
    """
    at = np.linspace(0, len(sales) - 1, min(_ROWS, len(sales))).astype(np.int64)
    block, owner = _sketch({name: view[:, at] for name, view in views.items()})
    centers = _first_centers(backend, block, seed)
    dropped = [[], *([i] for i in range(len(views))), [list(views).index(name) for name in leave_out]]
    return np.array([_echo_without(backend, block, owner, centers, sales[at], gone) for gone in dropped])


def _first_centers(backend: Backend, block: Any, seed: int) -> Any:
    """The centers (k, d) of a sketch on all features."""
    k = min(_CLUSTERS, len(np.unique(block.T, axis=0)))
    rows = BlockRows.of(backend, block)
    return kmeans.start_centers(rows, block, k, seed, 0, _FIRST_PASSES).centers


def _echo_without(backend: Backend, block: Any, owner: Any, centers: Any, sales: Any, dropped: Sequence[int]) -> float:
    """The echo after a refit without some features: it starts from the centers found with them."""
    values = ~np.isin(owner, dropped)
    if not values.any():
        return np.nan
    left = np.ascontiguousarray(block[values])
    fit = kmeans.lloyd(BlockRows.of(backend, left), centers[:, values], _MORE_PASSES)
    label = backend.get(backend.nearest(backend.put(left), backend.put(fit.centers)).label)
    return _echo(label, sales, len(fit.centers))


def _echo(label: Any, sales: Any, clusters: int) -> float:
    """The rank correlation of accounts' own sales (m,) with the first cut line of their cluster, on held-out rows.

    Cut lines come from the customers among every other row; where a cluster has none there, peers buy nothing.
    """
    known = np.arange(len(sales)) % 2 == 0
    buys = known & (sales > 0)
    cuts = np.zeros(clusters)
    for c in np.unique(label[buys]):
        cuts[c] = _cut_line(sales[buys & (label == c)])
    return rank_correlation(cuts[label[~known]], np.maximum(np.nan_to_num(sales[~known]), 0.0))


def _cut_line(sales: Any) -> float:
    """The first cut line of customers' sales (n,)."""
    return float(np.sort(sales)[nearest_rank(len(sales), _CUT)])
