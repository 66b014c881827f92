"""The section of the job file about priority: win rates, growth and tiers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tamscore.config.settings import Settings
from tamscore.config.values import Count, OpenShare, ThreeShares  # noqa: TC001 - read at run time


class WinRate(Settings):
    """Assumed win rates, for accounts without a probability of their own."""

    acquisition: OpenShare = 0.05
    """Share of the prospects that become customers when they are called; look-alike probabilities get this mean."""
    expansion: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the customers that buy more when they are called."""


class Tiers(Settings):
    """The ends of tiers A, B and C, in the order of priority within party type and kind; D is the rest."""

    value: ThreeShares = (0.5, 0.8, 0.95)
    """Shares of the expected value in A, in A to B, and in A to C."""
    least: ThreeShares = (0.01, 0.05, 0.2)
    """Least shares of the accounts in A, in A to B, and in A to C."""
    most: ThreeShares = (0.1, 0.3, 0.6)
    """Largest shares of the accounts in A, in A to B, and in A to C."""
    accounts: Annotated[tuple[Count, Count, Count], Field(strict=False)] | None = None
    """Numbers of accounts in A, B and C, in place of all these shares."""


class Priority(Settings):
    """The order in which accounts are called: whitespace times probability."""

    win_rate: WinRate = Field(default_factory=WinRate)
    """Win rates of prospects and customers without a probability of their own."""
    growth_label: bool = False
    """Whether the label of [propensity] says that sales grew, so that its probability also counts for customers. A
    label that says only that customers bought again tells nothing about growth."""
    tiers: Tiers = Field(default_factory=Tiers)
    """The ends of tiers."""
