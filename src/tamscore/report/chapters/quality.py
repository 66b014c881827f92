"""Data quality: rows rejected and why, values flagged or filled, columns that have drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.changes import drift, suspects
from tamscore.view.blocks import Block, Chapter, table
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Table

_MEANINGS = {"rejected": "left out of the scores", "flagged": "scored, and marked", "filled": "given the median"}


def chapter(data: ReportData) -> Chapter:
    """Return the chapter."""
    blocks: list[Block] = [_counts(data, ("rejected", "flagged"), "Rows rejected or flagged")]
    blocks.append(_counts(data, ("filled",), "Numbers that were missing", folded=True))
    blocks += [block for block in (suspects(data.summary.leakage), *drift(data.summary.drift)) if block.rows]
    return Chapter("quality", "Data quality", _message(data), tuple(blocks))


def _message(data: ReportData) -> str:
    """Return what it comes to, in one sentence."""
    rows = data.summary.rows
    rejected = sum(rows["rejected"].values())
    left = f"{rejected:,} rejected, each with its reason" if rejected else "none rejected"
    return f"{count_text(rows['read'], 'row')} read, {rows['scored']:,} scored, {left}: nothing is dropped in silence."


def _counts(data: ReportData, what: tuple[str, ...], caption: str, *, folded: bool = False) -> Table:
    """Rows that something befell, by what that was."""
    read = data.summary.rows["read"]
    rows = [
        (row["what"], row["name"], _MEANINGS[row["what"]], row["count"], row["count"] / read if read else None)
        for row in data.quality
        if row["what"] in what and row["count"]
    ]
    if not rows:
        rows = [("none", "", "", 0, 0.0)]
    return table(caption, "what|name:code|which means|rows:count|share:share", rows, folded=folded)
