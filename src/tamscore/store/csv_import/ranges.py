"""Ranges among the cells of a text column, such as "11-50", "10,001+" or "< 10", and the number that stands for each.

A closed range counts as its midpoint, an open one ("10,001+", "> 500") as its lower bound; "< 10" is 0 to 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import dress, marks
from tamscore.store.csv_import.dates import as_mask
from tamscore.store.csv_import.numerals import read

if TYPE_CHECKING:
    from tamscore.store.csv_import.marks import NumberFormat

_MONEY = rf"(?:{dress.CURRENCY})"
_BOUND = rf"(?:{_MONEY}{dress.SPACE})?{dress.DIGITS}{dress.SPACE}(?:{dress.UNIT})?(?:{dress.SPACE}{_MONEY})?"
_BETWEEN = rf"\s?(?:[{dress.MINUS}\x{{2014}}]|\.\.\.?|to|bis|à|a|til|tot)\s?"
_FROM = r"(?:>=?|≥|over|more than|from|ab|über)\s?"
_BELOW = r"(?:<=?|≤|under|less than|up to|bis|unter)\s?"
_SHAPES = {
    "closed": rf"(?P<low>{_BOUND}){_BETWEEN}(?P<high>{_BOUND})",
    "from": rf"{_FROM}(?P<low>{_BOUND})(?P<high>)|(?P<low2>{_BOUND})\s?(?:\+|and more|or more|plus)",
    "below": rf"(?P<low>){_BELOW}(?P<high>{_BOUND})",
}
LONGEST = 2 * marks.LONGEST


def range_styles(texts: Any) -> np.ndarray:
    """Return which texts are ranges, and under which decimal mark; "" for none.

    "range ." and "range ,": only with this mark does the lower bound not exceed the upper one; "range any": the same
    range with both; "range either": another one with each.
    """
    result = np.full(len(texts), "", dtype=object)
    if not len(texts):
        return result
    reading = {mark: read_ranges(texts, marks.usual(mark)) for mark in marks.MARKS}
    point, comma = (values.to_numpy(zero_copy_only=False) for values in reading.values())
    result[~np.isnan(point)] = "range ."
    result[~np.isnan(comma)] = "range ,"
    both = ~np.isnan(point) & ~np.isnan(comma)
    result[both] = np.where(point == comma, "range any", "range either")[both]
    return result


def read_ranges(texts: Any, layout: NumberFormat) -> Any:
    """Return the number for each text that is a range, null for every other, as a float64 Arrow array."""
    import pyarrow as pa

    values = np.full(len(texts), np.nan)
    for shape, pattern in _SHAPES.items():
        low, high, matched = _bounds(texts, pattern, layout)
        if shape == "closed":
            fits, number = matched & (low <= high), low + (high - low) / 2
        elif shape == "from":
            fits, number = matched & ~np.isnan(low), low
        else:
            fits, number = matched & (high > 0), high / 2
        values[fits] = number[fits]
    return pa.array(values, mask=np.isnan(values))


def _bounds(texts: Any, pattern: str, layout: NumberFormat) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower bound, upper bound (NaN for none), and whether the text has the shape."""
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, rf"^(?:{pattern})$")
    names = {field.name for field in found.type}
    low = pc.struct_field(found, "low")
    if "low2" in names:
        low = pc.binary_join_element_wise(low, pc.struct_field(found, "low2"), "")
    high = pc.struct_field(found, "high")
    short = pc.less_equal(pc.binary_length(texts), LONGEST)
    alike = _same_unit(low, high)
    return _numbers(low, layout), _numbers(high, layout), as_mask(pc.and_(found.is_valid(), short)) & alike


def _numbers(texts: Any, layout: NumberFormat) -> np.ndarray:
    import pyarrow.compute as pc

    numbers: np.ndarray = pc.fill_null(read(texts, layout), float("nan")).to_numpy(zero_copy_only=False)
    return numbers


def _same_unit(low: Any, high: Any) -> np.ndarray:
    """Return whether no unit stands behind the upper bound only: "10-50k" may be 10 or 10,000 to 50,000."""
    import pyarrow.compute as pc

    unit = rf"\d{dress.SPACE}{dress.UNIT}"
    only = pc.and_(pc.match_substring_regex(high, unit), pc.invert(pc.match_substring_regex(low, unit)))
    return as_mask(pc.invert(pc.and_(only, pc.not_equal(low, ""))))
