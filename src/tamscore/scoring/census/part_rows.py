"""The rows of one partition as a run remembers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Reason
from tamscore.scoring.census.money import PartitionSales

if TYPE_CHECKING:
    from tamscore.schema import Partition


@dataclass(frozen=True)
class PartRows:
    """The rows of one partition as the run remembers them: reason (m,) uint8, party (m,) int8, hash (m,) uint64.

    `words` counts unknown party types, `money` holds the sales of the scored rows and their currencies;
    `buyers` (c,) are the positions of rows with sales above 0, and `bought` (c,) float64 their sales.
    """

    partition: Partition
    reason: Any
    party: Any
    hashes: Any
    sales_missing: int
    segments: dict[str | None, int]
    words: dict[str | None, int] = field(default_factory=dict)
    money: PartitionSales = field(default_factory=PartitionSales)
    buyers: Any = ()
    bought: Any = ()

    @property
    def hashes_of_ids(self) -> Any:
        """The hashes of the rows that have an id."""
        there = self.reason != Reason.MISSING_ID
        return self.hashes if there.all() else self.hashes[there]

    def scored_of(self, party: int) -> Any:
        """Return which rows (m,) bool are of a party type and may be scored."""
        return (self.reason == Reason.SCORED) & (self.party == party)

    def of_party(self, party: int) -> Any:
        """The positions of the rows of a party type that may be scored."""
        return np.flatnonzero(self.scored_of(party))

    def count_of(self, party: int) -> int:
        """Return how many rows of a party type may be scored."""
        return int(np.count_nonzero(self.scored_of(party)))
