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

_DRAWN = 20
"""So many clusters are drawn, those with the most whitespace."""


MISSING = "Potential by cluster: nobody buys anything, so no cluster has customers to learn from."


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if no cluster has a customer."""
    if not any(any(cluster.steps.values()) for cluster in data.summary.clusters):
        return None
    clusters = sorted(data.summary.clusters, key=lambda cluster: (-_cluster_whitespace(cluster), cluster.cluster))
    level = data.summary.interval_level
    blocks: list[Block] = []
    if drawn := [cluster for cluster in clusters if any(value for value in cluster.steps.values())][:_DRAWN]:
        blocks.append(potentials(drawn, level))
    blocks.append(shorten(ladders(clusters), "potential"))
    if level:
        blocks += [certainty(data.summary.clusters, level), shorten(intervals(clusters, level), "potential")]
    if any(row["whitespace"] > 0 for row in data.steps):
        blocks += [step_shares(data.steps), *map(Text, _top_step_texts(data)), top_steps(data.summary.top_steps)]
    if data.summary.potential_stability:
        blocks.append(moves(data.summary.potential_stability))
    return Chapter("potential", "Potential by cluster", _message(clusters), tuple(blocks))


def _cluster_whitespace(cluster: Cluster) -> float:
    """The whitespace of a cluster, by which clusters are put in order; it is shown nowhere."""
    return sum(sums.whitespace for sums in cluster.kinds.values())


def _message(clusters: Sequence[Cluster]) -> str:
    """Return what it comes to, in one sentence."""
    open_ = sorted((cluster.kinds["expansion"].whitespace for cluster in clusters), reverse=True)
    thin = sum(cluster.borrows for cluster in clusters)
    rests = f"; {count_text(thin, 'ladder')} of {len(clusters)} lean on borrowed customers" if thin else ""
    if not sum(open_):
        return f"What peers buy sets what an account could buy{rests}."
    return f"Three clusters hold {share(sum(open_[:3]), sum(open_))} of the expansion whitespace{rests}."


def _top_step_texts(data: ReportData) -> list[str]:
    """Return what hangs on the rule for the top step, a sentence for each party type."""
    items = []
    for top_step in data.summary.top_steps:
        if top_step.in_force and top_step.expansion and top_step.shares.get("top"):
            rule = "the largest customer of each cluster" if top_step.top_step == "max" else top_step.top_step
            part, whole = share(top_step.shares["top"] or 0.0, 1), money(top_step.expansion)
            head = (
                f"{words(top_step.party_type).capitalize()}: the top step alone ({rule}) holds {part} of the expansion"
            )
            items.append(f"{head} whitespace of {whole}.{_cap_sentence(data, top_step)}")
    return items


def _cap_sentence(data: ReportData, step: TopStep) -> str:
    """Return what the expansion of a party type would be under a cap, where the largest customer sets the top step."""
    others = (top_step for top_step in data.summary.top_steps if top_step.party_type == step.party_type)
    cap = next((other for other in others if other.top_step == "p99"), step)
    return "" if cap is step else f" Capped at P99 it would be {money(cap.expansion)}."
