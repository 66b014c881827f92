"""The last pass: every account's numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tamscore.schema import Reason
from tamscore.scoring.score import parts
from tamscore.scoring.score.columns import score_table
from tamscore.scoring.score.sections import ScoredRows, with_sections
from tamscore.store import tables

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.plan import ScorePlan
    from tamscore.scoring.score.priority import PartPriority
    from tamscore.scoring.score.sections import WinForecast


@dataclass(frozen=True)
class PartToScore:
    """A partition that is to be scored: its rows, their clusters, their places, what sections foretold of them by name.

    `known` is what the part comes to if its files are there.
    """

    part: PartRows
    assigned: AssignedRows
    priority: PartPriority
    foretold: dict[str, WinForecast] = field(default_factory=dict)
    known: parts.ScoredPart | None = None


def score_rows(item: PartToScore, plan: ScorePlan, backend: Backend) -> parts.ScoredPart:
    """Score the rows of a partition and write them, unless that was done before; what was written, in small."""
    part, assigned = item.part, item.assigned
    reused = parts.reuse_part(part, assigned, plan, item.known)
    if reused is not None:
        return reused
    columns = plan.columns
    wanted = [name for name in columns.all if name in columns.scored]
    texts = [name for name in columns.texts if name in wanted]
    table = tables.read(part.partition, wanted, dictionary=texts, seen=[columns.account_id]).combine_chunks()
    good, bad = np.flatnonzero(assigned.reason == Reason.SCORED), np.flatnonzero(assigned.reason)
    at, usable = (good, table.take(good)) if len(bad) else (slice(None), table)
    refused = parts.with_reasons(table, assigned.reason, bad) if len(bad) else None
    del table
    scored = score_table(part, assigned, item.priority, at, usable, plan, backend)
    others = {*columns.non_negative} - {*columns.more, *columns.keep}  # for flags alone
    usable = usable.select([name for name in wanted if name not in others])
    scored = with_sections(plan.sections, ScoredRows(part, assigned, good, scored, usable), item.foretold, backend)
    return parts.write_part(part.partition.index, scored, refused, plan)
