"""A run with the buying alerts since the run before beside its scores: columns that no version seals.

They compare two versions, and a version holds nothing but what its own input, job and model say: so they are found when
somebody asks for them, against the run that this one replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from tamscore.insight import alerts, diff
from tamscore.insight.earlier_run import run_before
from tamscore.insight.export import BUYING
from tamscore.insight.join import AccountIndex
from tamscore.insight.stored import StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KEY = "account_id"
FLAG, REASON = BUYING
COLUMNS = {FLAG: pa.bool_(), REASON: pa.string()}
"""Whether an account has a buying alert, and why: step, quadrant, names of intent features; null for none."""


@dataclass(frozen=True)
class AlertedRun(StoredRun):
    """A complete run, and the run before, against which its accounts have buying alerts."""

    before: StoredRun | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of its scores with their types, those of alerts last; none of these without a run before."""
        own = super().schema
        more = [pa.field(*one) for one in COLUMNS.items()] if self.before else []
        return pa.schema([*own, *more])

    @cached_property
    def moved(self) -> tuple[AccountIndex, pa.Array]:
        """The accounts with a buying alert, and why."""
        if self.before is None:
            return AccountIndex.of([], self.id_form), pa.array([], pa.string())
        found = pa.concat_tables([alerts.SCHEMA.empty_table(), *alerts.buying(diff.compare(self.before, self))])
        return AccountIndex.of([found[KEY]], self.id_form), found["reason"].combine_chunks()

    def read(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of its scores and of alerts, part by part, texts as texts."""
        asked = [name for name in columns if name in COLUMNS]
        if self.before is None or not asked:
            yield from super().read(columns)
            return
        stored = [name for name in columns if name not in COLUMNS]
        accounts, reasons = self.moved
        for table in super().read(list(dict.fromkeys((*stored, KEY)))):
            rows = accounts.rows_of(table[KEY])
            told = {REASON: reasons.take(pa.array(rows, mask=rows < 0)), FLAG: pa.array(rows >= 0)}
            yield pa.table({name: told[name] if name in told else table[name] for name in columns})


def with_alerts(run: StoredRun, asked: Iterable[str]) -> StoredRun:
    """Return a run with columns for buying alerts where one of them is asked for, else the run as it is."""
    if not COLUMNS.keys() & {*asked}:
        return run
    own = {one.name: getattr(run, one.name) for one in fields(StoredRun)}
    return AlertedRun(**own, before=run_before(run, None))
