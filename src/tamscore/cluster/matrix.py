"""What the estimator is given: arrays of the host or of a GPU, DataFrames, Arrow tables; read and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data

from tamscore import backend as backends

if TYPE_CHECKING:
    from tamscore.backend import Backend

_FLOATS = ("float64", "float32")
_MOST_ROWS = 2**29
"""Sums of so many rows of whole numbers below 2^24 are exact in float64."""


@dataclass(frozen=True)
class Matrix:
    """Checked rows: `values` (n, d) float64 or float32 where they lie; `home`, the backend there, None on the host."""

    values: Any
    home: Backend | None

    def __len__(self) -> int:
        """The number of rows n."""
        return int(self.values.shape[0])

    def taken(self, rows: Any) -> Matrix:
        """The rows at the places (m,) of a host array."""
        if self.home is None:
            return Matrix(self.values[rows], None)
        return Matrix(self.home.xp.take(self.values, self.home.put(rows), axis=0), self.home)

    def given_back(self, backend: Backend, computed: Any) -> Any:
        """An array of the backend, where the rows lie."""
        return computed if self.home is not None else backend.get(computed)

    def brought_home(self, host: Any) -> Any:
        """A host array, where the rows lie."""
        return host if self.home is None else self.home.put(host)


def matrix_of(estimator: Any, rows: Any, *, reset: bool) -> Matrix:
    """The rows that were handed to an estimator; with `reset` it learns their columns, else they must be the same.

    Raise ValueError or TypeError if they are no table of finite numbers, as scikit-learn's estimators do.
    """
    home = backends.holder(rows)
    if home is not None:
        return Matrix(_device_values(estimator, rows, home.xp, reset=reset), home)
    rows = _arrow_table(rows)
    _require_numbers(rows)
    return Matrix(validate_data(estimator, rows, reset=reset, dtype=[np.float64, np.float32]), None)


def _arrow_table(rows: Any) -> Any:
    """An Arrow table or batch as a table, anything else as it is; ValueError that names a column without numbers."""
    if type(rows).__module__.partition(".")[0] != "pyarrow" or not hasattr(rows, "schema"):
        return rows
    import pyarrow as pa
    import pyarrow.types as t

    holds = (t.is_integer, t.is_floating, t.is_decimal, t.is_boolean)
    for field in rows.schema:
        if not any(kind(field.type) for kind in holds):
            raise ValueError(f"column {field.name!r}: expected numbers, got {field.type}; leave it out, or encode it")
    return pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows


def _require_numbers(rows: Any) -> None:
    """Raise ValueError that names the column of an array or a DataFrame that holds no numbers, if one does.

    scikit-learn would read the digits in texts and the days in dates as numbers.
    """
    named = hasattr(rows, "shape") and hasattr(rows, "columns") and hasattr(rows, "dtypes")
    kinds = zip(rows.columns, rows.dtypes, strict=True) if named else [(None, getattr(rows, "dtype", np.dtype("f8")))]
    for name, kind in kinds:
        if not _may_hold_numbers(kind) or (str(kind) == "object" and _holds_text(rows[name] if named else rows)):
            where = f"column {name!r}" if named else "X"
            raise ValueError(f"{where}: expected numbers, got {kind}; leave it out, or encode it")


def _may_hold_numbers(kind: Any) -> bool:
    """Whether a type of NumPy, pandas or Polars is one of numbers, of yes and no, or of objects that may be numbers."""
    if hasattr(kind, "is_numeric"):
        return bool(kind.is_numeric()) or str(kind) in {"Boolean", "Null", "Object"}
    return str(kind) == "object" or getattr(kind, "kind", "f") in "biufc"


def _holds_text(values: Any) -> bool:
    """Return whether an array or a column of objects holds a text."""
    return any(isinstance(value, str) for value in np.asarray(values, dtype=object).flat)


def _device_values(estimator: Any, rows: Any, xp: Any, *, reset: bool) -> Any:
    """Rows (n, d) on a device as float64 or float32; raise ValueError in scikit-learn's words if they cannot be.

    `validate_data` would copy them to the host, or fail.
    """
    if rows.ndim != 2:
        raise ValueError(f"Expected 2D array, got {rows.ndim}D array instead; reshape(-1, 1) makes one column")
    if min(rows.shape) < 1:
        raise ValueError(
            f"Found array with {rows.shape[0]} sample(s) and {rows.shape[1]} feature(s), expected 1 of each"
        )
    if xp.isdtype(rows.dtype, "complex floating"):
        raise ValueError("Complex data not supported: expected real numbers")
    values = rows if rows.dtype in {getattr(xp, name) for name in _FLOATS} else xp.astype(rows, xp.float64)
    if not bool(xp.all(xp.isfinite(values))):
        raise ValueError("Input X contains NaN or infinity; fill missing values in, or leave those rows out")
    if reset:
        estimator.n_features_in_ = int(rows.shape[1])
    elif rows.shape[1] != estimator.n_features_in_:
        name = type(estimator).__name__
        expected = f"{name} is expecting {estimator.n_features_in_} features as input"
        raise ValueError(f"X has {rows.shape[1]} features, but {expected}")
    return values


def whole_weights(weights: Any, rows: int) -> Any | None:
    """Return how often each row counts, (n,) int64; None where no weights are given, so that each counts once.

    Raise ValueError unless there is one whole number from 0 on for each row, and one above 0.
    """
    if weights is None:
        return None
    home = backends.holder(weights)
    given = np.asarray(weights) if home is None else home.get(weights)
    if given.ndim != 1 or len(given) != rows:
        raise ValueError(f"sample_weight.shape == {given.shape}, expected {(rows,)}: one weight for each row")
    numbers = given.astype(np.float64)
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers == np.floor(numbers))))
    if len(wrong):
        at = int(wrong[0])
        raise ValueError(
            f"sample_weight[{at}]: expected a whole number from 0 on, since a row of weight 2 counts as two equal "
            f"rows, got {numbers[at]:g}; scale and round the weights"
        )
    if not numbers.any():
        raise ValueError("sample_weight: expected a weight above zero, got zero for every row")
    if numbers.sum() > _MOST_ROWS:
        raise ValueError(f"sample_weight: expected a sum of at most {_MOST_ROWS:,}, got {numbers.sum():,.0f}")
    return numbers.astype(np.int64)
