"""Campaigns: which segment an account falls in, and how that segment is spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

DEFAULT = "default"
LIKELY = " (likely)"
"""What the segment of likely wins is called beside the rest of it."""


@dataclass(frozen=True)
class SegmentCampaign:
    """What is said to segments, and where; `id` is how other systems know it, `likely` the campaign of likely wins.

    Its list holds `contacts` accounts at the most (None for all), together with the list of its likely wins, none with
    less than the least probability.
    """

    channel: str
    theme: str
    message: str
    id: str
    contacts: int | None = None
    least_probability: float = 0.0
    likely: SegmentCampaign | None = None

    @property
    def is_limited(self) -> bool:
        """Return whether its list may lack accounts of it."""
        return self.contacts is not None or self.least_probability > 0


@dataclass(frozen=True)
class SharedLimit:
    """What campaigns may list together: at most so many `contacts` (None for all), at least so likely."""

    ids: tuple[str, ...]
    contacts: int | None
    least_probability: float


@dataclass(frozen=True)
class Bands:
    """Size bands in order of size: names, and the lower limits that they begin at."""

    names: tuple[str, ...]
    limits: tuple[float, ...]


@dataclass(frozen=True)
class CampaignMap:
    """The campaign of every segment: of size bands, market segments or clusters, as `by` says; or the default.

    `covered_accounts` says that their lists have accounts that a person covers, too.
    """

    by: str
    bands: Bands
    campaigns: dict[str, SegmentCampaign]
    default: SegmentCampaign | None = None
    likely_from: float = 1.0
    covered_accounts: bool = False

    def of(self, segment: str | None) -> SegmentCampaign | None:
        """The campaign of a segment, None where it has none; accounts in no segment have the default."""
        return self.default if segment is None else self.campaigns.get(segment, self.default)

    @property
    def each(self) -> dict[str, SegmentCampaign]:
        """Every campaign by its segment, the default last; that of likely wins behind the one for the others."""
        every = self.campaigns | ({DEFAULT: self.default} if self.default else {})
        return {
            name: segment_campaign
            for segment, campaign in every.items()
            for name, segment_campaign in ((segment, campaign), (f"{segment}{LIKELY}", campaign.likely))
            if segment_campaign is not None
        }

    @property
    def limited(self) -> list[SharedLimit]:
        """The limits of lists: one for each campaign that has any, together with those of its likely wins."""
        ids: dict[str, dict[str, None]] = {}
        bounds = {}
        for segment_campaign in (*self.campaigns.values(), *([self.default] if self.default else [])):
            if segment_campaign.is_limited:
                ids.setdefault(segment_campaign.id, {}).update(
                    dict.fromkeys(campaign.id for campaign in (segment_campaign, segment_campaign.likely) if campaign)
                )
                bounds[segment_campaign.id] = segment_campaign.contacts, segment_campaign.least_probability
        return [SharedLimit(tuple(names), *bounds[name]) for name, names in ids.items()]


def band_codes(size: Any, bands: Bands) -> Any:
    """The position (m,) int64 of each account's size band.

    An account of unknown size, or below the first limit, belongs to the first: the default, or the smallest band.
    """
    limits = np.array(bands.limits)
    return np.maximum(np.searchsorted(limits, np.nan_to_num(size, nan=-np.inf), side="right") - 1, 0)
