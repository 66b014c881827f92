"""Dates and times among the cells of a text column: which orders make them real days, and their moments."""

from __future__ import annotations

from typing import Any

import numpy as np

ORDERS = ("ymd", "dmy", "mdy")
DATE_START = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
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


def date_orders(texts: Any) -> np.ndarray:
    """Return what each text holds and in which orders it is a real day, such as "date dmy+mdy"; empty for no date."""
    import pyarrow.compute as pc

    result = np.full(len(texts), "", dtype=object)
    places = np.flatnonzero(as_mask(pc.match_substring_regex(texts, DATE_START)))
    some = texts.take(places)
    for order in ORDERS if len(places) else ():
        micros, kind = moments(some, order)
        fits = as_mask(micros.is_valid())
        known = result[places]
        added = np.where(known == "", kind + f" {order}", known + f"+{order}")
        result[places] = np.where(fits, added, known)
    return result


def moments(texts: Any, order: str) -> tuple[Any, np.ndarray]:
    """Return microseconds since 1970 and the kind ("date", "time", "zoned") of each text.

    int64, in UTC where the text holds a zone, null where the calendar or the clock has no such moment.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    result = pc.extract_regex(texts, rf"^{_SHAPES[order]}{_TIME}$")
    part = {name: pc.struct_field(result, name) for name in ("y", "m", "d", "H", "M", "S", "f", "half", "zone")}
    timed = as_mask(pc.not_equal(part["H"], ""))
    zoned = as_mask(pc.not_equal(part["zone"], ""))
    days, real = _days(part)
    moment, in_day = _time_of_day(part)
    micros = days * _DAY_MICROSECONDS + moment - _zone_shift(part["zone"])
    valid = as_mask(pc.is_valid(result)) & real & in_day
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
    first, after = months.astype("datetime64[D]"), (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    length = (after - first).astype(np.int64)
    real = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    return first.astype(np.int64) + day - 1, real


def _time_of_day(part: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since midnight and whether a clock can show them; digits past the sixth are cut."""
    import pyarrow.compute as pc

    hour, minute, second = (_integers(part[name]) for name in "HMS")
    fraction = _integers(pc.utf8_slice_codeunits(pc.utf8_rpad(part["f"], 6, "0"), 0, 6))
    half = pc.utf8_lower(part["half"])
    halved = as_mask(pc.not_equal(half, ""))
    shown = (minute < 60) & (second < 60) & np.where(halved, (hour >= 1) & (hour <= 12), hour < 24)
    hour = np.where(halved, hour % 12 + 12 * as_mask(pc.equal(half, "p")), hour)
    return np.asarray(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction), shown


def _zone_shift(zone: Any) -> np.ndarray:
    """Return the microseconds by which a zone such as +02:00 is ahead of UTC."""
    import pyarrow.compute as pc

    digits = pc.replace_substring_regex(pc.replace_substring_regex(zone, r"^(?:Z|UTC)$", ""), ":", "")
    number = _integers(pc.utf8_ltrim(digits, "+-"))
    sign = np.where(as_mask(pc.starts_with(digits, "-")), -1, 1)
    return np.asarray(sign * (number // 100 * 60 + number % 100) * 60_000_000)


def as_mask(mask: Any) -> np.ndarray:
    """Return a boolean Arrow array as NumPy's, null as False."""
    import pyarrow.compute as pc

    dense: np.ndarray = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return dense
