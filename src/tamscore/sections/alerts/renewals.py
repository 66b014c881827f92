"""Whose contract ends soon: days of renewal, counted from a day that somebody has named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.scoring.joining.order_lines import days_of

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.backend import Array
    from tamscore.store.partitions import Plan

_EPOCH = date(1970, 1, 1)
_LAST_DAY = (date.max - _EPOCH).days
"""The last day that there is a date for."""
NEVER = np.int32(-(2**31))
"""The day of a contract of which no end is known."""
NO_DAY = "renewals: not known from which day on, since a run takes no date of its own; set alerts.renewals_from"


@dataclass(frozen=True)
class Renewals:
    """The column with the day of renewal, and the first and the last day, since 1970, on which one is due."""

    column: str
    first: int
    last: int

    @classmethod
    def between(cls, column: str, start: date, days: int) -> Renewals:
        """The renewals that are due from a day on, for so many days."""
        first = (start - _EPOCH).days
        return cls(column, first, min(first + days, _LAST_DAY))

    @property
    def record(self) -> dict[str, str]:
        """First and last day as people write them."""
        return {"from": str(_EPOCH + timedelta(self.first)), "until": str(_EPOCH + timedelta(self.last))}


def due(day: Array, customer: Array, renewals: Renewals) -> Array:
    """Return which accounts (m,) bool are customers whose contract ends within the days that count, both included."""
    return customer & (day >= renewals.first) & (day <= renewals.last)


def require_dates(column: str | None, plan: Plan) -> None:
    """Raise InputContractError if the column of renewals is of a type that holds no dates."""
    import pyarrow.types as t

    if column is None:
        return
    kind = plan.schema.field(column).type
    if not (t.is_date(kind) or t.is_timestamp(kind)):
        raise InputContractError(
            f"{plan.files[0]}: column {column!r} is {kind}, expected dates or timestamps for columns.renewal_date; "
            f"cast it, or convert the CSV with 'tamscore import --type {column}=date'"
        )


def days_in(table: pa.Table, column: str) -> Any:
    """The days (m,) int32 since 1970 in a column, NEVER where there is none."""
    days, missing = days_of(table[column], f"column {column!r}")
    return np.where(missing, NEVER, days)


def as_dates(days: Any) -> pa.Array:
    """Days (m,) since 1970 as a column of dates, null for NEVER."""
    import pyarrow as pa

    return pa.array(days.astype(np.int32), mask=days == NEVER).cast(pa.date32())
