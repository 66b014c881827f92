"""What stands around the digits of a number: signs, currencies, units, percent signs, marks of credit and debit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import marks
from tamscore.store.csv_import.dates import as_mask
from tamscore.store.csv_import.marks import QUOTES, WIDE_SPACES

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO = (
    "USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|HRK|RSD|UAH|RUB|BRL|MXN|ARS|CLP|"
    "COP|PEN|UYU|ZAR|NGN|KES|EGP|MAD|SGD|HKD|TWD|KRW|THB|MYR|IDR|PHP|VND|TRY|ILS|AED|SAR|QAR|KWD|PKR|BDT|LKR|KZT"
)
_NAMED = {
    "EUR": r"(?i:euros?|eur)|€", "GBP": "gbp|£", "USD": r"US\s?\$|usd", "CHF": r"chf|S?Fr\.|SFr", "INR": r"₹|Rs\.?",
    "BRL": r"R\$", "CAD": r"CA?\$", "AUD": r"AU?\$", "NZD": r"NZ\$", "HKD": r"HK\$", "SGD": r"S\$", "MXN": r"MX\$",
    "TWD": r"NT\$", "KRW": "₩", "TRY": "₺", "RUB": "₽", "ILS": "₪", "VND": "₫", "PHP": "₱", "THB": "฿", "NGN": "₦",
    "UAH": "₴", "KZT": "₸", "PLN": "zł", "CZK": "Kč", "HUF": "Ft",
}  # fmt: skip
CURRENCY = "|".join([*_NAMED.values(), _ISO, r"[$¥]|kr\.?"])

MINUS = (
    r"\-" + "\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{SMALL HYPHEN-MINUS}\N{FULLWIDTH HYPHEN-MINUS}"
)
SPACE = f"[ {WIDE_SPACES}]?"
SHIFTS = {
    "k": 3, "K": 3, "M": 6, "MM": 6, "B": 9, "m": 6, "b": 9, "T": 3,
    "tsd": 3, "thousand": 3, "tys": 3, "lakh": 5, "lac": 5, "mio": 6, "mn": 6, "mln": 6, "million": 6, "millionen": 6,
    "crore": 7, "bn": 9, "mrd": 9, "mld": 9, "mia": 9, "milliarde": 9, "milliarden": 9, "milliard": 9,
    "billion": 9, "tn": 12, "trillion": 12,
}  # fmt: skip
"""Powers of ten by unit; T, m and b count only where something beside them says so (see `Dressed.tags`)."""

LETTERS = frozenset({"k", "K", "M", "MM", "B", "m", "b"})
_WORDS = "tsd|thousand|tys|lakhs?|lacs?|mio|mn|mln|million(?:s|en)?|crores?|bn|mrd|mld|mia|milliard(?:s|en?)?|tn"
UNIT = rf"(?:(?i:{_WORDS}|billions?|trillions?)\.?|MM|[kKMmBbT])"
_CREDIT = "(?i:CR|DR)|[HS]"
DIGITS = rf"[.,]?\d(?:[\d.,]|[ {WIDE_SPACES}{QUOTES}]\d)*(?:[eE][-+]?\d{{1,4}})?"
START = rf"^(?:[({MINUS}+.,0-9<>≤≥]|{CURRENCY}|{_CREDIT}|[kKTM]|over|under|more|less|up|from|ab|bis|über|unter)"
"""What a cell that holds a number or a range begins with."""

TAGS = ("", "money", "unit", "m or b", "billion", "percent", "credit")
_TAG = {name: place for place, name in enumerate(TAGS)}


@dataclass(frozen=True)
class Dressed:
    """The parts of number texts, all of one length; style and tag 0 with style "" where a text is no number.

    `digits` text without anything around it; `negative` bool; `shift` the power of ten of the unit; `units` and
    `currency` as text, empty for none; `credit` "", "c" or "d"; `tags` codes of `TAGS`: what else must be known.
    """

    digits: Any
    styles: np.ndarray
    tags: np.ndarray
    negative: np.ndarray
    shift: np.ndarray
    units: np.ndarray
    currency: np.ndarray
    credit: np.ndarray


@cache
def _pattern() -> str:
    money = rf"(?:{CURRENCY})"
    return (
        rf"^(?P<credit_before>{_CREDIT})?{SPACE}(?P<unit_before>[kKTM])?(?P<money_before>{money})?{SPACE}"
        rf"(?P<opening>\()?(?P<sign>[{MINUS}+])?{SPACE}(?P<money>{money})?{SPACE}(?P<digits>{DIGITS}){SPACE}"
        rf"(?P<unit>{UNIT})?{SPACE}(?P<money_behind>{money})?{SPACE}(?P<percent>%)?(?P<sign_behind>[-\x{{2212}}])?"
        rf"(?P<closing>\))?{SPACE}(?P<credit_behind>{_CREDIT})?$"
    )


def undress(texts: Any) -> Dressed:
    """Return the parts of trimmed texts that may be numbers; a text that holds anything else has no style."""
    import pyarrow.compute as pc

    matched = pc.extract_regex(texts, _pattern())
    part = {field.name: pc.fill_null(pc.struct_field(matched, field.name), "") for field in matched.type}
    filled = {name: as_mask(pc.not_equal(values, "")) for name, values in part.items()}
    units = _mapped(_joined(part, "unit_before", "unit"), _unit)
    currency = _mapped(_joined(part, "money_before", "money", "money_behind"), _currency)
    tags = _tags(filled, units, currency)
    styles = marks.styles(part["digits"])
    styles[~_whole(filled, units, styles) | _lone_thousand(units, currency)] = marks.CODE[marks.NO_STYLE]
    styles[as_mask(pc.greater(pc.binary_length(texts), marks.LONGEST))] = marks.CODE[marks.NO_STYLE]
    styles[as_mask(pc.match_substring_regex(texts, r"^\+\d{8,}$"))] = marks.CODE["plus"]
    styles[as_mask(pc.match_substring_regex(texts, r"^\+\d{1,7}$"))] = marks.CODE["signed"]
    plus = as_mask(pc.equal(part["sign"], "+"))
    no_cents = as_mask(pc.match_substring_regex(texts, rf"\d[.,]{SPACE}[-\x{{2212}}]"))  # 250.- and 1.250,- are prices
    minus = (filled["sign"] & ~plus) | (filled["sign_behind"] & ~no_cents) | filled["opening"]
    credit = _mapped(_joined(part, "credit_before", "credit_behind"), _side)
    shift = _mapped(_joined(part, "unit_before", "unit"), lambda text: SHIFTS.get(_unit(text), 0)).astype(np.int64)
    return Dressed(part["digits"], styles, tags, minus, shift, units, currency, credit)


def _joined(part: dict[str, Any], *names: str) -> Any:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*(part[name] for name in names), "")


def _mapped(texts: Any, function: Callable[[str], Any]) -> np.ndarray:
    """Return the function's value for each text, called once for each distinct text."""
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(texts)
    values = np.array([function(text) for text in encoded.dictionary.to_pylist()], dtype=object)
    return values[encoded.indices.to_numpy()] if len(values) else np.empty(0, dtype=object)


def _side(credit: str) -> str:
    return {"C": "c", "D": "d", "H": "c", "S": "d"}.get(credit[:1].upper(), "")


def _unit(text: str) -> str:
    """Return letters as they stand, words in lower case without plural or full stop."""
    if text in {"", "T", *LETTERS}:
        return text
    word = text.lower().rstrip(".")
    return word if word in SHIFTS else word.removesuffix("s")


def _currency(text: str) -> str:
    """Return the ISO code of a currency, or the sign where several have it ($, ¥, kr); empty for none."""
    return next((code for code, names in _NAMED.items() if re.fullmatch(names, text)), text.rstrip("."))


def _tags(filled: dict[str, np.ndarray], units: np.ndarray, currency: np.ndarray) -> np.ndarray:
    tags = np.where(currency != "", _TAG["money"], _TAG[""])
    tags[units != ""] = _TAG["unit"]
    tags[np.isin(units, ["m", "b"]) & (currency == "")] = _TAG["m or b"]
    tags[np.isin(units, ["billion", "trillion"])] = _TAG["billion"]
    tags[filled["percent"]] = _TAG["percent"]
    tags[filled["credit_before"] | filled["credit_behind"]] = _TAG["credit"]
    return tags


def _whole(filled: dict[str, np.ndarray], units: np.ndarray, styles: np.ndarray) -> np.ndarray:
    """Return whether the parts go together: one sign, one currency, one unit, closed parentheses."""
    signs = filled["sign"].astype(int) + filled["sign_behind"] + filled["opening"]
    moneys = filled["money_before"].astype(int) + filled["money"] + filled["money_behind"]
    sections = (units != "").astype(int) + filled["percent"]
    credits_ = filled["credit_before"].astype(int) + filled["credit_behind"]
    powers = np.isin(styles, [code for style, code in marks.CODE.items() if "exp" in style])
    item = (
        (signs <= 1)
        & (moneys <= 1)
        & (sections + powers <= 1)
        & (credits_ <= 1)
        & (filled["opening"] == filled["closing"])
    )
    lone = filled["unit_before"] & ~filled["money_before"] | filled["unit_before"] & filled["unit"]
    result: np.ndarray = item & ~lone & ~((credits_ == 1) & (signs == 1)) & ~(filled["percent"] & (moneys == 1))
    return result


def _lone_thousand(units: np.ndarray, currency: np.ndarray) -> np.ndarray:
    """Return where T stands without EUR or CHF: TEUR is a thousand euros, but 12T may be a trillion or tonnes."""
    result: np.ndarray = (units == "T") & ~np.isin(currency, ["EUR", "CHF"])
    return result
