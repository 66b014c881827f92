"""The keys of a job file as plain arguments of the steps of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tamscore.stages.potential import TopStep
    from tamscore.stages.priority import TierRules
    from tamscore.stages.quadrant import Threshold
    from tamscore.stages.whitespace import Boundary


@dataclass(frozen=True)
class Recipe:
    """How centers are sought: see `[clusters]` in the job file; `moves` says that badly placed ones are moved."""

    k: int
    seed: int
    seed_rows: int
    restarts: int
    batch_rows: int
    max_passes: int
    moves: bool = False


@dataclass(frozen=True)
class LadderRules:
    """How ladders are made and climbed: see `[potential]` in the job file."""

    lines: tuple[float, ...]
    top_step: TopStep
    boundary: Boundary
    min_customers: int
    level: float = 0.95


@dataclass(frozen=True)
class QuadrantRules:
    """Where high begins: see `[quadrant]` in the job file; NaN and 0 where a rule does not apply."""

    threshold: Threshold
    by_cluster: bool
    potential: float
    sales: float
    capacity: int

    @property
    def counts_accounts(self) -> bool:
        """Return whether so many accounts have high potential, rather than all from some limit on."""
        return self.threshold == "capacity" and not self.by_cluster


@dataclass(frozen=True)
class PriorityRules:
    """Who comes first: see `[priority]` in the job file."""

    acquisition: float
    expansion: float
    growth_label: bool
    tiers: TierRules
