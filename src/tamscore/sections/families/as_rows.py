"""Families as rows of the scores: what each says of its accounts, and their potential beside its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.score.amounts import amounts
from tamscore.scoring.score.sections import Findings
from tamscore.sections.families.rollup import cents
from tamscore.sections.families.settings import ROW_COLUMNS
from tamscore.sections.families.staging import METADATA
from tamscore.store import footers
from tamscore.store.location import location

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows

_MONEY = ("sales", "potential", "whitespace", "members_potential", "members_whitespace")
_COUNTS = ("families", "members", "members_customers")
_SUMS = (*_COUNTS, *_MONEY)
"""What is added up over families, money in cents."""


@dataclass(frozen=True)
class _RowsState:
    """The state: what the table of families says it was made of."""

    told: dict[str, Any]

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return what the scored families say of their accounts."""
        del backend
        read = rows.read(ROW_COLUMNS)
        return {name: read[name].combine_chunks() for name in ROW_COLUMNS}

    def count(self, scored: pa.Table) -> Any:
        """Return what the families of a part come to: SUMS (8, 2) int64, those of several accounts first."""
        members = scored["family_members"].to_numpy()
        counts = [np.ones(len(members)), members, scored["members_customers"].to_numpy()]
        values = np.stack([*counts, *(cents(amounts(scored[name])) for name in _MONEY)])
        several = members > 1
        here = np.stack([values[:, several].sum(axis=1), values[:, ~several].sum(axis=1)], axis=1)
        return np.rint(here).astype(np.int64), int(members.max(initial=0))

    def findings(self, counts: Sequence[Any]) -> Findings:
        """Return what families come to, beside what their accounts do."""
        sums = np.sum([item for item, _ in counts], axis=0)
        record = {
            "as_accounts": {
                **self.told,
                "largest": max(largest for _, largest in counts),
                **{name: _totals(sums[:, place]) for place, name in enumerate(("several", "single"))},
            }
        }
        return Findings(record, money=frozenset(_MONEY), notices=tuple(_notices(self.told)))


def _totals(sums: Any) -> dict[str, Any]:
    """Return sums (8,) by name, money with cents behind the point."""
    record = dict(zip(_SUMS, sums.tolist(), strict=True))
    return {name: record[name] / 100 if name in _MONEY else record[name] for name in _SUMS}


def _notices(record: dict[str, Any]) -> list[str]:
    """Return what a person should know of the families."""
    if not (mixed := record["of_both_party_types"]):
        return []
    verb = "family has" if mixed == 1 else "families have"
    what = "each is scored as what its top account is, with the sums of all its accounts"
    return [f"{mixed:,} {verb} both end users and channel partners: {what}"]


def prepare_rows(market: Market) -> _RowsState:
    """Return the state, told by the table that is scored."""
    piece = market.this.plan.partitions[0].pieces[0]
    footer, _ = footers.read_footer(location(piece.file))
    return _RowsState(json.loads(footer.metadata[METADATA.encode()]))
