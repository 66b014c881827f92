"""The forms that a cell of text can take, and their values: numbers, dates, yes and no.

Every cell has exactly one form. A column's type is decided from the counts of its forms (`csv_types`), so nothing
here looks at more than one cell.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS_EMPTY = frozenset({"", "n/a", "#n/a", "null", r"\n"})
"""Tokens (in lower case) that stand for no value in every column."""

EMPTY_IN_NUMBERS = frozenset(
    {"na", "nan", "none", "nil", "-", "--", "\N{EN DASH}", "\N{EM DASH}", ".", "?"}
    | {"#null!", "#div/0!", "#value!", "#name?", "#ref!", "#num!"}
)
"""Tokens that stand for no value where numbers, dates or yes and no are due; in a text column they may mean something
(NA is Namibia, None a level) and stay."""

INT, FLOAT, GROUPED_INT, GROUPED_FLOAT = "int", "float", "grouped int", "grouped float"
SPACED, PERCENT, LEADING_ZERO, LONG_INT = "spaced", "percent", "leading zero", "long int"
TEXT, EMPTY, BIT, FLAG = "text", "empty", "bit", "flag"
FLAGS = {"true": True, "false": False, "yes": True, "no": False, "t": True, "f": False, "y": True, "n": False}
BITS = {"1": True, "0": False}
FLAG_PAIRS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
ORDERS = ("ymd", "dmy", "mdy")

CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|SGD|HKD|KRW|TRY|ILS|[$€£¥₹]"
WIDE_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_QUOTES = "'\N{RIGHT SINGLE QUOTATION MARK}"
_NUMBER_START = rf"^(?:[-+(.,0-9]|{CURRENCIES})"
_DATE_START = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
_SHAPES = {
    "ymd": r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})",
    "dmy": r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})",
    "mdy": r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>\d{4})",
}
_TIME = (
    r"(?:[T ]\s?(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?\s?(?P<zone>Z|UTC|[-+]\d{2}:?\d{2})?)?"
)
_DAY_MICROSECONDS = 86_400_000_000


@cache
def _patterns(decimal: str) -> dict[str, str]:
    """Return the pattern of each numeric form; a cell takes the last one that matches."""
    point, comma = (r"\.", ",") if decimal == "." else (",", r"\.")
    separators = [comma, *WIDE_SPACES, *_QUOTES]
    group = r"[1-9]\d{0,2}(?:" + "|".join(rf"(?:{mark}\d{{3}})+" for mark in separators) + ")"
    money = rf"(?:{CURRENCIES})"

    def dressed(core: str) -> str:
        inner = rf"[-+]?\s?(?:{money}\s?)?[-+]?(?:{core})(?:\s?{money})?"
        return rf"^(?:{inner}|\({inner}\)|(?:{core})-)$"

    plain = rf"(?:\d+(?:{point}\d*)?|{point}\d+)"
    return {
        GROUPED_FLOAT: dressed(rf"(?:{group}|\d+){point}\d*|{point}\d+"),
        GROUPED_INT: dressed(rf"{group}|0|[1-9]\d*"),
        SPACED: rf"^[-+]?[1-9]\d{{0,2}}(?: \d{{3}})+(?:{point}\d+)?$",
        PERCENT: rf"^[-+]?(?:{plain}|{group})\s?%$",
        FLOAT: rf"^[-+]?{plain}(?:[eE][-+]?(?:\d{{1,2}}|[12]\d{{2}}))?$",
        INT: r"^[-+]?\d+$",
        LONG_INT: r"^[-+]?[1-9]\d{18,}$",
        LEADING_ZERO: r"^[-+]?0\d+$",
    }


def forms(texts: Any, decimal: str, empty: frozenset[str]) -> np.ndarray:
    """Return the form of each text of a trimmed Arrow array without nulls, as an array of str objects.

    `empty` holds the tokens (lower case) of no value. Flags come as "flag yes", bits as "bit 0"; dates as "date ymd",
    "time dmy+mdy", "zoned ymd", …: what the cell holds, and every order that makes it a real day.
    """
    import pyarrow.compute as pc

    result = np.full(len(texts), TEXT, dtype=object)
    lower = pc.utf8_lower(texts)
    places = np.flatnonzero(_numpy(pc.match_substring_regex(texts, _NUMBER_START)))
    result[places] = _number_forms(texts.take(places), decimal)
    places = places[result[places] == TEXT]
    result[places] = _date_forms(texts.take(places))
    for words, form in ((FLAGS, FLAG), (BITS, BIT)):
        mask = among(lower, words)
        result[mask] = [f"{form} {word}" for word in lower.filter(mask).to_pylist()]
    result[among(lower, empty)] = EMPTY
    return result


def _number_forms(texts: Any, decimal: str) -> np.ndarray:
    """Return the numeric form of each text, or TEXT; most are plain numbers, so the dressed patterns come second."""
    import pyarrow.compute as pc

    result = np.full(len(texts), TEXT, dtype=object)
    patterns = _patterns(decimal)
    for stage in ((FLOAT,), (INT, LONG_INT, LEADING_ZERO), (GROUPED_FLOAT, GROUPED_INT, SPACED, PERCENT)):
        places = np.flatnonzero(result == (FLOAT if INT in stage else TEXT))
        some = texts.take(places)
        for form in stage:
            result[places[_numpy(pc.match_substring_regex(some, patterns[form]))]] = form
    return result


def among(texts: Any, words: Iterable[str]) -> np.ndarray:
    """Return whether each text is one of the words, as a boolean NumPy array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return _numpy(pc.is_in(texts, pa.array(sorted(words), pa.string())))


def _numpy(mask: Any) -> np.ndarray:
    """Return a boolean Arrow array as NumPy's, null as False."""
    import pyarrow.compute as pc

    dense: np.ndarray = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return dense


def _date_forms(texts: Any) -> np.ndarray:
    import pyarrow.compute as pc

    result = np.full(len(texts), TEXT, dtype=object)
    places = np.flatnonzero(_numpy(pc.match_substring_regex(texts, _DATE_START)))
    some = texts.take(places)
    for order in ORDERS if len(places) else ():
        micros, kind = moments(some, order)
        fits = _numpy(micros.is_valid())
        known = result[places]
        added = np.where(known == TEXT, kind + f" {order}", known + f"+{order}")
        result[places] = np.where(fits, added, known)
    return result


def moments(texts: Any, order: str) -> tuple[Any, np.ndarray]:
    """Return microseconds since 1970 and the kind ("date", "time", "zoned") of each text.

    int64, in UTC where the text holds a zone, null where the calendar or the clock has no such moment.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, rf"^{_SHAPES[order]}{_TIME}$")
    part = {name: pc.struct_field(found, name) for name in ("y", "m", "d", "H", "M", "S", "f", "half", "zone")}
    timed = _numpy(pc.not_equal(part["H"], ""))
    zoned = _numpy(pc.not_equal(part["zone"], ""))
    days, real = _days(part)
    moment, in_day = _time_of_day(part)
    micros = days * _DAY_MICROSECONDS + moment - _zone_shift(part["zone"])
    valid = _numpy(pc.is_valid(found)) & real & in_day
    return pa.array(micros, mask=~valid), np.where(zoned, "zoned", np.where(timed, "time", "date")).astype(object)


def _integers(digits: Any) -> np.ndarray:
    """Return digits as int64, nothing as 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pc.fill_null(digits, "0")
    numbers: np.ndarray = pc.cast(pc.if_else(pc.equal(filled, ""), "0", filled), pa.int64()).to_numpy()
    return numbers


def _days(part: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return days since 1970 and whether that day is in the calendar (31 February is not)."""
    year, month, day = (_integers(part[name]) for name in "ymd")
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first, after = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    length = (after - first).astype(np.int64)
    real = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    return first.astype(np.int64) + day - 1, real


def _time_of_day(part: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since midnight and whether a clock can show them; digits past the sixth are cut."""
    import pyarrow.compute as pc

    hour, minute, second = (_integers(part[name]) for name in "HMS")
    fraction = _integers(pc.utf8_slice_codeunits(pc.utf8_rpad(part["f"], 6, "0"), 0, 6))
    half = pc.utf8_lower(part["half"])
    halved = _numpy(pc.not_equal(half, ""))
    shown = (minute < 60) & (second < 60) & np.where(halved, (hour >= 1) & (hour <= 12), hour < 24)
    hour = np.where(halved, hour % 12 + 12 * _numpy(pc.equal(half, "p")), hour)
    return np.asarray(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction), shown


def _zone_shift(zone: Any) -> np.ndarray:
    """Return the microseconds by which a zone such as +02:00 is ahead of UTC."""
    import pyarrow.compute as pc

    digits = pc.replace_substring_regex(pc.replace_substring_regex(zone, r"^(?:Z|UTC)$", ""), ":", "")
    number = _integers(pc.utf8_ltrim(digits, "+-"))
    sign = np.where(_numpy(pc.starts_with(digits, "-")), -1, 1)
    return np.asarray(sign * (number // 100 * 60 + number % 100) * 60_000_000)


def currency(texts: Any) -> Any:
    """Return the currency sign or code in each text, empty where there is none."""
    import pyarrow.compute as pc

    return pc.struct_field(pc.extract_regex(texts, rf"(?P<sign>{CURRENCIES})"), "sign")


def numbers(texts: Any, decimal: str) -> Any:
    """Return a plain number text ("-1234.5") for each text of a numeric form, null for every other text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    patterns = _patterns(decimal)
    shaped = _numpy(pc.match_substring_regex(texts, patterns[FLOAT]))
    if shaped.all() and decimal == ".":  # most columns: nothing to take off but a plus
        return pc.utf8_ltrim(texts, "+")
    for form in (GROUPED_FLOAT, GROUPED_INT, SPACED, PERCENT):
        shaped |= _numpy(pc.match_substring_regex(texts, patterns[form]))
    negative = pc.match_substring_regex(texts, r"^\(|^[^0-9.,]*-|[0-9]-$")
    bare = pc.replace_substring_regex(texts, rf"{CURRENCIES}|[%()\s{WIDE_SPACES}{_QUOTES}]", "")
    bare = pc.replace_substring_regex(bare, r"^[-+]+|-$", "")
    bare = pc.replace_substring(bare, "," if decimal == "." else ".", "")
    bare = pc.replace_substring(bare, decimal, ".")
    signed = pc.binary_join_element_wise(pc.if_else(negative, "-", ""), bare, "")
    return pc.if_else(pa.array(shaped), signed, None)
