"""Which rows may be scored: every row gets a reason code, 0 where it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import Flag, Reason
from tamscore.substitution import LARGEST_MONEY

if TYPE_CHECKING:
    from tamscore.backend import Array

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _RowChecks:
    """How the rows of one partition stand: reason (m,) uint8, party (m,) int8, and the count of missing sales."""

    reason: Any
    party: Any
    sales_missing: int


def check_rows(
    ids_missing: Any, sales: Any, party_codes: Any | None, *, reject_missing_sales: bool, sales_is_null: Any
) -> _RowChecks:
    """The reason code and party type of every row of a partition.

    `ids_missing` (m,) bool, `sales` (m,) float64 with NaN for missing, `sales_is_null` (m,) bool, `party_codes` (m,)
    positions in `schema.PARTY_TYPES` with -1 for anything else, or None where all are end users. A missing id comes
    first, then what is wrong with sales, then the party type.
    """
    party = np.zeros(len(sales), dtype=np.int8) if party_codes is None else party_codes.astype(np.int8)
    reason = np.zeros(len(sales), dtype=np.uint8)
    reason[party < 0] = Reason.PARTY_TYPE_UNKNOWN
    reason[np.abs(sales) >= LARGEST_MONEY] = Reason.SALES_TOO_LARGE
    reason[~np.isfinite(sales) & ~sales_is_null] = Reason.SALES_NOT_FINITE
    if reject_missing_sales:
        reason[sales_is_null] = Reason.SALES_MISSING
    reason[ids_missing] = Reason.MISSING_ID
    return _RowChecks(reason, party, int(np.count_nonzero(sales_is_null & ~ids_missing)))


def usable(xp: Any, columns: list[Array]) -> Array:
    """Which rows (m,) bool hold numbers that a float32 can hold in every column; NaN stands for missing and is fine."""
    too_large = xp.abs(columns[0]) > _LARGEST
    for column in columns[1:]:
        too_large |= xp.abs(column) > _LARGEST
    return ~too_large


def flags(sales: Any, sales_is_null: Any, revenue: Any | None, non_negative: list[Any]) -> Any:
    """The `schema.Flag` value (m,) uint8 of every row; comparisons with missing numbers raise no flag."""
    value = np.where(sales_is_null, np.uint8(Flag.SALES_MISSING), np.uint8(0))
    value |= np.where(sales < 0, np.uint8(Flag.NEGATIVE_SALES), np.uint8(0))
    if revenue is not None:
        value |= np.where((sales > revenue) & (sales > 0), np.uint8(Flag.SALES_ABOVE_REVENUE), np.uint8(0))
    for column in non_negative:
        value |= np.where(column < 0, np.uint8(Flag.NEGATIVE_VALUE), np.uint8(0))
    return value


def counts_by_reason(reasons: list[Any]) -> dict[str, int]:
    """How many rows were rejected for each reason, over the reason codes of all partitions; zero counts included."""
    total = sum((np.bincount(reason, minlength=len(Reason)) for reason in reasons), np.zeros(len(Reason), np.int64))
    return {reason.code: int(total[reason]) for reason in Reason if reason is not Reason.SCORED}
