"""What each center has to do with the inertia: counted exactly, and so the same in any order of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend
    from tamscore.backend.coded import Block

_PIECE = 2.0**18
"""Squared distances are added in three pieces, whole numbers that float32 holds and whose sums are exact."""


@dataclass(frozen=True)
class Shares:
    """The shares of centers (k,): `pieces` (k, 6) of error and utility, and how many rows each has `counts` (k,)."""

    pieces: Any
    counts: Any

    @property
    def error(self) -> Any:
        """The sum of squared distances of the rows (k,) of each center."""
        return _together(self.pieces[:, :3])

    @property
    def utility(self) -> Any:
        """Return by how much inertia would grow (k,) without each center."""
        return _together(self.pieces[:, 3:])

    def merge(self, other: Shares) -> Shares:
        """The shares in both sets of rows."""
        return Shares(self.pieces + other.pieces, self.counts + other.counts)


def shares_of(backend: Backend, block: Block, centers: Any) -> Shares:
    """The shares of centers (k, d), two at least, in the inertia of a block (d, m)."""
    xp, near, k = backend.xp, backend.nearest(block, backend.put(centers)), len(centers)
    without = near.second_sq_distance - near.sq_distance
    stacked = xp.stack((*_pieces(xp, near.sq_distance), *_pieces(xp, without)))
    summed = backend.segment_sum(stacked, near.label, k)
    return Shares(backend.get(summed), backend.get(backend.segment_count(near.label, k)))


def _pieces(xp: Any, whole: Array) -> list[Array]:
    """The high, middle and low piece (m,) float32 of whole numbers below 2^54."""
    upper = xp.floor(whole * (1.0 / _PIECE))
    high = xp.floor(upper * (1.0 / _PIECE))
    return [xp.astype(piece, xp.float32) for piece in (high, upper - high * _PIECE, whole - upper * _PIECE)]


def _together(summed: Any) -> Any:
    """The numbers (k,) of which sums (k, 3) of pieces are given."""
    return (summed[:, 0] * _PIECE + summed[:, 1]) * _PIECE + summed[:, 2]
