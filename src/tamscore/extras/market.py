"""The market as the optional parts of the scores find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.fitting.fitted import Fitted
    from tamscore.origin import Origin
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows
    from tamscore.passes.extra import Extra
    from tamscore.passes.policy import PartyMarket
    from tamscore.passes.score import PartyPolicy
    from tamscore.settings import Run


Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Market:
    """The market once every account has its cluster and every cluster its ladder.

    `rows` and `assigned` come one for each partition, `fitted`, `parties` and `policies` one for each party type;
    `prepared` are the extras whose columns stand before those that are made next.
    """

    this: Run
    origin: Origin
    rows: list[PartRows]
    fitted: Sequence[Fitted]
    assigned: list[AssignedRows]
    parties: Sequence[PartyMarket]
    policies: tuple[PartyPolicy, ...]
    prepared: tuple[Extra, ...] = ()

    @property
    def clusters(self) -> tuple[str, ...]:
        """The ids of all clusters, party type by party type, as scores number them."""
        return tuple(cluster for policy in self.policies for cluster in policy.cluster_ids)

    @property
    def first(self) -> dict[int, int]:
        """The number of each party type's first cluster, by the party type's code."""
        return {policy.code: self.clusters.index(policy.cluster_ids[0]) for policy in self.policies}

    def found(self, kind: type[Kind]) -> Kind | None:
        """The extra of a kind among those that were prepared before; None where the run has none."""
        return next((one for one in self.prepared if isinstance(one, kind)), None)
