"""Which channel and message each segment gets, and a list of accounts for every channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.campaigns.rules import (
    bands_are_distinct,
    budgets_pay_for_somebody,
    campaign_ids_are_distinct,
    campaign_map_is_total,
    channels_are_distinct,
    levels_have_campaigns,
    segments_of_campaigns_are_there,
)
from tamscore.sections.campaigns.settings import Campaigns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["CampaignsSection"]


class CampaignsSection(Section[Campaigns]):
    """Which channel and message each segment gets."""

    name = "campaigns"
    settings = Campaigns
    always = True
    absent = "Campaigns: none; name campaigns.size or set campaigns.by, and run the job again."
    before = "flags"
    last = True
    columns = (
        ScoreColumn("campaign_band", "text", "size band of the account"),
        ScoreColumn("campaign_id", "text", "campaign that the account belongs to; it stays from run to run"),
        ScoreColumn("campaign_channel", "text", "channel of the campaign"),
        ScoreColumn("campaign_theme", "text", "what its message is about"),
        ScoreColumn("campaign_message", "text", "what its message says"),
    )
    rules = (
        (bands_are_distinct, ("campaigns",)),
        (campaign_map_is_total, ("campaigns",)),
        (levels_have_campaigns, ("campaigns",)),
        (segments_of_campaigns_are_there, ("columns", "campaigns", "segments", "jobs")),
        (campaign_ids_are_distinct, ("campaigns",)),
        (channels_are_distinct, ("campaigns",)),
        (budgets_pay_for_somebody, ("campaigns",)),
    )

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: Campaigns
    ) -> None:
        """Raise JobFileError that names the market segments without a campaign."""
        from tamscore.sections.campaigns.columns import campaigns_of, require_live

        del run, model_source
        require_live(campaigns_of(settings), parts)

    def prepare(self, market: Market, settings: Campaigns) -> State | str:
        """Return the campaigns of a market."""
        from tamscore.sections.campaigns.columns import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on the campaigns of a run, whose table has these `rows`."""
        from tamscore.sections.campaigns.view import chapter

        return chapter(record["rows"])

    def explain(self, account: Any) -> list[tuple[str, str]]:
        """Return nothing: an explanation is about potential."""
        del account
        return []
