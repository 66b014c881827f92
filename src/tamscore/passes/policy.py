"""Between assignment and scoring: customers' sales meet, and become tables, ranks and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.passes.score import PartyPolicy
from tamscore.stages import identity, potential, quadrant, whitespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.passes.assign import AssignedRows, PartyModel
    from tamscore.stages.potential import CustomerSales, PotentialTable, TopStep


@dataclass(frozen=True)
class LadderRules:
    """How ladders are made and climbed: see `[potential]` in the job file."""

    lines: tuple[float, ...]
    top_step: TopStep
    boundary: whitespace.Boundary
    min_customers: int
    level: float = 0.95


@dataclass(frozen=True)
class QuadrantRules:
    """Where high begins: see `[quadrant]` in the job file; NaN and 0 where a rule does not apply."""

    threshold: quadrant.Threshold
    by_cluster: bool
    potential: float
    sales: float
    capacity: int


@dataclass(frozen=True)
class PartyMarket:
    """One party type after assignment: customers' sales by cluster, accounts (k, segments), ladders, standing."""

    model: PartyModel
    sales: CustomerSales
    accounts: Any
    table: PotentialTable
    standing: whitespace.Standing


def gather(
    models: Sequence[PartyModel], assigned: Sequence[AssignedRows], rules: LadderRules, backend: Backend
) -> list[PartyMarket]:
    """Every party type with its customers' sales brought together from all partitions."""
    return [_gather_party(i, model, assigned, rules, backend) for i, model in enumerate(models)]


def _gather_party(
    place: int, model: PartyModel, assigned: Sequence[AssignedRows], rules: LadderRules, backend: Backend
) -> PartyMarket:
    counts = [part.counts[place] for part in assigned]
    money = np.concatenate([count.sales for count in counts])
    label = np.concatenate([count.label for count in counts])
    segment = np.concatenate([count.segment for count in counts])
    accounts = sum(count.accounts for count in counts)
    names = model.encoding.segments.all_levels if model.encoding.segments else (model.name,)
    by_cluster = potential.sort_sales(backend, money, label, model.k)
    by_segment = potential.sort_sales(backend, money, segment, len(names))
    parents = potential.parents_of(accounts, by_segment, names, np.sort(money), model.name, rules.min_customers)
    table = potential.potential_table(
        by_cluster, parents, rules.lines, rules.top_step, rules.min_customers, rules.level
    )
    prospects = accounts.sum(axis=1) - by_cluster.support
    standing = whitespace.stand(by_cluster, prospects, table, rules.boundary)
    return PartyMarket(model, by_cluster, accounts, table, standing)


def policies(markets: Sequence[PartyMarket], rules: QuadrantRules) -> tuple[PartyPolicy, ...]:
    """What turns rows into scores, party type by party type; ranks run over all of them."""
    ranks = whitespace.rank_all([market.standing for market in markets])
    in_kind = whitespace.rank_by_kind([market.standing for market in markets])
    return tuple(_policy(*each, rules) for each in zip(markets, ranks, in_kind, strict=True))


def _policy(
    market: PartyMarket, ranks: whitespace.Ranks, in_kind: whitespace.Ranks, rules: QuadrantRules
) -> PartyPolicy:
    model, standing = market.model, market.standing
    limits, clusters = _limits(market, rules)
    return PartyPolicy(
        model.name,
        model.encoding.party,
        tuple(identity.cluster_ids(model.name, model.k)),
        market.table,
        market.sales,
        ranks,
        in_kind,
        whitespace.median_potential(standing),
        limits,
        clusters,
    )


def _limits(market: PartyMarket, rules: QuadrantRules) -> tuple[quadrant.Limits, Any | None]:
    """The limits in force, and the quadrant of every cluster where quadrants go by cluster."""
    numbers = (rules.threshold, rules.potential, rules.sales, rules.capacity)
    if not rules.by_cluster:
        return quadrant.account_limits(market.standing, market.sales.sales, *numbers), None
    accounts = market.accounts.sum(axis=1)
    mean_potential, mean_sales = cluster_means(market)
    limits = quadrant.limits(mean_potential, accounts, mean_sales, accounts, *numbers)
    return limits, quadrant.cluster_codes(mean_potential, mean_sales, limits)


def cluster_means(market: PartyMarket) -> tuple[Any, Any]:
    """Mean potential and mean customer sales per account (k,) of every cluster; 0 where a cluster has no accounts."""
    standing, accounts = market.standing, np.maximum(market.accounts.sum(axis=1), 1)
    label, k = standing.customer_label, standing.clusters
    of_customers = np.bincount(label, weights=standing.customer_potential, minlength=k)
    of_prospects = standing.prospects * np.nan_to_num(standing.prospect_potential)
    sales = np.bincount(label, weights=market.sales.sales, minlength=k)
    return (of_customers + of_prospects) / accounts, sales / accounts
