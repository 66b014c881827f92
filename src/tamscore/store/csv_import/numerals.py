"""Number texts to values under the format of their column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import dress, marks
from tamscore.store.csv_import.dates import as_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.store.csv_import.dress import Dressed
    from tamscore.store.csv_import.marks import NumberFormat


def read(texts: Any, layout: NumberFormat) -> Any:
    """Return the number of each text as a float64 Arrow array, null for what is none under the format.

    Plain columns take a cast; only texts with anything else about them are taken apart, each distinct one once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_plain(texts, layout.decimal):
        pointed = texts if layout.decimal == "." else pc.replace_substring(texts, ",", ".")
        return pc.cast(pointed, pa.float64())
    distinct = pc.dictionary_encode(texts)
    return pc.cast(_dressed(distinct.dictionary, layout, is_readable), pa.float64()).take(distinct.indices)


def read_whole(texts: Any, layout: NumberFormat) -> Any:
    """Return the whole number of each text as an int64 Arrow array, null for what is none under the format."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(texts, r"^-?\d{1,18}$"), min_count=0).as_py():
        return pc.cast(texts, pa.int64())
    distinct = pc.dictionary_encode(texts)
    plain = pc.replace_substring_regex(_dressed(distinct.dictionary, layout, is_readable_whole), r"\.0*$", "")
    return pc.cast(plain, pa.int64()).take(distinct.indices)


def _is_plain(texts: Any, decimal: str) -> bool:
    import pyarrow.compute as pc

    mark = f"[{decimal}]"
    shaped = pc.match_substring_regex(texts, rf"^-?(?:\d+{mark}?\d*|{mark}\d+)$")
    short = pc.max(pc.binary_length(texts)).as_py() or 0
    return bool(pc.all(shaped, min_count=0).as_py()) and short <= marks.LONGEST


def is_readable(style: str, tag: str, layout: NumberFormat) -> bool:
    """Return whether a text of this style and tag has a value under the format."""
    allowed = {"m or b": layout.m_million, "billion": layout.decimal == ".", "credit": bool(layout.credit)}
    return layout.reads(style) and allowed.get(tag, True)


def is_readable_whole(style: str, tag: str, layout: NumberFormat) -> bool:
    """Return whether a text of this style and tag is a whole number under the format."""
    name, mark = marks.parts(style)
    either = name == "amb" and mark == layout.decimal
    fraction = either or (name in {"space", "wide", "quote", "zero"} and mark != "")
    return (
        name in marks.WHOLE_STYLES
        and not fraction
        and tag in {"", "money", "percent", "credit"}
        and is_readable(style, tag, layout)
    )


def _dressed(texts: Any, layout: NumberFormat, fits: Callable[[str, str, NumberFormat], bool]) -> Any:
    """Return each distinct text as plain text ("-1.8e6"), null where the format gives it no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = dress.undress(texts)
    known = np.array([[fits(style, tag, layout) for tag in dress.TAGS] for style in marks.STYLES])
    plain = marks.canonical(parts.digits, layout.decimal)
    powers = np.array([f"e{shift}" if shift else "" for shift in parts.shift], dtype=object)
    signs = np.where(_negative(parts, layout), "-", "")
    joined = pc.binary_join_element_wise(pa.array(signs, pa.string()), plain, pa.array(powers, pa.string()), "")
    valid = known[parts.styles, parts.tags] & as_mask(texts.is_valid())
    return pc.if_else(pa.array(valid), joined, pa.scalar(None, pa.string()))


def _negative(parts: Dressed, layout: NumberFormat) -> np.ndarray:
    turned = {"negative": "c", "positive": "d"}.get(layout.credit)
    negative: np.ndarray = np.asarray(parts.credit == turned) | parts.negative
    return negative
