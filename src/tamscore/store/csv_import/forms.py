"""The form that a cell of text has: a number in some style, a date, a range, yes or no, a word, nothing.

Every cell has exactly one form. A column's type is decided from the counts of its forms (see `infer`), so nothing here
looks at more than one cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import dress, marks
from tamscore.store.csv_import.dates import DATE_START, as_mask, date_orders
from tamscore.store.csv_import.ranges import range_styles

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS_EMPTY = frozenset({"", "n/a", "#n/a", "null", r"\n"})
"""Tokens (in lower case) that stand for no value in every column."""

EMPTY_IN_NUMBERS = frozenset(
    {"na", "nan", "none", "nil", "-", "--", "\N{EN DASH}", "\N{EM DASH}", ".", "?"}
    | {"#null!", "#div/0!", "#value!", "#name?", "#ref!", "#num!"}
    | {"n.a.", "n. a.", "not available", "k.a.", "k. a.", "keine angabe", "n.v.", "n.b.", "n.v.t."}
    | {"n/d", "n.d.", "nd", "n/c", "n.c.", "s/d"}
)
"""Tokens that stand for no value where numbers, dates or yes and no are due; in a text column they may mean something
(NA is Namibia, None a level) and stay."""

WORD, MIXED, EMPTY, BIT, FLAG, RANGE = "word", "mixed", "empty", "bit", "flag", "range"
"""Forms besides numbers and dates: text without and with digits, no value, 0 or 1, an answer, a range."""

SHORT_DAY, NO_DAY = "short day", "no day"
"""A day without its century ("5/18/27"), and what looks like a day but is none ("2013-02-30", "0000-00-00")."""

_NUMBER = "number"
"""The forms of numbers are "number", their style (see `marks`), and their tag (see `dress`), separated by |."""

FLAGS = {"true": True, "false": False, "yes": True, "no": False, "t": True, "f": False, "y": True, "n": False}
BITS = {"1": True, "0": False}
FLAG_PAIRS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))

_SHORT_DAY = r"^\d{1,2}/\d{1,2}/\d{2}(?: .*)?$"
_NO_DAY = r"^(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?$"
_BASE = (WORD, MIXED, EMPTY, SHORT_DAY, NO_DAY, *(f"{RANGE} {mark}" for mark in (*marks.MARKS, "any", "either")))


@dataclass(frozen=True)
class Forms:
    """The forms of many texts: `names[codes]`, and what stands around or behind the digits of those that are numbers.

    `behind` int64: digits behind the mark of plain decimals, -1 elsewhere. `dressed` are the places of the texts of
    `parts`, which hold more than digits and one mark.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    behind: np.ndarray
    dressed: np.ndarray
    parts: dress.Dressed | None


def number_form(style: str, tag: str = "") -> str:
    """Return the form of numbers in a style with a tag."""
    return f"{_NUMBER}|{style}|{tag}"


def number_parts(form: str) -> tuple[str, str] | None:
    """Return style and tag of the form of a number, None for other forms."""
    name, _, rest = form.partition("|")
    style, _, tag = rest.partition("|")
    return (style, tag) if name == _NUMBER else None


_NUMBERS = tuple(number_form(style, tag) for style in marks.STYLES for tag in dress.TAGS)
_STATIC = (*_BASE, *(f"{FLAG} {word}" for word in FLAGS), *(f"{BIT} {word}" for word in BITS), *_NUMBERS)
_CODE = {name: place for place, name in enumerate(_STATIC)}
FIRST_NUMBER = len(_STATIC) - len(_NUMBERS)
EMPTY_CODE = _CODE[EMPTY]


def forms(texts: Any, empty: frozenset[str]) -> Forms:
    """Return the forms of the texts of a trimmed Arrow array without nulls; `empty` are tokens (lower case).

    Flags come as "flag yes", bits as "bit 0"; dates as "date ymd", "time dmy+mdy", …: what the cell holds, and every
    order that makes it a real day; ranges as "range .,": the decimal marks under which they read.
    """
    codes = np.full(len(texts), _CODE[MIXED], dtype=np.int16)
    behind = np.full(len(texts), -1, dtype=np.int64)
    rest = _plain_numbers(texts, codes, behind)
    names = list(_STATIC)
    left = _dates(texts, rest, codes, names)
    dressed, parts, left = _dressed_numbers(texts, left, codes)
    _ranges(texts, left, codes)
    _words(texts, rest, codes, empty)
    _tokens(texts, codes, empty)
    return Forms(tuple(names), codes, behind, dressed, parts)


def _number_codes(styles: np.ndarray, tags: np.ndarray | int = 0) -> np.ndarray:
    return np.asarray(FIRST_NUMBER + styles * len(dress.TAGS) + tags, dtype=np.int16)


def _plain_numbers(texts: Any, codes: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Give plain whole numbers and decimals their codes; return the places of all other texts."""
    import pyarrow.compute as pc

    whole = as_mask(pc.match_substring_regex(texts, r"^-?(?:0|[1-9]\d*)$"))
    length = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    negative = as_mask(pc.starts_with(texts, "-"))
    whole &= length <= marks.LONGEST
    codes[whole] = _number_codes(marks.whole_styles((length - negative)[whole]))
    rest = np.flatnonzero(~whole)
    for mark in marks.MARKS if len(rest) else ():
        some = texts.take(rest)
        shaped = as_mask(pc.match_substring_regex(some, rf"^-?(?:(?:0|[1-9]\d*)[{mark}]\d*|[{mark}]\d+)$"))
        shaped &= length[rest] <= marks.LONGEST
        styles, digits = marks.decimal_styles(some.filter(shaped), mark)
        codes[rest[shaped]], behind[rest[shaped]] = _number_codes(styles), digits
        rest = rest[~shaped]
    return rest


def _dressed_numbers(texts: Any, rest: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, Any, np.ndarray]:
    """Give other numbers their codes; return their places, their parts, and the places that may be ranges."""
    import pyarrow.compute as pc

    some = texts.take(rest)
    begin = pc.and_(pc.match_substring_regex(some, dress.START), pc.match_substring_regex(some, r"\d"))
    rest = rest[as_mask(begin)]
    if not len(rest):
        return rest, None, rest
    parts = dress.undress(texts.take(rest))
    codes[rest] = _number_codes(parts.styles, parts.tags)
    none = parts.styles == marks.CODE[marks.NO_STYLE]
    codes[rest[none]] = _CODE[MIXED]
    return rest, parts, rest[none]


def _dates(texts: Any, rest: np.ndarray, codes: np.ndarray, names: list[str]) -> np.ndarray:
    """Give dates and what looks like one their codes, new ones being added to the names; return the other places."""
    import pyarrow.compute as pc

    places = rest[as_mask(pc.match_substring_regex(texts.take(rest), DATE_START))]
    some = texts.take(places)
    for form, pattern in ((SHORT_DAY, _SHORT_DAY), (NO_DAY, _NO_DAY)):
        codes[places[as_mask(pc.match_substring_regex(some, pattern))]] = _CODE[form]
    values = date_orders(some)
    for form in sorted(set(values) - {""}):
        codes[places[values == form]] = len(names)
        names.append(form)
    return np.setdiff1d(rest, places[(values != "") | (codes[places] != _CODE[MIXED])], assume_unique=True)


def _ranges(texts: Any, places: np.ndarray, codes: np.ndarray) -> None:
    values = range_styles(texts.take(places))
    for form in sorted(set(values) - {""}):
        codes[places[values == form]] = _CODE[form]


def _words(texts: Any, rest: np.ndarray, codes: np.ndarray, empty: frozenset[str]) -> None:
    """Tell answers, words without any digit, and tokens of no value apart."""
    import pyarrow.compute as pc

    some = texts.take(rest)
    lower = pc.utf8_lower(some)
    codes[rest[~as_mask(pc.match_substring_regex(some, r"\p{N}"))]] = _CODE[WORD]
    mask = among(lower, FLAGS)
    codes[rest[mask]] = [_CODE[f"{FLAG} {word}"] for word in lower.filter(mask).to_pylist()]
    codes[rest[among(lower, empty)]] = _CODE[EMPTY]


def _tokens(texts: Any, codes: np.ndarray, empty: frozenset[str]) -> None:
    """Give 0 and 1 their own forms, and numbers that the user named as tokens of no value theirs."""
    for word in BITS:
        codes[among(texts, [word])] = _CODE[f"{BIT} {word}"]
    numeric = [token for token in empty if any(letter.isdigit() for letter in token)]
    if numeric:
        codes[among(texts, numeric)] = _CODE[EMPTY]


def among(texts: Any, words: Iterable[str]) -> np.ndarray:
    """Return whether each text is one of the words, as a boolean NumPy array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return as_mask(pc.is_in(texts, pa.array(sorted(words), pa.string())))
