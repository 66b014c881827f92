"""What an optional part of the scores must be able to do, wherever its numbers come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tamscore.schema import EXTRA_COLUMNS
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows


@dataclass(frozen=True)
class ScoredRows:
    """The scored rows of a partition: their places `at` (s,) in it, and their scores so far, one row each.

    `part` and `assigned` tell of every row of the partition: `assigned.label[at]` are the clusters of the scored ones.
    """

    part: PartRows
    assigned: AssignedRows
    at: Any
    scores: pa.Table

    def read(self, columns: Sequence[str], dictionary: Sequence[str] = ()) -> pa.Table:
        """Columns of the input for the scored rows, those named in `dictionary` dictionary-encoded."""
        return tables.read(self.part.partition, columns, dictionary).take(self.at)


@dataclass(frozen=True)
class Findings:
    """What an extra leaves beside its columns.

    `record` stands in the manifest, `tables` among the tables of the run (`money` names columns that are told to the
    cent); `model`, a description and arrays by name, is kept for later runs.
    """

    record: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    money: frozenset[str] = frozenset()
    model: tuple[dict[str, Any], dict[str, Any]] | None = None
    notices: tuple[str, ...] = ()


class Extra(Protocol):
    """An optional part of the scores, prepared: small, and the same for every worker."""

    @property
    def name(self) -> str:
        """Its section of the job file."""

    def columns(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Its columns (s,) for the scored rows of a partition, named as in `EXTRA_COLUMNS`."""

    def count(self, scored: pa.Table) -> Any:
        """What a part of the scores comes to, told from its table alone: small, and added up in `findings`."""

    def findings(self, counts: Sequence[Any]) -> Findings:
        """What it leaves beside its columns, given the counts of all parts in order."""


def with_extras(extras: Sequence[Extra], rows: ScoredRows, backend: Backend) -> pa.Table:
    """The scores with the columns of every extra behind them; one extra sees the columns of those before it."""
    table = rows.scores
    for extra in extras:
        made = extra.columns(ScoredRows(rows.part, rows.assigned, rows.at, table), backend)
        if unknown := made.keys() - set(EXTRA_COLUMNS[extra.name]):
            raise AssertionError(f"{extra.name}: columns {sorted(unknown)} are not in EXTRA_COLUMNS")
        for name, column in made.items():
            table = table.append_column(name, column)
    return table
