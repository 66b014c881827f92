"""Accounts in the lists of campaigns: those within their limits, without those that a person already covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions.tables import optional_table
from tamscore.sections.campaigns import limits
from tamscore.sections.campaigns.columns import campaigns_of, uncovered
from tamscore.sections.campaigns.settings import Campaigns
from tamscore.store.holdouts import Controls

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun
    from tamscore.sections.campaigns.limits import ListLimit

_ID, PERSON = "account_id", "person"


@dataclass(frozen=True)
class CampaignLists:
    """Who stands in the lists of a run's campaigns; `leaves_out` says that accounts with a person do not.

    The `controls` of holdouts that count stand in none.
    """

    limits: Mapping[str, ListLimit]
    leaves_out: bool
    controls: Controls

    @classmethod
    def of(cls, run: StoredRun) -> CampaignLists:
        """Return the rules of the lists of a run; where a coverage came after the scores the lists end elsewhere."""
        run.require(limits.READ)
        settings = run.job.sections.get("campaigns")
        leaves_out = PERSON in run.columns and isinstance(settings, Campaigns) and not settings.covered_accounts
        controls = Controls.of(run.directory.output, run.id_form)
        if isinstance(settings, Campaigns) and ((leaves_out and run.roles.plan is not None) or len(controls)):
            return cls(_limits_anew(run, settings, controls, leaves_out=leaves_out), leaves_out, controls)
        return cls(limits.limits_of(optional_table(run.directory, "campaign_limits")), leaves_out, controls)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that tell who stands in a list."""
        held_out = (_ID,) if len(self.controls) else ()
        return (*(limits.READ if self.limits else ()), *((PERSON,) if self.leaves_out else ()), *held_out)

    def has(self, table: pa.Table) -> Any:
        """Return which accounts (m,) bool stand in the lists of their campaigns."""
        within = limits.within(table, self.limits) if self.limits else np.ones(table.num_rows, bool)
        if len(self.controls):
            within &= ~self.controls.among(table[_ID])
        return within & uncovered(table) if self.leaves_out else within


def _limits_anew(run: StoredRun, settings: Campaigns, controls: Controls, *, leaves_out: bool) -> dict[str, ListLimit]:
    """Return where the lists of campaigns with limits end, without controls, and with `leaves_out` the covered."""
    limited = campaigns_of(settings).limited
    if not limited or not {*limits.READ} <= {*run.columns}:
        return {}
    counts = []
    for table in run.read((*limits.READ, _ID, *((PERSON,) if leaves_out else ()))):
        free = table.filter(~controls.among(table[_ID]) & uncovered(table))
        counts.append([limits.first_of(free, limit) for limit in limited])
    return limits.limits_of(limits.limits_table(limited, counts).to_pylist())
