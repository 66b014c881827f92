"""Arrow columns: from and to NumPy, as plain text, and as codes of their levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


_BLOCK = 65_536
"""So many texts are looked at together."""


def float_column(column: pa.ChunkedArray | pa.Array) -> Any:
    """Return a column of numbers as float64 (m,), nulls as NaN."""
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        column = _decimals_as_floats(column)
    if not pa.types.is_float64(column.type):
        column = column.cast(pa.float64(), safe=False)
    if column.null_count:
        column = column.fill_null(np.nan)
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())


_EXACT_UNITS, _EXACT_SCALE = 2**53, 22
"""Whole numbers up to the first, and powers of ten up to the second, are exact in float64, so that a quotient of two is
the nearest float64."""


def _decimals_as_floats(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Return decimals as the nearest float64 (m,); Arrow's own cast makes 99.99000000000001 of 99.99."""
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.chunked_array([_decimal_chunk_as_floats(chunk) for chunk in chunks], pa.float64())


def _decimal_chunk_as_floats(chunk: pa.Array) -> pa.Array:
    """Return a chunk of decimals as float64 (m,): by its units, or as text where these are not exact."""
    import pyarrow as pa

    if pa.types.is_decimal128(chunk.type) and 0 <= chunk.type.scale <= _EXACT_SCALE and len(chunk):
        missing = chunk.is_null().to_numpy(zero_copy_only=False)
        words = np.frombuffer(chunk.buffers()[1], np.int64).reshape(-1, 2)[chunk.offset : chunk.offset + len(chunk)]
        units, above = words.T
        exact = (above == units >> 63) & (units <= _EXACT_UNITS) & (units >= -_EXACT_UNITS)
        if (exact | missing).all():
            return pa.array(units / 10.0**chunk.type.scale, pa.float64(), mask=missing)
    return chunk.cast(pa.string()).cast(pa.float64())


def nullable(values: Any) -> pa.Array:
    """Return numbers (m,) as a column, NaN as null."""
    import pyarrow as pa

    missing = np.isnan(values)
    return pa.array(values, mask=missing if missing.any() else None)


def truths(mask: pa.Array | pa.ChunkedArray, *, null: bool = False) -> Any:
    """Return a column of truth values as bool (m,), with `null` where there is none."""
    import pyarrow as pa

    filled = mask.fill_null(null) if mask.null_count else mask
    return filled.to_numpy(zero_copy_only=False) if isinstance(filled, pa.Array) else filled.to_numpy()


def holds_text(kind: pa.DataType) -> bool:
    """Return whether a column of the type holds text, as a dictionary or not."""
    import pyarrow.types as t

    value = kind.value_type if t.is_dictionary(kind) else kind
    return bool(t.is_string(value) or t.is_large_string(value) or t.is_string_view(value))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return what a dictionary holds, or what a view is a view of; other types are plain already."""
    import pyarrow as pa

    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(value, value)


def plain_table(table: pa.Table, dictionary: Sequence[str] = ()) -> pa.Table:
    """Return the table with columns of plain types, except for those named in `dictionary`."""
    import pyarrow as pa

    fields = [f if f.name in dictionary else f.with_type(plain_type(f.type)) for f in table.schema]
    wanted = pa.schema(fields)
    return table if wanted.equals(table.schema) else table.cast(wanted)


def strings(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of large strings."""
    import pyarrow as pa

    return column.combine_chunks().cast(pa.large_string())


def as_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a column as one dictionary array of strings; equal texts share a place."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    return column.cast(pa.dictionary(pa.int32(), pa.string())).unify_dictionaries().combine_chunks()


def text_dictionary(codes: Any, levels: Sequence[str]) -> pa.DictionaryArray:
    """Return codes (m,) of levels as a column of text; equal levels share a place."""
    import pyarrow as pa

    at: dict[str, int] = {}
    place = np.array([at.setdefault(level, len(at)) for level in levels], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(np.take(place, codes)), pa.array(list(at), pa.string()))


def nullable_dictionary(codes: Any, levels: Sequence[str]) -> pa.DictionaryArray:
    """Return codes (m,) of distinct levels as a column of text, -1 as null."""
    import pyarrow as pa

    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(levels, pa.string()))


def texts_by_code(encoded: pa.DictionaryArray, values: Any, missing: Any) -> Any:
    """Return the value (m,) of each row, from those (n,) of the dictionary's texts; `missing` where there is none."""
    codes = encoded.indices
    if codes.null_count:
        codes = codes.fill_null(len(encoded.dictionary))
    return np.array([*values, missing])[codes.to_numpy(zero_copy_only=False)]


def places_in(column: pa.ChunkedArray | pa.Array, names: pa.Array) -> Any:
    """Return the place (m,) int64 of each value among the names, -1 where it is not there."""
    import pyarrow.compute as pc

    return pc.index_in(column, value_set=names).fill_null(-1).to_numpy().astype(np.int64)


def text_order(texts: pa.Array) -> Any:
    """Return the places (m,) int64 of texts without nulls in the order of their bytes; of equals the first come first.

    Numbers of the eight bytes behind what all texts begin with are sorted, several times as fast as texts; those that
    share these are put in order as texts.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    key = _leading_bytes(texts)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    if same.any():
        at = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows = np.sort(order[at])
        order[at] = rows[pc.sort_indices(texts.take(pa.array(rows))).to_numpy()]
    return order


def _leading_bytes(texts: pa.Array) -> Any:
    """Return the eight bytes (m,) of each text behind what all begin with, as uint64; missing ones count as 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    _, offsets, data = texts.buffers()
    key = np.zeros(len(texts), np.uint64)
    if not len(texts) or data is None:
        return key
    bounds = np.frombuffer(offsets, np.int64 if texts.type == pa.large_string() else np.int32)
    bounds, raw = bounds[texts.offset : texts.offset + len(texts) + 1], np.frombuffer(data, np.uint8)
    least, most = (item.as_py().encode() for item in pc.min_max(texts).values())
    differs = (at for at, (item, other) in enumerate(zip(least, most, strict=False)) if item != other)
    shared = next(differs, min(len(least), len(most)))
    for begin in range(0, len(key), _BLOCK):
        here = slice(begin, begin + _BLOCK)
        start, length = (
            bounds[:-1][here].astype(np.int64) + shared,
            np.diff(bounds[begin : begin + _BLOCK + 1]) - shared,
        )
        for place in range(min(8, int(length.max()))):
            there = raw.take(start + place, mode="clip").astype(np.uint64) << np.uint64(56 - 8 * place)
            key[here] |= np.where(length > place, there, np.uint64(0))
    return key


def level_codes(column: pa.ChunkedArray, levels: Sequence[str]) -> Any:
    """Return the position (m,) int64 of every text of a column among the levels, which hold them all."""
    encoded = as_dictionary(column)
    at = {level: len(levels) - back for back, level in enumerate(reversed(levels), 1)}  # the first of equal ones
    place = np.array([at[level] for level in encoded.dictionary.to_pylist()], np.int64)
    return np.take(place, encoded.indices.to_numpy(zero_copy_only=False))
