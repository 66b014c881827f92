"""Families as rows of the scores: what each says of its accounts, and their potential beside its own."""

from __future__ import annotations

import json
import re
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
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows

_MONEY = ("sales", "potential", "whitespace", "members_potential", "members_whitespace")
_COUNTS = ("families", "members", "members_customers")
_SUMS = (*_COUNTS, *_MONEY)
"""What is added up over families, money in cents."""
_NO_AMOUNTS = frozenset(
    [
        "age",
        "alter",
        "annee",
        "anno",
        "average",
        "avg",
        "founded",
        "index",
        "jahr",
        "jahre",
        "mean",
        "median",
        "pct",
        "per",
        "percent",
        "price",
        "prozent",
        "quote",
        "rank",
        "rate",
        "rating",
        "ratio",
        "score",
        "share",
        "since",
        "tenure",
        "year",
        "years",
        "yield",
    ]
)
"""Words of columns that hold no amounts, so that sums of theirs mean nothing."""


@dataclass(frozen=True)
class _RowsState:
    """The state: what the table of families says it was made of, and which features were added up unasked (s,)."""

    accounts_record: dict[str, Any]
    summed: tuple[str, ...] = ()

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
                **self.accounts_record,
                "largest": max(largest for _, largest in counts),
                **{name: _totals(sums[:, place]) for place, name in enumerate(("several", "single"))},
            }
        }
        return Findings(record, money=frozenset(_MONEY), notices=tuple(_notices(self.accounts_record, self.summed)))


def _totals(sums: Any) -> dict[str, Any]:
    """Return sums (8,) by name, money with cents behind the point."""
    record = dict(zip(_SUMS, sums.tolist(), strict=True))
    return {name: record[name] / 100 if name in _MONEY else record[name] for name in _SUMS}


def _notices(record: dict[str, Any], summed: Sequence[str]) -> Iterator[str]:
    """Yield what a person should know of the families: both party types in one, sums of what is no amount."""
    if mixed := record["of_both_party_types"]:
        verb = "family has" if mixed == 1 else "families have"
        what = "each is scored as what its top account is, with the sums of all its accounts"
        yield f"{mixed:,} {verb} both end users and channel partners: {what}"
    for name in summed:
        yield (
            f"feature {name!r} of a family is the sum of its accounts, though its name is not that of an amount; set "
            f'families.features.{name} = "max" or "parent", or "sum" if that is meant'
        )


def _is_no_amount(name: str) -> bool:
    """Return whether a column is called like an age, a year, a share or a mean: sums of those mean nothing."""
    return not _NO_AMOUNTS.isdisjoint(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name))


def prepare_rows(market: Market) -> _RowsState:
    """Return the state, read from the metadata of the table that is scored."""
    piece = market.run.plan.partitions[0].pieces[0]
    footer, _ = footers.read_footer(location(piece.file))
    record = json.loads(footer.metadata[METADATA.encode()])
    asked = market.run.job.sections["families"].features
    sums = (name for name, how in record["features"].items() if how == "sum" and name not in asked)
    return _RowsState(record, tuple(name for name in sums if _is_no_amount(name)))
