"""Campaigns: whom each reaches, and what is open there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.insight.pages.campaigns import campaigns
from tamscore.report.shortened import shortened
from tamscore.view.blocks import Chapter
from tamscore.view.words import counted

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence

MISSING = "Campaigns: none asked for; name campaigns.size or set campaigns.by, and run the job again."


def chapter(found: Evidence) -> Chapter | None:
    """Return the chapter; None if the run has no campaigns."""
    rows = found.summary.campaigns
    if not rows:
        return None
    names, channels = ({row[key] for row in rows} for key in ("campaign_id", "channel"))
    message = f"{counted(len(names), 'campaign')} by {counted(len(channels), 'channel')} reach the accounts."
    return Chapter("campaigns", "Campaigns", message, (shortened(campaigns(rows), "campaigns"),))
