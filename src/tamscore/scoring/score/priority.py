"""The columns of priority, and those of quadrants if the job counts accounts: ties do not share their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import nullable, text_dictionary
from tamscore.stages import quadrant
from tamscore.stages.priority import TIERS

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.scoring.score.plan import ScorePlan

BASES = ("win_rate", "look_alike", "propensity", "growth")
PLACES = 6
"""Decimal places of probabilities."""
_PLAYS = {"play": "play", "suggested_role": "role", "suggested_service_level": "service_level"}
"""The columns that follow from a play, with the attribute of the play that each holds."""


@dataclass(frozen=True)
class PartPriority:
    """The priority of the rows of a partition, all (m,); rows that are not scored have place 0.

    Probability float32 with its basis int8 in BASES, expected value float64, places from 1 among all accounts of the
    party type and among those of the kind, tier int8 in TIERS. `high` marks accounts with high potential if
    the job counts places for that, else None.
    """

    probability: Any
    basis: Any
    expected: Any
    place: Any
    in_kind: Any
    tier: Any
    high: Any | None

    @classmethod
    def empty(cls, rows: int, *, counted: bool) -> PartPriority:
        """Return the priority of rows of which none is scored."""
        probability, expected = np.full(rows, np.nan, np.float32), np.full(rows, np.nan)
        (place, in_kind), (basis, tier) = np.zeros((2, rows), np.int32), np.zeros((2, rows), np.int8)
        return cls(probability, basis, expected, place, in_kind, tier, np.zeros(rows, bool) if counted else None)


def priority_columns(priority: PartPriority, at: Any) -> dict[str, pa.Array]:
    """Return the columns of priority for the rows `at` of a partition: probability, expected value, places, tier."""
    import pyarrow as pa

    return {
        "probability": pa.array(np.round(priority.probability[at].astype(np.float64), PLACES)),
        "p_basis": text_dictionary(priority.basis[at], list(BASES)),
        "expected_value": nullable(np.round(priority.expected[at], 2)),
        "priority": pa.array(priority.place[at]),
        "priority_in_kind": pa.array(priority.in_kind[at]),
        "tier": text_dictionary(priority.tier[at], list(TIERS)),
    }


def counted_plays(high: Any, party: Any, sales: Any, plan: ScorePlan) -> dict[str, pa.Array]:
    """Return quadrant and play of rows (s,), given whether each has `high` potential, its party type and sales."""
    limit = np.full(1 + max(policy.code for policy in plan.parties), np.inf)
    for policy in plan.parties:
        limit[policy.code] = policy.limits.sales
    return play_columns(2 * high.astype(np.int64) + (sales >= limit[party]), sales > 0)


def play_columns(code: Any, buys: Any) -> dict[str, pa.Array]:
    """Return quadrant and play of rows (s,), given the quadrant as an index in PLAYS, and which rows buy."""
    play = quadrant.play_codes(code, buys)
    row = {column: [getattr(play, name) for play in quadrant.PLAYS] for column, name in _PLAYS.items()}
    record = {column: text_dictionary(play, texts) for column, texts in row.items()}
    return {"quadrant": text_dictionary(code, [play.quadrant for play in quadrant.PLAYS]), **record}
