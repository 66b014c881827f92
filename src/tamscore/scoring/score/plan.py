"""The data that the score pass needs beside its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.schema import InputColumns
    from tamscore.scoring.score.sections import Prepared
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.quadrant import QuadrantLimits
    from tamscore.stages.rank_order import RankOrder
    from tamscore.stages.whitespace import Boundary, Ranks
    from tamscore.store.run_directory import RunDirectory


@dataclass(frozen=True)
class PartyPolicy:
    """All that turns the rows of one party type into scores, once the model and its tables stand."""

    name: str
    code: int
    cluster_ids: tuple[str, ...]
    table: PotentialTable
    sales: CustomerSales
    ranks: Ranks | None
    ranks_in_kind: Ranks | None
    median_potential: Any
    limits: QuadrantLimits
    cluster_quadrants: Any | None


@dataclass(frozen=True)
class ScorePlan:
    """The data that the score pass needs beside its rows; `order` is set if accounts are ranked one by one.

    `written` are the columns that are written at last, None for all. Parts that `is_staged` have all columns: they are
    read again, and written anew.
    """

    columns: InputColumns
    boundary: Boundary
    parties: tuple[PartyPolicy, ...]
    directory: RunDirectory
    sections: tuple[Prepared, ...] = ()
    order: RankOrder | None = None
    written: frozenset[str] | None = None
    is_staged: bool = False

    def left_out(self, scored: pa.Table) -> tuple[str, ...]:
        """Return the columns of scores that are not written, in order."""
        if self.written is None or self.is_staged:
            return ()
        return tuple(name for name in scored.column_names if name not in self.written)

    @property
    def clusters(self) -> list[str]:
        """The ids of the clusters of all party types."""
        return [cluster for policy in self.parties for cluster in policy.cluster_ids]
