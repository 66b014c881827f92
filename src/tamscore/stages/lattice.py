"""Raw columns on a grid of whole numbers: moved to their middle and scaled together, by powers of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.grid import fit_grid

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend
    from tamscore.stages.grid import Grid

_MOST_EXPONENT = 500
"""Spreads beyond 2^500 have no squares in float64; below 2^-500 columns count as constant."""


@dataclass(frozen=True)
class Lattice:
    """The way from rows (m, d) to blocks (d, m) of whole numbers: less `offset` (d,), over `scale`, on the grid."""

    offset: Any
    scale: float
    grid: Grid

    def scale_lattice(self, backend: Backend, rows: Array) -> Array:
        """The rows as (d, m) float64, moved and scaled."""
        xp = backend.xp
        return (xp.astype(rows, xp.float64).T - backend.put(self.offset)[:, None]) * (1.0 / self.scale)

    def whole(self, backend: Backend, rows: Array) -> Array:
        """The rows as a block (d, m) of whole numbers."""
        return self._on_grid(backend, self.scale_lattice(backend, rows))

    def nearest(self, backend: Backend, rows: Array, centers: Array) -> tuple[Array, Array]:
        """The label (m,) int64 of the nearest of the centers (k, d) in whole numbers, and the squared distance (m,).

        Rows that lie beyond the grid are compared as they are.
        """
        xp, grid = backend.xp, self.grid
        scaled = self.scale_lattice(backend, rows)
        near = backend.nearest(self._on_grid(backend, scaled), centers)
        label, sq_distance = near.label, near.sq_distance * grid.unit**2
        limit = backend.put(grid.limit * grid.unit)
        beyond = xp.any(xp.abs(scaled) > limit[:, None], axis=0)
        if bool(xp.any(beyond)):
            far = sq_distances(xp, scaled, centers * grid.unit)
            label = xp.where(beyond, xp.astype(xp.argmin(far, axis=0), label.dtype), label)
            sq_distance = xp.where(beyond, xp.min(far, axis=0), sq_distance)
        return label, sq_distance * self.scale**2

    def raw(self, centers: Any) -> Any:
        """Centers (k, d) in whole numbers as raw columns, on the host."""
        return centers * (self.grid.unit * self.scale) + self.offset

    def _on_grid(self, backend: Backend, scaled: Array) -> Array:
        """Scaled rows (d, m) as whole numbers."""
        xp = backend.xp
        return xp.stack([self.grid.whole(xp, scaled[j, :], j) for j in range(scaled.shape[0])])


def fit_lattice(xp: Any, rows: Array) -> Lattice:
    """The finest lattice for rows (n, d) of finite numbers, from their extremes alone: in any order the same.

    Raise ValueError if a column spreads so far that squares of its differences have no place in float64.
    """
    ends = (xp.min(rows, axis=0), xp.max(rows, axis=0))
    low, high = (np.asarray([float(end[j]) for j in range(rows.shape[1])]) for end in ends)
    offset = low / 2 + high / 2
    largest = np.maximum(high - offset, offset - low)
    exponent = max(int(np.frexp(largest.max())[1]), -_MOST_EXPONENT)
    if exponent > _MOST_EXPONENT:
        raise ValueError(f"column {int(largest.argmax())}: values spread over {2 * largest.max():g}; divide them first")
    scale = 2.0**exponent
    return Lattice(offset, scale, fit_grid(largest / scale))


def sq_distances(xp: Any, x: Array, centers: Array) -> Array:
    """The squared distances (k, m) float64 of rows (d, m) from centers (k, d), feature by feature: none cancels."""
    total = xp.zeros((centers.shape[0], x.shape[1]), dtype=xp.float64, device=x.device)
    for j in range(x.shape[0]):
        away = x[j, :][None, :] - centers[:, j][:, None]
        total = total + away * away
    return total
