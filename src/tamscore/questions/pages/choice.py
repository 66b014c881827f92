"""The choice of the number of clusters: what decided, and what the usual criteria would have taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Cell, table
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tamscore.view.blocks import Table

    _Row = dict[str, Any]

CRITERIA: dict[str, tuple[str, Callable[..., Any]]] = {
    "elbow": ("elbow", max),
    "calinski_harabasz": ("Calinski-Harabasz", max),
    "davies_bouldin": ("Davies-Bouldin", min),
    "silhouette": ("silhouette", max),
}
"""The criteria for the eye: what each is called, and whether its largest or its smallest value is the best."""


def by_party(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    """Return the candidates by party type."""
    parties: dict[str, list[_Row]] = {}
    for row in rows:
        parties.setdefault(row["party_type"], []).append(row)
    return parties


def candidates(party: str, rows: Sequence[_Row]) -> Table:
    """Return all candidates of a party type, with the loss that decides and the criteria that do not."""
    low, high = min(row["loss"] for row in rows), max(row["loss"] for row in rows)
    cells = [
        (
            row["k"],
            "chosen" if row["chosen"] else "" if row["admitted"] else "not admitted",
            Cell(row["loss"], (row["loss"] - low) / (high - low) if high > low else 0.0),
            row["error"],
            row["thinnest"],
            row.get("thin"),
            row["kept"],
            row.get("moved"),
            *(row[name] for name in CRITERIA),
        )
        for row in rows
    ]
    columns = (
        "k:count|status|loss:ten_thousandths|± error:ten_thousandths|fewest customers:count/2|"
        "in thin clusters:percent/2|kept:hundredths/2|moved:percent/2|"
        "elbow:index/2|CH:index/2|DB:index/2|silhouette:index/2"
    )
    return table(f"Choice of k, {words(party)}", columns, cells, _preferences(rows))


def _preferences(rows: Sequence[_Row]) -> str:
    """Return what each criterion for the eye would have taken."""
    taken = []
    for name, (called, best) in CRITERIA.items():
        known = [row for row in rows if row[name] is not None]
        if known:
            taken.append(f"{called} {best(known, key=lambda row: row[name])['k']}")
    return f"loss of held-out customers; for the eye: {', '.join(taken)}"
