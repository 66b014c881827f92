"""Two hashes of the values of a row, by which rows are compared without being kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, strings
from tamscore.stages import draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

MISSING = (np.uint64(0x6D697373696E6731), np.uint64(0x6D697373696E6732))
"""The hash of missing values."""
_SEEDS = (np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344))
"""Where two hashes of a row begin, so that they are independent: digits of pi."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The factor of a hash before the next column comes, so that columns are not exchanged."""
_WIDTHS = (32, 64)
"""Bits of dates and times that are whole numbers."""


def row_digests(columns: Sequence[pa.ChunkedArray], rows: int) -> Any:
    """Return two independent hashes (2, m) uint64 of the values of each row; equal values give equal hashes."""
    digests = np.repeat(np.array(_SEEDS)[:, None], rows, axis=1)
    for column in columns:
        missing = column.is_null().to_numpy() if column.null_count else None
        for kind, values in enumerate(_value_hashes(column)):
            hashed = values if missing is None else np.where(missing, MISSING[kind], values)
            digests[kind] = draw.mix(digests[kind] * _GOLDEN ^ hashed)
    return digests


def _value_hashes(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Return two numbers (m,) uint64 for each value of a column of any type, those of missing values any.

    Equal values have equal numbers, NaN equals itself. Numbers are their own; the two of a text are independent hashes.
    """
    import pyarrow as pa
    import pyarrow.types as t

    value = column.type
    if t.is_dictionary(value):
        return _coded_hashes(column)
    if t.is_floating(value):
        numbers = float_column(column) + 0.0  # of two zeros one
        bits = np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)
        return bits, bits
    if t.is_integer(value) or t.is_boolean(value) or (t.is_temporal(value) and value.bit_width in _WIDTHS):
        bits = _whole_numbers(column)
        return bits, bits
    if t.is_string(value) or t.is_large_string(value):
        texts = strings(column)
    else:
        texts = pa.array([repr(item) for item in column.to_pylist()], pa.large_string())
    return draw.id_hash(texts), draw.id_hash(texts, 1)


def _coded_hashes(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Return the same of a column of dictionaries, each of whose words is hashed once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    items = [(np.empty(0, np.uint64),) * 2]
    for chunk in column.chunks:
        codes = pc.fill_null(chunk.indices, 0).to_numpy(zero_copy_only=False)
        words = _value_hashes(pa.chunked_array([chunk.dictionary]))
        first, second = (hashes if len(hashes) else np.zeros(1, np.uint64) for hashes in words)
        items.append((first[codes], second[codes]))
    return np.concatenate([first for first, _ in items]), np.concatenate([second for _, second in items])


def _whole_numbers(column: pa.ChunkedArray) -> Any:
    """Return integers, booleans, dates and times (m,) as uint64, 0 where they are missing."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    if t.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == _WIDTHS[0] else pa.int64())
    wide = pa.uint64() if t.is_uint64(column.type) else pa.int64()
    return pc.fill_null(column.cast(wide), 0).to_numpy().view(np.uint64)
