"""The interface of optional sections: their columns of the scores, part by part, and their other results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tamscore.stages.orders import places_of
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.priority import PartPriority
    from tamscore.stages.folding import IdForm


@dataclass(frozen=True)
class WinForecast:
    """The forecast of a section for the scored rows of a partition, before they get their places.

    The probability (s,) that each account is won, and the money at risk if it leaves (s,); either is None if the
    section does not forecast it. `more` holds further arrays (s,) by name, for its columns.
    """

    probability: Any | None = None
    at_risk: Any | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRows:
    """The scored rows of a partition: their places `at` (s,) in it, and their scores so far, one row each.

    `part` and `assigned` cover every row of the partition: `assigned.columns.label[at]` are the clusters of the scored
    rows. `inputs` are columns of the input that were already read for these rows. `foretold` is the earlier forecast of
    the section.
    """

    part: PartRows
    assigned: AssignedRows
    at: Any
    scores: pa.Table
    inputs: pa.Table | None = None
    foretold: WinForecast | None = None

    @property
    def hashes(self) -> Any:
        """The hashes (s,) of the ids of the scored rows."""
        return self.part.hashes[self.at]

    def places_in(self, known: Any, column: str, form: IdForm) -> Any:
        """Return the place (s,) of the scored rows among `known` accounts, -1 for none: see `orders.places_of`.

        Their ids are in a column of the input, which is read only where the first hash of one of them is known.
        """

        def ids_at(at: Any) -> pa.Array:
            return tables.account_ids(self.read([column])[column].take(at), form)

        return places_of(known, self.hashes, ids_at)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Return columns of the input for the scored rows; read them only if `inputs` lacks them."""
        if self.inputs is not None and set(columns) <= set(self.inputs.column_names):
            return self.inputs.select(columns)
        return tables.read(self.part.partition, columns).take(self.at)


@dataclass(frozen=True)
class Findings:
    """The results of a section beside its columns.

    `record` is stored in the manifest, `tables` with the tables of the run. `money` names columns with two decimal
    places, `without_csv` tables that are too long for people to read. `model`, a description and arrays by name, is
    stored for later runs.
    """

    record: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    money: frozenset[str] = frozenset()
    model: tuple[dict[str, Any], dict[str, Any]] | None = None
    notices: tuple[str, ...] = ()
    without_csv: frozenset[str] = frozenset()


class State(Protocol):
    """The data that a section needs to score accounts: small, and equal for every worker."""

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return the section's columns (s,) for the scored rows of a partition, by name."""

    def count(self, scored: pa.Table) -> Any:
        """Return small counts of a part of the scores, from its table alone; `findings` adds them up."""

    def findings(self, counts: Sequence[Any]) -> Findings:
        """Return the results beside the columns, given the counts of all parts in order."""


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
        """Sales (s,) of the last twelve months and of those before, NaN if unknown; None if no section has them."""
        known = next((state for state in self.states if isinstance(state, _SalesHistory)), None)
        return None if known is None else known.sales_windows(self.part, self.at, self.backend)


@runtime_checkable
class _SalesHistory(Protocol):
    """The state of a section that knows recent and earlier sales of accounts."""

    def sales_windows(self, part: PartRows, at: Any, backend: Backend) -> tuple[Any, Any]:
        """Return sales (s,) of the last twelve months and of the twelve before, for rows of a partition."""


@runtime_checkable
class WinForecaster(Protocol):
    """The state of a section on which places depend; called once, before accounts get their places."""

    def foretell(self, rows: RowsToForetell) -> WinForecast:
        """Return the forecast for the scored rows of a partition; `score` receives it."""


@runtime_checkable
class Ranked(Protocol):
    """The state of a section that depends on the places of all accounts; called once, when all have a place."""

    def place(self, priorities: Sequence[PartPriority]) -> State:
        """Return the state that scores accounts, given the priorities of the rows of all partitions."""


@dataclass(frozen=True)
class Prepared:
    """A section that is ready to score accounts: its name, the names of columns that it may add, its state.

    New columns come in front of the column `before`, or at the end if it is empty. `revised` names columns of the core
    that the section overwrites.
    """

    name: str
    columns: tuple[str, ...]
    state: State
    before: str = ""
    revised: tuple[str, ...] = ()


def with_sections(
    sections: Sequence[Prepared], rows: ScoredRows, foretold: Mapping[str, WinForecast], backend: Backend
) -> pa.Table:
    """Return the scores with the columns of all sections; a section sees the columns of earlier sections."""
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
