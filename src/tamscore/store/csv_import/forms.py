"""The forms that a cell of text can take, and their values: numbers, dates, yes and no.

Every cell has exactly one form. A column's type is decided from the counts of its forms (see `infer`), so nothing here
looks at more than one cell.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import.dates import as_mask, date_orders

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

CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|SGD|HKD|KRW|TRY|ILS|[$€£¥₹]"
WIDE_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_QUOTES = "'\N{RIGHT SINGLE QUOTATION MARK}"
_NUMBER_START = rf"^(?:[-+(.,0-9]|{CURRENCIES})"


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
    places = np.flatnonzero(as_mask(pc.match_substring_regex(texts, _NUMBER_START)))
    result[places] = _number_forms(texts.take(places), decimal)
    places = places[result[places] == TEXT]
    orders = date_orders(texts.take(places))
    result[places] = np.where(orders == "", TEXT, orders)
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
            result[places[as_mask(pc.match_substring_regex(some, patterns[form]))]] = form
    return result


def among(texts: Any, words: Iterable[str]) -> np.ndarray:
    """Return whether each text is one of the words, as a boolean NumPy array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return as_mask(pc.is_in(texts, pa.array(sorted(words), pa.string())))


def currency(texts: Any) -> Any:
    """Return the currency sign or code in each text, empty where there is none."""
    import pyarrow.compute as pc

    return pc.struct_field(pc.extract_regex(texts, rf"(?P<sign>{CURRENCIES})"), "sign")


def numbers(texts: Any, decimal: str) -> Any:
    """Return a plain number text ("-1234.5") for each text of a numeric form, null for every other text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    patterns = _patterns(decimal)
    shaped = as_mask(pc.match_substring_regex(texts, patterns[FLOAT]))
    if shaped.all() and decimal == ".":  # most columns: nothing to take off but a plus
        return pc.utf8_ltrim(texts, "+")
    for form in (GROUPED_FLOAT, GROUPED_INT, SPACED, PERCENT):
        shaped |= as_mask(pc.match_substring_regex(texts, patterns[form]))
    negative = pc.match_substring_regex(texts, r"^\(|^[^0-9.,]*-|[0-9]-$")
    bare = pc.replace_substring_regex(texts, rf"{CURRENCIES}|[%()\s{WIDE_SPACES}{_QUOTES}]", "")
    bare = pc.replace_substring_regex(bare, r"^[-+]+|-$", "")
    bare = pc.replace_substring(bare, "," if decimal == "." else ".", "")
    bare = pc.replace_substring(bare, decimal, ".")
    signed = pc.binary_join_element_wise(pc.if_else(negative, "-", ""), bare, "")
    return pc.if_else(pa.array(shaped), signed, None)
