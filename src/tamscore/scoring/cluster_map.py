"""A few rows of each party type for the eye: where they lie in the plane in which the clusters lie farthest apart."""

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
"""So many rows of a party type are looked at, those with the lowest hashes: the same for every partitioning."""


@dataclass(frozen=True)
class _MapPlane:
    """Two directions (2, d), orthonormal, and the share of the spread of the centers that each of them shows (2,)."""

    axes: Any
    shares: Any


@dataclass(frozen=True)
class MapRows:
    """Rows of one party type: hash (s,) uint64, label (s,), and where they lie in the plane, (2, s)."""

    hashes: Any
    label: Any
    place: Any


def plane_of(centers: Any) -> _MapPlane:
    """The plane of the first two principal components (Pearson 1901) of the centers (k, d), each counted once.

    The sign of a direction is such that its largest part is positive. A direction without spread is empty.
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
    """Where rows (d, s) lie along the axes (2, d); sums are taken feature by feature, whatever the number of rows."""
    return np.stack([np.add.reduce(axis[:, None] * rows, axis=0) for axis in axes])


def last_hash(rows: int) -> int:
    """The hash up to which rows are looked at, of a party type of so many: about twice those that are shown."""
    return min(LAST, 2**65 * ROWS // max(rows, 1))


def map_rows(model: PartyModel, hashes: Any, label: Any, raw: RawRows, last: int, backend: Backend) -> MapRows:
    """The rows with hashes up to the last, seen in the plane of the model's centers."""
    rows = np.flatnonzero(hashes <= np.uint64(last))
    if not len(rows):
        return MapRows(hashes[rows], label[rows], np.zeros((2, 0)))
    unit = model.space.fitted_grid.unit
    block = model.space.block(backend, raw.taken(backend.xp, backend.put(rows)))
    axes = plane_of(np.asarray(model.centers, np.float64)).axes
    result = project(axes, backend.get(block).astype(np.float64)) * unit
    return MapRows(hashes[rows], label[rows], result.round(4) + 0.0)


def join_map_rows(parts: Sequence[MapRows]) -> MapRows:
    """The rows of all partitions with the lowest hashes, in their order."""
    hashes = np.concatenate([part.hashes for part in parts])
    order = np.argsort(hashes, kind="stable")[:ROWS]
    label = np.concatenate([part.label for part in parts])[order]
    return MapRows(hashes[order], label, np.concatenate([part.place for part in parts], axis=1)[:, order])
