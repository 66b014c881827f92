"""Everything that a run found, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.cluster_map import MapRows
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.joining.match import Match
    from tamscore.scoring.potential import PartyMarket
    from tamscore.scoring.score.parts import ScoredPart
    from tamscore.scoring.score.plan import PartyPolicy
    from tamscore.scoring.score.sections import Findings, Prepared
    from tamscore.scoring.tables.review import Review
    from tamscore.store.partitions import Plan


@dataclass(frozen=True)
class RunTables:
    """Everything that a run found, before it is written down.

    `filled` counts missing numbers by column; `reaches` (k,) and `map_rows` come one for each party type; `missing`
    says by name why there are not more of the `sections`, `joins` how joined tables met the accounts. `sealed` is what
    the manifest says of the coverage in the scores.
    """

    party_fits: Sequence[PartyFit]
    markets: Sequence[PartyMarket]
    policies: Sequence[PartyPolicy]
    scored: Sequence[ScoredPart]
    reasons: dict[str, int]
    plan: Plan
    inertia: Sequence[int]
    filled: dict[str, int]
    reaches: Sequence[Any]
    map_rows: Sequence[MapRows]
    review: Review
    sections: Sequence[Prepared] = ()
    missing: dict[str, str] = field(default_factory=dict)
    joins: Sequence[Match] = ()
    sealed: dict[str, Any] = field(default_factory=dict)

    @property
    def totals(self) -> Any:
        """Accounts, sales, potential, whitespace by cluster, quadrant and kind."""
        return sum(part.totals for part in self.scored)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns of the scores that were made and not written."""
        return self.scored[0].left_out if self.scored else ()

    @property
    def flags(self) -> dict[str, int]:
        """Flagged rows by flag."""
        return {name: sum(part.flags[name] for part in self.scored) for name in self.scored[0].flags}

    @cached_property
    def findings(self) -> dict[str, Findings]:
        """Return what every optional section leaves beside its columns."""
        counts = zip(*(part.counts for part in self.scored), strict=True)
        return {section.name: section.state.findings(of) for section, of in zip(self.sections, counts, strict=True)}

    @property
    def names(self) -> list[list[str]]:
        """The readable names of the clusters of every party type."""
        return [fit.names for fit in self.party_fits]
