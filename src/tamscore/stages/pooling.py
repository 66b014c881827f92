"""What the clusters of a party type say about each other: the level and spread of sales, and errors of small samples.

On the log scale a cluster's sales have a level (their mean) and a shape (their distribution about it). The shape is
that of all clusters together. Levels are shrunk towards the parent's by empirical Bayes (Efron & Morris 1975): the
fewer the customers and the closer the clusters lie together, the more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_DRAWS, _FEWEST_DRAWS, _DRAWN_VALUES = 2000, 250, 2**20
"""Bootstrap samples of one size: as many as hold _DRAWN_VALUES values in all, between the other two numbers."""
_REFERENCE = 200
"""The sample size at which sampling variance is measured; at n customers it is _REFERENCE / n times as large."""


@dataclass(frozen=True)
class _Misses:
    """Errors of samples of n customers, in logs: `cuts` (b, lines), `level` (b,), and `drift` (b, 2).

    `drift` holds draws of how far a cluster's own level and shape may lie from the borrowed ones, in standard
    deviations.
    """

    cuts: Any
    level: Any
    drift: Any


@dataclass(frozen=True)
class Pool:
    """Figures of all clusters of a party type together.

    `shape` (s,): log sales minus the level of their cluster, sorted. `level` and `parent_level` (k,): mean log sales.
    `level_variance`: of levels about those of their parents; `cut_variance` (lines,): of log cut values about level and
    shape. Both rest on `clusters` clusters. With `enough` customers a cluster borrows nothing.
    """

    shares: tuple[float, ...]
    shape: Any
    level: Any
    parent_level: Any
    level_variance: float
    cut_variance: Any
    clusters: float
    enough: int

    @cached_property
    def shape_cuts(self) -> Any:
        """The cut values of the shape (lines,)."""
        return self.shape[[nearest_rank(len(self.shape), share) for share in self.shares]]

    @cached_property
    def shape_variance(self) -> float:
        """The variance of log sales within clusters."""
        return float(np.mean(self.shape**2))

    @cached_property
    def _drawn(self) -> dict[int, _Misses]:
        return {}

    def misses(self, n: int) -> _Misses:
        """Return errors of bootstrap samples of n (Efron 1979); the draws depend only on the first two digits of n."""
        size = n if n < 100 else int(float(f"{n:.1e}"))
        if size not in self._drawn:
            self._drawn[size] = _misses(self.shape, self.shares, size, max(self.clusters, 2.0))
        return self._drawn[size]

    def level_weight(self, n: int) -> float:
        """Return the weight of a cluster's own level among n customers."""
        sampling = self.shape_variance / n
        return self.level_variance / (self.level_variance + sampling) if sampling > 0 else 1.0

    def borrow(self, cluster: int, n: int) -> Any:
        """Return a cluster's log cut values (lines,) from a level shrunk to its parent's and the common shape."""
        weight = self.level_weight(n)
        return weight * self.level[cluster] + (1 - weight) * self.parent_level[cluster] + self.shape_cuts

    def own_weight(self, n: int) -> Any:
        """Return the weight (lines,) of a cluster's own log cut values; 1 from `enough` customers on.

        They are weighted by their mean squared errors; the weight of the borrowed ones fades out with the square of n.
        """
        if n >= self.enough:
            return np.ones(len(self.shares))
        level = self.level_weight(n)
        own = np.mean(self.misses(n).cuts ** 2, axis=0)
        lent = level**2 * self.shape_variance / n + (1 - level) ** 2 * self.level_variance + self.cut_variance
        weight = np.where(own + lent > 0, lent / np.where(own + lent > 0, own + lent, 1.0), 1.0)
        return weight + (1 - weight) * (n / self.enough) ** 2

    @cached_property
    def _errors(self) -> dict[int, Any]:
        return {}

    def errors(self, n: int) -> Any:
        """Return errors of the log cut values of a cluster with n customers: sorted draws (b, lines)."""
        if n not in self._errors:
            self._errors[n] = self._sorted_errors(n)
        return self._errors[n]

    def _sorted_errors(self, n: int) -> Any:
        drawn = self.misses(max(n, 1))
        level_drift = np.sqrt(self.level_variance) * drawn.drift[:, :1]
        cut_drift = np.sqrt(self.cut_variance) * drawn.drift[:, 1:]
        if n == 0:
            return np.sort(level_drift + cut_drift, axis=0)
        own, level = self.own_weight(n), self.level_weight(n)
        lent = level * drawn.level[:, None] + (1 - level) * level_drift + cut_drift
        return np.sort(own * drawn.cuts + (1 - own) * lent, axis=0)


def pool(clusters: Any, parents: Sequence[tuple[str, Any]], shares: Sequence[float], enough: int) -> Pool:
    """Return the pool of the clusters' sorted customer sales, given name and sorted sales of each cluster's parent.

    Each of the two variances is a mean over the clusters, minus what sampling explains, with weights n / (n + enough).
    One more cluster, for which own and borrowed weigh the same at `enough` customers, keeps a few clusters from
    misleading.
    """
    n, logs = clusters.support, np.log(clusters.sales)
    level, parent_level = _means(logs, clusters.offsets), _parent_levels(parents)
    shape = _shape_of(logs, n, level)
    plain = Pool(tuple(shares), shape, level, parent_level, 0.0, np.zeros(len(shares)), 0.0, enough)
    there = np.flatnonzero(n)
    count, weight = n[there], n[there] / (n[there] + enough)
    reference = plain.misses(_REFERENCE)
    sampling = _REFERENCE * np.var(reference.cuts - reference.level[:, None], axis=0)
    cuts = np.array([[clusters.of(c)[nearest_rank(n[c], share)] for share in shares] for c in there])
    off = np.log(cuts.reshape(len(there), len(shares))) - level[there, None] - plain.shape_cuts
    return Pool(
        plain.shares,
        shape,
        level,
        parent_level,
        _beyond((level - parent_level)[there, None], plain.shape_variance, count, weight, enough)[0],
        _beyond(off, sampling, count, weight, enough),
        float(weight.sum()),
        enough,
    )


def _beyond(off: Any, sampling: Any, count: Any, weight: Any, enough: int) -> Any:
    """Return the variance (j,) of deviations (k, j) that one customer's `sampling` variance (j,) leaves unexplained."""
    surplus = weight[:, None] * (off**2 - sampling / count[:, None])
    return np.maximum((surplus.sum(axis=0) + sampling / enough) / (weight.sum() + 1), 0.0)


def _means(values: Any, offsets: Any) -> Any:
    """Return the mean (k,) of each stretch of values between two offsets (k + 1,); NaN for an empty one."""
    return np.array([values[a:b].mean() if b > a else np.nan for a, b in pairwise(offsets)])


def _parent_levels(parents: Sequence[tuple[str, Any]]) -> Any:
    """Return the mean log sales (k,) of each cluster's parent; NaN without sales."""
    known = {id(sales): np.log(sales).mean() if len(sales) else np.nan for _, sales in parents}
    return np.array([known[id(sales)] for _, sales in parents])


def _shape_of(logs: Any, n: Any, level: Any) -> Any:
    """Return log sales minus their cluster's level, sorted (s,), widened because the level is their own mean."""
    several = np.repeat(n > 1, n)
    widened = np.repeat(np.sqrt(n / np.maximum(n - 1, 1)), n)
    shape = np.sort(((logs - np.repeat(level, n)) * widened)[several])
    return shape if len(shape) else np.zeros(1)


def _misses(shape: Any, shares: Sequence[float], n: int, freedom: float) -> _Misses:
    """Return errors of samples of n from the shape in its cut values and its mean, and drifts for `freedom` clusters.

    Drifts have Student's t distribution: their spread is itself known from few clusters only.
    """
    count = int(np.clip(_DRAWN_VALUES // n, _FEWEST_DRAWS, _MOST_DRAWS))
    random = np.random.Generator(np.random.Philox(n))
    sample = np.sort(shape[random.integers(0, len(shape), (count, n))], axis=1)
    cuts = [sample[:, nearest_rank(n, share)] - shape[nearest_rank(len(shape), share)] for share in shares]
    return _Misses(np.stack(cuts, axis=1), sample.mean(axis=1), random.standard_t(freedom, (count, 2)))
