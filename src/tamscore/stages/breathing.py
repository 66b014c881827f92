"""Moves of badly placed centers, to leave a local optimum of Lloyd passes.

After Fritzke (2020), "The breathing k-means algorithm": centers are added where the error is greatest, all settle, and
as many are removed where they help least. A better result is accepted; else half as many are moved next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans

if TYPE_CHECKING:
    from tamscore.stages.kmeans import Fit, SummableRows
    from tamscore.stages.shares import Shares

_MOST_MOVED = 5
_PASSES_GROWN = 5
"""With surplus centers, it is enough to see which of them help."""
_PASSES = 30
_GAIN = 1e-4
"""Share by which inertia must fall for a move to count."""
_AWAY = 0.5
"""Distance of new centers from the center of their cluster, in standard deviations in each direction."""


def breathe(rows: SummableRows, fit: Fit, seed: int) -> Fit:
    """Return the fit of some rows after moves of its centers; the same fit if no move improves it.

    The inertia returned is never larger than before.
    """
    best, moved, random = fit, min(_MOST_MOVED, len(fit.centers) - 1), np.random.default_rng([seed, 0])
    shares = rows.shares(best.centers) if moved > 0 else None
    while shares is not None and moved > 0:
        more = add(best.centers, shares, moved, random)
        grown = kmeans.lloyd(rows, more, _PASSES_GROWN, kmeans.SEEDING_TOLERANCE)
        left = without_least(grown.centers, rows.shares(grown.centers), moved)
        tried = kmeans.lloyd(rows, left, _PASSES, kmeans.SEEDING_TOLERANCE)
        if tried.inertia < best.inertia * (1 - _GAIN):
            best, shares = tried, rows.shares(tried.centers)
        else:
            moved //= 2
    return best


def add(centers: Any, shares: Shares, more: int, random: np.random.Generator) -> Any:
    """Return the centers (k + more, d): beside each of those with the greatest error there is another one."""
    worst = np.argsort(-shares.error, kind="stable")[:more]
    spread = np.sqrt(shares.error / np.maximum(shares.counts, 1) / centers.shape[1])[worst]
    off = _AWAY * spread[:, None] * random.standard_normal((more, centers.shape[1]))
    return np.concatenate((centers, np.rint(centers[worst] + off)))


def without_least(centers: Any, shares: Shares, fewer: int) -> Any:
    """Return the centers (k - fewer, d) without those that help least; a neighbour of a removed one stays if possible.

    Two neighbours that both help little replace each other: without both, no center serves their rows.
    """
    order = np.argsort(shares.utility, kind="stable").tolist()
    gone: list[int] = []
    staying: set[int] = set()
    for center in order:
        if len(gone) == fewer:
            break
        if center not in staying:
            gone.append(center)
            neighbor = _nearest_other(centers, center, gone)
            staying |= {neighbor} if len(staying) + fewer < len(centers) else set()
    gone += [center for center in order if center not in gone][: fewer - len(gone)]
    return np.delete(centers, gone, axis=0)


def _nearest_other(centers: Any, center: int, but: list[int]) -> int:
    """Return the center nearest to a center, without some of them."""
    far = np.sum((centers - centers[center]) ** 2, axis=1)
    far[but] = np.inf
    return int(np.argmin(far))
