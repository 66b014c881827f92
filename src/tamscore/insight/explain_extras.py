"""What the optional parts of the scores say of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.layout import add, new_table
from tamscore.insight.wording import clean, exact, words
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from rich.table import Table


def known(account: dict[str, Any]) -> dict[str, Any]:
    """What is known of an account in columns that optional sections add, by column."""
    return {name: account[name] for name in columns() if account.get(name) not in {None, ""}}


def columns() -> dict[str, str]:
    """The columns that optional sections add, by name: the kind of each."""
    return {column.name: column.kind for section in SECTIONS.values() for column in section.columns}


def table(found: dict[str, Any], width: int | None) -> Table:
    """What is known, a line for each column."""
    lines = new_table("what|~it says", width)
    kinds = columns()
    for name, value in found.items():
        add(lines, words(name), told(kinds[name], value))
    return lines


def told(kind: str, value: Any) -> str:
    """A value of a column as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "share":
        return f"{value:.1%}"
    return exact(value) if isinstance(value, int | float) else clean(value)
