"""Hysteresis: an account at a boundary keeps its cluster, so that it does not flap from one run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.backend.coded import Block
    from tamscore.stages.grid import Grid

_Near = tuple[Any, Any, Any]
"""Label, distance and margin (m,) on the host."""


def keep_clusters(
    backend: Backend, grid: Grid, block: Block, centers: Any, near: _Near, previous: Any, share: float
) -> tuple[_Near, int]:
    """The assignment (m,) of a block (d, m) with accounts held in their previous cluster, and how much inertia it adds.

    An account stays where its label was `previous` (m,) as long as that center lies at most `share` farther than the
    nearest one. Its distance is then that to its own center, and its margin, to the nearest one, is below 0.
    """
    label, distance, margin = near
    rows = np.flatnonzero((previous != label) & (previous < len(centers)))
    own, nearest = (kmeans.sq_distances(backend, block, rows, centers, item[rows]) for item in (previous, label))
    stays = own <= (1.0 + share) ** 2 * nearest
    held = rows[stays]
    label, distance, margin = label.copy(), distance.copy(), margin.copy()
    label[held], distance[held] = previous[held], np.sqrt(own[stays]) * grid.unit
    margin[held] = np.sqrt(nearest[stays]) * grid.unit - distance[held]
    added = sum(int(difference) for difference in own[stays] - nearest[stays])
    return (label, distance, margin), added
