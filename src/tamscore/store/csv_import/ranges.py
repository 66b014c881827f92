"""Ranges among the cells of a text column, such as "11-50", "10,001+" or "< 10", and the number that stands for each.

A closed range counts as its midpoint, an open one ("10,001+", "> 500") as its lower bound; "< 10" is 0 to 10.
"""

from __future__ import annotations

from dataclasses import dataclass
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
_LIKELY = (
    rf"\d\D{{0,6}}(?:{_BETWEEN})\D{{0,6}}\d|^(?:{_FROM}|{_BELOW})\D{{0,5}}\d|\d\D{{0,10}}(?:\+|and more|or more|plus)$"
)
_LONGEST = 2 * marks.LONGEST


@dataclass(frozen=True)
class _Range:
    """The texts of one shape: their places, their lower and upper bounds as text, empty for none."""

    shape: str
    places: np.ndarray
    low: Any
    high: Any


def range_styles(texts: Any) -> np.ndarray:
    """Return which texts are ranges, and under which decimal mark; "" for none.

    "range ." and "range ,": only with this mark does the lower bound not exceed the upper one; "range any": the same
    range with both; "range either": another one with each.
    """
    result = np.full(len(texts), "", dtype=object)
    ranges = _ranges(texts)
    point, comma = (_numbers_of(ranges, len(texts), marks.usual(mark)) for mark in marks.MARKS)
    result[~np.isnan(point)] = "range ."
    result[~np.isnan(comma)] = "range ,"
    both = ~np.isnan(point) & ~np.isnan(comma)
    result[both] = np.where(point == comma, "range any", "range either")[both]
    return result


def read_ranges(texts: Any, layout: NumberFormat) -> Any:
    """Return the number for each text that is a range, null for every other, as a float64 Arrow array."""
    import pyarrow as pa

    values = _numbers_of(_ranges(texts), len(texts), layout)
    return pa.array(values, mask=np.isnan(values))


def _numbers_of(ranges: list[_Range], count: int, layout: NumberFormat) -> np.ndarray:
    values = np.full(count, np.nan)
    for result in ranges:
        low, high = _numbers(result.low, layout), _numbers(result.high, layout)
        if result.shape == "closed":
            fits, number = low <= high, low + (high - low) / 2
        elif result.shape == "from":
            fits, number = ~np.isnan(low), low
        else:
            fits, number = high > 0, high / 2
        values[result.places[fits]] = number[fits]
    return values


def _ranges(texts: Any) -> list[_Range]:
    """Return the texts that have the shape of a range, by shape."""
    import pyarrow.compute as pc

    likely = pc.and_(pc.match_substring_regex(texts, _LIKELY), pc.less_equal(pc.binary_length(texts), _LONGEST))
    places = np.flatnonzero(as_mask(likely))
    some = texts.take(places)
    ranges = [_shaped(some, places, shape) for shape in _SHAPES] if len(places) else []
    return [result for result in ranges if len(result.places)]


def _shaped(texts: Any, places: np.ndarray, shape: str) -> _Range:
    import pyarrow.compute as pc

    matched = pc.extract_regex(texts, rf"^(?:{_SHAPES[shape]})$")
    low, high = pc.struct_field(matched, "low"), pc.struct_field(matched, "high")
    if shape == "from":
        low = pc.binary_join_element_wise(low, pc.struct_field(matched, "low2"), "")
    fits = np.flatnonzero(as_mask(matched.is_valid()) & _same_unit(low, high))
    return _Range(shape, places[fits], low.take(fits), high.take(fits))


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
