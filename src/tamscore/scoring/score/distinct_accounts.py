"""The cases that accounts come to: all who buy nothing are one in each cluster, everybody else is one alone.

Nine rows in ten buy nothing, and but for id, distance and margin they get what their cluster gets. So scores are made
case by case, and each row looks its own up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import quadrant, whitespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.score.plan import PartyPolicy, ScorePlan
    from tamscore.stages.potential import CustomerSales
    from tamscore.stages.whitespace import Ranks


@dataclass(frozen=True)
class Cases:
    """Cluster (c,), counted over all party types, and sales (c,) of every case; the case `of_rows` (m,) of each row."""

    cluster: Any
    sales: Any
    of_rows: Any


def tell_apart(cluster: Any, sales: Any, clusters: int) -> Cases:
    """The cases of rows with cluster and sales (m,): no sales and missing sales once a cluster, then all others."""
    alone = np.flatnonzero(np.abs(sales) > 0)
    of_rows = cluster + clusters * np.isnan(sales)
    of_rows[alone] = 2 * clusters + np.arange(len(alone))
    every = np.arange(clusters)
    return Cases(
        np.concatenate([every, every, cluster[alone]]),
        np.concatenate([np.zeros(clusters), np.full(clusters, np.nan), sales[alone]]),
        of_rows,
    )


@dataclass
class Scores:
    """What each case gets, filled in party type by party type; all (c,)."""

    potential: Any
    whitespace: Any
    penetration: Any
    step: Any
    rank: Any
    rank_in_kind: Any
    ratio: Any
    quadrant: Any

    @classmethod
    def empty(cls, cases: int) -> Scores:
        """Columns of missing numbers."""
        money = {name: np.full(cases, np.nan) for name in ("potential", "whitespace", "penetration", "ratio")}
        numbers = {name: np.zeros(cases, np.int64) for name in ("step", "rank", "rank_in_kind", "quadrant")}
        return cls(**money, **numbers)


def score_cases(cases: Cases, plan: ScorePlan, backend: Backend) -> Scores:
    """What each case gets."""
    scores, first = Scores.empty(len(cases.cluster)), 0
    for policy in plan.parties:
        stop = first + len(policy.cluster_ids)
        at = np.flatnonzero((cases.cluster >= first) & (cases.cluster < stop))
        score_party(scores, at, cases.sales[at], cases.cluster[at] - first, policy, plan.boundary, backend)
        first = stop
    return scores


def score_party(
    scores: Scores,
    at: Any,
    sales: Any,
    label: Any,
    policy: PartyPolicy,
    boundary: whitespace.Boundary,
    backend: Backend,
) -> None:
    """Fill in what the cases of one party type get."""
    xp, get = backend.xp, backend.get
    on_device = backend.put(sales)
    money = whitespace.value_accounts(xp, on_device, backend.put(label), backend.put(policy.table.values), boundary)
    potential = get(money.potential)
    scores.potential[at], scores.whitespace[at] = potential, get(money.whitespace)
    scores.penetration[at], scores.step[at] = get(money.penetration), get(money.step)
    scores.ratio[at] = potential / np.where(policy.median_potential > 0, policy.median_potential, np.nan)[label]
    scores.rank[at], scores.rank_in_kind[at] = placed(policy.sales, sales, label, (policy.ranks, policy.ranks_in_kind))
    if policy.cluster_quadrants is None:
        scores.quadrant[at] = get(quadrant.quadrant_codes(xp, money.potential, on_device, policy.limits))
    else:
        scores.quadrant[at] = policy.cluster_quadrants[label]


def placed(sorted_sales: CustomerSales, sales: Any, label: Any, rankings: Sequence[Ranks]) -> list[Any]:
    """The rank (c,) of each case in each ranking: customers by place among sorted sales, prospects by cluster."""
    buys = np.flatnonzero(sales > 0)
    at = whitespace.places(sorted_sales, sales[buys], label[buys])
    places = [ranks.prospects[label] for ranks in rankings]
    for place, ranks in zip(places, rankings, strict=True):
        place[buys] = ranks.customers[at]
    return places
