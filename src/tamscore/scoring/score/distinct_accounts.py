"""Distinct cases of accounts: one case per cluster for all that buy nothing, and one case for every other account.

Nine rows in ten buy nothing. Except for id, distance and margin, they get the same scores as all others of their
cluster. So scores are computed once per case, and each row takes those of its case.
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
class DistinctAccounts:
    """Cluster (c,), counted over all party types, and sales (c,) of every case; the case `of_rows` (m,) of each row.

    At level account, every row is its own case, in the order of rows, with its `typical` sales (c,).
    """

    cluster: Any
    sales: Any
    of_rows: Any
    typical: Any = None


def find_distinct(cluster: Any, sales: Any, clusters: int, typical: Any = None) -> DistinctAccounts:
    """Return the cases of rows (m,): one per cluster without sales, one with missing sales, then all other rows.

    If `typical` sales (m,) are given, each row is its own case.
    """
    if typical is not None:
        return DistinctAccounts(cluster, sales, None, typical)
    alone = np.flatnonzero(np.abs(sales) > 0)
    of_rows = cluster + clusters * np.isnan(sales)
    of_rows[alone] = 2 * clusters + np.arange(len(alone))
    every = np.arange(clusters)
    return DistinctAccounts(
        np.concatenate([every, every, cluster[alone]]),
        np.concatenate([np.zeros(clusters), np.full(clusters, np.nan), sales[alone]]),
        of_rows,
    )


@dataclass
class Scores:
    """Scores of each case, all (c,), filled in party type by party type."""

    potential: Any
    whitespace: Any
    penetration: Any
    step: Any
    rank: Any
    rank_in_kind: Any
    ratio: Any
    quadrant: Any

    @classmethod
    def empty(cls, distinct: int) -> Scores:
        """Return columns of missing numbers for so many cases."""
        money = {name: np.full(distinct, np.nan) for name in ("potential", "whitespace", "penetration", "ratio")}
        numbers = {name: np.zeros(distinct, np.int64) for name in ("step", "rank", "rank_in_kind", "quadrant")}
        return cls(**money, **numbers)


def score_distinct(distinct: DistinctAccounts, plan: ScorePlan, backend: Backend) -> Scores:
    """Return the scores of each case."""
    scores, first = Scores.empty(len(distinct.cluster)), 0
    for policy in plan.parties:
        stop = first + len(policy.cluster_ids)
        at = np.flatnonzero((distinct.cluster >= first) & (distinct.cluster < stop))
        typical = distinct.typical[at] if distinct.typical is not None and policy.table.account else None
        _score_party(scores, at, (distinct.sales[at], typical), distinct.cluster[at] - first, policy, plan, backend)
        first = stop
    if plan.order:
        buys = distinct.sales > 0
        scores.rank, scores.rank_in_kind = plan.order.ranks(scores.whitespace, scores.potential, buys)
    return scores


def _score_party(
    scores: Scores,
    at: Any,
    amounts: tuple[Any, Any],
    label: Any,
    policy: PartyPolicy,
    plan: ScorePlan,
    backend: Backend,
) -> None:
    """Fill in the scores of one party type's cases, given sales and typical sales (None at level cluster)."""
    xp, get, (sales, typical) = backend.xp, backend.get, amounts
    on_device, codes, ladder = backend.put(sales), backend.put(label), policy.table.account
    if ladder is None or typical is None:
        money = whitespace.value_accounts(xp, on_device, codes, backend.put(policy.table.values), plan.boundary)
    else:
        money = whitespace.value_by_level(xp, on_device, backend.put(typical), codes, ladder, plan.boundary)
    potential = get(money.potential)
    scores.potential[at], scores.whitespace[at] = potential, get(money.whitespace)
    scores.penetration[at], scores.step[at] = get(money.penetration), get(money.step)
    scores.ratio[at] = potential / np.where(policy.median_potential > 0, policy.median_potential, np.nan)[label]
    if policy.ranks and policy.ranks_in_kind:
        rankings = policy.ranks, policy.ranks_in_kind
        scores.rank[at], scores.rank_in_kind[at] = _place(policy.sales, sales, label, rankings)
    if policy.cluster_quadrants is None:
        scores.quadrant[at] = get(quadrant.quadrant_codes(xp, money.potential, on_device, policy.limits))
    else:
        scores.quadrant[at] = policy.cluster_quadrants[label]


def _place(sorted_sales: CustomerSales, sales: Any, label: Any, rankings: Sequence[Ranks]) -> list[Any]:
    """Return the rank (c,) of each case by ranking: customers by place among sorted sales, prospects by cluster."""
    buys = np.flatnonzero(sales > 0)
    at = whitespace.places(sorted_sales, sales[buys], label[buys])
    places = [ranks.prospects[label] for ranks in rankings]
    for place, ranks in zip(places, rankings, strict=True):
        place[buys] = ranks.customers[at]
    return places
