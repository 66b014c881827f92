"""Accounts found by the hashes of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def order_of(hashes: Any) -> Any:
    """Return the order (n,) int32 of hashes (n,) uint64, the lowest first, and of equal ones the first.

    A sort of numbers is faster than a sort of positions, so the position replaces the last bits of each hash. Hashes
    with equal first bits are few; they are sorted again by all bits.
    """
    last = np.uint64((1 << max(len(hashes) - 1, 1).bit_length()) - 1)
    packed = (hashes & ~last) | np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    order = (packed & last).astype(np.int32)
    packed &= ~last
    same = packed[1:] == packed[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        among = order[tied]
        order[tied] = among[np.argsort(hashes[among], kind="stable")]
    return order


@dataclass(frozen=True)
class HashIndex:
    """Sorted hashes (n,) uint64 that others are looked up in.

    Those with the same first bits stand from `first` (b,) on: hashes are spread evenly, so that these are few, and
    found faster than by a binary search of the whole.
    """

    hashes: Any
    first: Any
    shift: int

    @classmethod
    def of(cls, hashes: Any) -> HashIndex:
        """Return the index of sorted hashes."""
        bits = max(len(hashes).bit_length() - 1, 1)
        starts = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        return cls(hashes, np.searchsorted(hashes, starts).astype(np.int32), 64 - bits)

    def places(self, hashes: Any) -> Any:
        """Return the place (m,) int32 of each hash (m,), the first of equal ones; -1 where it is not there."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int32)
        last = len(self.hashes) - 1
        place = np.minimum(self.first[(hashes >> np.uint64(self.shift)).astype(np.int64)], last)
        below = np.flatnonzero(self.hashes[place] < hashes)
        while len(below := below[place[below] < last]):
            place[below] += 1
            below = below[self.hashes[place[below]] < hashes[below]]
        return np.where(self.hashes[place] == hashes, place, -1).astype(np.int32)
