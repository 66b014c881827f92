"""The accounts of the first of two runs, in as few bytes as a comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.questions import diff_priority
from tamscore.questions.diff_priority import CallOrder, PriorityStanding
from tamscore.questions.join import AccountIndex

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.questions.stored import StoredRun

READ = ("account_id", "cluster", "sales", "potential", "whitespace")


@dataclass(frozen=True)
class Before:
    """The accounts of the first run: 34 bytes each beside their index; amounts float64, `code` uint16 their cluster.

    Typical sales are NaN at level cluster. `standing` is where they stand in the order of the run, with all its calls:
    44 bytes more; None where one of the two runs has no priority.
    """

    accounts: AccountIndex
    code: Any
    sales: Any
    potential: Any
    whitespace: Any
    typical: Any
    standing: PriorityStanding | None = None
    order: CallOrder | None = None

    @classmethod
    def of(cls, run: StoredRun, *, priority: bool = False) -> Before:
        """All accounts of a run, with or without where they stand."""
        ids, columns, standings = [], [], []
        for table in run.read(columns_of(run, priority=priority)):
            ids.append(table["account_id"])
            money = (table[name].to_numpy() for name in READ[2:])
            columns.append((run.codes(table["cluster"]).astype(np.uint16), *money, typical_of(table)))
            standings += [PriorityStanding.of(table)] if priority else []
        accounts = AccountIndex.of(ids, run.id_form)
        code, sales, potential, whitespace, typical = map(np.concatenate, zip(*columns, strict=True))
        standing = PriorityStanding.join(standings) if priority else None
        order = CallOrder.of(standing) if standing else None
        return cls(accounts, code, sales, potential, whitespace, typical, standing, order)


def columns_of(run: StoredRun, *, priority: bool = False) -> tuple[str, ...]:
    """The columns of a run's scores that a comparison reads."""
    more = diff_priority.columns_of(run) if priority else ()
    typical = (name for name in ("typical_sales",) if name in run.columns)
    return tuple(dict.fromkeys((*READ, *typical, *more)))


def typical_of(table: pa.Table) -> Any:
    """The typical sales (m,) of accounts, NaN where they have none."""
    there = "typical_sales" in table.column_names
    return table["typical_sales"].to_numpy() if there else np.full(table.num_rows, np.nan)
