"""What the optional parts of the scores say of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.layout import add, new_table
from tamscore.insight.wording import clean, exact, words
from tamscore.schema import EXTRA_COLUMNS

if TYPE_CHECKING:
    from rich.table import Table

SHARES = frozenset({"propensity", "next_offer_share"})
"""Columns that are told in percent."""


def known(account: dict[str, Any]) -> dict[str, Any]:
    """What is known of an account in columns that optional sections add, by column."""
    names = (name for columns in EXTRA_COLUMNS.values() for name in columns)
    return {name: account[name] for name in names if account.get(name) not in {None, ""}}


def table(found: dict[str, Any], width: int | None) -> Table:
    """What is known, a line for each column."""
    lines = new_table("what|~it says", width)
    for name, value in found.items():
        add(lines, words(name), told(name, value))
    return lines


def told(name: str, value: Any) -> str:
    """A value of a column as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in SHARES:
        return f"{value:.1%}"
    return exact(value) if isinstance(value, int | float) else clean(value)
