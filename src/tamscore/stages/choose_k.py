"""The number of clusters: the fewest that place held-out customers' sales as well as any, within a standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import kmeans, stability
from tamscore.stages.blocks import BlockRows
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.backend import Backend

STARTS, START_ROWS, SHORT_PASSES, PASSES = 3, 5_000, 5, 50
"""Starts of a candidate, each of a few passes over the first rows; the best is carried on over all of them."""
FOLDS = 5
STABLE = 0.75
"""Rows must keep their cluster under resampling at least so far, on average."""
MOST_TRIED = 3
"""The potentials of so many candidates are looked at under redraws."""
MOST_THIN = 0.02
"""So large a share of the customers may be in thin clusters, which are pooled."""
INDEX_ROWS, SILHOUETTE_ROWS = 5_000, 2_000
"""The indices for the chart are computed on so many rows."""


@dataclass(frozen=True)
class Candidate:
    """A number of clusters and what speaks for it.

    `loss` is the mean pinball loss of the first cut line over held-out customers, in logarithms of sales, `error` its
    standard error; `thinnest` the fewest customers of a cluster, reckoned for the whole market, `thin` the share of the
    customers in clusters with too few of them; `kept` the mean Jaccard similarity under resampling; `moved` the share
    of the accounts whose potential moves under a redraw, NaN if it was not tried. The rest is for the chart: `elbow` is
    the height of log inertia below its chord.
    """

    k: int
    loss: float
    error: float
    thinnest: float
    thin: float
    kept: float
    inertia: float
    calinski_harabasz: float
    davies_bouldin: float
    silhouette: float
    moved: float = float("nan")
    elbow: float = float("nan")
    admitted: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class Judged:
    """What candidates are judged on: host rows (d, s), customers' rows (d, n) with their sales (n,), and the rules.

    `customers_each` is how many customers of the market each of the n stands for.
    """

    block: Any
    unit: float
    customers: Any
    sales: Any
    customers_each: float
    line: float
    min_customers: int
    seed: int


def candidates(low: int, high: int) -> list[int]:
    """Numbers of clusters from low to high, each about a quarter above the one before."""
    found = [low]
    while found[-1] < high:
        found.append(min(max(found[-1] + 1, round(found[-1] * 1.25)), high))
    return found


def examine(k: int, backend: Backend, judged: Judged) -> Candidate:
    """A candidate with everything that can be said about it alone."""
    first, rows = judged.block[:, :START_ROWS], BlockRows.of(backend, judged.block)
    few = BlockRows.of(backend, np.ascontiguousarray(first))
    starts = (kmeans.start_centers(few, first, k, judged.seed, start, SHORT_PASSES) for start in range(STARTS))
    best = min(starts, key=lambda fit: fit.inertia)
    fit = kmeans.without_empty(kmeans.lloyd(rows, best.centers, PASSES, kmeans.SEEDING_TOLERANCE))
    label = stability.labels(backend, judged.customers, fit.centers)
    loss = held_out_loss(label, judged.sales, len(fit.centers), judged.line, judged.min_customers)
    support = np.bincount(label, minlength=len(fit.centers))
    shown = judged.block[:, :INDEX_ROWS]
    return Candidate(
        k,
        float(loss.mean()),
        float(loss.std() / np.sqrt(len(loss))),
        float(support.min() * judged.customers_each),
        thin_share(support, judged.min_customers / judged.customers_each),
        stability.kept(backend, judged.block, fit.centers, judged.seed),
        fit.inertia * judged.unit**2,
        *indices(shown.T * np.float64(judged.unit), stability.labels(backend, shown, fit.centers)),
    )


def thin_share(support: Any, enough: float) -> float:
    """The share of customers in clusters with fewer than enough of them, of the customers (k,) of each."""
    return float(support[support < enough].sum() / support.sum())


def held_out_loss(label: Any, sales: Any, k: int, line: float, min_customers: int) -> Any:
    """The pinball loss (n,) of every customer's log sales against the cut line that the customers of other folds give.

    Koenker & Bassett (1978). A cluster with few customers leans on all of them, as its ladder does.
    """
    log_sales, fold = np.log(sales), np.arange(len(sales)) % FOLDS
    loss = np.empty(len(sales))
    for out in range(FOLDS):
        known, held = fold != out, fold == out
        cuts = cut_lines(label[known], log_sales[known], k, line, min_customers)
        above = log_sales[held] - cuts[label[held]]
        loss[held] = np.maximum(line * above, (line - 1) * above)
    return loss


def cut_lines(label: Any, log_sales: Any, k: int, line: float, min_customers: int) -> Any:
    """The cut line (k,) of every cluster on the log scale, drawn towards that of all where customers are few."""
    order = np.lexsort((log_sales, label))
    ordered, counts = log_sales[order], np.bincount(label, minlength=k)
    starts = np.cumsum(counts) - counts
    of_all = np.sort(log_sales)[nearest_rank(len(log_sales), line)]
    cuts = np.full(k, of_all)
    for c in np.flatnonzero(counts):
        own = ordered[starts[c] + nearest_rank(int(counts[c]), line)]
        weight = 1.0 if counts[c] >= min_customers else counts[c] / (counts[c] + min_customers)
        cuts[c] = weight * own + (1 - weight) * of_all
    return cuts


def indices(rows: Any, label: Any) -> tuple[float, float, float]:
    """Calinski-Harabasz, Davies-Bouldin and, on the first rows, silhouette of labelled rows (m, d).

    NaN where the first rows are all of one cluster.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    few = slice(0, SILHOUETTE_ROWS)
    if not 1 < len(np.unique(label[few])) < len(label[few]):
        return float("nan"), float("nan"), float("nan")
    harabasz, bouldin = float(calinski_harabasz_score(rows, label)), float(davies_bouldin_score(rows, label))
    return harabasz, bouldin, float(silhouette_score(rows[few], label[few]))


def below_chord(k: Sequence[int], inertia: Sequence[float]) -> Any:
    """How far log inertia (c,) lies below the line between its ends, both axes from 0 to 1: most at the elbow."""
    x, y = np.asarray(k, dtype=np.float64), np.log(np.maximum(inertia, 1e-300))
    if len(x) < 2 or y[0] == y[-1]:
        return np.zeros(len(x))
    x, y = (x - x[0]) / (x[-1] - x[0]), (y - y[-1]) / (y[0] - y[-1])
    return 1 - x - y


def admitted(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the elbow, and those admitted marked.

    These are the ones with few customers in thin clusters whose clusters keep their rows.
    """
    curve = below_chord([one.k for one in found], [one.inertia for one in found])
    return [
        replace(one, elbow=float(height), admitted=one.thin <= MOST_THIN and one.kept >= STABLE)
        for one, height in zip(found, curve, strict=True)
    ]


def within_error(found: Sequence[Candidate]) -> list[int]:
    """The numbers of clusters admitted whose loss is within one standard error of the lowest (Breiman et al. 1984).

    Where none is admitted, the smallest of all.
    """
    those = [one for one in found if one.admitted]
    best = min(those, key=lambda one: one.loss, default=None)
    within = [one.k for one in those if best and one.loss <= best.loss + best.error]
    return sorted(within) or [min(one.k for one in found)]


def tried(within: Sequence[int]) -> list[int]:
    """The numbers of clusters whose potentials are looked at: at most so many, from the smallest to the largest."""
    places = np.unique(np.rint(np.linspace(0, len(within) - 1, min(len(within), MOST_TRIED))).astype(int))
    return [within[place] for place in places]


def decide(found: Sequence[Candidate], moved: Mapping[int, float]) -> list[Candidate]:
    """The candidates with the one chosen: of those within one standard error, the one whose potentials move least.

    `moved` is the share of accounts that move, by number of clusters; the smallest of equals in whole percents, and
    the smallest of all where nothing was tried.
    """
    within = within_error(found)
    known = {k: round(moved[k], 2) for k in within if not np.isnan(moved.get(k, np.nan))}
    k = min(known, key=lambda k: (known[k], k)) if known else within[0]
    return [replace(one, chosen=one.k == k, moved=moved.get(one.k, np.nan)) for one in found]
