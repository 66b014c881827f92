"""The columns of money that are added up: by cluster, by campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.arrow import float_column

if TYPE_CHECKING:
    import pyarrow as pa

SUMMED = ("sales", "potential", "whitespace")


def amounts(column: pa.ChunkedArray) -> Any:
    """A column of money (m,), with 0 where there is none."""
    return float_column(column.fill_null(0.0) if column.null_count else column)
