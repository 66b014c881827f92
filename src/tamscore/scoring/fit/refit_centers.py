"""The centers of a party type, warmed up from an earlier model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.kernels import block_sum
from tamscore.stages import kmeans

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.backend import Backend
    from tamscore.backend.coded import Block
    from tamscore.scoring.fit.resident_rows import ResidentRows
    from tamscore.stages.kmeans import Fit

_GAIN = 1e-3
"""Centers found anew replace those that were warmed up where they lower inertia by more than this part of it."""


def refit(rows: ResidentRows, start: Any, new_model: Fit, max_passes: int) -> Fit:
    """The fit that Lloyd passes lead to from the centers given (k, d); or the fresh one, where there is more to find.

    Passes alone cannot take a center from where it is no longer needed to where one is missing: what a fresh start has
    found over and above them says whether the market has another structure by now. Without it, clusters stay as people
    know them.
    """
    if len(start) != len(new_model.centers):
        return new_model
    refreshed = kmeans.without_empty(kmeans.lloyd(rows, start, max_passes))
    return new_model if new_model.inertia < (1.0 - _GAIN) * refreshed.inertia else refreshed


def means(backend: Backend, blocks: Iterable[Block], label: Any, k: int) -> Any:
    """The means (live, d) in whole numbers of the rows with each label (m,), without the labels that no row has."""
    sums: Any = 0.0
    counts, start = np.zeros(k), 0
    for block in blocks:
        here = backend.put(label[start : start + block.shape[1]].astype(np.int64))
        sums = sums + backend.get(block_sum(backend, block, here, k))
        counts = counts + backend.get(backend.segment_count(here, k))
        start += block.shape[1]
    live = counts > 0
    return np.rint(sums[live] / counts[live, None])
