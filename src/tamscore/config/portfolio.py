"""The section of the job file about the cost of the portfolio's segments: hours, and money."""

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
"""The segments of the portfolio that each role works on."""


class Portfolio(Settings):
    """The hours and costs of the accounts of each segment of the portfolio in a year; no score depends on them."""

    hours: dict[Text, _Amount] = Field(default_factory=dict)
    """Hours a year for one account, by segment of the portfolio: global, enterprise, land, account_management,
    digital."""
    cost_per_hour: dict[Text, _Amount] = Field(default_factory=dict)
    """Cost of an hour, by the role that works on the segment: account_manager, hunter, digital."""
    cost_per_account: dict[Text, _Amount] = Field(default_factory=dict)
    """Yearly cost of one account in addition to its hours, by segment of the portfolio; absent: none."""
