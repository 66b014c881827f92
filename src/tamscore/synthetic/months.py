"""The same market some months later: accounts come, go and change a little; where asked, segments do so too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tamscore.synthetic.measures import FACTORS, MEASURES
from tamscore.synthetic.names import MAX_ROWS, account_ids
from tamscore.synthetic.segments import SEGMENTS, draw_segments

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from tamscore.synthetic.draws import RandomChunk
    from tamscore.synthetic.segments import SyntheticSegments

_TURNOVER = 0.01
"""So many of the accounts go each month, and as many come."""
_UPDATED = 0.25
"""So many of the accounts report other numbers than the month before."""
_ANGLE = 0.2
"""How far their numbers turn away from the old ones: the correlation of the two is the cosine."""
_GROWTH, _INFLATION = 0.05, 0.004
"""How much accounts that report grow or shrink (log, standard deviation), and how much amounts rise in a month."""

SPLIT, MERGED, INTO, GONE = 1, 7, 5, 3
"""Segments that events befall: one falls into two, one becomes like another, one vanishes."""
SECOND_HALF, BORN = SEGMENTS, SEGMENTS + 1
"""The segments that events bring about; the new one is as large as the one that has gone."""
NEW_ROWS = 2**30
"""Row numbers from here on belong to accounts of the new segment."""


@dataclass(frozen=True)
class Month:
    """A month, counted from 1, and whether segments split, merge, vanish and come in it."""

    number: int = 1
    events: bool = False

    @property
    def inflation(self) -> np.float32:
        """Return how much amounts have risen since the first month (log)."""
        return np.float32(_INFLATION * (self.number - 1))

    @property
    def most_rows(self) -> int:
        """The most rows that a market of this month may have, so that no row number is taken twice."""
        return NEW_ROWS // 2 if self.number > 1 or self.events else MAX_ROWS

    def first_row(self, rows: int) -> int:
        """The row number of the first account of a market of so many: those before it have gone."""
        return int(rows * _TURNOVER) * (self.number - 1)

    def segments(self, seed: int) -> SyntheticSegments:
        """The segments of the market in this month."""
        first = draw_segments(seed)
        return _with_events(first, seed) if self.events else first

    def draws(self, first: RandomChunk, seed: int, chunk: int) -> RandomChunk:
        """The random numbers of a chunk in this month, from those of the first."""
        if self.number == 1:
            return first
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3, self.number, chunk))))
        n = first.noise.shape[1]
        updated = random.random(n) < 1 - (1 - _UPDATED) ** (self.number - 1)
        angle = updated * np.float64(_ANGLE * (self.number - 1) ** 0.5)
        noise = np.cos(angle) * first.noise + np.sin(angle) * random.standard_normal(first.noise.shape, np.float32)
        latent = first.latent.copy()
        latent[0] += np.float32(_GROWTH) * updated * random.standard_normal(n, np.float32)
        chance = first.chance.copy()
        chance[1] = np.clip(chance[1] + 0.1 * updated * random.standard_normal(n), 0, 1)
        return replace(first, noise=noise.astype(np.float32), latent=latent, chance=chance)

    def move(self, segment: NDArray[np.uint8], draws: RandomChunk) -> NDArray[np.uint8]:
        """The segment of each account in this month, from that of the first."""
        if not self.events:
            return segment
        second = (segment == SPLIT) & (draws.word[0] % 2 == 1)
        moved = np.where(second, SECOND_HALF, np.where(segment == GONE, BORN, segment))
        return moved.astype(np.uint8)

    def ids(self, segment: NDArray[np.uint8], seed: int, start: int) -> pa.Array:
        """The ids of rows from `start` on: accounts of the new segment are none that were there before."""
        import pyarrow as pa
        import pyarrow.compute as pc

        old = account_ids(seed, start, len(segment))
        if not self.events:
            return old
        return pc.if_else(pa.array(segment == BORN), account_ids(seed, NEW_ROWS + start, len(segment)), old)


def _with_events(first: SyntheticSegments, seed: int) -> SyntheticSegments:
    """The segments after one has split, two have merged, one has vanished and a new one has come."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(4,))))
    spread = np.array([measure.spread for measure in MEASURES])
    apart = (0.6 * spread * random.standard_normal(len(MEASURES))).astype(np.float32)
    born = (0.85 * spread * random.standard_normal(len(MEASURES))).astype(np.float32)
    source = np.append(np.arange(SEGMENTS), (SPLIT, GONE))
    source[MERGED] = INTO
    shift, trait = first.shift[source], first.trait[source]
    shift[SPLIT] += apart
    shift[SECOND_HALF] -= apart
    shift[BORN] = born
    trait[BORN] = 0.8 * random.standard_normal(FACTORS)
    level = {name: codes[source] for name, codes in first.level.items()}
    level = {name: np.concatenate((codes[:BORN], random.permutation(codes[BORN:]))) for name, codes in level.items()}
    named = ("channel", "size", "size_spread", "wallet", "customer_share", "penetration")
    moved = {name: getattr(first, name)[source] for name in named}
    return replace(first, shift=shift, trait=trait, level=level, **moved)
