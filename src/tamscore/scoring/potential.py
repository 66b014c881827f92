"""Between assignment and scoring: customers' sales meet, and become tables, ranks and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.assign import by_party
from tamscore.scoring.score.plan import PartyPolicy
from tamscore.stages import potential, quadrant, whitespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.arguments import LadderRules, QuadrantRules
    from tamscore.scoring.assign import AssignedParty, AssignedRows
    from tamscore.scoring.party_model import PartyModel
    from tamscore.stages.potential import CustomerSales, PotentialTable


@dataclass(frozen=True)
class PartyMarket:
    """One party type after assignment: customers' sales by cluster and by segment, accounts (k, segments), the rest."""

    model: PartyModel
    sales: CustomerSales
    by_segment: CustomerSales
    accounts: Any
    table: PotentialTable
    standing: whitespace.Standing


def gather(
    models: Sequence[PartyModel],
    assigned: Sequence[AssignedRows],
    rules: LadderRules,
    backend: Backend,
    tables: Sequence[PotentialTable | None],
) -> list[PartyMarket]:
    """Every party type with its customers' sales from all partitions brought together; ladders are made or given."""
    each = zip(models, by_party(assigned), tables, strict=True)
    return [_gather_party(model, parts, rules, backend, table) for model, parts, table in each]


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
    by_cluster = potential.sort_sales(backend, money, label, model.k)
    by_segment = potential.sort_sales(backend, money, segment, len(parent_names(model)))
    return settle(model, by_cluster, by_segment, accounts, rules, table)


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
) -> PartyMarket:
    """A party type whose customers' sales have met: its ladders, made under the rules or given, and its standing."""
    table = table or ladders(model, by_cluster, by_segment, accounts, rules)
    prospects = accounts.sum(axis=1) - by_cluster.support
    standing = whitespace.stand(by_cluster, prospects, table, rules.boundary)
    return PartyMarket(model, by_cluster, by_segment, accounts, table, standing)


def ladders(
    model: PartyModel, by_cluster: CustomerSales, by_segment: CustomerSales, accounts: Any, rules: LadderRules
) -> PotentialTable:
    """The ladders that a party type's customers make under the rules."""
    known = parents_of(model, by_cluster, by_segment, accounts, rules.min_customers)
    return potential.potential_table(by_cluster, known, rules.lines, rules.top_step, rules.min_customers, rules.level)


def parents_of(
    model: PartyModel, by_cluster: CustomerSales, by_segment: CustomerSales, accounts: Any, enough: int
) -> list[tuple[str, Any]]:
    """Name and sorted customer sales of the parent of each cluster."""
    everyone = np.sort(by_cluster.sales)
    return potential.parents_of(accounts, by_segment, parent_names(model), everyone, model.name, enough)


def policies(
    markets: Sequence[PartyMarket], rules: QuadrantRules, limits: Sequence[quadrant.Limits | None]
) -> tuple[PartyPolicy, ...]:
    """What turns rows into scores, party type by party type; ranks run over all of them. Limits are made or given."""
    ranks = whitespace.rank_all([market.standing for market in markets])
    in_kind = whitespace.rank_by_kind([market.standing for market in markets])
    given = limits_in_force(markets, rules, limits)
    return tuple(_policy(*each, rules) for each in zip(markets, ranks, in_kind, given, strict=True))


def _policy(
    market: PartyMarket,
    ranks: whitespace.Ranks,
    in_kind: whitespace.Ranks,
    given: quadrant.Limits | None,
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
    markets: Sequence[PartyMarket], rules: QuadrantRules, given: Sequence[quadrant.Limits | None]
) -> Sequence[quadrant.Limits | None]:
    """The limits given; where accounts are counted, what the last of them all has, whatever its party type."""
    if not rules.counts_accounts:
        return given
    floor = quadrant.last_place([quadrant.accounts_by_potential(one.standing) for one in markets], rules.capacity)
    return [replace(limits_of(one, rules, kept)[0], potential=floor) for one, kept in zip(markets, given, strict=True)]


def limits_of(
    market: PartyMarket, rules: QuadrantRules, given: quadrant.Limits | None
) -> tuple[quadrant.Limits, Any | None]:
    """The limits in force, and the quadrant of every cluster where quadrants go by cluster."""
    numbers = (rules.threshold, rules.potential, rules.sales, rules.capacity)
    if not rules.by_cluster:
        return given or quadrant.account_limits(market.standing, market.sales.sales, *numbers), None
    accounts = market.accounts.sum(axis=1)
    mean_potential, mean_sales = cluster_means(market)
    limits = given or quadrant.limits(mean_potential, accounts, mean_sales, accounts, *numbers)
    return limits, quadrant.cluster_codes(mean_potential, mean_sales, limits)


def cluster_means(market: PartyMarket) -> tuple[Any, Any]:
    """Mean potential and mean customer sales per account (k,) of every cluster; 0 where a cluster has no accounts."""
    standing, accounts = market.standing, np.maximum(market.accounts.sum(axis=1), 1)
    label, k = standing.customer_label, standing.clusters
    of_customers = np.bincount(label, weights=standing.customer_potential, minlength=k)
    of_prospects = standing.prospects * np.nan_to_num(standing.prospect_potential)
    sales = np.bincount(label, weights=market.sales.sales, minlength=k)
    return (of_customers + of_prospects) / accounts, sales / accounts
