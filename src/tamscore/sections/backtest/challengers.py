"""The cost of a simple method: cut lines by cluster compared with challengers, on customers held out of both.

The challengers get the same features. No challenger ever replaces the method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.backtest.deciles import mean_interval
from tamscore.stages.potential import CustomerSales, potential_table
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FOLDS = 5
FEWEST = 100
"""Fewest customers of a party type for a comparison."""
_TREE_LEAVES = 8
"""Leaves of a tree; scikit-learn's 31 fit single customers: the loss is larger and the time is tripled."""
MOST_LEVELS = 255
"""Most levels of a category that boosted trees accept."""


@dataclass(frozen=True)
class SampledCustomers:
    """Sampled customers of a party type: scaled features (n, d), cluster, log sales, random number `lot` (n,).

    `levels` holds, for each category, the range of features that are its levels.
    """

    features: Any
    cluster: Any
    logs: Any
    lot: Any
    levels: tuple[range, ...] = ()


@dataclass(frozen=True)
class ChallengerRules:
    """Settings of the contenders: cut lines, fewest customers of a cluster, and the number of neighbours."""

    lines: tuple[float, ...]
    min_customers: int
    neighbours: int


@dataclass(frozen=True)
class Loss:
    """Mean held-out pinball loss of log sales of one contender at one cut line, compared with that of the method.

    `below_method` is the share by which the loss is below that of the method. `low` and `high` are the ends of its
    bootstrap interval.
    """

    party_type: str
    contender: str
    line: float
    customers: int
    loss: float
    below_method: float
    low: float
    high: float


def pinball(truth: Any, text: Any, share: float) -> Any:
    """Return the pinball loss (n,) of predicted quantiles at a share (Koenker & Bassett 1978)."""
    off = truth - text
    return np.maximum(share * off, (share - 1) * off)


def losses(party: str, customers: SampledCustomers, rules: ChallengerRules) -> list[Loss]:
    """Return the loss of the method and of each challenger by cut line, nothing with too few customers."""
    if len(customers.logs) < FEWEST:
        return []
    fold = np.argsort(np.argsort(customers.lot)) % _FOLDS
    items = []
    for name, contender in CONTENDERS.items():
        empty = np.empty((len(fold), len(rules.lines)))
        for i in range(_FOLDS):
            empty[fold == i] = contender(customers, fold != i, fold == i, rules)
        items.append((name, empty))
    return [loss for j, line in enumerate(rules.lines) for loss in _compare(party, customers, items, j, line)]


def _compare(
    party: str, customers: SampledCustomers, result: Sequence[tuple[str, Any]], j: int, line: float
) -> list[Loss]:
    """Return the losses of all contenders at one cut line; the first contender is the method."""
    record = {name: pinball(customers.logs, text[:, j], line) for name, text in result}
    ours = record[result[0][0]]
    bins = np.argsort(customers.lot) % 1000
    rows = []
    for name, loss in record.items():
        low, high = (end / ours.mean() for end in mean_interval(ours - loss, bins))
        gain = float((ours - loss).mean() / ours.mean())
        rows.append(Loss(party, name, line, len(ours), float(loss.mean()), gain, float(low), float(high)))
    return rows


def _by_clusters(customers: SampledCustomers, seen: Any, asked: Any, rules: ChallengerRules) -> Any:
    """Return the method's prediction: cut lines of an account's cluster, thin clusters pooled with the party type."""
    k = int(customers.cluster.max()) + 1
    order = np.lexsort((customers.logs[seen], customers.cluster[seen]))
    sales = np.exp(customers.logs[seen][order])
    offsets = np.searchsorted(customers.cluster[seen][order], np.arange(k + 1))
    everyone = [("all", np.sort(sales))] * k
    table = potential_table(CustomerSales(sales, offsets), everyone, rules.lines, "max", rules.min_customers)
    return np.log(table.values[customers.cluster[asked], :-1])


def _without_features(customers: SampledCustomers, seen: Any, asked: Any, rules: ChallengerRules) -> Any:
    """Return the cut lines of all customers together: the prediction if nothing is known about an account."""
    return np.broadcast_to(
        _quantiles(np.sort(customers.logs[seen])[:, None], rules.lines), (asked.sum(), len(rules.lines))
    )


def _by_neighbours(customers: SampledCustomers, seen: Any, asked: Any, rules: ChallengerRules) -> Any:
    """Return the cut lines of the nearest customers in the feature space of the clusters."""
    from sklearn.neighbors import NearestNeighbors

    neighbours = min(rules.neighbours, int(seen.sum()))
    near = NearestNeighbors(n_neighbors=neighbours).fit(customers.features[seen])
    result = near.kneighbors(customers.features[asked], return_distance=False)
    return _quantiles(np.sort(customers.logs[seen][result].T, axis=0), rules.lines)


def by_trees(customers: SampledCustomers, seen: Any, asked: Any, rules: ChallengerRules) -> Any:
    """Return quantiles by boosted trees (Friedman 2001; scikit-learn's histogram form), one model a cut line."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    features, numbers = with_codes(customers)
    categories = list(range(numbers, features.shape[1])) or None
    how: dict[str, Any] = {"max_leaf_nodes": _TREE_LEAVES, "early_stopping": False, "random_state": 0}
    items = []
    with threadpool_limits(1, "openmp"):  # on a busy machine the library's threads spend more time waiting than working
        for line in rules.lines:
            trees = HistGradientBoostingRegressor(
                loss="quantile", quantile=line, categorical_features=categories, **how
            )
            items.append(trees.fit(features[seen], customers.logs[seen]).predict(features[asked]))
    return np.stack(items, axis=1)


def with_codes(customers: SampledCustomers) -> tuple[Any, int]:
    """Return features (n, e) with one column of codes for each category, and the number of columns before the codes.

    A category with more than MOST_LEVELS levels keeps its columns.
    """
    coded = [levels for levels in customers.levels if len(levels) <= MOST_LEVELS]
    others = np.setdiff1d(np.arange(customers.features.shape[1]), np.concatenate([[], *coded]))
    codes = [customers.features[:, levels].argmax(axis=1)[:, None] for levels in coded]
    return np.concatenate([customers.features[:, others], *codes], axis=1), len(others)


def _quantiles(ordered: Any, lines: Sequence[float]) -> Any:
    """Return the nearest-rank quantiles (m, lines) of sorted columns (n, m)."""
    return np.stack([ordered[nearest_rank(len(ordered), line)] for line in lines], axis=1)


CONTENDERS: dict[str, Callable[[SampledCustomers, Any, Any, ChallengerRules], Any]] = {
    "clusters": _by_clusters,
    "no features": _without_features,
    "nearest neighbours": _by_neighbours,
    "boosted trees": by_trees,
}
"""The contenders by name, the method first."""
