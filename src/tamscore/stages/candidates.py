"""Numbers of clusters fitted and judged: all on a few rows, those that may be chosen on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans, stability
from tamscore.stages.blocks import BlockRows
from tamscore.stages.choose_k import Candidate, held_out_loss
from tamscore.stages.criteria import INDEX_ROWS
from tamscore.stages.seeding import plus_plus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.stages.criteria import ShownRows

STARTS, _START_ROWS, _SHORT_PASSES = 3, 5_000, 5
"""Starts of a candidate, each of a few passes over the first rows; the best is carried on there until it settles."""
_SETTLING_PASSES, _PASSES = 50, 10
"""Most passes there; and over all rows, for candidates that may be chosen."""


@dataclass(frozen=True)
class EvaluationData:
    """What candidates are judged on: host rows (d, s), customers' rows (d, n) with their sales (n,), and the rules.

    `customers_each` is how many customers of the market each of the n stands for; the indices are those of `shown`.
    """

    block: Any
    unit: float
    customers: Any
    sales: Any
    customers_each: float
    line: float
    min_customers: int
    seed: int
    shown: ShownRows


@dataclass(frozen=True)
class Sketch:
    """A number of clusters with centers (c, d) found on the first rows, and their held-out loss with its error."""

    k: int
    centers: Any
    loss: float
    error: float


def start_of(start: int, judged: EvaluationData, most: int) -> Any:
    """The centers (most, d) of one start on the first rows: the first k of them are a start of k clusters."""
    return plus_plus(judged.block[:, :_START_ROWS], most, np.random.default_rng([judged.seed, start]))


def sketch(k: int, backend: Backend, judged: EvaluationData, starts: Sequence[Any]) -> Sketch:
    """Return so many clusters found on the first rows, from starts (most, d) that all candidates share."""
    rows = BlockRows.of(backend, np.ascontiguousarray(judged.block[:, :_START_ROWS]))
    tried = (kmeans.lloyd(rows.anew(), start[:k], _SHORT_PASSES, kmeans.SEEDING_TOLERANCE) for start in starts)
    best = min(tried, key=lambda fit: fit.inertia)
    fit = kmeans.without_empty(kmeans.lloyd(rows.anew(), best.centers, _SETTLING_PASSES, kmeans.SEEDING_TOLERANCE))
    loss = _loss_of(backend, judged, fit.centers)[0]
    return Sketch(k, fit.centers, float(loss.mean()), _standard_error(loss))


def examine(result: Sketch, backend: Backend, judged: EvaluationData) -> Candidate:
    """A candidate within reach: carried on over all rows, and tried under resampling."""
    rows = BlockRows.of(backend, judged.block)
    fit = kmeans.without_empty(kmeans.lloyd(rows, result.centers, _PASSES, kmeans.SEEDING_TOLERANCE))
    return _candidate(result.k, fit.centers, fit.inertia, backend, judged, tried=True)


def outline(result: Sketch, backend: Backend, judged: EvaluationData) -> Candidate:
    """A candidate beyond reach, for the chart."""
    inertia = BlockRows.of(backend, judged.block).accumulate(result.centers).inertia
    return _candidate(result.k, result.centers, inertia, backend, judged, tried=False)


def _candidate(
    k: int, centers: Any, inertia: int, backend: Backend, judged: EvaluationData, *, tried: bool
) -> Candidate:
    """A candidate with everything that can be said about it alone."""
    loss, support = _loss_of(backend, judged, centers)
    return Candidate(
        k,
        float(loss.mean()),
        _standard_error(loss),
        float(support.min() * judged.customers_each),
        thin_share(support, judged.min_customers / judged.customers_each),
        stability.mean_similarity(backend, judged.block, centers, judged.seed) if tried else float("nan"),
        inertia * judged.unit**2,
        *judged.shown.indices(stability.labels(backend, judged.block[:, :INDEX_ROWS], centers)),
    )


def _loss_of(backend: Backend, judged: EvaluationData, centers: Any) -> tuple[Any, Any]:
    """The held-out loss (n,) of the customers under centers (c, d), and how many of them each cluster has (c,)."""
    label = stability.labels(backend, judged.customers, centers)
    loss = held_out_loss(label, judged.sales, len(centers), judged.line, judged.min_customers)
    return loss, np.bincount(label, minlength=len(centers))


def _standard_error(loss: Any) -> float:
    """The standard error of a mean loss."""
    return float(loss.std() / np.sqrt(len(loss)))


def thin_share(support: Any, enough: float) -> float:
    """The share of customers in clusters with fewer than enough of them, of the customers (k,) of each."""
    return float(support[support < enough].sum() / support.sum())
