"""The number of clusters: the fewest with a held-out loss on sales within a standard error of the lowest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from tamscore.stages.criteria import below_chord
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REACH = 3.0
"""Standard errors from the lowest loss on a few rows within which a candidate may still be chosen."""
_LIKELY = 2.0
"""Standard errors from the lowest loss within which a candidate might be chosen on other rows."""
FOLDS = 5
_STABLE = 0.75
"""Least mean Jaccard similarity of clusters under resampling."""
MOST_TRIED = 3
"""Most candidates whose potentials are compared under redraws."""
MOST_THIN = 0.02
"""Largest share of customers in thin clusters, which are pooled."""


class _Sketched(Protocol):
    """A number of clusters tried on a few rows, with its held-out loss and the loss's standard error."""

    @property
    def k(self) -> int:
        """The number of clusters."""

    @property
    def loss(self) -> float:
        """The mean loss."""

    @property
    def error(self) -> float:
        """The standard error of the mean loss."""


_S = TypeVar("_S", bound=_Sketched)


@dataclass(frozen=True)
class Candidate:
    """A number of clusters and its evidence.

    `loss` is the mean pinball loss of the first cut line over held-out customers, in logarithms of sales, `error` its
    standard error. `thinnest` is the fewest customers of a cluster, scaled to the whole market. `thin` is the share of
    customers in clusters with too few customers. `kept` is the mean Jaccard similarity under resampling, NaN if the
    loss is beyond reach. `moved` is the share of accounts whose potential moves under a redraw, NaN if it was not
    tried. The other fields are for the chart: `elbow` is the height of log inertia below its chord.
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


def candidates(low: int, high: int) -> list[int]:
    """Return numbers of clusters from low to high, each about a quarter above the one before."""
    items = [low]
    while items[-1] < high:
        items.append(min(max(items[-1] + 1, round(items[-1] * 1.25)), high))
    return items


def within_reach(sketches: Sequence[_S], known: Mapping[int, Candidate]) -> list[_S]:
    """Return the sketches that may still be chosen and are not `known`: their loss is near the lowest.

    Known candidates count only if they are admitted.
    """
    open_ = [sketch for sketch in sketches if sketch.k not in known or _is_admitted(known[sketch.k])]
    lowest = min(open_, key=lambda item: item.loss, default=None)
    if lowest is None:
        return []
    limit = lowest.loss + REACH * lowest.error
    return [item for item in open_ if item.k not in known and item.loss <= limit]


def held_out_loss(label: Any, sales: Any, k: int, line: float, min_customers: int) -> Any:
    """Return the pinball loss (n,) of each customer's log sales against the cut line of the customers of other folds.

    Koenker & Bassett (1978). A cluster with few customers is pooled with all customers, as its ladder is.
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
    """Return the cut line (k,) of every cluster on the log scale, shrunk towards that of all if customers are few."""
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


def admit(result: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with their elbow, and with `admitted` set.

    A candidate is admitted if few customers are in thin clusters and its clusters are stable under resampling.
    """
    curve = below_chord([candidate.k for candidate in result], [candidate.inertia for candidate in result])
    return [
        replace(candidate, elbow=float(height), admitted=_is_admitted(candidate))
        for candidate, height in zip(result, curve, strict=True)
    ]


def _is_admitted(candidate: Candidate) -> bool:
    """Return whether few of a candidate's customers are in thin clusters, and its clusters are stable."""
    return candidate.thin <= MOST_THIN and candidate.kept >= _STABLE


def within_error(result: Sequence[Candidate]) -> list[int]:
    """Return admitted numbers of clusters with a loss within one standard error of the lowest (Breiman et al. 1984).

    If none is admitted, return the smallest number of all.
    """
    those = [candidate for candidate in result if candidate.admitted]
    best = min(those, key=lambda candidate: candidate.loss, default=None)
    within = [candidate.k for candidate in those if best and candidate.loss <= best.loss + best.error]
    return sorted(within) or [min(candidate.k for candidate in result)]


def likely(result: Sequence[Candidate]) -> list[int]:
    """Return the numbers of clusters that might have been chosen on other rows of the same market.

    These are admitted numbers whose loss is within two standard errors of the lowest. That is one more than in
    `within_error`, since the lowest loss and its error are themselves estimates.
    """
    lowest = min(
        (candidate.loss + _LIKELY * candidate.error for candidate in result if candidate.admitted), default=None
    )
    near = [
        candidate.k for candidate in result if candidate.admitted and lowest is not None and candidate.loss <= lowest
    ]
    return sorted(near) or within_error(result)


def try_candidates(within: Sequence[int]) -> list[int]:
    """Return the numbers of clusters whose potentials are compared: at most MOST_TRIED, evenly spread."""
    places = np.unique(np.rint(np.linspace(0, len(within) - 1, min(len(within), MOST_TRIED))).astype(int))
    return [within[place] for place in places]


def decide(result: Sequence[Candidate], moved: Mapping[int, float]) -> list[Candidate]:
    """Return the candidates with `chosen` set on the one within one standard error whose potentials move least.

    `moved` is the share of accounts that move, by number of clusters. Among equal shares in whole percents the smallest
    number is chosen; if nothing was tried, the smallest number of all.
    """
    within = within_error(result)
    known = {k: round(moved[k], 2) for k in within if not np.isnan(moved.get(k, np.nan))}
    k = min(known, key=lambda k: (known[k], k)) if known else within[0]
    return [replace(candidate, chosen=candidate.k == k, moved=moved.get(candidate.k, np.nan)) for candidate in result]
