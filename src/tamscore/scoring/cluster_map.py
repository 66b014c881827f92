"""A map of a few rows of each party type: their places in the plane in which the clusters lie farthest apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.draw import LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.party_model import PartyModel
    from tamscore.stages.space import RawRows

ROWS = 1_500
"""Rows of a party type on the map, those with the lowest hashes: the same for every partitioning."""


@dataclass(frozen=True)
class _MapPlane:
    """Two directions (2, d), orthonormal, and the share of the centers' variance along each of them (2,)."""

    axes: Any
    shares: Any


@dataclass(frozen=True)
class MapRows:
    """Rows of one party type: hash (s,) uint64, label (s,), and places in the plane (2, s)."""

    hashes: Any
    label: Any
    place: Any


def plane_of(centers: Any) -> _MapPlane:
    """Return the plane of the first two principal components (Pearson 1901) of the centers (k, d), each counted once.

    The sign of a direction makes its largest part positive. A direction without variance is zero.
    """
    apart = centers - centers.mean(axis=0)
    _, spread, directions = np.linalg.svd(apart, full_matrices=False)
    axes, shares = np.zeros((2, centers.shape[1])), np.zeros(2)
    whole = float(np.sum(spread**2))
    for i in range(min(2, len(spread))):
        if spread[i] > 1e-9 * spread[0]:
            largest = directions[i][np.argmax(np.abs(directions[i]).round(9))]
            axes[i], shares[i] = directions[i] * np.sign(largest), spread[i] ** 2 / whole
    return _MapPlane(axes, shares)


def project(axes: Any, rows: Any) -> Any:
    """Return the places of rows (d, s) along the axes (2, d); sums go feature by feature, for any number of rows."""
    return np.stack([np.add.reduce(axis[:, None] * rows, axis=0) for axis in axes])


def last_hash(rows: int) -> int:
    """Return the highest hash of examined rows of a party type with `rows` rows: about twice those that are shown."""
    return min(LAST, 2**65 * ROWS // max(rows, 1))


def map_rows(model: PartyModel, hashes: Any, label: Any, raw: RawRows, last: int, backend: Backend) -> MapRows:
    """Return the rows with hashes up to `last`, projected on the plane of the model's centers."""
    rows = np.flatnonzero(hashes <= np.uint64(last))
    if not len(rows):
        return MapRows(hashes[rows], label[rows], np.zeros((2, 0)))
    unit = model.space.fitted_grid.unit
    block = model.space.block(backend, raw.taken(backend.xp, backend.put(rows)))
    axes = plane_of(np.asarray(model.centers, np.float64)).axes
    result = project(axes, backend.get(block).astype(np.float64)) * unit
    return MapRows(hashes[rows], label[rows], result.round(4) + 0.0)


def join_map_rows(parts: Sequence[MapRows]) -> MapRows:
    """Return the rows of all partitions with the lowest hashes, in their order."""
    hashes = np.concatenate([part.hashes for part in parts])
    order = np.argsort(hashes, kind="stable")[:ROWS]
    label = np.concatenate([part.label for part in parts])[order]
    return MapRows(hashes[order], label, np.concatenate([part.place for part in parts], axis=1)[:, order])
