"""The keys of [campaigns]: channel and message for accounts."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tamscore.config.section import SectionSettings
from tamscore.config.settings import Settings
from tamscore.config.values import Column, OpenShare, Positive, Share, Text  # noqa: TC001 - read at run time

_UNLIMITED = 2**31
"""Contacts from which a list counts as unlimited."""


class Campaign(Settings):
    """Channel and message for accounts of a segment."""

    channel: Text
    """Channel of the campaign, for example "email"."""
    theme: Text
    """Topic of the message."""
    message: Text | None = None
    """Text of the message; absent: the theme."""
    id: Text | None = None
    """Id of the campaign in other systems; absent: made of segment, channel and theme, so that it stays the same."""

    contacts: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Most accounts in its list, those with the largest expected value; absent: all."""
    budget: Positive | None = None
    """Most money for contacting the accounts in its list, at cost_per_contact; absent: no limit."""
    cost_per_contact: Positive = 1.0
    """Cost of contacting one of its accounts."""
    least_probability: Share = 0.0
    """Least probability of the accounts in its list."""
    likely_channel: Text | None = None
    """Channel for its accounts that are likely wins, see campaigns.likely_from; absent: the same channel."""

    @property
    def most(self) -> int | None:
        """Return the most accounts of its list, None for all."""
        paid = None if self.budget is None else _paid_for(self.budget, self.cost_per_contact)
        return min((limit for limit in (self.contacts, paid) if limit is not None), default=None)

    def id_for(self, segment: str) -> str:
        """Return its id as the campaign of a segment: the given id, or a readable text with a hash."""
        whole = f"{segment}\x1f{self.channel}\x1f{self.theme}"
        return self.id or f"{slug(segment)}-{slug(self.channel)}-{sha256(whole.encode()).hexdigest()[:8]}"


def _paid_for(budget: float, value: float) -> int | None:
    """Return the number of contacts that a budget pays for, None for more than any list has."""
    contacts = budget / value + 1e-9
    return int(contacts) if contacts < _UNLIMITED else None


def slug(text: str) -> str:
    """Return a text for ids and file names: lower-case letters and digits, separated by hyphens."""
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
    """Channel and message of each segment."""

    by: Literal["band", "market_segment", "cluster", "tier", "play", "own_segment", "customer_job"] = "band"
    """The segments: size bands, the values of columns.market_segment, clusters, tiers A to D, plays, the segments of
    segments.own, or the customer jobs of [jobs]."""
    size: Column | None = None
    """Numeric column with the size of an account, for example employees."""
    bands: Annotated[dict[Text, float], Field(min_length=1)] = Field(default_factory=_default_bands)
    """Size bands by name, each with its lower limit."""
    map: dict[Text, Campaign] = Field(default_factory=_default_map)
    """Campaign of each segment, by its name; size bands have default campaigns."""
    likely_from: OpenShare = 0.3
    """Least probability of an account's own with which it goes to the likely_channel of its campaign."""
    default: Campaign | None = None
    """Campaign of accounts whose segment has none."""
    covered_accounts: bool = False
    """Whether lists of campaigns also contain accounts that a person covers."""

    @model_validator(mode="before")
    @classmethod
    def _map_what_is_there(cls, data: Any) -> Any:
        """Return data without a map with the default map of its bands, or an empty map if segments are no bands."""
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
