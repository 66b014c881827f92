"""Who stands in the lists of campaigns: those that their limits let in, without those that a person covers already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.insight.tables import optional_table
from tamscore.sections.campaigns import limits
from tamscore.sections.campaigns.columns import campaigns_of, uncovered
from tamscore.sections.campaigns.settings import Campaigns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tamscore.insight.stored import StoredRun
    from tamscore.sections.campaigns.limits import ListLimit

PERSON = "person"


@dataclass(frozen=True)
class CampaignLists:
    """Who stands in the lists of a run's campaigns; `leaves_out` says that accounts with a person do not."""

    limits: Mapping[str, ListLimit]
    leaves_out: bool

    @classmethod
    def of(cls, run: StoredRun) -> CampaignLists:
        """Return the rules of the lists of a run; where a coverage came after the scores the lists end elsewhere."""
        run.require(limits.READ)
        settings = run.job.sections.get("campaigns")
        leaves_out = PERSON in run.columns and isinstance(settings, Campaigns) and not settings.covered_accounts
        if leaves_out and run.roles.plan is not None and isinstance(settings, Campaigns):
            return cls(limits_anew(run, settings), leaves_out)
        return cls(limits.limits_of(optional_table(run.directory, "campaign_limits")), leaves_out)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that tell who stands in a list."""
        return (*(limits.READ if self.limits else ()), *((PERSON,) if self.leaves_out else ()))

    def has(self, table: pa.Table) -> Any:
        """Return which accounts (m,) bool stand in the lists of their campaigns."""
        within = limits.within(table, self.limits) if self.limits else np.ones(table.num_rows, bool)
        return within & uncovered(table) if self.leaves_out else within


def limits_anew(run: StoredRun, settings: Campaigns) -> dict[str, ListLimit]:
    """Return where the lists of campaigns with limits end, among the accounts that no person covers."""
    limited = campaigns_of(settings).limited
    if not limited or not {*limits.READ} <= {*run.columns}:
        return {}
    counts = []
    for table in run.read((*limits.READ, PERSON)):
        free = table.filter(uncovered(table))
        counts.append([limits.first_of(free, one) for one in limited])
    return limits.limits_of(limits.limits_table(limited, counts).to_pylist())
