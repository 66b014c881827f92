"""The number of clusters: the fewest that place held-out customers' sales as well as any, within a standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from tamscore.stages.criteria import below_chord
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REACH = 3.0
"""A candidate may be chosen if its loss on a few rows is within so many standard errors of the lowest."""
_LIKELY = 2.0
"""On other rows one within so many might be."""
FOLDS = 5
_STABLE = 0.75
"""Rows must keep their cluster under resampling at least so far, on average."""
MOST_TRIED = 3
"""The potentials of so many candidates are looked at under redraws."""
MOST_THIN = 0.02
"""So large a share of the customers may be in thin clusters, which are pooled."""


class _Sketched(Protocol):
    """A number of clusters tried on a few rows, with its held-out loss and the standard error of that."""

    @property
    def k(self) -> int:
        """The number of clusters."""

    @property
    def loss(self) -> float:
        """The mean loss."""

    @property
    def error(self) -> float:
        """Its standard error."""


_S = TypeVar("_S", bound=_Sketched)


@dataclass(frozen=True)
class Candidate:
    """A number of clusters and what speaks for it.

    `loss` is the mean pinball loss of the first cut line over held-out customers, in logarithms of sales, `error` its
    standard error; `thinnest` the fewest customers of a cluster, reckoned for the whole market, `thin` the share of the
    customers in clusters with too few of them; `kept` the mean Jaccard similarity under resampling, NaN if the loss is
    beyond reach; `moved` the share of the accounts whose potential moves under a redraw, NaN if it was not tried. The
    rest is for the chart: `elbow` is the height of log inertia below its chord.
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
    """Numbers of clusters from low to high, each about a quarter above the one before."""
    items = [low]
    while items[-1] < high:
        items.append(min(max(items[-1] + 1, round(items[-1] * 1.25)), high))
    return items


def within_reach(sketches: Sequence[_S], known: Mapping[int, Candidate]) -> list[_S]:
    """The sketches that may still be chosen, and are not `known`: their loss is near the lowest.

    Of those known, only what is admitted counts.
    """
    open_ = [sketch for sketch in sketches if sketch.k not in known or _is_admitted(known[sketch.k])]
    lowest = min(open_, key=lambda item: item.loss, default=None)
    if lowest is None:
        return []
    limit = lowest.loss + REACH * lowest.error
    return [item for item in open_ if item.k not in known and item.loss <= limit]


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


def admit(result: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the elbow, and those admitted marked.

    These are the ones with few customers in thin clusters whose clusters keep their rows.
    """
    curve = below_chord([candidate.k for candidate in result], [candidate.inertia for candidate in result])
    return [
        replace(candidate, elbow=float(height), admitted=_is_admitted(candidate))
        for candidate, height in zip(result, curve, strict=True)
    ]


def _is_admitted(candidate: Candidate) -> bool:
    """Return whether few of a candidate's customers are in thin clusters, and its clusters keep their rows."""
    return candidate.thin <= MOST_THIN and candidate.kept >= _STABLE


def within_error(result: Sequence[Candidate]) -> list[int]:
    """The numbers of clusters admitted whose loss is within one standard error of the lowest (Breiman et al. 1984).

    Where none is admitted, the smallest of all.
    """
    those = [candidate for candidate in result if candidate.admitted]
    best = min(those, key=lambda candidate: candidate.loss, default=None)
    within = [candidate.k for candidate in those if best and candidate.loss <= best.loss + best.error]
    return sorted(within) or [min(candidate.k for candidate in result)]


def likely(result: Sequence[Candidate]) -> list[int]:
    """The numbers of clusters that the choice might have come to on other rows of the same market.

    Those admitted whose loss is within two standard errors of the lowest: one more than `within_error` asks for, since
    the lowest loss and its error are themselves estimates.
    """
    lowest = min(
        (candidate.loss + _LIKELY * candidate.error for candidate in result if candidate.admitted), default=None
    )
    near = [
        candidate.k for candidate in result if candidate.admitted and lowest is not None and candidate.loss <= lowest
    ]
    return sorted(near) or within_error(result)


def try_candidates(within: Sequence[int]) -> list[int]:
    """The numbers of clusters whose potentials are looked at: at most so many, from the smallest to the largest."""
    places = np.unique(np.rint(np.linspace(0, len(within) - 1, min(len(within), MOST_TRIED))).astype(int))
    return [within[place] for place in places]


def decide(result: Sequence[Candidate], moved: Mapping[int, float]) -> list[Candidate]:
    """The candidates with the one chosen: of those within one standard error, the one whose potentials move least.

    `moved` is the share of accounts that move, by number of clusters; the smallest of equals in whole percents, and
    the smallest of all where nothing was tried.
    """
    within = within_error(result)
    known = {k: round(moved[k], 2) for k in within if not np.isnan(moved.get(k, np.nan))}
    k = min(known, key=lambda k: (known[k], k)) if known else within[0]
    return [replace(candidate, chosen=candidate.k == k, moved=moved.get(candidate.k, np.nan)) for candidate in result]
