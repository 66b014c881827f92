"""The potential of every cluster: the steps of its ladder, how many customers they rest on, how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.potential import certainty, intervals, ladders, moves, top_steps
from tamscore.report.figures.ladders import potentials, step_shares
from tamscore.report.shortened import shorten
from tamscore.view.blocks import Block, Chapter, Text
from tamscore.view.words import count_text, money, share, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.tables import Cluster, TopStep
    from tamscore.report.evidence import ReportData

DRAWN = 20
"""So many clusters are drawn, those with the most whitespace."""


def chapter(found: ReportData) -> Chapter:
    """Return the chapter."""
    clusters = sorted(found.summary.clusters, key=lambda one: (-cluster_whitespace(one), one.cluster))
    level = found.summary.interval_level
    blocks: list[Block] = []
    if drawn := [one for one in clusters if any(value for value in one.steps.values())][:DRAWN]:
        blocks.append(potentials(drawn, level))
    blocks.append(shorten(ladders(clusters), "potential"))
    if level:
        blocks += [certainty(found.summary.clusters, level), shorten(intervals(clusters, level), "potential")]
    if any(row["whitespace"] > 0 for row in found.steps):
        blocks += [step_shares(found.steps), *map(Text, top_step_texts(found)), top_steps(found.summary.top_steps)]
    if found.summary.potential_stability:
        blocks.append(moves(found.summary.potential_stability))
    return Chapter("potential", "Potential by cluster", message(clusters), tuple(blocks))


def cluster_whitespace(one: Cluster) -> float:
    """The whitespace of a cluster, by which clusters are put in order; it is shown nowhere."""
    return sum(sums.whitespace for sums in one.kinds.values())


def message(clusters: Sequence[Cluster]) -> str:
    """Return what it comes to, in one sentence."""
    open_ = sorted((one.kinds["expansion"].whitespace for one in clusters), reverse=True)
    thin = sum(one.borrows for one in clusters)
    rests = f"; {count_text(thin, 'ladder')} of {len(clusters)} lean on borrowed customers" if thin else ""
    if not sum(open_):
        return f"What peers buy sets what an account could buy{rests}."
    return f"Three clusters hold {share(sum(open_[:3]), sum(open_))} of the expansion whitespace{rests}."


def top_step_texts(found: ReportData) -> list[str]:
    """What hangs on the rule for the top step, a sentence for each party type."""
    told = []
    for one in found.summary.top_steps:
        if one.in_force and one.expansion and one.shares.get("top"):
            rule = "the largest customer of each cluster" if one.top_step == "max" else one.top_step
            part, whole = share(one.shares["top"] or 0.0, 1), money(one.expansion)
            head = f"{words(one.party_type).capitalize()}: the top step alone ({rule}) holds {part} of the expansion"
            told.append(f"{head} whitespace of {whole}.{cap_sentence(found, one)}")
    return told


def cap_sentence(found: ReportData, one: TopStep) -> str:
    """What the expansion of a party type would be under a cap, where the largest customer sets the top step."""
    others = (each for each in found.summary.top_steps if each.party_type == one.party_type)
    cap = next((each for each in others if each.top_step == "p99"), one)
    return "" if cap is one else f" Capped at P99 it would be {money(cap.expansion)}."
