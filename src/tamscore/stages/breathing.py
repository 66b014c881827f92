"""Centers that sit badly are moved: a way out of the local optimum that Lloyd passes end in.

After Fritzke (2020), "The breathing k-means algorithm": centers are added where the error is greatest, all settle, and
as many are taken away where they help least. What comes out is kept if it is better; else half as many are moved next
time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages import kmeans

if TYPE_CHECKING:
    from tamscore.stages.blocks import BlockRows
    from tamscore.stages.kmeans import Fit

MOST_MOVED = 5
PASSES_GROWN = 5
"""With centers more than there are to be in the end, it is enough to see which of them help."""
PASSES = 30
GAIN = 1e-4
"""Inertia must fall by this share of itself, or a move does not count."""
AWAY = 0.5
"""New centers lie so many standard deviations of their cluster from its center, in each direction."""


@dataclass(frozen=True)
class Shares:
    """What each center (k,) has to do with the inertia: that of its rows, and what would come on without it."""

    error: Any
    utility: Any
    counts: Any

    @classmethod
    def of(cls, block: Any, centers: Any) -> Shares:
        """The shares of centers (k, d) in the inertia of a host block (d, s)."""
        host, k = HostBackend(), len(centers)
        error, utility, counts = np.zeros(k), np.zeros(k), np.zeros(k, np.int64)
        for start in range(0, block.shape[1], host.block_rows):
            near = host.nearest(block[:, start : start + host.block_rows], centers)
            without = near.second_sq_distance - near.sq_distance
            error += np.bincount(near.label, near.sq_distance, k)
            utility += np.bincount(near.label, without, k)
            counts += np.bincount(near.label, minlength=k)
        return cls(error, utility, counts)


def breathe(rows: BlockRows, block: Any, fit: Fit, seed: int) -> Fit:
    """The fit of a host block (d, s) after moves of its centers; the same fit where none makes it better.

    `rows` are the rows of the block; the inertia returned is never larger than before.
    """
    best, moved, random = fit, min(MOST_MOVED, len(fit.centers) - 1), np.random.default_rng([seed, 0])
    shares = Shares.of(block, best.centers)
    while moved > 0:
        more = added(best.centers, shares, moved, random)
        grown = kmeans.lloyd(rows.anew(), more, PASSES_GROWN, kmeans.SEEDING_TOLERANCE)
        left = without_least(grown.centers, Shares.of(block, grown.centers), moved)
        tried = kmeans.lloyd(rows.anew(), left, PASSES, kmeans.SEEDING_TOLERANCE)
        if tried.inertia < best.inertia * (1 - GAIN):
            best, shares = tried, Shares.of(block, tried.centers)
        else:
            moved //= 2
    return best


def added(centers: Any, shares: Shares, more: int, random: np.random.Generator) -> Any:
    """The centers (k + more, d): beside each of those with the greatest error there is another one."""
    worst = np.argsort(-shares.error, kind="stable")[:more]
    spread = np.sqrt(shares.error / np.maximum(shares.counts, 1) / centers.shape[1])[worst]
    off = AWAY * spread[:, None] * random.standard_normal((more, centers.shape[1]))
    return np.concatenate((centers, np.rint(centers[worst] + off)))


def without_least(centers: Any, shares: Shares, fewer: int) -> Any:
    """The centers (k - fewer, d) without those that help least; a neighbor of one that goes stays, where it can.

    Two neighbors that both help little stand in for each other: without both, nobody does.
    """
    order = np.argsort(shares.utility, kind="stable").tolist()
    gone: list[int] = []
    staying: set[int] = set()
    for center in order:
        if len(gone) == fewer:
            break
        if center not in staying:
            gone.append(center)
            neighbor = nearest_other(centers, center, gone)
            staying |= {neighbor} if len(staying) + fewer < len(centers) else set()
    gone += [center for center in order if center not in gone][: fewer - len(gone)]
    return np.delete(centers, gone, axis=0)


def nearest_other(centers: Any, center: int, but: list[int]) -> int:
    """The center that lies nearest to one of them, but for some."""
    far = np.sum((centers - centers[center]) ** 2, axis=1)
    far[but] = np.inf
    return int(np.argmin(far))
