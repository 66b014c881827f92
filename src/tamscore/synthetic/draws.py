"""The random numbers that a chunk of a synthetic market is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tamscore.synthetic.measures import CATEGORICAL, FACTORS, MEASURES
from tamscore.synthetic.segments import SLOTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Floats = NDArray[np.float32]
    _Codes = NDArray[np.uint16]

CHUNK_ROWS = 16_384  # small enough that a chunk's columns stay in the processor's cache
CODES = 65_536


@dataclass(frozen=True)
class RandomChunk:
    """The random numbers of one chunk, drawn in one fixed order."""

    noise: _Floats  # (measures, n) standard normal
    latent: _Floats  # (2 + FACTORS, n) size, wallet, traits
    code: _Codes  # (measures + categories + 1, n) decides null, outlier, error
    slot: _Codes  # (1 + categories, n) below SLOTS: segment, then categories
    chance: _Floats  # (2, n) uniform: is a customer; penetration
    word: _Codes  # (2, n) words of the name


def draw(seed: int, chunk: int) -> RandomChunk:
    """Return the random numbers of chunk number `chunk`."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(1, chunk))))
    n, d, c = CHUNK_ROWS, len(MEASURES), len(CATEGORICAL)
    return RandomChunk(
        noise=random.standard_normal((d, n), dtype=np.float32),
        latent=random.standard_normal((2 + FACTORS, n), dtype=np.float32),
        code=random.integers(0, CODES, (d + c + 1, n), dtype=np.uint16),
        slot=random.integers(0, SLOTS, (1 + c, n), dtype=np.uint16),
        chance=random.random((2, n), dtype=np.float32),
        word=random.integers(0, CODES, (2, n), dtype=np.uint16),
    )
