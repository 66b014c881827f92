"""What changed since the run that a run builds on, as a person reads it: drift, and the life of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tamscore.insight.layout import new_table
from tamscore.view.words import NOTHING, share, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

Row = dict[str, Any]
LISTED = 10
"""So many features are listed, those that moved most first."""
STYLES = {"shifted": "yellow", "strongly shifted": "bold red", "new": "yellow"}
EVENT_STYLES = {"split": "yellow", "merged": "yellow", "new": "green", "retired": "red"}


def drift_table(rows: Sequence[Row], width: int | None) -> Table:
    """Features by how far they have moved, new categories, accounts far from every cluster, shares of the clusters."""
    table = new_table("party type|what|~name|>index|~verdict|~detail", width)
    features = sorted((row for row in rows if row["what"] == "feature"), key=lambda row: -row["psi"])
    others = [row for row in rows if row["what"] in {"category", "far", "clusters"}]
    for row in (*others, *features[:LISTED]):
        index = NOTHING if row["psi"] is None else f"{row['psi']:.3f}"
        verdict = Text(row["verdict"], STYLES.get(row["verdict"], ""))
        table.add_row(words(row["party_type"]), row["what"], Text(row["name"]), index, verdict, Text(detail_of(row)))
    return table


def detail_of(row: Row) -> str:
    """What has moved, in words."""
    base = f" of the {row.get('of', 'accounts')}"
    if row["detail"]:
        return f"{row['detail']}{base if row['what'] == 'clusters' else ''}"
    return f"{share(row['before'], 1)} → {share(row['now'], 1)}{base}"


def events_table(rows: Sequence[Row], width: int | None) -> Table:
    """What became of every cluster."""
    table = new_table("id|event|related|~name|>accounts|>fit rows before|>now|>shared", width)
    for row in rows:
        counts = (row["accounts"], row["fit_rows_before"], row["fit_rows_now"], row["fit_rows_shared"])
        event = Text(row["event"], EVENT_STYLES.get(row["event"], ""))
        table.add_row(row["cluster"], event, row["related"], Text(row["name"]), *(f"{count:,}" for count in counts))
    return table
