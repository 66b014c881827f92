"""The market as optional sections find it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.potential import PartyMarket
    from tamscore.scoring.score.plan import PartyPolicy


@dataclass(frozen=True)
class Market:
    """The market once every account has its cluster and every cluster its ladder.

    `rows` and `assigned` come one for each partition, `fitted`, `parties` and `policies` one for each party type;
    `figures` are arrays (K,) by cluster that sections which were prepared before have left for those behind them.
    """

    run: Run
    model_source: ModelSource
    rows: list[PartRows]
    fitted: Sequence[PartyFit]
    assigned: list[AssignedRows]
    parties: Sequence[PartyMarket]
    policies: tuple[PartyPolicy, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The ids of all clusters, party type by party type, as scores number them."""
        return tuple(cluster for policy in self.policies for cluster in policy.cluster_ids)

    @property
    def first(self) -> dict[int, int]:
        """The number of each party type's first cluster, by the party type's code."""
        return {policy.code: self.clusters.index(policy.cluster_ids[0]) for policy in self.policies}

    def figure(self, name: str) -> Any | None:
        """The array (K,) by cluster that a section before has left under a name; None where none has."""
        return self.figures.get(name)
