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
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun

READ = ("account_id", "cluster", "sales", "potential", "whitespace")


@dataclass(frozen=True)
class Before:
    """The accounts of the first run: 26 bytes each beside their ids; amounts float64, `code` uint16 their cluster.

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
        ids, rows = list[Any](), run.manifest["rows"]["scored"]
        accounts, standings = _Columns(rows), _Columns(rows)
        for table in run.read(columns_of(run, priority=priority), coded=True):
            ids.append(table["account_id"])
            accounts.add(_columns_in(table, run.clusters))
            if priority:
                standings.add(vars(PriorityStanding.of(table)))
        standing = PriorityStanding(**standings.all) if priority else None
        order = CallOrder.of(standing) if standing and places else None
        return cls(AccountIndex.of(ids, run.id_form), **accounts.all, standing=standing, order=order)

    def typical_of(self, rows: Any) -> Any:
        """The typical sales (m,) of the accounts in those places, positions or a slice; NaN where they have none."""
        return np.full(len(self.code[rows]), np.nan) if self.typical is None else self.typical[rows]


class _Columns:
    """Columns of so many rows, filled part by part, so that no part is kept beside them."""

    def __init__(self, rows: int) -> None:
        self._rows, self._filled, self._columns = rows, 0, dict[str, Any]()

    def add(self, part: dict[str, Any]) -> None:
        """Add the next rows: columns (m,) by name, the same ones each time."""
        start, self._filled = self._filled, self._filled + len(next(iter(part.values())))
        for name, column in part.items():
            if name not in self._columns:
                self._columns[name] = np.empty(self._rows, column.dtype)
            self._columns[name][start : self._filled] = column

    @property
    def all(self) -> dict[str, Any]:
        """The columns by name, with all rows that were added."""
        return {name: column[: self._filled] for name, column in self._columns.items()}


def _columns_in(table: pa.Table, clusters: Sequence[str]) -> dict[str, Any]:
    """The columns of `Before` that a part of the scores has."""
    columns = {"code": level_codes(table["cluster"], clusters).astype(np.uint16)}
    columns |= {name: table[name].to_numpy() for name in READ[2:]}
    return columns | ({"typical": typical_of(table)} if "typical_sales" in table.column_names else {})


def columns_of(run: StoredRun, *, priority: bool = False) -> tuple[str, ...]:
    """The columns of a run's scores that a comparison reads."""
    more = diff_priority.columns_of(run) if priority else ()
    typical = (name for name in ("typical_sales",) if name in run.columns)
    return tuple(dict.fromkeys((*READ, *typical, *more)))


def typical_of(table: pa.Table) -> Any:
    """The typical sales (m,) of accounts, NaN where they have none."""
    there = "typical_sales" in table.column_names
    return table["typical_sales"].to_numpy() if there else np.full(table.num_rows, np.nan)
