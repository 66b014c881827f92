"""Columns that callers hand over: lists, arrays, Series, Arrow columns, arrays of a GPU; read and checked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore import backend as backends
from tamscore.arrow import float_column, places_in

if TYPE_CHECKING:
    import pyarrow as pa

_UNKNOWN = "unknown"
"""The name of missing segments."""


def on_host(values: Any) -> Any:
    """Values as the host can read them."""
    home = backends.holder(values)
    return values if home is None else home.get(values)


def _column_of(values: Any, name: str) -> pa.ChunkedArray:
    """A list, array, Series or Arrow column as an Arrow column; raise ValueError if it is a table."""
    import pyarrow as pa

    if not hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array([pa.array(values, from_pandas=True)])
    column = pa.chunked_array(values)
    if pa.types.is_struct(column.type):
        raise ValueError(f"{name}: expected one column, got a table of {column.type.num_fields}; name the column of it")
    return column


def sales_of(values: Any) -> Any:
    """Sales (n,) float64, NaN for missing ones; raise ValueError if they are no finite numbers."""
    import pyarrow.types as t

    column = _column_of(values, "sales")
    if not any(holds(column.type) for holds in (t.is_integer, t.is_floating, t.is_decimal, t.is_boolean, t.is_null)):
        raise ValueError(f"sales: expected numbers, got {column.type}")
    money = float_column(column)
    if np.isinf(money).any():
        raise ValueError(f"sales[{int(np.flatnonzero(np.isinf(money))[0])}]: expected a finite amount, got infinity")
    return money


def codes_of(values: Any, name: str, rows: int) -> tuple[Any, Any]:
    """The code (n,) int64 of each value, and the values in order (k,); raise ValueError if one is missing."""
    column = _plain(values, name, rows)
    if column.null_count:
        raise ValueError(f"{name}: {column.null_count} of {rows} are missing; each account needs one")
    names = column.unique().sort()
    return places_in(column, names), names.to_numpy(zero_copy_only=False)


def segments_of(values: Any, rows: int) -> tuple[Any, list[str]]:
    """The code (n,) int64 of each segment, and their names: the most frequent first, missing ones last."""
    import pyarrow as pa

    column = _plain(values, "segments", rows).cast(pa.string())
    counted = zip(*(column.value_counts().field(i).to_pylist() for i in range(2)), strict=True)
    names = [name for name, _ in sorted(counted, key=lambda parts: (-parts[1], parts[0] or "")) if name is not None]
    return places_in(column.fill_null(_UNKNOWN), pa.array([*names, _UNKNOWN])), [*names, _UNKNOWN]


def known_codes(values: Any, names: Any, rows: int) -> Any:
    """The code (n,) int64 of each label among names (k,); raise ValueError that says which one has no ladder."""
    import pyarrow as pa

    column = _plain(values, "labels", rows)
    wanted = pa.array(names)
    code = places_in(column.cast(wanted.type) if column.type != wanted.type else column, wanted)
    if (code < 0).any():
        at = int(np.flatnonzero(code < 0)[0])
        raise ValueError(f"labels[{at}]: there is no ladder for {column[at].as_py()!r}; make the table with all labels")
    return code


def _plain(values: Any, name: str, rows: int) -> pa.ChunkedArray:
    """A column without a dictionary; ValueError unless it has so many rows."""
    import pyarrow as pa

    column = _column_of(values, name)
    if len(column) != rows:
        raise ValueError(f"{name}: expected {rows} values, one for each of the sales, got {len(column)}")
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
