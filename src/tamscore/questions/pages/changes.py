"""What a person should see before believing a run: suspects, drift, and what became of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Cell, table
from tamscore.view.words import share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.view.blocks import Table

    _Row = dict[str, Any]

_LISTED = 10
"""So many features are listed, those that moved most first."""
_MARKS = {"shifted": "fair", "strongly shifted": "poor", "new": "fair", "suspect": "poor", "allowed": "fair"}
_EVENTS = {"kept": "grey", "split": "fair", "merged": "fair", "new": "good", "retired": "poor"}


def suspects(rows: Sequence[_Row]) -> Table:
    """Return the features that look like sales, or would be suspects had the job not allowed them."""
    noted = [row for row in rows if row["verdict"] != "clear"]
    cells = [(row["feature"], row["party_type"], _verdict(row), row["reason"]) for row in noted]
    note = f"{len(rows) - len(noted)} others are clear"
    return table("Features that look like sales", "feature|party type:code|verdict:code|why", cells, note)


def _verdict(row: _Row) -> Cell:
    """Return the verdict of a row with its mark."""
    return Cell(row["verdict"], mark=_MARKS.get(row["verdict"], ""))


def drift(rows: Iterable[_Row]) -> list[Table]:
    """Return accounts far from every cluster, shares of the clusters, new categories, and the features moved most.

    What has moved stands in a table of its own; what is steady is folded.
    """
    items = [row for row in rows if row["what"] != "cluster"]
    others = [row for row in items if row["what"] != "feature"]
    features = sorted((row for row in items if row["what"] == "feature"), key=lambda row: -row["psi"])
    text = [*others, *features[:_LISTED]]
    moved = [row for row in text if row["verdict"] != "steady"]
    steady = [row for row in text if row["verdict"] == "steady"]
    tables = (
        _drift_of("Drift since the model was fitted", moved),
        _drift_of("Steady since the model was fitted", steady, folded=True),
    )
    return [item for item in tables if item.rows]


def _drift_of(caption: str, rows: Iterable[_Row], *, folded: bool = False) -> Table:
    """Return rows about drift as a table."""
    cells = [(row["party_type"], row["what"], row["name"], row["psi"], _verdict(row), _detail_of(row)) for row in rows]
    columns = "party type:code|what:code|name|index:thousandths|verdict|detail"
    note = "stability index: a look from 0.1 on, a new fit from 0.25 on"
    return table(caption, columns, cells, note, folded=folded)


def _detail_of(row: _Row) -> str:
    """Return what has moved, in words."""
    base = f" of the {row.get('of', 'accounts')}"
    if row["detail"]:
        return f"{row['detail']}{base if row['what'] == 'clusters' else ''}"
    return f"{share(row['before'], 1)} → {share(row['now'], 1)}{base}"


def events(rows: Iterable[_Row]) -> Table:
    """Return what became of every cluster of the model before, those that changed first."""
    ordered = sorted(rows, key=lambda row: row["event"] == "kept")
    cells = [
        (
            row["cluster"],
            Cell(row["event"], mark=_EVENTS.get(row["event"], "")),
            row["related"],
            row["name"],
            *(row[name] for name in ("accounts", "fit_rows_before", "fit_rows_now", "fit_rows_shared")),
        )
        for row in ordered
    ]
    columns = "id:id|event:code|related|name|accounts:count|fit rows before:count/2|now:count/2|shared:count/2"
    folded = all(row["event"] == "kept" for row in ordered)
    return table("Life of the clusters", columns, cells, "against the run before", folded=folded)
