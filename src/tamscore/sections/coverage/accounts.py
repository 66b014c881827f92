"""The scored accounts of a run as coverage looks at them, in order of account id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.stages.folding import fold_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.texts import Texts
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

MONEY = ("sales", "potential", "whitespace")
LIKELY = ("probability", "priority")
LIMITING = ("party_type", "quadrant", "kind", "tier", "market_segment")
"""Columns of the scores that a plan may be limited by, beside size band and region."""
TEXTS = (*LIMITING, "role", "service_level", "campaign_band", "campaign_id", "campaign_channel")
OPEN_PRODUCT = "open_product"
"""The column of the product with the most whitespace, of a run that knows products."""


class ScoredRun(Protocol):
    """The data of a finished run that a coverage needs."""

    @property
    def name(self) -> str:
        """Its run key."""

    @property
    def directory(self) -> RunDirectory:
        """Return where it lies."""

    @property
    def id_form(self) -> IdForm:
        """Return how its job compares account ids."""

    @property
    def coverage_before(self) -> Location | None:
        """The coverage whose people own its accounts, None without one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores."""

    def require(self, columns: Sequence[str]) -> None:
        """Raise UsageError that names those of the columns that its job has left out of its scores."""

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part, texts as texts; with `coded` as dictionaries where they are."""


@dataclass(frozen=True)
class Family:
    """The family of each account (m,) by number, whether it is its top account (m,) bool, and the family's tier."""

    code: Any
    is_top: Any
    tier: Texts


@dataclass(frozen=True)
class CoverageAccounts:
    """Accounts (m,) in order of id: money, texts by column name, and the region and skill they ask for, '' for none.

    `promise` (m,) is the whitespace of each times its probability over the mean of its kind, which is 1 where the run
    knows none. `priority` (m,) is its place, 1 for the first. Families that are covered whole are `family`; where they
    are accounts themselves, `others` (m,) is the promise of the prospects in families of customers. `place` (m,) says
    where each row of the scores stands among them, None where nobody asks.
    """

    ids: pa.Array
    sales: Any
    potential: Any
    whitespace: Any
    promise: Any
    priority: Any
    texts: dict[str, Texts]
    region: Texts
    skill: Texts
    form: IdForm = "text"
    family: Family | None = None
    others: Any | None = None
    place: Any | None = None

    @cached_property
    def keys(self) -> pa.Array:
        """The ids (m,) as they are compared."""
        import pyarrow as pa

        return fold_ids(self.ids.cast(pa.large_string()), self.form)

    def __len__(self) -> int:
        """The number of accounts m."""
        return len(self.ids)

    def within(self, limits: Sequence[tuple[str, frozenset[str]]], rows: Any = slice(None)) -> Any:
        """Return which accounts, all (m,) or some, hold one of the names in every column of the limits."""
        here = np.ones(len(self), bool)[rows]
        for column, names in limits:
            here &= self.column(column).among(names, rows)
        return here

    def column(self, name: str) -> Texts:
        """Return a column that plans may be limited by, under the name that the table of plans gives it."""
        return {"region": self.region, "band": self.texts["campaign_band"]}.get(name) or self.texts[name]

    @property
    def group(self) -> Any:
        """The number (m,) of each account's pair of region and skill."""
        return self.group_of(slice(None))

    def group_of(self, rows: Any) -> Any:
        """The number of the pair of region and skill of some accounts."""
        return self.region.codes(rows).astype(np.int32) * len(self.skill.levels) + self.skill.codes(rows)

    @property
    def groups(self) -> list[tuple[str, str]]:
        """All pairs of region and skill, by number."""
        return [(region, skill) for region in self.region.levels for skill in self.skill.levels]
