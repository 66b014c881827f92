"""The work that a run keeps until it is complete: census, model, assignment, and what written parts come to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tamscore.schema import InputColumns, Partition
from tamscore.scoring.assign import AssignedParty, AssignedRows, PartyCount
from tamscore.scoring.assign_blocks import RowAssignment
from tamscore.scoring.census.money import CurrencyCount, PartitionSales
from tamscore.scoring.census.part_rows import PartRows
from tamscore.scoring.cluster_map import MapRows
from tamscore.scoring.drift import DriftCounts
from tamscore.scoring.features import Encoding
from tamscore.scoring.fit.guard import FeatureVerdict
from tamscore.scoring.fit.party_fit import ClusterChange, Naming, PartyFit, Reference
from tamscore.scoring.fit.trust import ClusterStability
from tamscore.scoring.party_model import PartyModel
from tamscore.scoring.score.parts import ScoredPart
from tamscore.scoring.score.sections import WinForecast
from tamscore.stages.account_ladder import AccountLadder
from tamscore.stages.choose_k import Candidate
from tamscore.stages.drift import Histogram
from tamscore.stages.grid import Grid
from tamscore.stages.input_change import InputChange
from tamscore.stages.interval import Bounds
from tamscore.stages.kmeans import Fit
from tamscore.stages.leakage import FeatureEvidence
from tamscore.stages.level import LevelColumns, LevelModel
from tamscore.stages.level_loss import LevelLoss, PartyLevel
from tamscore.stages.lifecycle import Event
from tamscore.stages.look_alike import LookAlike
from tamscore.stages.moves import Moves
from tamscore.stages.naming import ColumnTitle
from tamscore.stages.potential import PotentialTable
from tamscore.stages.prepare import Vocabulary
from tamscore.stages.quadrant import QuadrantLimits
from tamscore.stages.redraws import RedrawSpread
from tamscore.stages.scale import ColumnScale
from tamscore.stages.space import Space
from tamscore.store.checkpoints import Checkpoints
from tamscore.store.placed import Placed
from tamscore.store.stored_values import ValueFormat
from tamscore.substitution import SubstituteSums

if TYPE_CHECKING:
    from tamscore.progress import Progress
    from tamscore.store.partitions import Plan
    from tamscore.store.run_directory import RunDirectory

_CENSUS = (PartRows, PartitionSales, CurrencyCount, SubstituteSums)
_SPACE = (Encoding, Vocabulary, Space, ColumnScale, Grid)
_MODEL = (
    PartyFit,
    PartyModel,
    Fit,
    Histogram,
    Reference,
    PotentialTable,
    Bounds,
    QuadrantLimits,
    ClusterChange,
    Event,
    FeatureVerdict,
    FeatureEvidence,
)
_NAMES = (Naming, ColumnTitle)
_TRUST = (Candidate, ClusterStability, Moves, RedrawSpread, LookAlike)
_LEVEL = (PartyLevel, LevelModel, LevelColumns, LevelLoss, AccountLadder)
_ASSIGNMENT = (AssignedRows, RowAssignment, AssignedParty, PartyCount, DriftCounts, MapRows)
_SCORES = (ScoredPart, Placed, WinForecast)
_CLASSES = (InputChange, *_CENSUS, *_SPACE, *_MODEL, *_NAMES, *_TRUST, *_LEVEL, *_ASSIGNMENT, *_SCORES)
"""All that values of these stages are made of; see `ValueFormat`."""


def checkpoints(directory: RunDirectory, columns: InputColumns, plan: Plan, progress: Progress) -> Checkpoints:
    """Return the checkpoints of a run; partitions and columns in them are those of the plan, which its key covers."""

    def partition_at(place: tuple[int, SubstituteSums | None]) -> Partition:
        index, sums = place
        return replace(plan.partitions[index], sums=sums) if sums is not None else plan.partitions[index]

    def is_known(input_columns: InputColumns) -> None:
        if input_columns != columns:
            raise TypeError("columns other than those that the run reads cannot be stored")

    references: dict[type, Any] = {
        Partition: (lambda partition: (partition.index, partition.sums), partition_at),
        InputColumns: (is_known, lambda _: columns),
    }
    rows = [partition.rows for partition in plan.partitions]
    return Checkpoints(directory.checkpoints, directory.run_key, rows, ValueFormat(_CLASSES, references), progress)
