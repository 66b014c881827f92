"""How the digits of a number are written: decimal marks, groups, exponents, and what is certain about them.

The style of a text names the one way in which its digits stand, such as "dec ." (a decimal point for certain) or
"amb ." (one point and three digits behind it: a fraction or a group). A `NumberFormat` says which styles have a
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tamscore.store.csv_import.dates import as_mask

WIDE_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
QUOTES = "'\N{RIGHT SINGLE QUOTATION MARK}"
MARKS = (".", ",")
OTHER = {".": ",", ",": "."}

_BARE = ("int", "big", "huge", "long", "zero", "space", "wide", "quote", "exp", "loose exp", "plus", "signed")
_MARKED = ("zero", "dec", "whole", "amb", "group", "both", "space", "wide", "quote", "exp", "loose exp")
NO_STYLE = ""
STYLES = (NO_STYLE, *_BARE, *(f"{style} {mark}" for style in _MARKED for mark in MARKS))
CODE = {style: place for place, style in enumerate(STYLES)}
DECIMAL_STYLES = ("dec", "whole", "both", "space", "wide", "quote", "exp")
"""The styles whose mark is the decimal mark for certain."""
WHOLE_STYLES = ("int", "big", "huge", "zero", "space", "wide", "quote", "plus", "signed", "amb", "group", "whole")
"""The styles (without their marks) of numbers that may have no fraction."""
CODE_STYLES = ("int", "big", "huge", "long", "whole .", "whole ,")
"""The styles in which identifiers made of digits stand."""
PLAIN_STYLES = ("int", "big", "huge", "long", "dec .", "whole .", "amb .", "exp", "exp .")
"""The styles that programs write."""
_WHOLE_CODES = [CODE[style] for style in STYLES if style.removesuffix(" .").removesuffix(" ,") in WHOLE_STYLES]

_INT_DIGITS = 18
_FLOAT_DIGITS = 15
"""Whole numbers of more digits may not keep them all where the column has fractions."""
LONGEST = 40
"""The longest text, in characters, that is taken for a number."""


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of one column are read.

    `thousands` holds the marks that may group digits (a space stands for every space). `credit` is the sign of amounts
    marked CR: "negative", "positive", or "" where such cells have no value. With `m_million`, m is million, b billion.
    `by_files`: other columns of the files decided the decimal mark.
    """

    decimal: str = "."
    thousands: frozenset[str] = frozenset({",", " ", "'"})
    credit: str = ""
    m_million: bool = False
    by_files: bool = False

    def reads(self, style: str) -> bool:
        """Return whether digits in this style have a value under the format."""
        name, mark = parts(style)
        if name == "amb":
            return mark == self.decimal or mark in self.thousands
        if name == "group":
            return mark in self.thousands
        if name == "both" and OTHER[mark] not in self.thousands:
            return False
        group = {"space": " ", "wide": " ", "quote": "'"}.get(name)
        return style != NO_STYLE and mark in {"", self.decimal} and (group is None or group in self.thousands)


def usual(decimal: str) -> NumberFormat:
    """Return the format with this decimal mark and every other mark between groups."""
    return NumberFormat(decimal, frozenset({OTHER[decimal], " ", "'"}))


def parts(style: str) -> tuple[str, str]:
    """Return a style without its mark, and the mark, empty where there is none."""
    name, mark = style[:-2], style[-1:]
    return (name, mark) if mark in MARKS else (style, "")


@cache
def _patterns() -> dict[str, str]:
    """Return the pattern of each style of digits without a sign; a text has the last style that matches."""
    three = {",": rf"(?:{_groups(',')}|[1-9]\d?(?:,\d{{2}})+,\d{{3}})", ".": _groups(r"\.")}
    own = {"space": " ", "wide": f"[{WIDE_SPACES}]", "quote": f"[{QUOTES}]"}
    record = {name: _groups(mark) for name, mark in own.items()}
    record |= {"zero": r"0\d+", "exp": r"\d{1,8}e[-+]\d+", "loose exp": r"\d{1,8}(?:[eE]\d+|E[-+]\d+)"}
    for mark in MARKS:
        point = f"[{mark}]"
        record[f"dec {mark}"] = rf"(?:0|[1-9]\d*)?{point}\d+|(?:0|[1-9]\d*){point}"
        record[f"whole {mark}"] = rf"(?:0|[1-9]\d*){point}0*"
        record[f"amb {mark}"] = rf"[1-9]\d{{0,2}}{point}\d{{3}}"
        record[f"zero {mark}"] = rf"0\d+{point}\d*"
        record[f"group {mark}"] = rf"[1-9]\d{{0,2}}(?:{point}\d{{3}}){{2,}}"
        record[f"both {mark}"] = rf"{three[OTHER[mark]]}{point}\d*"
        record |= {f"{name} {mark}": rf"{_groups(group)}{point}\d*" for name, group in own.items()}
        record[f"exp {mark}"] = rf"(?:\d{{0,8}}{point}\d*[1-9]\d*|\d{{1,8}}{point}\d*)[eE][-+]?\d+"
        record[f"loose exp {mark}"] = rf"\d(?:{point}\d*)E[+]\d+"
    record["group ,"] += r"|[1-9]\d?(?:,\d{2})+,\d{3}"
    return {style: rf"^(?:{pattern})$" for style, pattern in record.items()}


def _groups(mark: str) -> str:
    return rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+"


def styles(digits: Any) -> np.ndarray:
    """Return the code of the style (see `CODE`) of each text of digits and marks without a sign."""
    import pyarrow.compute as pc

    result = np.full(len(digits), CODE[NO_STYLE], dtype=np.int16)
    whole = as_mask(pc.match_substring_regex(digits, r"^(?:0|[1-9]\d*)$"))
    result[whole] = whole_styles(pc.binary_length(digits).to_numpy(zero_copy_only=False)[whole])
    places = np.flatnonzero(~whole)
    rest = digits.take(places)
    for style, pattern in _patterns().items() if len(places) else ():
        result[places[as_mask(pc.match_substring_regex(rest, pattern))]] = CODE[style]
    too_large = pc.match_substring_regex(rest, r"[eE][-+]?(?:0*[3-9]\d{2}|\d{4,})$")
    result[places[as_mask(too_large)]] = CODE[NO_STYLE]
    many = as_mask(pc.match_substring_regex(rest, r"^(?:\d[^\d]?){19,}$")) & np.isin(result[places], _WHOLE_CODES)
    result[places[many]] = CODE["long"]
    return result


def whole_styles(lengths: np.ndarray) -> np.ndarray:
    """Return the codes of the styles of plain whole numbers with so many digits."""
    codes = np.where(lengths > 3, CODE["big"], CODE["int"])
    codes = np.where(lengths > _FLOAT_DIGITS, CODE["huge"], codes)
    return np.asarray(np.where(lengths > _INT_DIGITS, CODE["long"], codes), dtype=np.int16)


def decimal_styles(texts: Any, mark: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of the styles of plain texts with one mark ("-12.50", ".5"), and their digits behind it."""
    import pyarrow.compute as pc

    length = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    place = pc.find_substring(texts, mark).to_numpy(zero_copy_only=False).astype(np.int64)
    negative = as_mask(pc.starts_with(texts, "-"))
    behind, before = length - place - 1, place - negative
    zero = as_mask(pc.match_substring_regex(texts, r"^-?0"))
    codes = np.full(len(texts), CODE[f"dec {mark}"], dtype=np.int16)
    ends = np.flatnonzero((behind == 0) | as_mask(pc.ends_with(texts, "0")))
    whole = as_mask(pc.match_substring_regex(texts.take(ends), rf"\d[{mark}]0*$"))
    codes[ends[whole]] = CODE[f"whole {mark}"]
    codes[(behind == 3) & (before >= 1) & (before <= 3) & ~zero] = CODE[f"amb {mark}"]
    return codes, behind


def canonical(digits: Any, decimal: str) -> Any:
    """Return digits that the format reads as text with a point and without groups, such as "1234.5"."""
    import pyarrow.compute as pc

    bare = pc.replace_substring_regex(digits, f"[{OTHER[decimal]} {WIDE_SPACES}{QUOTES}]", "")
    return pc.replace_substring(bare, decimal, ".")
