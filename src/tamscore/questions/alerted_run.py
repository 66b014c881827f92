"""A run with the buying alerts since the run before beside its scores: columns that no version seals.

They compare two versions, and a version holds nothing but what its own input, job and model say: so they are found when
somebody asks for them, against the run that this one replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pyarrow as pa

from tamscore.questions import alerts, diff
from tamscore.questions.earlier_run import run_before
from tamscore.questions.export import BUYING
from tamscore.questions.join import AccountIndex
from tamscore.questions.stored import StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KEY = "account_id"
_FLAG, _REASON = BUYING
_COLUMNS = {_FLAG: pa.bool_(), _REASON: pa.string()}
"""Whether an account has a buying alert, and why: step, quadrant, names of intent features; null for none."""


@dataclass(frozen=True)
class AlertedRun(StoredRun):
    """A complete run with the accounts that have a buying alert, and why; None where no run was before it."""

    moved: tuple[AccountIndex, pa.Array] | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types, those of alerts last; none of these without a run before."""
        own = super().schema
        more = [pa.field(*parts) for parts in _COLUMNS.items()] if self.moved else []
        return pa.schema([*own, *more])

    def reasons_of(self, ids: pa.ChunkedArray) -> pa.Array:
        """Return why accounts (m,) have a buying alert, null for those that have none."""
        if self.moved is None:
            return pa.nulls(len(ids), pa.string())
        accounts, reasons = self.moved
        rows = accounts.rows_of(ids)
        return reasons.take(pa.array(rows, mask=rows < 0))

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores and of alerts, part by part; texts as `StoredRun.read` does."""
        if self.moved is None or not _COLUMNS.keys() & {*columns}:
            yield from super().read(columns, coded=coded)
            return
        stored = [name for name in columns if name not in _COLUMNS]
        for table in super().read(list(dict.fromkeys((*stored, KEY))), coded=coded):
            reasons = self.reasons_of(table[KEY])
            record = {_REASON: reasons, _FLAG: reasons.is_valid()}
            yield pa.table({name: record[name] if name in record else table[name] for name in columns})


def with_alerts(run: StoredRun, asked: Iterable[str]) -> StoredRun:
    """Return a run with columns for buying alerts where one of them is asked for, else the run as it is."""
    if not _COLUMNS.keys() & {*asked}:
        return run
    return alerted_since(run, run_before(run, None))


def alerted_since(run: StoredRun, before: StoredRun | None) -> AlertedRun:
    """Return a run with the buying alerts since an earlier one."""
    own, moved = {field.name: getattr(run, field.name) for field in fields(StoredRun)}, None
    if before is not None:
        result = pa.concat_tables([alerts.SCHEMA.empty_table(), *alerts.buying(diff.compare(before, run))])
        moved = AccountIndex.of([result[KEY]], run.id_form), result["reason"].combine_chunks()
    return AlertedRun(**own, moved=moved)
