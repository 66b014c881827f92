"""What a person should see before believing the clusters: suspects, the choice of k, stability and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tamscore.insight.layout import add, is_roomy, new_table
from tamscore.view.words import NOTHING, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from tamscore.insight.summary import Summary

BAR = 12
"""The length in characters of the longest bar of the loss chart."""
STYLES = {"unstable": "red", "doubtful": "yellow", "suspect": "red", "allowed": "yellow"}


def trust(summary: Summary, width: int | None) -> Iterator[tuple[str, Table, str]]:
    """The sections there is something to say in: title, table, note."""
    noted = [row for row in summary.leakage if row["verdict"] != "clear"]
    if noted:
        clear = sum(row["verdict"] == "clear" for row in summary.leakage)
        yield "features that look like sales", suspects(noted, width), f"{clear} others are clear"
    for party in dict.fromkeys(row["party_type"] for row in summary.choice_of_k):
        rows = [row for row in summary.choice_of_k if row["party_type"] == party]
        yield f"choice of k, {words(party)}", choice(rows, width), "loss of held-out customers; the rest is for the eye"
    if summary.stability:
        yield (
            "trust in clusters",
            clusters(summary.stability, width),
            "Jaccard similarity over bootstraps, rule with F1",
        )


def suspects(rows: list[dict[str, Any]], width: int | None) -> Table:
    """The features that are suspects, or would be had the job not allowed them."""
    table = new_table("feature|party type|verdict|~why", width)
    for row in rows:
        verdict = Text(row["verdict"], STYLES[row["verdict"]] if width else "")
        table.add_row(Text(row["feature"]), Text(words(row["party_type"])), verdict, Text(row["reason"]))
    return table


def choice(rows: list[dict[str, Any]], width: int | None) -> Table:
    """The candidates with their loss as a bar; what the usual criteria would have taken is marked."""
    roomy = is_roomy(width)
    bar = "|" if roomy else ""
    table = new_table(f">k|~|>loss{bar}|>± error|>fewest customers|>kept|>elbow|>CH|>DB|>silhouette", width)
    low, high = min(row["loss"] for row in rows), max(row["loss"] for row in rows)
    best = {
        "elbow": max(rows, key=lambda row: row["elbow"]),
        "calinski_harabasz": max(rows, key=lambda row: row["calinski_harabasz"] or 0),
        "davies_bouldin": min(rows, key=lambda row: row["davies_bouldin"] or float("inf")),
        "silhouette": max(rows, key=lambda row: row["silhouette"] or -1),
    }
    for row in rows:
        mark = "chosen" if row["chosen"] else "" if row["admitted"] else "not admitted"
        length = round((BAR - 1) * (row["loss"] - low) / (high - low)) + 1 if high > low else 1
        line = ["█" * length] if roomy else []
        said = [f"{figure(row[name])}{'*' if best[name] is row else ' '}" for name in best]
        add(table, row["k"], mark, f"{row['loss']:.4f}", *line, f"{row['error']:.4f}", f"{row['thinnest']:,.0f}",
            f"{row['kept']:.2f}", *said)  # fmt: skip
    return table


def figure(value: float | None) -> str:
    """An index in three digits."""
    return NOTHING if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def clusters(rows: tuple[dict[str, Any], ...], width: int | None) -> Table:
    """Whether each cluster comes out again, and who belongs to it."""
    table = new_table("id|>Jaccard|grade|~rule|>F1", width)
    for row in rows:
        similarity = NOTHING if row["similarity"] is None else f"{row['similarity']:.2f}"
        grade = Text(row["grade"], STYLES.get(row["grade"], "") if width else "")
        table.add_row(row["cluster"], similarity, grade, Text(row["rule"]), f"{row['f1']:.2f}")
    return table
