"""Data quality: rows rejected and why, values flagged or filled, columns that have drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.insight.show_changes import detail_of
from tamscore.view.blocks import Block, Chapter, table
from tamscore.view.words import counted, share, words

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Table

MEANINGS = {"rejected": "left out of the scores", "flagged": "scored, and marked", "filled": "given the median"}
LISTED = 12


def chapter(found: Evidence) -> Chapter:
    """The chapter."""
    blocks: list[Block] = [counts(found, ("rejected", "flagged"), "Rows rejected or flagged")]
    blocks.append(counts(found, ("filled",), "Numbers that were missing", folded=True))
    if found.summary.leakage:
        blocks += suspects(found)
    if found.summary.drift:
        blocks.append(drift(found))
    return Chapter("quality", "Data quality", message(found), tuple(blocks))


def message(found: Evidence) -> str:
    """What it comes to, in one sentence."""
    rows = found.summary.rows
    rejected = sum(rows["rejected"].values())
    left = f"{rejected:,} rejected, each with its reason" if rejected else "none rejected"
    return f"{counted(rows['read'], 'row')} read, {rows['scored']:,} scored, {left}: nothing is dropped in silence."


def counts(found: Evidence, what: tuple[str, ...], caption: str, *, folded: bool = False) -> Table:
    """Rows that something befell, by what that was."""
    read = found.summary.rows["read"]
    rows = [
        (row["what"], words(row["name"]), MEANINGS[row["what"]], f"{row['count']:,}", share(row["count"], read))
        for row in found.quality
        if row["what"] in what and row["count"]
    ]
    if not rows:
        rows = [("none", "", "", "0", "0%")]
    return table(caption, "what|name|which means|>rows|>share", rows, folded=folded)


def suspects(found: Evidence) -> list[Block]:
    """The features that look like sales, where there are any."""
    noted = [row for row in found.summary.leakage if row["verdict"] != "clear"]
    rows = [(row["feature"], words(row["party_type"]), row["verdict"], row["reason"]) for row in noted]
    return [table("Features that look like sales", "feature|party type|verdict|why", rows)] if rows else []


def drift(found: Evidence) -> Table:
    """What has drifted most since the model was fitted."""
    rows = sorted(found.summary.drift, key=lambda row: (row["verdict"] == "steady", -(row["psi"] or 0.0)))
    told = [
        (
            words(row["party_type"]),
            row["what"],
            row["name"],
            "-" if row["psi"] is None else f"{row['psi']:.2f}",
            row["verdict"],
            detail_of(row),
        )
        for row in rows
        if row["what"] != "cluster"
    ]
    note = "Stability index: a look from 0.1 on, a new fit from 0.25 on."
    heads = "party type|what|name|>index|verdict|detail"
    return table("Drift since the model was fitted", heads, told[:LISTED], note)
