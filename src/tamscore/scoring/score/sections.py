"""What an optional section leaves in the scores, part by part, and beside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.priority import PartPriority


@dataclass(frozen=True)
class WinForecast:
    """What a section knows of the scored rows of a partition before they get their places.

    The probability (s,) that each is won and what it may cost if it leaves (s,), None where it tells none; and more
    arrays (s,) by name, for its columns.
    """

    probability: Any | None = None
    at_risk: Any | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRows:
    """The scored rows of a partition: their places `at` (s,) in it, and their scores so far, one row each.

    `part` and `assigned` tell of every row of the partition: `assigned.columns.label[at]` are the clusters
    of the scored ones.
    `inputs` are the columns of the input that were read for these rows already, `foretold` is what the section that is
    asked has said of them before.
    """

    part: PartRows
    assigned: AssignedRows
    at: Any
    scores: pa.Table
    inputs: pa.Table | None = None
    foretold: WinForecast | None = None

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Return columns of the input for the scored rows, read only if they are not there yet."""
        if self.inputs is not None and set(columns) <= set(self.inputs.column_names):
            return self.inputs.select(columns)
        return tables.read(self.part.partition, columns).take(self.at)


@dataclass(frozen=True)
class Findings:
    """What a section leaves beside its columns.

    `record` stands in the manifest, `tables` among the tables of the run (`money` names columns that are told to the
    cent, `without_csv` tables that are too long for people to read); `model`, a description and arrays by name, is
    kept for later runs.
    """

    record: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    money: frozenset[str] = frozenset()
    model: tuple[dict[str, Any], dict[str, Any]] | None = None
    notices: tuple[str, ...] = ()
    without_csv: frozenset[str] = frozenset()


class State(Protocol):
    """All that a section needs to score accounts: small, and the same for every worker."""

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return its columns (s,) for the scored rows of a partition, by name."""

    def count(self, scored: pa.Table) -> Any:
        """Return what a part of the scores comes to, by its table alone: small, and added up in `findings`."""

    def findings(self, counts: Sequence[Any]) -> Findings:
        """Return what it leaves beside its columns, given the counts of all parts in order."""


@dataclass(frozen=True)
class RowsToForetell:
    """The scored rows `at` (s,) of a partition before they get their places, with the states of all sections."""

    part: PartRows
    assigned: AssignedRows
    at: Any
    states: tuple[State, ...]
    backend: Backend

    @cached_property
    def sales_windows(self) -> tuple[Any, Any] | None:
        """Sales (s,) of the last twelve months and of those before, NaN where unknown; None where no section knows."""
        known = next((state for state in self.states if isinstance(state, _SalesHistory)), None)
        return None if known is None else known.sales_windows(self.part, self.at, self.backend)


@runtime_checkable
class _SalesHistory(Protocol):
    """The state of a section that knows what accounts bought lately, and before."""

    def sales_windows(self, part: PartRows, at: Any, backend: Backend) -> tuple[Any, Any]:
        """Return the sales (s,) of the last twelve months and of those before of rows of a partition."""


@runtime_checkable
class WinForecaster(Protocol):
    """The state of a section that places depend on: asked once, before accounts get theirs."""

    def foretell(self, rows: RowsToForetell) -> WinForecast:
        """Return what it says of the scored rows of a partition; `score` gets that back."""


@runtime_checkable
class Ranked(Protocol):
    """The state of a section that goes by the places of all accounts: asked once, when they have got them."""

    def place(self, priorities: Sequence[PartPriority]) -> State:
        """Return the state that scores accounts, given the priorities of the rows of all partitions."""


@dataclass(frozen=True)
class Prepared:
    """A section that is ready to score accounts: its name, the names of the columns that it may add, its state.

    They stand in front of the column `before`, at the end where it names none. Columns `revised` are those of the core
    that it writes anew.
    """

    name: str
    columns: tuple[str, ...]
    state: State
    before: str = ""
    revised: tuple[str, ...] = ()


def with_sections(
    sections: Sequence[Prepared], rows: ScoredRows, foretold: Mapping[str, WinForecast], backend: Backend
) -> pa.Table:
    """The scores with the columns of every section behind them; a section sees the columns of those before it."""
    table = rows.scores
    for section in sections:
        scored = section.state.score(replace(rows, scores=table, foretold=foretold.get(section.name)), backend)
        if unknown := scored.keys() - {*section.columns, *section.revised}:
            raise AssertionError(f"{section.name}: columns {sorted(unknown)} are not declared")
        for name in section.revised:
            if name in scored:
                table = table.set_column(table.column_names.index(name), name, scored.pop(name))
        place = table.column_names.index(section.before) if section.before else table.num_columns
        for at, (name, column) in enumerate(scored.items(), place):
            table = table.add_column(at, name, column)
    return table
