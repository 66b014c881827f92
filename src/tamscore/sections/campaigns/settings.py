"""The keys of [campaigns]: how accounts are spoken to."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tamscore.config.section import SectionSettings
from tamscore.config.settings import Settings
from tamscore.config.values import Column, OpenShare, Positive, Share, Text  # noqa: TC001 - read at run time

_UNLIMITED = 2**31
"""So many contacts are no limit to a list."""


class Campaign(Settings):
    """How accounts of a segment are addressed."""

    channel: Text
    """Channel of the campaign, for example "email"."""
    theme: Text
    """What the message is about."""
    message: Text | None = None
    """What the message says; absent: its theme."""
    id: Text | None = None
    """How other systems know the campaign; absent: made of segment, channel and theme, so that it stays."""

    contacts: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Most accounts in its list, those that promise most; absent: all."""
    budget: Positive | None = None
    """Most money that contacting the accounts in its list may cost, at cost_per_contact; absent: any."""
    cost_per_contact: Positive = 1.0
    """What contacting one of its accounts costs."""
    least_probability: Share = 0.0
    """Least probability of the accounts in its list."""
    likely_channel: Text | None = None
    """Channel for its accounts that are likely won, see campaigns.likely_from; absent: the same."""

    @property
    def most(self) -> int | None:
        """Return how many accounts its list may hold, None for all."""
        paid = None if self.budget is None else _paid_for(self.budget, self.cost_per_contact)
        return min((limit for limit in (self.contacts, paid) if limit is not None), default=None)

    def id_for(self, segment: str) -> str:
        """Return its id as the campaign of a segment: the one given, or text to read with a hash behind it."""
        whole = f"{segment}\x1f{self.channel}\x1f{self.theme}"
        return self.id or f"{slug(segment)}-{slug(self.channel)}-{sha256(whole.encode()).hexdigest()[:8]}"


def _paid_for(budget: float, value: float) -> int | None:
    """Return how many contacts a budget pays for, None for more than any list needs."""
    contacts = budget / value + 1e-9
    return int(contacts) if contacts < _UNLIMITED else None


def slug(text: str) -> str:
    """Return a text as it may stand in ids and file names: small letters and digits with hyphens between."""
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-") or "-"


def _default_bands() -> dict[str, float]:
    """Return the lower limits of the default size bands."""
    return {"small": 0.0, "large": 250.0, "enterprise": 5000.0}


def _default_map() -> dict[str, Campaign]:
    """Return the campaigns of the default size bands."""
    theme = "scale, integration, return"
    return {
        "small": Campaign(channel="email", theme="ease of use, price"),
        "large": Campaign(channel="professional-network ads", theme=theme),
        "enterprise": Campaign(channel="account-based marketing", theme=theme),
    }


class Campaigns(SectionSettings):
    """Which channel and message each segment gets."""

    by: Literal["band", "market_segment", "cluster", "tier", "play", "own_segment", "customer_job"] = "band"
    """What the segments are: size bands, the values of columns.market_segment, clusters, tiers A to D, plays, the
    segments of segments.own, or the customer jobs of [jobs]."""
    size: Column | None = None
    """Numeric column that measures the size of an account, for example employees."""
    bands: Annotated[dict[Text, float], Field(min_length=1)] = Field(default_factory=_default_bands)
    """Size bands by name, each with its lower limit."""
    map: dict[Text, Campaign] = Field(default_factory=_default_map)
    """Campaign of each segment, by its name; bands have one each if you say nothing."""
    likely_from: OpenShare = 0.3
    """Accounts whose own probability is at least this go to the likely_channel of their campaign."""
    default: Campaign | None = None
    """Campaign of the accounts whose segment has none."""
    covered_accounts: bool = False
    """Whether accounts that a person covers stand in the lists of campaigns, too."""

    @model_validator(mode="before")
    @classmethod
    def _map_what_is_there(cls, data: Any) -> Any:
        """Return data without a map with that of its own bands alone, and an empty one where segments are no bands."""
        if not isinstance(data, dict) or "map" in data:
            return data
        if data.get("by", "band") != "band":
            return {**data, "map": {}}
        bands = data.get("bands")
        if not isinstance(bands, dict):
            return data
        return {**data, "map": {name: campaign for name, campaign in _default_map().items() if name in bands}}

    def numbers(self) -> tuple[str, ...]:
        """Return the column of size."""
        return (self.size,) if self.size else ()

    def scored(self) -> tuple[str, ...]:
        """Return the column of size: bands are found while accounts are scored."""
        return self.numbers()
