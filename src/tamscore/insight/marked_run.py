"""A run with a column for the controls of holdouts that mark them: lists have these accounts, and show which they are.

No version seals the column: a holdout belongs to the output and counts until a person ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import pyarrow as pa

from tamscore.insight.alerted_run import KEY, AlertedRun
from tamscore.store.holdouts import MARK_COLUMN, Controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.insight.stored import StoredRun


def no_controls() -> Controls:
    """Return no controls."""
    return Controls(pa.array([], pa.large_string()))


@dataclass(frozen=True)
class MarkedRun(AlertedRun):
    """A complete run with a column that is true for the controls of holdouts that mark them."""

    controls: Controls = field(default_factory=no_controls)

    @property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types, the mark last."""
        return pa.schema([*super().schema, pa.field(MARK_COLUMN, pa.bool_())])

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores and the mark, part by part; texts as `StoredRun.read` does."""
        if MARK_COLUMN not in columns:
            yield from super().read(columns, coded=coded)
            return
        stored = [name for name in columns if name != MARK_COLUMN]
        for table in super().read(list(dict.fromkeys((*stored, KEY))), coded=coded):
            mark = pa.array(self.controls.among(table[KEY]))
            yield pa.table({name: mark if name == MARK_COLUMN else table[name] for name in columns})


def with_marks(run: StoredRun, of: StoredRun | None = None) -> StoredRun:
    """Return a run with a column for controls that are marked; as it is if there are none, or it has such a column.

    The holdouts are those of the output of the run `of`, None for its own. Raise InputContractError if one is not as it
    was written.
    """
    marked = Controls.marked((of or run).directory.output, run.id_form)
    if not len(marked) or MARK_COLUMN in run.columns:
        return run
    own = {one.name: getattr(run, one.name) for one in fields(run)}
    return MarkedRun(**own, controls=marked)
