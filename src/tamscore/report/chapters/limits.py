"""The chapter on limits: what the numbers do not mean, and what was not computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.headline import notices
from tamscore.view.blocks import Block, Chapter, Point, Points
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData

_ALWAYS = {
    "No forecast.": "Potential is what comparable accounts do buy. Whether, when and why an account will buy is "
    "another question; a backtest measures how far the two went together.",
    "No total to plan with.": "Not every account can be at the top: whitespace says where to look first, its sum is no "
    "target. Expansion and acquisition rest on different evidence and are never added up.",
    "Prospects of one cluster are alike.": "Each has the first cut line of its peers as potential. Which of them to "
    "call first takes propensity, or a conversation.",
    "Clusters are cells of a cloud.": "Few markets fall into natural groups. The grade of a cluster says whether it "
    "would come out again; the map shows two of many directions.",
}
"""Limits of every run."""
_NOTED = 12
"""Most notices of the run that the chapter repeats."""


def chapter(data: ReportData) -> Chapter:
    """Return the chapter."""
    blocks: list[Block] = [Points(tuple(Point(*pair) for pair in (*_ALWAYS.items(), *_of_this_run(data))))]
    if noted := data.summary.notices[:_NOTED]:
        blocks.append(notices(noted))
    text = "Read the numbers as what peers do, within these limits."
    return Chapter("limits", "What this cannot tell you", text, tuple(blocks))


def _of_this_run(data: ReportData) -> list[tuple[str, str]]:
    """Return the limits that hold for this run only."""
    items = []
    borrowed = [cluster.cluster for cluster in data.summary.clusters if cluster.borrows]
    if borrowed:
        text = f"The potential of {', '.join(borrowed[:20])} rests on customers of other clusters, too."
        items.append((f"{count_text(len(borrowed), 'thin cluster')}.", text))
    unstable = [row["cluster"] for row in data.summary.stability if row["grade"] == "unstable"]
    if unstable:
        text = f"{', '.join(unstable[:20])} would look different had other accounts been drawn."
        items.append((f"{count_text(len(unstable), 'unstable cluster')}.", text))
    return items
