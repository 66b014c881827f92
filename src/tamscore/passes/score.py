"""The last pass: every account's numbers, party type by party type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import float_column
from tamscore.passes import parts
from tamscore.schema import InputColumns, Reason
from tamscore.stages import quadrant, whitespace
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows
    from tamscore.stages.campaigns import CampaignMap
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.whitespace import Ranks
    from tamscore.store.run_directory import RunDirectory


@dataclass(frozen=True)
class PartyPolicy:
    """All that turns the rows of one party type into scores, once the model and its tables stand."""

    name: str
    code: int
    cluster_ids: tuple[str, ...]
    table: PotentialTable
    sales: CustomerSales
    ranks: Ranks
    ranks_in_kind: Ranks
    median_potential: Any
    limits: quadrant.Limits
    cluster_quadrants: Any | None


@dataclass(frozen=True)
class ScorePlan:
    """What the score pass needs beside its rows."""

    columns: InputColumns
    boundary: whitespace.Boundary
    parties: tuple[PartyPolicy, ...]
    campaigns: CampaignMap
    directory: RunDirectory


@dataclass
class Scores:
    """The columns of a partition while they are filled in, party type by party type; all (m,)."""

    cluster: Any
    potential: Any
    whitespace: Any
    penetration: Any
    step: Any
    rank: Any
    rank_in_kind: Any
    ratio: Any
    quadrant: Any

    @classmethod
    def empty(cls, rows: int) -> Scores:
        """Columns of missing numbers."""
        whole, real = np.zeros(rows, np.int64), np.full(rows, np.nan)
        money = {name: real.copy() for name in ("potential", "whitespace", "penetration", "ratio")}
        numbers = {name: whole.copy() for name in ("cluster", "step", "rank", "rank_in_kind", "quadrant")}
        return cls(**money, **numbers)


def score_rows(item: tuple[PartRows, AssignedRows], plan: ScorePlan, backend: Backend) -> parts.ScoredPart:
    """Score the rows of a partition and write them, unless that was done before; what was written, in small."""
    part, assigned = item
    reused = parts.reuse_part(part, assigned, plan)
    if reused is not None:
        return reused
    columns = plan.columns
    wanted = [name for name in columns.all if name not in set(columns.numeric + columns.categorical) - _shown(columns)]
    texts = [name for name in columns.texts if name in wanted]
    table = tables.read(part.partition, wanted, dictionary=texts)
    sales = float_column(table[columns.sales])
    scores = Scores.empty(len(sales))
    first = 0
    for policy in plan.parties:
        rows = np.flatnonzero((assigned.reason == Reason.SCORED) & (part.party == policy.code))
        value_party(scores, rows, sales[rows], assigned.label[rows], policy, plan.boundary, backend, first)
        first += len(policy.cluster_ids)
    return parts.write_part(part, assigned, table, sales, scores, plan)


def _shown(columns: InputColumns) -> set[str]:
    """Feature columns that the score pass reads all the same."""
    optional = (columns.market_segment, columns.party_type, columns.revenue, columns.size, columns.name)
    return {*(name for name in optional if name), *columns.non_negative, *columns.keep}


def value_party(
    scores: Scores,
    rows: Any,
    sales: Any,
    label: Any,
    policy: PartyPolicy,
    boundary: whitespace.Boundary,
    backend: Backend,
    first_cluster: int,
) -> None:
    """Fill in the scores of the rows of one party type."""
    xp, get = backend.xp, backend.get
    label = label.astype(np.int64)
    on_device = backend.put(sales)
    money = whitespace.value_accounts(xp, on_device, backend.put(label), backend.put(policy.table.values), boundary)
    potential = get(money.potential)
    scores.cluster[rows] = first_cluster + label
    scores.potential[rows], scores.whitespace[rows] = potential, get(money.whitespace)
    scores.penetration[rows], scores.step[rows] = get(money.penetration), get(money.step)
    scores.ratio[rows] = potential / np.where(policy.median_potential > 0, policy.median_potential, np.nan)[label]
    scores.rank[rows], scores.rank_in_kind[rows] = placed(
        policy.sales, sales, label, (policy.ranks, policy.ranks_in_kind)
    )
    if policy.cluster_quadrants is None:
        scores.quadrant[rows] = get(quadrant.quadrant_codes(xp, money.potential, on_device, policy.limits))
    else:
        scores.quadrant[rows] = policy.cluster_quadrants[label]


def placed(sorted_sales: CustomerSales, sales: Any, label: Any, rankings: Sequence[Ranks]) -> list[Any]:
    """The rank (m,) of each account in each ranking: customers by place among sorted sales, prospects by cluster."""
    buys = np.flatnonzero(sales > 0)
    at = whitespace.places(sorted_sales, sales[buys], label[buys])
    places = [ranks.prospects[label] for ranks in rankings]
    for place, ranks in zip(places, rankings, strict=True):
        place[buys] = ranks.customers[at]
    return places
