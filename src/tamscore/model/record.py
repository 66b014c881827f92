"""The model of a run: one record of each party type, which later runs read and every question about a run asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.stages.drift import Histogram
    from tamscore.stages.kmeans import Fit
    from tamscore.stages.level_loss import PartyLevel
    from tamscore.stages.look_alike import LookAlike
    from tamscore.stages.potential import CustomerSales, PotentialTable
    from tamscore.stages.prepare import Vocabulary
    from tamscore.stages.quadrant import QuadrantLimits
    from tamscore.stages.space import Space


@dataclass(frozen=True)
class PartyRecord:
    """One party type of a model; arrays have k clusters, d features, s segments, n customers, q steps.

    `named` is how many ids its clusters have ever been given. Of the time when it was fitted: `reach` (k,) the distance
    within which nearly all accounts of a cluster lay, `histograms` how its features spread, `rows` how many there were.
    """

    name: str
    space: Space
    segments: Vocabulary | None
    clusters: tuple[tuple[str, str], ...]
    limits: QuadrantLimits
    named: int
    fit: Fit
    rows: int
    constant: tuple[str, ...]
    spread: Any
    reach: Any
    histograms: tuple[Histogram, ...]
    accounts: Any
    table: PotentialTable
    sales: CustomerSales
    by_segment: CustomerSales
    level: PartyLevel | None = None
    look_alike: LookAlike | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the clusters."""
        return tuple(name for name, _ in self.clusters)

    @property
    def names(self) -> tuple[str, ...]:
        """The readable names of the clusters."""
        return tuple(name for _, name in self.clusters)

    @property
    def centers(self) -> Any:
        """The centers (k, d) in whole numbers."""
        return self.fit.centers

    @property
    def counts(self) -> Any:
        """The fit rows of every cluster (k,)."""
        return self.fit.counts


@dataclass(frozen=True)
class ModelRecord:
    """A model that holds together: who made it, from which settings and features, its party types.

    `settings` maps sections of the job file to the hash of what they said when the model was fitted.
    """

    tamscore: str
    settings: dict[str, str]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    parties: tuple[PartyRecord, ...]
