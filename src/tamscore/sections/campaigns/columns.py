"""Size band and campaign of every account, and the totals of a campaign's accounts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes, text_dictionary
from tamscore.errors import JobFileError
from tamscore.scoring.score.amounts import SUMMED, amounts
from tamscore.scoring.score.priority import BASES
from tamscore.scoring.score.sections import Findings
from tamscore.sections.campaigns import limits
from tamscore.sections.campaigns.segments import DEFAULT, Bands, CampaignMap, SegmentCampaign, band_codes
from tamscore.sections.campaigns.summary import campaign_table, silent_campaigns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.campaigns.settings import Campaign as Settings
    from tamscore.sections.campaigns.settings import Campaigns

_CAMPAIGN_FIELDS = ("id", "channel", "theme", "message")
_NOBODY = SegmentCampaign("", "", "", "")
"""Campaign of rows whose segment has none: rejected rows, since the run stops for any other."""
_LISTED = 5
"""Most segments without a campaign that a message names."""


@dataclass(frozen=True)
class _CampaignsState:
    """State of the campaigns section: campaigns, column of size (None for none), and ids of all clusters (K)."""

    campaigns: CampaignMap
    size: str | None
    clusters: tuple[str, ...]

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return size band and campaign of the scored rows.

        There are no campaign columns if campaigns go by size and the job names no column of size.
        """
        del backend
        out: dict[str, Any] = {}
        segments: Sequence[str | None]
        if self.size:
            band = band_codes(float_column(rows.read([self.size])[self.size]), self.campaigns.bands)
            out["campaign_band"] = text_dictionary(band, self.campaigns.bands.names)
        if self.campaigns.by == "cluster":
            codes, segments = level_codes(rows.scores["cluster"], list(self.clusters)), self.clusters
        elif self.campaigns.by != "band":
            codes, segments = levels(rows.scores[self.campaigns.by])
        elif self.size:
            codes, segments = band, self.campaigns.bands.names
        else:
            return out
        of_segment = [self.campaigns.of(segment) or _NOBODY for segment in segments]
        campaigns = [
            segment_campaign for campaign in of_segment for segment_campaign in (campaign, campaign.likely or campaign)
        ]
        codes = 2 * codes.astype(np.int64) + _likely_wins(rows.scores, self.campaigns.likely_from)
        return out | {
            f"campaign_{name}": text_dictionary(codes, [getattr(campaign, name) for campaign in campaigns])
            for name in _CAMPAIGN_FIELDS
        }

    def count(self, scored: pa.Table) -> dict[str, Any]:
        """Return the totals of a part by campaign and kind, and the first accounts of campaigns with limits."""
        sums = campaign_sums(scored)
        limited = self.campaigns.limited if sums else []
        free = scored if self.campaigns.covered_accounts or not limited else scored.filter(uncovered(scored))
        return {"sums": sums, "best": [limits.first_of(free, limit) for limit in limited]}

    def findings(self, counts: Sequence[dict[str, Any]]) -> Findings:
        """Return the table of campaigns, the table of their limits, and a notice for each campaign without accounts."""
        table = campaign_table(self.campaigns, [part["sums"] for part in counts])
        limited = self.campaigns.limited if table.num_rows else []
        bounds = {"campaign_limits": limits.limits_table(limited, [part["best"] for part in counts])} if limited else {}
        return Findings(tables={"campaigns": table, **bounds}, notices=tuple(silent_campaigns(self.campaigns, table)))


def uncovered(scored: pa.Table) -> Any:
    """Return which accounts (m,) bool no person covers; all of them if the scores have no column of persons."""
    if "person" not in scored.column_names:
        return np.ones(scored.num_rows, bool)
    return scored["person"].is_null().to_numpy()


def _likely_wins(scores: pa.Table, start: float) -> Any:
    """Return which accounts (m,) bool are likely wins, leaving out probabilities that are an assumed win rate."""
    assumed = level_codes(scores["p_basis"], BASES) == BASES.index("win_rate")
    return ~assumed & (float_column(scores["probability"]) >= start)


def prepare(market: Market, settings: Campaigns) -> _CampaignsState:
    """Return the state of the section for a market."""
    return _CampaignsState(campaigns_of(settings), settings.size, market.clusters)


def require_live(campaigns: CampaignMap, parts: Sequence[PartRows]) -> None:
    """Raise JobFileError unless every market segment has a campaign; the message names segments without one."""
    if campaigns.by != "market_segment":
        return
    live = {segment for part in parts for segment in part.segments}
    lost = sorted("" if segment is None else segment for segment in live if campaigns.of(segment) is None)
    if lost:
        names = ", ".join(repr(name) if name else "accounts without one" for name in lost[:_LISTED])
        more = f" and {len(lost) - _LISTED:,} more" if len(lost) > _LISTED else ""
        raise JobFileError(
            f"campaigns.map: expected a campaign for every market segment, got none for {names}{more}; "
            "add them, or set campaigns.default"
        )


def campaigns_of(rules: Campaigns) -> CampaignMap:
    """Return the campaign of every segment, and the size bands in order of size."""
    by_band = rules.by == "band"
    bands = sorted(rules.bands.items(), key=lambda pair: pair[1])
    below = [(DEFAULT, -math.inf)] if by_band and rules.default else []
    named = [name for name, _ in bands if name in rules.map] if by_band else list(rules.map)
    names, limits = zip(*below, *bands, strict=True)
    default = _campaign_of(DEFAULT, rules.default) if rules.default else None
    campaigns = {segment: _campaign_of(segment, rules.map[segment]) for segment in named}
    map_ = rules.by, Bands(names, limits), campaigns, default
    return CampaignMap(*map_, rules.likely_from, rules.covered_accounts)


def _campaign_of(segment: str, given: Settings) -> SegmentCampaign:
    """Return the campaign of a segment; message and id that the job omits are made of segment, channel and theme."""
    message, likely = given.message or given.theme, None
    bounds = given.most, given.least_probability
    if given.likely_channel and given.likely_channel != given.channel:
        other = given.model_copy(update={"channel": given.likely_channel, "likely_channel": None, "id": None})
        likely = SegmentCampaign(other.channel, given.theme, message, other.id_for(segment), *bounds)
    return SegmentCampaign(given.channel, given.theme, message, given.id_for(segment), *bounds, likely)


def levels(column: pa.ChunkedArray) -> tuple[Any, list[str | None]]:
    """Return the code (m,) of every text of a column, and the texts by code; a missing text is None."""
    import pyarrow as pa

    whole = column.combine_chunks()
    if not pa.types.is_dictionary(whole.type) or whole.null_count:
        whole = whole.cast(pa.string()).dictionary_encode(null_encoding="encode")
    return whole.indices.to_numpy(), whole.dictionary.to_pylist()


def campaign_sums(scored: pa.Table) -> dict[tuple[str | None, str | None], Any]:
    """Return accounts, sales, potential and whitespace (4,) by campaign and kind; an empty dict without campaigns."""
    if "campaign_id" not in scored.column_names or not scored.num_rows:
        return {}
    (name, names), (kind, kinds) = (levels(scored[key]) for key in ("campaign_id", "kind"))
    place, size = name.astype(np.int64) * len(kinds) + kind, len(names) * len(kinds)
    money = (amounts(scored[column]) for column in SUMMED)
    sums = np.stack([np.bincount(place, item, size) for item in (None, *money)], axis=1)
    return {(names[at // len(kinds)], kinds[at % len(kinds)]): sums[at] for at in np.flatnonzero(sums[:, 0]).tolist()}
