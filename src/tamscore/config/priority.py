"""The section of the job file that says who comes first: how likely accounts are won, and how far tiers go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tamscore.config.settings import Settings
from tamscore.config.values import Count, OpenShare, ThreeShares  # noqa: TC001 - read at run time


class WinRate(Settings):
    """How many accounts are won, where nothing tells it account by account."""

    acquisition: OpenShare = 0.05
    """Share of the prospects that become customers when they are called; look-alike probabilities get this mean."""
    expansion: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the customers that buy more when they are called."""


class Tiers(Settings):
    """Where tiers A, B and C end, in the order of priority within party type and kind; D is the rest."""

    value: ThreeShares = (0.5, 0.8, 0.95)
    """Shares of the expected value that A, A to B, and A to C hold together."""
    least: ThreeShares = (0.01, 0.05, 0.2)
    """Shares of the accounts that they hold at least."""
    most: ThreeShares = (0.1, 0.3, 0.6)
    """Shares of the accounts that they hold at most."""
    accounts: Annotated[tuple[Count, Count, Count], Field(strict=False)] | None = None
    """Numbers of accounts in A, B and C, in place of all these shares."""


class Priority(Settings):
    """Who comes first: what is open times how likely it is."""

    win_rate: WinRate = Field(default_factory=WinRate)
    """How many accounts are won, where nothing tells it account by account."""
    growth_label: bool = False
    """Whether the label of [propensity] says that sales grew, so that its probability counts for customers too; that
    customers buy again says nothing about growth."""
    tiers: Tiers = Field(default_factory=Tiers)
    """How far tiers go."""
