"""Campaigns: which size band an account falls in, and how that band is spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Campaign:
    """A size band from its lower limit on, with the channel and the theme of its messages."""

    band: str
    lower_limit: float
    channel: str
    theme: str


def band_codes(size: Any, campaigns: tuple[Campaign, ...]) -> Any:
    """The position (m,) int64 of each account's campaign, those in order of rising limits.

    An account of unknown size, or below the first limit, belongs to the first: the default, or the smallest band.
    """
    limits = np.array([campaign.lower_limit for campaign in campaigns])
    return np.maximum(np.searchsorted(limits, np.nan_to_num(size, nan=-np.inf), side="right") - 1, 0)
