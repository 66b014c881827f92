"""The usual criteria for the number of clusters, for the chart: they decide nothing.

Computed here rather than by scikit-learn: importing that costs more than all of them, and the distances between rows
are the same for every number of clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX_ROWS, SILHOUETTE_ROWS = 5_000, 2_000
"""The indices are computed on so many rows."""


@dataclass(frozen=True)
class ShownRows:
    """Rows (m, d) float64 that the indices are computed on, and the distances (s, s) between the first of them."""

    rows: Any
    apart: Any

    @classmethod
    def of(cls, block: Any, unit: float) -> ShownRows:
        """The first rows of a host block (d, m) in whole numbers of `unit`."""
        rows = np.ascontiguousarray(block[:, :INDEX_ROWS].T * np.float64(unit))
        return cls(rows, _distances(rows[:SILHOUETTE_ROWS]))

    def indices(self, label: Any) -> tuple[float, float, float]:
        """Calinski-Harabasz, Davies-Bouldin and, on the first rows, silhouette of the rows by their label (m,).

        NaN where the first rows are all of one cluster, or each of its own.
        """
        few = label[: len(self.apart)]
        if not 1 < len(np.unique(few)) < len(few):
            return float("nan"), float("nan"), float("nan")
        of_rows, of_few = (np.unique(item, return_inverse=True)[1] for item in (label, few))
        return (
            _calinski_harabasz(self.rows, of_rows),
            _davies_bouldin(self.rows, of_rows),
            _silhouette(self.apart, of_few),
        )


def _distances(rows: Any) -> Any:
    """The distances (n, n) between rows (n, d)."""
    norms = np.einsum("ij,ij->i", rows, rows)
    apart = rows @ (-2.0 * rows.T)
    apart += norms[:, None]
    apart += norms
    np.sqrt(np.maximum(apart, 0.0, out=apart), out=apart)
    np.fill_diagonal(apart, 0.0)
    return apart


def _members(label: Any) -> Any:
    """The indicator matrix (k, m) float64 of labels (m,) from 0, none of them without rows."""
    return (label == np.arange(label.max() + 1)[:, None]).astype(np.float64)


def _centers_of(rows: Any, label: Any) -> tuple[Any, Any]:
    """The means (k, d) and counts (k,) of rows (m, d) by label (m,)."""
    counts = np.bincount(label)
    return _members(label) @ rows / counts[:, None], counts


def _calinski_harabasz(rows: Any, label: Any) -> float:
    """The variance between clusters over that within them (Calinski & Harabasz 1974); 1 where there is none within."""
    centers, counts = _centers_of(rows, label)
    within = float(np.sum((rows - centers[label]) ** 2))
    between = float(np.sum(counts * np.sum((centers - rows.mean(axis=0)) ** 2, axis=1)))
    return between * (len(rows) - len(counts)) / (within * (len(counts) - 1)) if within > 0 else 1.0


def _davies_bouldin(rows: Any, label: Any) -> float:
    """The mean over clusters of how little the likest other one lies apart (Davies & Bouldin 1979); 0 is the best."""
    centers, counts = _centers_of(rows, label)
    spread = np.bincount(label, np.sqrt(np.sum((rows - centers[label]) ** 2, axis=1))) / counts
    apart = _distances(centers)
    apart[apart == 0] = np.inf
    return float(np.mean(np.max((spread[:, None] + spread) / apart, axis=1)))


def _silhouette(apart: Any, label: Any) -> float:
    """The mean silhouette (Rousseeuw 1987) of rows with distances (n, n) and labels (n,); rows alone count as 0."""
    counts = np.bincount(label)
    mean = apart @ _members(label).T
    own = np.take_along_axis(mean, label[:, None], axis=1)[:, 0] / np.maximum(counts[label] - 1, 1)
    mean /= counts
    np.put_along_axis(mean, label[:, None], np.inf, axis=1)
    other = mean.min(axis=1)
    width = np.maximum(own, other)
    known = (counts[label] > 1) & (width > 0)
    return float(np.mean(np.where(known, (other - own) / np.where(known, width, 1.0), 0.0)))


def below_chord(k: Sequence[int], inertia: Sequence[float]) -> Any:
    """How far log inertia (c,) lies below the line between its ends, both axes from 0 to 1: most at the elbow."""
    x, y = np.asarray(k, dtype=np.float64), np.log(np.maximum(inertia, 1e-300))
    if len(x) < 2 or y[0] == y[-1]:
        return np.zeros(len(x))
    x, y = (x - x[0]) / (x[-1] - x[0]), (y - y[-1]) / (y[0] - y[-1])
    return 1 - x - y
