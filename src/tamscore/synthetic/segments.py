"""The latent segments of a synthetic market: who they are, what they could spend, how many buy already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tamscore.synthetic.measures import CATEGORICAL, FACTORS, LEVELS, MEASURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Shares of all accounts. End users first (93 %), then channel partners (7 %): never a segment with both.
_END_USER_SHARES = (0.22, 0.17, 0.14, 0.11, 0.09, 0.075, 0.055, 0.04, 0.03)
_CHANNEL_SHARES = (0.035, 0.022, 0.013)
SEGMENTS = len(_END_USER_SHARES) + len(_CHANNEL_SHARES)
SLOTS = 4096  # a discrete distribution is a table of so many equally likely slots


@dataclass(frozen=True)
class SyntheticSegments:
    """All that a row needs to know of its segment; first axis is the segment, except for `of_slot`."""

    of_slot: NDArray[np.uint8]  # (SLOTS,) segment of each equally likely slot
    channel: NDArray[np.bool_]  # (segments,)
    size: NDArray[np.float32]  # mean log employees, relative to 100 employees
    size_spread: NDArray[np.float32]
    shift: NDArray[np.float32]  # (segments, measures) in the measure's own scale
    trait: NDArray[np.float32]  # (segments, FACTORS)
    level: dict[str, NDArray[np.uint8]]  # category to (segments, SLOTS) level of each slot
    wallet: NDArray[np.float32]  # log of the typical wallet at 100 employees
    customer_share: NDArray[np.float32]
    penetration: NDArray[np.float32]  # typical share of the wallet that a customer gives us


def draw_segments(seed: int) -> SyntheticSegments:
    """Return the market's segments, which depend on nothing but the seed."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(0,))))
    shares = np.array(_END_USER_SHARES + _CHANNEL_SHARES)
    return SyntheticSegments(
        of_slot=slots(shares),
        channel=np.arange(SEGMENTS) >= len(_END_USER_SHARES),
        size=_sizes(random),
        size_spread=random.uniform(0.65, 0.95, SEGMENTS).astype(np.float32),
        shift=_shifts(random),
        trait=(0.8 * random.standard_normal((SEGMENTS, FACTORS))).astype(np.float32),
        level={name: _levels(random, name) for name in CATEGORICAL},
        wallet=_spaced(random, 9.2, 11.2),
        customer_share=_spaced(random, 0.065, 0.22),
        penetration=_spaced(random, 0.35, 0.65),
    )


def slots(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the outcome of each of SLOTS equally likely slots: a draw from `shares` is then one table look-up."""
    upper = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(upper, (np.arange(SLOTS) + 0.5) / SLOTS).astype(np.uint8)


def _spaced(random: np.random.Generator, low: float, high: float) -> NDArray[np.float32]:
    """Return evenly spaced values in random order: every seed gives segments that differ, none gives two alike."""
    return random.permutation(np.linspace(low, high, SEGMENTS)).astype(np.float32)


def _sizes(random: np.random.Generator) -> NDArray[np.float32]:
    """Return mean log sizes: from about 15 to 1,500 employees, the larger the rarer, with exceptions."""
    end_user = np.linspace(-1.9, 2.7, len(_END_USER_SHARES))
    channel = np.linspace(-2.0, 1.6, len(_CHANNEL_SHARES))
    return (np.concatenate([end_user, channel]) + random.normal(0.0, 0.45, SEGMENTS)).astype(np.float32)


def _shifts(random: np.random.Generator) -> NDArray[np.float32]:
    spread = np.array([measure.spread for measure in MEASURES])
    return (0.85 * spread * random.standard_normal((SEGMENTS, len(MEASURES)))).astype(np.float32)


def _levels(random: np.random.Generator, name: str) -> NDArray[np.uint8]:
    """Return each segment's (SLOTS,) levels: a skewed market-wide mix, tilted segment by segment."""
    common = 1.0 / np.arange(1, len(LEVELS[name]) + 1)
    if name == "industry":
        common = random.permutation(common**0.5)
    tilt = 0.4 if name == "country" else 1.5
    mix = common * np.exp(tilt * random.standard_normal((SEGMENTS, len(common))))
    return np.stack([slots(row) for row in mix])
