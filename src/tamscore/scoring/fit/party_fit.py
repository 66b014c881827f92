"""The fit of a party type as the run hands it on, with what it keeps of an earlier model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamscore.stages import identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.fit.guard import FeatureVerdict
    from tamscore.scoring.fit.trust import ClusterStability
    from tamscore.scoring.party_model import PartyModel
    from tamscore.stages.choose_k import Candidate
    from tamscore.stages.drift import Histogram
    from tamscore.stages.kmeans import Fit
    from tamscore.stages.level_loss import PartyLevel
    from tamscore.stages.lifecycle import Event
    from tamscore.stages.moves import Moves
    from tamscore.stages.naming import ColumnTitle
    from tamscore.stages.potential import PotentialTable
    from tamscore.stages.quadrant import QuadrantLimits
    from tamscore.stages.redraws import RedrawSpread


@dataclass(frozen=True)
class Reference:
    """What a party type keeps of an earlier model; None where it makes its own.

    `names` of the clusters (None for new ones), ladders, limits of the quadrants, and `reach` (k,) of the clusters.
    """

    names: tuple[str | None, ...] = ()
    table: PotentialTable | None = None
    limits: QuadrantLimits | None = None
    reach: Any | None = None


NO_REFERENCE = Reference()


@dataclass(frozen=True)
class Naming:
    """How people call columns, and the clusters that somebody has named, by id."""

    titles: Mapping[str, ColumnTitle] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClusterChange:
    """How the clusters of a party type follow on those of an earlier model: events, and the fit rows under that model.

    `counts` (old,) fit rows by old cluster, `far` how many of them lie out of reach of all of these.
    """

    events: Sequence[Event]
    counts: Any
    far: int


@dataclass(frozen=True)
class PartyFit:
    """The fit of a party type: model, how it came about, spread (d,) of features, rows fitted on, constant columns.

    `histograms` say how the features spread over the fit rows, `named` how many ids its clusters have ever been given,
    `change` how the clusters follow on those of an earlier model, where they were warmed up from it. `verdicts` are
    those of the leakage guard on the features, `choice` the candidates that k was chosen from, `trust` is what is known
    about every cluster, `moves` how potentials move under redraws, `shifts` by what factor the level of prospects moves
    without a feature; each is empty where the job does not ask for it. `level` is None where the model is of a version
    that knew none; `naming` says how people call things. `spread_of_redraws` widens the intervals of its ladders; None
    where it is not measured, or ladders are kept.
    """

    model: PartyModel
    fit: Fit
    spread: Any
    rows: int
    constant: tuple[str, ...]
    histograms: tuple[Histogram, ...]
    named: int
    reference: Reference = NO_REFERENCE
    change: ClusterChange | None = None
    verdicts: tuple[FeatureVerdict, ...] = ()
    choice: tuple[Candidate, ...] = ()
    trust: tuple[ClusterStability, ...] = ()
    level: PartyLevel | None = None
    naming: Naming = Naming()
    moves: tuple[Moves, ...] = ()
    shifts: Mapping[str, float] = field(default_factory=dict)
    spread_of_redraws: RedrawSpread | None = None

    @property
    def names(self) -> list[str]:
        """The readable names of the clusters."""
        apart = identity.differences(self.model.centers, self.fit.counts, self.spread)
        parts = self.reference.names or (None,) * self.model.k
        given = [self.naming.names.get(cluster, name) for cluster, name in zip(self.model.ids, parts, strict=True)]
        return identity.cluster_names(self.model.space.features, apart, given, self.naming.titles)
