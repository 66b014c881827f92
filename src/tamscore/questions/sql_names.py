"""Names and texts as SQL writes them, safe for every character."""

from __future__ import annotations


def quote_name(name: str) -> str:
    """Return a name as standard SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def backquote_name(name: str) -> str:
    """Return a name as Spark writes it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a text as standard SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
