"""Numbers and names as texts for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_CENT = 0.01
"""The smallest amount that has two significant digits."""
NOTHING = "-"


def money(value: float | None) -> str:
    """Return an amount with two significant digits, short: 12k, 3.4M, 950; `-` for a missing amount.

    Below a cent it has two decimals, 0.01 or 0.00; only an amount of exactly 0 is 0.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = float(f"{value:.2g}")
    if abs(rounded) < _CENT:
        return f"{rounded:.2f}".replace("-0.00", "0.00") if rounded else "0"
    limit, unit = next((pair for pair in _UNITS if abs(rounded) >= pair[0]), (1.0, ""))
    scaled = rounded / limit
    return f"{scaled:.{max(1 - math.floor(math.log10(abs(scaled))), 0)}f}{unit}"


def money_text(value: float | None, currency: str | None) -> str:
    """Return a short amount with its currency, if known: `EUR 3.4M`, `€3.4M`, `3.4M`."""
    amount = money(value)
    if currency is None or amount == NOTHING:
        return amount
    return f"{clean(currency)}{' ' if any(map(str.isalpha, currency)) else ''}{amount}"


def _span(low: float | None, high: float | None) -> str:
    """Return two amounts as an interval: `5.1k to 6.4k`; `-` if there is none."""
    return NOTHING if low is None or high is None else f"{money(low)} to {money(high)}"


def exact(value: float) -> str:
    """Return an amount to the cent, whole amounts without cents: 1,234.50, 1,234."""
    return f"{value:,.2f}".removesuffix(".00")


def share(part: float, whole: float) -> str:
    """Return a share in percent: whole numbers from 10 % on, one decimal below; `-` if the whole is 0."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return f"{percent:.0f}%" if percent >= 9.95 or percent == 0 else f"{percent:.1f}%"


def change(before: float, after: float) -> str:
    """Return the change of an amount in percent: `+12%`, `-0.4%`, `0%`; `-` if the amount was 0."""
    if not before:
        return NOTHING
    percent = 100 * (after - before) / abs(before)
    return "0%" if abs(percent) < 1e-9 else f"{percent:+.0f}%" if abs(percent) >= 9.95 else f"{percent:+.1f}%"


def signed_money(value: float) -> str:
    """Return a short amount with its sign."""
    return f"{'+' if value > 0 else ''}{money(value)}"


HOLDERS = {"expansion": "customer", "acquisition": "prospect"}
"""The kinds of whitespace, with the accounts that hold them."""


def count_text(count: float, noun: str) -> str:
    """Return a count with its noun, which gets an s unless the count is 1."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def words(name: str) -> str:
    """Return a code as words: `land_and_adopt` becomes `land and adopt`."""
    return name.replace("_", " ")


def clean(text: object) -> str:
    """Return a text without characters that would move the cursor or break a line: names come from data."""
    plain = str(text)
    return plain if plain.isprintable() else "".join(char if char.isprintable() else "�" for char in plain)


Unit: TypeAlias = Literal[
    "text", "name", "id", "code", "number", "count", "money", "span", "exact", "share", "percent", "permille", "factor",
    "tenths", "hundredths", "thousandths", "ten_thousandths", "index", "signed", "places", "signed_money", "change",
    "truth",
]  # fmt: skip
"""The kind of a value, which decides its format.

`number` is for numbers that are texts already, `name` for texts that may end in an ellipsis, `span` for two amounts.
"""
TEXTS = frozenset({"text", "name", "id", "code", "truth"})
"""Units of values that are not numbers."""
_FORMS: dict[Unit, Callable[[Any], str]] = {
    "code": lambda name: words(clean(name)),
    "count": lambda value: f"{value:,.0f}",
    "money": money,
    "span": lambda ends: _span(*ends),
    "exact": exact,
    "share": lambda value: share(value, 1),
    "percent": lambda value: f"{value:.0%}",
    "permille": lambda value: f"{value:.1%}",
    "factor": lambda value: f"{value:.2f}x",
    "tenths": lambda value: f"{value:,.1f}",
    "hundredths": lambda value: f"{value:,.2f}",
    "thousandths": lambda value: f"{value:.3f}",
    "ten_thousandths": lambda value: f"{value:.4f}",
    "index": lambda value: f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}",
    "signed": lambda value: f"{value:+.1f}",
    "places": lambda value: f"{value:+,.0f}",
    "signed_money": signed_money,
    "change": lambda value: change(1.0, 1.0 + value),
    "truth": lambda value: "yes" if value else "no",
}


def value_text(value: Any, unit: Unit) -> str:
    """Return a value as text: a text as it is, `-` for none, a number in the format of its unit."""
    if value is None:
        return NOTHING
    if isinstance(value, str) and unit != "code":
        return clean(value)
    return _FORMS.get(unit, clean)(value)
