"""Groups of customers with similar product mixes: k-means on roots of shares, and how many of them come out again.

The number of groups is the largest whose prediction strength (Tibshirani and Walther 2005) reaches a limit: customers
are halved, both halves are clustered anew, and of the worst group of one half it counts how many pairs of customers
the groups of the other half keep together. A held-out loss is no guide here: it falls with every further group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.stages import kmeans, stability
from tamscore.stages.blocks import BlockRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tamscore.backend import Backend

CHOICE_ROWS = 3_000
"""So many customers are halved."""
_HALVINGS = 3
_STARTS, FINAL_STARTS, _SHORT_PASSES, _PASSES = 4, 16, 4, 50
"""Starts of a fit in halves, and of the one that counts, with a few passes each; the best one is carried on."""


@dataclass(frozen=True)
class GroupCandidate:
    """A number of groups k: prediction strength and adjusted Rand index, means over halvings; the smallest share.

    `similarity` (k,) is the Jaccard similarity of each group with its likeliest counterpart in the halves. Strength and
    index are None where there is one group, or customers are too few to be halved.
    """

    k: int
    strength: float | None
    rand: float | None
    smallest: float
    similarity: tuple[float, ...]


def fit_groups(backend: Backend, seeds: Any, block: Any, k: int, seed: int, tries: int = _STARTS) -> Any:
    """Return centers of k groups (k, C), the largest first, on a block (C, n); starts are sought in `seeds` (C, s).

    Fewer than k where there are fewer different mixes.
    """
    host = HostBackend()
    starts = (kmeans.start_centers(BlockRows.of(host, seeds), seeds, k, seed, at, _SHORT_PASSES) for at in range(tries))
    best = min(starts, key=lambda fit: fit.inertia)
    return kmeans.by_size(kmeans.without_empty(settle(backend, block, best.centers))).centers


def settle(backend: Backend, block: Any, centers: Any) -> kmeans.Fit:
    """Return the fit that Lloyd passes over a block (C, n) make of some centers (k, C)."""
    return kmeans.lloyd(BlockRows.of(backend, block), centers, _PASSES, kmeans.SEEDING_TOLERANCE)


def _candidate(k: int, block: Any, seed: int) -> GroupCandidate:
    """Return how k groups come out again in halves of a block (C, n), in order of draw."""
    host = HostBackend()
    centers = fit_groups(host, block, block, k, seed)
    return measure_stability(centers, block, k, seed)


def measure_stability(centers: Any, block: Any, k: int, seed: int) -> GroupCandidate:
    """Return how the groups of some centers come out again when halves of a block (C, n) are clustered into k."""
    from sklearn.metrics import adjusted_rand_score

    host, rows = HostBackend(), block.shape[1]
    own = stability.labels(host, block, centers)
    smallest = float(np.bincount(own, minlength=len(centers)).min() / rows)
    if len(centers) < 2 or rows < 2 * k:
        return GroupCandidate(len(centers), None, None, smallest, (1.0,) * len(centers))
    strengths, rands, similar = [], [], []
    for turn in range(_HALVINGS):
        order = np.random.default_rng([seed, k, turn]).permutation(rows)
        halves = [np.sort(half) for half in (order[: rows // 2], order[rows // 2 :])]
        parts = [np.ascontiguousarray(block[:, half]) for half in halves]
        again = [stability.labels(host, block, fit_groups(host, part, part, k, seed)) for part in parts]
        strengths += [
            strength(again[0][halves[1]], again[1][halves[1]]),
            strength(again[1][halves[0]], again[0][halves[0]]),
        ]
        rands.append(float(adjusted_rand_score(*again)))
        similar += [stability.similarity(own, item, len(centers), k) for item in again]
    mean_similarity = tuple(np.mean(similar, axis=0).tolist())
    return GroupCandidate(len(centers), float(np.mean(strengths)), float(np.mean(rands)), smallest, mean_similarity)


def strength(other: Any, own: Any) -> float:
    """Return the prediction strength of groups (n,) of some customers, given those (n,) by other customers' centers.

    The share of the pairs in a group of their own that the others put together, of the group with the fewest; a group
    of one customer proves nothing and counts as 0.
    """
    k, others = int(own.max()) + 1, int(other.max()) + 1
    both = np.bincount(own * others + other, minlength=k * others).reshape(k, others)
    size = both.sum(axis=1)
    there = size > 0
    pairs = size * (size - 1)
    return float(np.min(((both * (both - 1)).sum(axis=1) / np.maximum(pairs, 1))[there]))


def chosen(candidates: Sequence[GroupCandidate], least_strength: float, least_share: float) -> int:
    """Return the largest number of groups that is strong enough and has no group below a share; 1 if none is."""
    strong = [
        group_candidate.k
        for group_candidate in candidates
        if group_candidate.strength is not None
        and group_candidate.strength >= least_strength
        and group_candidate.smallest >= least_share
    ]
    return max(strong, default=1)


def candidates_of(
    block: Any, numbers: Sequence[int], seed: int, run: Callable[..., Iterable[GroupCandidate]]
) -> list[GroupCandidate]:
    """Return the candidates for some numbers of groups; `run(function, items, *shared)` does several at a time."""
    return list(run(_candidate, numbers, np.ascontiguousarray(block[:, :CHOICE_ROWS]), seed))
