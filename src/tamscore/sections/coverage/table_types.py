"""The types of the tables of a coverage: texts are texts, numbers are finite, locks are true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tamscore.errors import InputContractError

if TYPE_CHECKING:
    import pyarrow as pa

_MOST = 1e9
"""Numbers are below this."""


def check(table: pa.Table, path: str, numbers: tuple[str, ...], texts: tuple[str, ...]) -> pa.Table:
    """Return a table with its texts as plain texts, also where they are dictionaries or whole numbers.

    Raise InputContractError for a column of another type, and for a number that is not finite or not below 1e9.
    """
    for at, field in enumerate(table.schema):
        if field.name in numbers:
            _require_numbers(table, field, path)
        elif field.name == "locked":
            _require_truth(field, path)
        elif field.name in texts:
            table = table.set_column(at, field.name, _plain_text(table[field.name], field, path))
        elif field.name == "account_id":
            _plain_text(table[field.name], field, path)
    return table


def _plain_text(column: pa.ChunkedArray, field: pa.Field, path: str) -> pa.ChunkedArray:
    """Return a column as texts; InputContractError unless it holds texts or whole numbers."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = field.type.value_type if t.is_dictionary(field.type) else field.type
    is_text = t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)
    if not (is_text or t.is_integer(kind) or t.is_null(kind)):
        raise InputContractError(
            f"{path}: column {field.name!r} is {field.type}, expected text; write one text a row, several names as a|b"
        )
    return column.cast(kind).cast(pa.string())


def _require_numbers(table: pa.Table, field: pa.Field, path: str) -> None:
    """Raise InputContractError unless a column holds finite numbers below 1e9, or nulls."""
    import pyarrow as pa
    import pyarrow.types as t

    if not (t.is_integer(field.type) or t.is_floating(field.type) or t.is_null(field.type)):
        raise InputContractError(f"{path}: column {field.name!r} is {field.type}, expected a number")
    values = table[field.name].cast(pa.float64()).fill_null(0.0).to_numpy()
    bad = np.flatnonzero(~(values < _MOST) | np.isinf(values))
    if len(bad):
        raise InputContractError(
            f"{path}: row {bad[0] + 1:,}, column {field.name!r}: expected a finite number below {_MOST:g}, got "
            f"{values[bad[0]]:g}; correct it or leave it empty"
        )


def _require_truth(field: pa.Field, path: str) -> None:
    """Raise InputContractError unless a column holds true, false or null."""
    import pyarrow.types as t

    if not (t.is_boolean(field.type) or t.is_null(field.type)):
        raise InputContractError(f"{path}: column 'locked' is {field.type}, expected true or false")
