"""The table of a run's campaigns: whom each speaks to, how, and what is open there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.scoring.score.parts import KINDS, MEASURES
from tamscore.scoring.tables.plain import money
from tamscore.sections.campaigns.segments import DEFAULT, LIKELY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.sections.campaigns.segments import CampaignMap

_TEXTS = ("campaign_id", "segments", "channel", "theme", "message")


def campaign_table(campaigns: CampaignMap, counts: Sequence[dict[Any, Any]]) -> pa.Table:
    """Return a row per campaign and kind, also for empty ones: accounts, sales, potential and whitespace.

    There are no rows if no column holds the segments of the accounts.
    """
    import pyarrow as pa

    sums: dict[Any, Any] = {}
    for part in counts:
        for key, item in part.items():
            sums[key] = sums.get(key, 0.0) + item
    rows = []
    for record in _campaign_rows(campaigns) if sums else ():
        for kind in KINDS:
            item = sums.get((record["campaign_id"], kind), [0.0] * len(MEASURES))
            rows.append({**record, "kind": kind, **dict(zip(MEASURES, money(item), strict=True))})
    fields = [*((name, pa.string()) for name in (*_TEXTS, "kind")), *((name, pa.float64()) for name in MEASURES)]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _campaign_rows(campaigns: CampaignMap) -> list[dict[str, Any]]:
    """Every campaign of a job in its order, with the segments it is for."""
    record: dict[str, dict[str, Any]] = {}
    for segment, campaign in campaigns.each.items():
        text = {"campaign_id": campaign.id, "segments": segment, "channel": campaign.channel, "theme": campaign.theme}
        row = record.setdefault(campaign.id, {**text, "message": campaign.message})
        row["segments"] = segment if row["segments"] == segment else f"{row['segments']}, {segment}"
    return list(record.values())


def silent_campaigns(campaigns: CampaignMap, table: pa.Table) -> list[str]:
    """A remark for every campaign of market segments or clusters that has no account: its segment may be misspelt."""
    if campaigns.by == "band":
        return []
    reached = {row["campaign_id"] for row in table.to_pylist() if row["accounts"]}
    return [
        f"map: no account is of {row['segments']!r}; campaign {row['campaign_id']} has nobody"
        for row in _campaign_rows(campaigns)
        if row["campaign_id"] not in reached and row["segments"] != DEFAULT and not row["segments"].endswith(LIKELY)
    ]
