"""Between assignment and scoring: customers' sales meet, and become tables, ranks and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.assign import by_party
from tamscore.scoring.score.plan import PartyPolicy
from tamscore.stages import potential, quadrant, redraws, whitespace
from tamscore.stages.account_ladder import cents_of, round_money
from tamscore.stages.prepare import nearest_rank
from tamscore.stages.rank_order import RankOrder, rank_order
from tamscore.stages.whitespace import Prospects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.arguments import LadderRules, QuadrantRules
    from tamscore.scoring.assign import AssignedParty, AssignedRows
    from tamscore.scoring.party_model import PartyModel
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.redraws import RedrawSpread


@dataclass(frozen=True)
class PartyMarket:
    """One party type after assignment: customers' sales by cluster and by segment, accounts (k, segments), the rest.

    `relative` are customers' sales over what accounts like them buy, by cluster and by segment, where that is known.
    """

    model: PartyModel
    sales: CustomerSales
    by_segment: CustomerSales
    accounts: Any
    table: PotentialTable
    standing: whitespace.PartyStanding
    prospects: Prospects | None = None
    relative: tuple[CustomerSales, CustomerSales] | None = None


def gather(
    models: Sequence[PartyModel],
    assigned: Sequence[AssignedRows],
    rules: LadderRules,
    backend: Backend,
    tables: Sequence[PotentialTable | None],
    spreads: Sequence[RedrawSpread | None],
) -> list[PartyMarket]:
    """Every party type with its customers' sales from all partitions brought together; ladders are made or given.

    The intervals of those made are widened by the spread of redraws, where there is one.
    """
    item = zip(models, by_party(assigned), tables, strict=True)
    markets = [_gather_party(model, parts, rules, backend, table) for model, parts, table in item]
    redraw_spreads = [spread if table is None else None for spread, table in zip(spreads, tables, strict=True)]
    return [_widened(market, spread) for market, spread in zip(markets, redraw_spreads, strict=True)]


def _widened(market: PartyMarket, spread: RedrawSpread | None) -> PartyMarket:
    return replace(market, table=redraws.widen(market.table, spread)) if spread else market


def _gather_party(
    model: PartyModel,
    parts: Sequence[AssignedParty],
    rules: LadderRules,
    backend: Backend,
    table: PotentialTable | None,
) -> PartyMarket:
    counts = [part.count for part in parts]
    money = np.concatenate([count.sales for count in counts])
    label = np.concatenate([count.label for count in counts])
    segment = np.concatenate([count.segment for count in counts])
    accounts = sum(count.accounts for count in counts)
    typical = np.concatenate([count.typical for count in counts]) if model.typical else None
    groups = (label, model.k), (segment, len(parent_names(model)))
    own = typical if model.level else None
    by_cluster, by_segment = (potential.sort_sales(backend, money, *group, own) for group in groups)
    relative = None
    if typical is not None:
        of_cluster, of_segment = (potential.sort_sales(backend, money / typical, *group) for group in groups)
        relative = of_cluster, of_segment
    prospects = None
    if model.level:
        open_label = np.concatenate([count.open_label for count in counts])
        open_typical = np.concatenate([count.open_typical for count in counts])
        prospects = sort_prospects(backend, open_label, open_typical, model.k)
    settled = settle(model, by_cluster, by_segment, accounts, rules, table, prospects)
    return replace(settled, relative=relative)


def sort_prospects(backend: Backend, label: Any, typical: Any, clusters: int) -> Prospects:
    """The prospects of a party type with clusters and typical sales (p,)."""
    ordered, offsets = backend.segment_order(backend.put(typical), backend.put(label.astype(np.int64)), clusters)
    return Prospects(backend.get(ordered), np.asarray(offsets, dtype=np.int64))


def parent_names(model: PartyModel) -> tuple[str, ...]:
    """The market segments of a party type by code; the party type itself where the job has none."""
    return model.encoding.segments.all_levels if model.encoding.segments else (model.name,)


def settle(
    model: PartyModel,
    by_cluster: CustomerSales,
    by_segment: CustomerSales,
    accounts: Any,
    rules: LadderRules,
    table: PotentialTable | None,
    prospects: Prospects | None = None,
) -> PartyMarket:
    """A party type whose customers' sales have met: its ladders, made under the rules or given, and its standing.

    At level account its prospects are needed as well.
    """
    table = table or _ladders(model, by_cluster, by_segment, accounts, rules, prospects)
    standing = whitespace.stand(by_cluster, accounts.sum(axis=1) - by_cluster.support, table, rules.boundary, prospects)
    return PartyMarket(model, by_cluster, by_segment, accounts, table, standing, prospects)


def _ladders(
    model: PartyModel,
    by_cluster: CustomerSales,
    by_segment: CustomerSales,
    accounts: Any,
    rules: LadderRules,
    prospects: Prospects | None = None,
) -> PotentialTable:
    """The ladders that a party type's customers make under the rules; at level account where prospects are given."""
    how = rules.lines, rules.top_step, rules.min_customers, rules.level
    of_sales = parents_of(model, by_cluster, by_segment, accounts, rules.min_customers)
    if prospects is None or model.level is None:
        return potential.potential_table(by_cluster, of_sales, *how)
    median = model.level.median
    relative = parents_of(model, by_cluster.relative, by_segment.relative, accounts, rules.min_customers)
    return potential.account_table(
        by_cluster, of_sales, relative, _median_typical(by_cluster, prospects, median), median, *how
    )


def parents_of(
    model: PartyModel, by_cluster: CustomerSales, by_segment: CustomerSales, accounts: Any, enough: int
) -> list[tuple[str, Any]]:
    """Name and sorted customer sales of the parent of each cluster."""
    everyone, names = np.sort(by_cluster.sales), parent_names(model)
    return potential.parents_of(accounts, by_segment, names, everyone, model.name, enough)


def money_of(
    table: PotentialTable, sales: Any, label: Any, typical: Any | None, boundary: whitespace.Boundary
) -> whitespace.Money:
    """The money of accounts with sales and cluster (m,), and with typical sales (m,) at level account."""
    if table.account is None or typical is None:
        return whitespace.value_accounts(np, sales, label, table.values, boundary)
    return whitespace.value_by_level(np, sales, typical, label, table.account, boundary)


def _median_typical(customers: CustomerSales, prospects: Prospects, median: float) -> Any:
    """The typical sales (k,) of the median account of each cluster; `median` where a cluster has no account."""
    item = zip(pairwise(customers.offsets), pairwise(prospects.offsets), strict=True)
    pairs = (np.append(customers.typical[slice(*own)], prospects.typical[slice(*open_)]) for own, open_ in item)
    return np.array(
        [float(np.sort(typical)[nearest_rank(len(typical), 0.5)]) if len(typical) else median for typical in pairs]
    )


def policies(
    markets: Sequence[PartyMarket], rules: QuadrantRules, limits: Sequence[quadrant.QuadrantLimits | None]
) -> tuple[PartyPolicy, ...]:
    """What turns rows into scores, party type by party type; ranks run over all of them. Limits are made or given.

    Ranks are left out where a party type is at level account, see `order_of`.
    """
    given = limits_in_force(markets, rules, limits)
    none = [None] * len(markets)
    own = any(market.prospects for market in markets)
    ranks = none if own else whitespace.rank_all([market.standing for market in markets])
    in_kind = none if own else whitespace.rank_by_kind([market.standing for market in markets])
    return tuple(_policy(*parts, rules) for parts in zip(markets, ranks, in_kind, given, strict=True))


def order_of(markets: Sequence[PartyMarket]) -> RankOrder | None:
    """The order in which accounts are ranked one by one; None where no party type is at level account."""
    return rank_order([market.standing for market in markets]) if any(market.prospects for market in markets) else None


def _policy(
    market: PartyMarket,
    ranks: whitespace.Ranks | None,
    in_kind: whitespace.Ranks | None,
    given: quadrant.QuadrantLimits | None,
    rules: QuadrantRules,
) -> PartyPolicy:
    model, standing = market.model, market.standing
    limits, clusters = limits_of(market, rules, given)
    return PartyPolicy(
        model.name,
        model.encoding.party,
        model.ids,
        market.table,
        market.sales,
        ranks,
        in_kind,
        whitespace.median_potential(standing),
        limits,
        clusters,
    )


def limits_in_force(
    markets: Sequence[PartyMarket], rules: QuadrantRules, given: Sequence[quadrant.QuadrantLimits | None]
) -> Sequence[quadrant.QuadrantLimits | None]:
    """The limits given; where accounts are counted, what the last of them all has, whatever its party type."""
    if not rules.counts_accounts:
        return given
    floor = quadrant.last_place([quadrant.accounts_by_potential(market.standing) for market in markets], rules.capacity)
    return [
        replace(limits_of(market, rules, limits)[0], potential=floor)
        for market, limits in zip(markets, given, strict=True)
    ]


def limits_of(
    market: PartyMarket, rules: QuadrantRules, given: quadrant.QuadrantLimits | None
) -> tuple[quadrant.QuadrantLimits, Any | None]:
    """The limits in force, and the quadrant of every cluster where quadrants go by cluster."""
    numbers = (rules.threshold, rules.potential, rules.sales, rules.capacity)
    if not rules.by_cluster:
        return given or quadrant.account_limits(market.standing, market.sales.sales, *numbers), None
    accounts = market.accounts.sum(axis=1)
    mean_potential, mean_sales = cluster_means(market)
    limits = given or quadrant.limits(mean_potential, accounts, mean_sales, accounts, *numbers)
    return limits, quadrant.cluster_codes(mean_potential, mean_sales, limits)


def cluster_means(market: PartyMarket) -> tuple[Any, Any]:
    """Mean potential and mean customer sales per account (k,) of every cluster; 0 where a cluster has no accounts.

    Both are rounded to cents, so that clusters of one price have one mean.
    """
    standing, accounts = market.standing, np.maximum(market.accounts.sum(axis=1), 1)
    label, k = standing.customer_label, standing.clusters
    of_customers = np.bincount(label, weights=standing.customer_potential, minlength=k)
    sales = np.bincount(label, weights=market.sales.sales, minlength=k)
    means = (of_customers + standing.acquisition) / accounts, sales / accounts
    cents = cents_of(potential.median_of(market.sales.sales)) if len(label) else 100.0
    return round_money(means[0], cents), round_money(means[1], cents)
