"""The section of the job file that says what the segments of the portfolio cost: hours, and money."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from tamscore.config.settings import Settings
from tamscore.config.values import Text  # noqa: TC001 - read at run time

_Amount: TypeAlias = Annotated[float, Field(ge=0)]

SEGMENTS_OF_ROLES = {
    "account_manager": ("global", "enterprise", "account_management"),
    "hunter": ("land",),
    "digital": ("digital",),
}
"""On which segments of the portfolio each role works."""


class Portfolio(Settings):
    """What the accounts of each segment of the portfolio take in a year; no score depends on it."""

    hours: dict[Text, _Amount] = Field(default_factory=dict)
    """Hours a year that one account takes, by segment of the portfolio: global, enterprise, land, account_management,
    digital."""
    cost_per_hour: dict[Text, _Amount] = Field(default_factory=dict)
    """What an hour costs, by the role that works on the segment: account_manager, hunter, digital."""
    cost_per_account: dict[Text, _Amount] = Field(default_factory=dict)
    """What one account costs a year beside these hours, by segment of the portfolio; absent: nothing."""
