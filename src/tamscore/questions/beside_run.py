"""A run with columns beside its scores that no version seals: controls of holdouts, and more of a coverage.

A holdout belongs to the output and counts until a person ends it; another coverage may be made of the same scores.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from tamscore.questions.alerted_run import KEY, AlertedRun, with_alerts
from tamscore.questions.earlier_run import run_before
from tamscore.questions.lists.since import CHANGED, RunBefore
from tamscore.schema import COVERAGE_DETAILS
from tamscore.store.holdouts import MARK_COLUMN, Controls, in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tamscore.questions.roles import CoveragePlan
    from tamscore.questions.stored import StoredRun
    from tamscore.store.location import Location


class _Beside(Protocol):
    """Columns of accounts by id."""

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types."""

    def of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return the columns of accounts (m,)."""


@dataclass(frozen=True)
class _Marks:
    """A column that is true for the controls of some holdouts."""

    controls: Controls

    @property
    def schema(self) -> pa.Schema:
        """The column with its type."""
        return pa.schema({MARK_COLUMN: pa.bool_()})

    def of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return which accounts (m,) are controls."""
        return pa.table({MARK_COLUMN: self.controls.among(ids)})


@dataclass(frozen=True)
class _Details:
    """What a coverage says of accounts beyond who covers them: value, owner before, and what they are owed."""

    plan: CoveragePlan

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types."""
        return pa.schema(dict.fromkeys(COVERAGE_DETAILS, pa.string()) | {COVERAGE_DETAILS[0]: pa.float64()})

    def of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return the columns of accounts (m,)."""
        return self.plan.details_of(ids)


@dataclass(frozen=True)
class _Changes:
    """What changed about accounts since the run before, as lists say it; null for nothing."""

    now: RunBefore
    then: RunBefore

    @property
    def schema(self) -> pa.Schema:
        """The column with its type."""
        return pa.schema({CHANGED: pa.string()})

    def of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return what changed about accounts (m,)."""
        here = self.now.table.take(pa.array(self.now.accounts.rows_of(ids))).append_column(KEY, ids)
        text = self.then.change_texts(here)
        return pa.table({CHANGED: pc.if_else(pc.equal(text, ""), None, text)})


@dataclass(frozen=True)
class _BesideRun(AlertedRun):
    """A complete run with columns beside its scores."""

    beside: tuple[_Beside, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types, those beside them last."""
        return pa.schema([*super().schema, *(field for beside in self.beside for field in beside.schema)])

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores and those beside them, part by part; texts as `StoredRun.read` does."""
        asked = [beside for beside in self.beside if {*beside.schema.names} & {*columns}]
        if not asked:
            yield from super().read(columns, coded=coded)
            return
        made = {name for beside in asked for name in beside.schema.names}
        stored = [name for name in columns if name not in made]
        for table in super().read(list(dict.fromkeys((*stored, KEY))), coded=coded):
            record = {name: table[name] for name in stored}
            for item in asked:
                result = item.of(table[KEY])
                record |= {name: result[name] for name in result.column_names}
            yield pa.table({name: record[name] for name in columns})


def with_marks(run: StoredRun, of: StoredRun | None = None) -> StoredRun:
    """Return a run with a column for controls that are marked; as it is if there are none, or it has such a column.

    The holdouts are those of the output of the run `of`, None for its own. Raise InputContractError if one is not as it
    was written.
    """
    marked = Controls.mark((of or run).directory.output, run.id_form)
    return _with_beside(run, [_Marks(marked)]) if len(marked) and MARK_COLUMN not in run.columns else run


def with_columns(
    run: StoredRun, asked: Iterable[str], of: StoredRun | None = None, since: Location | None = None
) -> StoredRun:
    """Return a run with those columns beside its scores that are asked for, as far as there are any.

    Controls are those of all holdouts that count, be they marked or left out, of the output of the run `of`, None for
    its own. What changed is held against the run `since`, None for the one that it replaced; an earlier run `of`
    another one says nothing of that. Raise as `with_marks`.
    """
    names, besides = {*asked}, list[_Beside]()
    if MARK_COLUMN in names - {*run.columns}:
        counting = in_force((of or run).directory.output)
        besides += [_Marks(Controls.of_holdouts(counting, run.id_form))] if counting else []
    if run.roles.plan is not None and names & {*COVERAGE_DETAILS} - {*run.columns}:
        besides.append(_Details(run.roles.plan))
    if of is None and CHANGED in names - {*run.columns} and (before := run_before(run, since)) is not None:
        besides += _changes_of(run, before)
    return _with_beside(with_alerts(run, names), besides)


def _changes_of(run: StoredRun, before: StoredRun) -> list[_Beside]:
    """Return what changed about the accounts of a run since an earlier one; nothing if they have none in common."""
    changes = _Changes(RunBefore.of(run), RunBefore.of(before))
    return [changes] if changes.then.known_of(run) else []


def _with_beside(run: StoredRun, beside: Sequence[_Beside]) -> StoredRun:
    """Return a run with columns beside its scores; as it is if there are none."""
    if not beside:
        return run
    own = {field.name: getattr(run, field.name) for field in fields(run)}
    return _BesideRun(**{**own, "beside": (*own.get("beside", ()), *beside)})
