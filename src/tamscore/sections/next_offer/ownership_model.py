"""The probability that an account owns a product, by what else it owns and by its cluster: a ridge for each product.

Each product is regressed on all others and on the clusters at once, the own column left out, from the sums of products
alone (EASE, Steck 2019). Sums are whole numbers and weights lie on a grid, so that scores are the same in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.backend import Array

Block: TypeAlias = "tuple[Any, Any]"
"""What some accounts own (m, P), 0 or 1, and their clusters (m,)."""
_PENALTIES = (10.0, 50.0, 200.0, 1000.0)
"""The penalties that are tried; the one with the least held-out squared error is taken, the larger at ties."""
FOLDS = 5
_GRID = 2.0**24
"""Weights are rounded to 1 / GRID, so that sums of them are exact."""
BINS = 1000
"""Scores are counted in so many bins of equal width, from 0 to 1."""


@dataclass(frozen=True)
class OwnershipModel:
    """Weights (P + K, P) on products owned and clusters, and the calibration: a probability (BINS,) for each bin.

    `penalty` is the one chosen, `error` the mean held-out squared error by penalty; `brier` the held-out Brier score of
    the calibrated probabilities, and `brier_share` that of the clusters' shares.
    """

    weights: Any
    probability: Any
    penalty: float
    error: dict[float, float]
    brier: float
    brier_share: float


def _fit_weights(gram: Any, products: int, penalty: float) -> Any:
    """Return the weights (P + K, P) of a ridge of each product on all other columns, given their sums of products.

    `gram` (P + K, P + K) holds the sums over accounts of products of columns: products owned first, then clusters.
    """
    curve = gram + penalty * np.eye(len(gram))
    inverse = np.linalg.inv(curve)
    weights = -inverse[:, :products] / np.diag(inverse)[:products]
    weights[np.arange(products), np.arange(products)] = 0.0
    return np.rint(weights * _GRID) / _GRID


def scores_of(xp: Any, owned: Array, label: Array, weights: Array) -> Array:
    """Return the scores (m, P) of accounts that own products (m, P), 0 or 1, in clusters (m,)."""
    products = owned.shape[1]
    return xp.matmul(owned, weights[:products, :]) + xp.take(weights, label + products, axis=0)


def bins_of(xp: Any, scores: Array) -> Array:
    """Return the bin (m, P) int64 of each score."""
    return xp.astype(xp.clip(xp.floor(scores * BINS), 0.0, BINS - 1.0), xp.int64)


def _gram_of(owned: Any, label: Any, clusters: int) -> Any:
    """Return the sums of products (P + K, P + K) of accounts that own products (m, P), 0 or 1, in clusters (m,)."""
    member = (label[:, None] == np.arange(clusters)).astype(np.float64)
    columns = np.concatenate([owned, member], axis=1)
    return columns.T @ columns


def _squared_errors(owned: Any, label: Any, weights: Any) -> float:
    """Return the sum of squared errors of scores, over accounts and products."""
    return float(np.sum((scores_of(np, owned, label, weights) - owned) ** 2))


def _calibrate(owners: Any, counts: Any) -> Any:
    """Return the probability (BINS,) of each bin that rises with it, given owners (BINS,) among accounts (BINS,)."""
    from sklearn.isotonic import IsotonicRegression

    seen = np.flatnonzero(counts)
    share = owners[seen] / counts[seen]
    fitted = IsotonicRegression(out_of_bounds="clip").fit(seen, share, counts[seen])
    return np.round(fitted.predict(np.arange(BINS)), 6)


def learn(folds: Sequence[Iterable[Block]], products: int, clusters: int) -> OwnershipModel:
    """Return the model that foretells best what held-out accounts own.

    `folds` are the blocks of accounts of each fold, which are gone through several times: what they own (m, P), 0 or 1,
    and their clusters (m,). One block is held at a time, and the weights of one fold.
    """
    size = products + clusters
    grams = np.zeros((len(folds), size, size))
    for number, fold in enumerate(folds):
        for owned, label in fold:
            grams[number] += _gram_of(owned, label, clusters)
    total, error = grams.sum(axis=0), dict.fromkeys(_PENALTIES, 0.0)
    for number, fold in enumerate(folds):
        fits = {penalty: _fit_weights(total - grams[number], products, penalty) for penalty in _PENALTIES}
        for owned, label in fold:
            for penalty, weights in fits.items():
                error[penalty] += _squared_errors(owned, label, weights)
    penalty = min(reversed(_PENALTIES), key=lambda value: error[value])
    counts = np.zeros((2, BINS))
    for number, fold in enumerate(folds):
        counts += _held_out_counts(fold, _fit_weights(total - grams[number], products, penalty))
    accounts = max(float(total[products:, products:].sum()), 1.0)
    probability = _calibrate(counts[1], counts.sum(axis=0))
    brier = float(np.sum(counts[1] * (1 - probability) ** 2 + counts[0] * probability**2) / counts.sum())
    share = _share_error(total, products)
    means = {amount: round(value / accounts, 6) for amount, value in error.items()}
    return OwnershipModel(_fit_weights(total, products, penalty), probability, penalty, means, brier, share)


def _held_out_counts(fold: Iterable[Block], weights: Any) -> Any:
    """Return pairs of account and product (2, BINS) by bin of the held-out score, those not owned first."""
    counts = np.zeros((2, BINS))
    for owned, label in fold:
        bins = bins_of(np, scores_of(np, owned, label, weights)).ravel()
        for value in (0, 1):
            counts[value] += np.bincount(bins[owned.ravel() == value], minlength=BINS)
    return counts


def _share_error(gram: Any, products: int) -> float:
    """Return the Brier score of the share of owners in the own cluster."""
    customers = np.diag(gram)[products:]
    share = gram[products:, :products] / np.maximum(customers, 1.0)[:, None]
    return float(np.sum(customers[:, None] * share * (1 - share)) / max(customers.sum() * products, 1.0))
