"""The accounts of the first of two runs, in as few bytes as a comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import level_codes
from tamscore.questions import diff_priority
from tamscore.questions.diff_priority import CallOrder, PriorityStanding
from tamscore.questions.join import AccountIndex

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.questions.stored import StoredRun

READ = ("account_id", "cluster", "sales", "potential", "whitespace")


@dataclass(frozen=True)
class Before:
    """The accounts of the first run: 26 bytes each beside their index; amounts float64, `code` uint16 their cluster.

    Typical sales are None at level cluster. `standing` is where they stand in the order of the run: 36 bytes more; None
    where one of the two runs has no priority. `order` has all its calls: 8 bytes more, None where no places are asked.
    """

    accounts: AccountIndex
    code: Any
    sales: Any
    potential: Any
    whitespace: Any
    typical: Any = None
    standing: PriorityStanding | None = None
    order: CallOrder | None = None

    @classmethod
    def of(cls, run: StoredRun, *, priority: bool = False, places: bool = True) -> Before:
        """All accounts of a run, with or without where they stand and what their places go by."""
        ids, columns, typical, standings = [], [], [], []
        for table in run.read(columns_of(run, priority=priority), coded=True):
            ids.append(table["account_id"])
            money = (table[name].to_numpy() for name in READ[2:])
            columns.append((level_codes(table["cluster"], run.clusters).astype(np.uint16), *money))
            typical += [typical_of(table)] if "typical_sales" in table.column_names else []
            standings += [PriorityStanding.of(table)] if priority else []
        accounts = AccountIndex.of(ids, run.id_form)
        code, sales, potential, whitespace = map(np.concatenate, zip(*columns, strict=True))
        standing = PriorityStanding.join(standings) if priority else None
        order = CallOrder.of(standing) if standing and places else None
        own = np.concatenate(typical) if typical else None
        return cls(accounts, code, sales, potential, whitespace, own, standing, order)

    def typical_of(self, rows: Any) -> Any:
        """The typical sales (m,) of the accounts in those places, NaN where they have none."""
        return np.full(len(rows), np.nan) if self.typical is None else self.typical[rows]


def columns_of(run: StoredRun, *, priority: bool = False) -> tuple[str, ...]:
    """The columns of a run's scores that a comparison reads."""
    more = diff_priority.columns_of(run) if priority else ()
    typical = (name for name in ("typical_sales",) if name in run.columns)
    return tuple(dict.fromkeys((*READ, *typical, *more)))


def typical_of(table: pa.Table) -> Any:
    """The typical sales (m,) of accounts, NaN where they have none."""
    there = "typical_sales" in table.column_names
    return table["typical_sales"].to_numpy() if there else np.full(table.num_rows, np.nan)
