"""The last pass: every account's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.passes import parts
from tamscore.passes.columns import score_table
from tamscore.passes.section import ScoredRows, with_sections
from tamscore.schema import Reason
from tamscore.store import tables

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows
    from tamscore.passes.section import Prepared
    from tamscore.schema import InputColumns
    from tamscore.stages.campaigns import CampaignMap
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.quadrant import Limits
    from tamscore.stages.whitespace import Boundary, Ranks
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
    limits: Limits
    cluster_quadrants: Any | None


@dataclass(frozen=True)
class ScorePlan:
    """What the score pass needs beside its rows."""

    columns: InputColumns
    boundary: Boundary
    parties: tuple[PartyPolicy, ...]
    campaigns: CampaignMap
    directory: RunDirectory
    sections: tuple[Prepared, ...] = ()

    @property
    def clusters(self) -> list[str]:
        """The ids of the clusters of all party types."""
        return [cluster for policy in self.parties for cluster in policy.cluster_ids]


def score_rows(
    item: tuple[PartRows, AssignedRows, parts.ScoredPart | None], plan: ScorePlan, backend: Backend
) -> parts.ScoredPart:
    """Score the rows of a partition and write them, unless that was done before; what was written, in small.

    The last of the item is what the part is known to come to if its files are there.
    """
    part, assigned, known = item
    reused = parts.reuse_part(part, assigned, plan, known)
    if reused is not None:
        return reused
    columns = plan.columns
    wanted = [name for name in columns.all if name in columns.scored]
    texts = [name for name in columns.texts if name in wanted]
    table = tables.read(part.partition, wanted, dictionary=texts, seen=[columns.account_id]).combine_chunks()
    good, bad = np.flatnonzero(assigned.reason == Reason.SCORED), np.flatnonzero(assigned.reason)
    at, usable = (good, table.take(good)) if len(bad) else (slice(None), table)
    scored = score_table(part, assigned, at, usable, plan, backend)
    scored = with_sections(plan.sections, ScoredRows(part, assigned, good, scored), backend)
    refused = parts.with_reasons(table, assigned.reason, bad) if len(bad) else None
    return parts.write_part(part.partition.index, scored, refused, plan)
