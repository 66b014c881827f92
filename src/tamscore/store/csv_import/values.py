"""Text cells to typed Arrow arrays; what cannot be read becomes null, never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.dates import moments
from tamscore.store.csv_import.numerals import read, read_whole
from tamscore.store.csv_import.ranges import read_ranges
from tamscore.store.csv_import.types import NUMERIC, empty_tokens

if TYPE_CHECKING:
    from tamscore.store.csv_import.marks import NumberFormat
    from tamscore.store.csv_import.types import ColumnType

_DAY_MICROSECONDS = 86_400_000_000


def values(column: Any, kind: ColumnType, layout: NumberFormat, always_empty: frozenset[str]) -> tuple[Any, np.ndarray]:
    """Return the column as an Arrow array of the type, and a mask of the cells that hold text but no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    empty = form.among(pc.utf8_lower(trimmed), empty_tokens(kind, always_empty))
    texts = pc.if_else(pa.array(empty), pa.scalar(None, pa.string()), trimmed)
    typed = texts if kind.kind == "string" else _read(texts, kind, layout)
    bad = typed.is_null().to_numpy(zero_copy_only=False) & ~empty
    return typed, bad


def _read(texts: Any, kind: ColumnType, layout: NumberFormat) -> Any:
    import pyarrow.compute as pc

    if kind.kind in NUMERIC:
        numbers = (read_whole if kind.kind == "int" else read)(texts, layout)
        return pc.coalesce(numbers, read_ranges(texts, layout)) if kind.kind == "range" else numbers
    if kind.kind == "bool":
        return _flags(texts)
    return _formatted(texts, kind) if "%" in kind.detail else _dated(texts, kind)


def _flags(texts: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    lower = pc.utf8_lower(texts)
    words = form.FLAGS | form.BITS
    yes = form.among(lower, [word for word, meaning in words.items() if meaning])
    return pa.array(yes, mask=~form.among(lower, words))


def _dated(texts: Any, kind: ColumnType) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    micros, held = moments(texts, kind.detail)
    if kind.kind == "date":
        days = micros.fill_null(0).to_numpy()
        keep = micros.is_valid().to_numpy(zero_copy_only=False) & (held == "date")
        return pc.cast(pa.array((days // _DAY_MICROSECONDS).astype(np.int32), mask=~keep), pa.date32())
    if kind.kind == "timestamp":
        micros = pc.if_else(pa.array(held != "zoned"), micros, pa.scalar(None, pa.int64()))
    return pc.cast(micros, kind.arrow)


def _formatted(texts: Any, kind: ColumnType) -> Any:
    """Return dates by a strptime format; a day that the format would roll over (31 February) is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = pc.strptime(texts, format=kind.detail, unit="us", error_is_null=True)
    back = pc.utf8_lower(pc.strftime(pc.cast(moments, pa.timestamp("us")), format=kind.detail))
    same = pc.equal(_unpadded(back), _unpadded(pc.utf8_lower(texts)))
    remaining = pc.if_else(pc.fill_null(same, False), moments, pa.scalar(None, moments.type))
    return pc.cast(remaining, kind.arrow, safe=False)


def _unpadded(texts: Any) -> Any:
    import pyarrow.compute as pc

    return pc.replace_substring_regex(pc.replace_substring_regex(texts, r"\b0+(\d)", r"\1"), r"\.0+$", "")
