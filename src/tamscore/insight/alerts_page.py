"""Alerts as a page for people and as JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from tamscore.insight.layout import add, new_table, section
from tamscore.view.words import clean, counted, money

if TYPE_CHECKING:
    from typing import Any

    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.insight.alerts import Alerts

KINDS = {
    "buying": ("who may buy", "own features changed, or an intent feature rose; at stake is whitespace"),
    "churn": (
        "who may leave",
        "sales fell, those of its cluster's median customer did not; at stake is what was lost in a year",
    ),
}


def rows_of(found: Alerts, kind: str) -> list[dict[str, Any]]:
    """The alerts of a kind, most at stake first."""
    return [row for row in found.table.to_pylist() if row["alert"] == kind]


def render(found: Alerts, top: int, width: int | None) -> Group:
    """The alerts as tables for a terminal of that width; None for files and programs."""
    since = f" since {found.since}" if found.since else ""
    head = Text(clean(f"{found.run}{since}: {counted(found.table.num_rows, 'alert')}"), style="bold")
    parts: list[RenderableType] = [head, *(Text(clean(text)) for text in found.notices)]
    for kind, (title, note) in KINDS.items():
        if rows := rows_of(found, kind):
            shown = f"{min(top, len(rows))} of {len(rows):,}; {note}"
            parts += section(title, LISTS[kind](rows[:top], width), shown)
    return Group(*parts)


def buying(rows: list[dict[str, Any]], width: int | None) -> Table:
    """Who may buy, one a row."""
    table = new_table("~account|cluster|reason|>at stake|>potential before|>after", width)
    for row in rows:
        ends = (money(row[f"potential_{when}"]) for when in ("before", "after"))
        add(table, *cells(row), *ends)
    return table


def churning(rows: list[dict[str, Any]], width: int | None) -> Table:
    """Who may leave, one a row: no potential is told for them."""
    table = new_table("~account|cluster|reason|>at stake", width)
    for row in rows:
        add(table, *cells(row))
    return table


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """What is told of any alert."""
    return row["name"] or row["account_id"], row["cluster"], row["reason"], money(row["at_stake"])


LISTS = {"buying": buying, "churn": churning}
"""The list of each kind."""


def to_json(found: Alerts, top: int) -> str:
    """The alerts as JSON: how many there are of each kind, and those with most at stake."""
    record: dict[str, Any] = {"run": found.run, "since": found.since, "notices": found.notices}
    for kind in KINDS:
        rows = rows_of(found, kind)
        record[kind] = {
            "alerts": len(rows),
            "top": [{k: v for k, v in row.items() if k != "alert"} for row in rows[:top]],
        }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
