"""The look-alike joins the scores: log odds of the assignment become probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import nullable
from tamscore.scoring.score.sections import Findings
from tamscore.stages.look_alike_fit import FEWEST
from tamscore.stages.ridge import probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.look_alike.settings import LookAlikeSettings

_OFF = "look_alike.enabled = false"
_TOO_FEW = f"fewer than {FEWEST} customers, or prospects, of any party type to compare"
_PLACES = 4
_STRONGEST = 5
"""So many features are recorded for each party type."""


@dataclass(frozen=True)
class _LookAlikeState:
    """The state of the section: what is recorded of each party type's look-alike."""

    record: dict[str, Any]

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """The probability of the scored rows of a partition; null in a party type without a look-alike."""
        del backend
        odds = rows.assigned.columns.look_alike[rows.at].astype(np.float64)
        return {"look_alike": nullable(np.round(probability(odds), _PLACES))}

    def count(self, scored: pa.Table) -> None:
        """Do nothing: an account that looks like a customer is none."""

    def findings(self, counts: Sequence[None]) -> Findings:
        """Return what is recorded."""
        del counts
        return Findings(self.record)


def prepare(market: Market, settings: LookAlikeSettings) -> _LookAlikeState | str:
    """The state; in words why there is no look-alike."""
    if not settings.enabled:
        return _OFF
    parties = [_party_record(fit) for fit in market.fitted if fit.model.look_alike]
    return _LookAlikeState({"parties": parties}) if parties else _TOO_FEW


def _party_record(fit: PartyFit) -> dict[str, Any]:
    """Return what is recorded of the look-alike of a party type."""
    made = fit.model.look_alike
    if made is None:
        raise AssertionError(f"{fit.model.name}: no look-alike")
    names = [feature.name for feature in fit.model.space.features]
    order = np.argsort(-made.spreads, kind="stable")[:_STRONGEST]
    strongest = [
        {"feature": names[j], "spread": round(float(made.spreads[j]), 6)} for j in order if made.spreads[j] > 0
    ]
    return {
        "party_type": fit.model.name,
        "area": round(made.area, 6),
        "customers": made.customers,
        "prospects": made.prospects,
        "excluded": list(made.excluded),
        "strongest": strongest,
    }
