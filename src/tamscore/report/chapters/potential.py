"""The potential of every cluster: the steps of its ladder, how many customers they rest on, how sure they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.insight.ladders import basis_of
from tamscore.report.chapters.clusters import LISTED
from tamscore.report.figures.ladders import potentials, step_name, step_shares
from tamscore.view.blocks import Block, Chapter, Text, table
from tamscore.view.words import counted, money, share, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.insight.tables import Cluster, TopStep
    from tamscore.report.evidence import Evidence
    from tamscore.view.blocks import Table

DRAWN = 20
"""So many clusters are drawn, those with the most whitespace."""


def chapter(found: Evidence) -> Chapter:
    """The chapter."""
    clusters = sorted(found.summary.clusters, key=lambda one: (-held(one), one.cluster))
    blocks: list[Block] = []
    if drawn := [one for one in clusters if any(value for value in one.steps.values())][:DRAWN]:
        blocks.append(potentials(drawn, found.summary.interval_level))
    blocks.append(potential_table(clusters, found.summary.interval_level))
    if found.summary.interval_level:
        blocks.append(intervals(clusters, found.summary.interval_level))
    if any(row["whitespace"] > 0 for row in found.steps):
        blocks.append(step_shares(found.steps))
        blocks += [Text(text) for text in top_steps(found)]
    return Chapter("potential", "Potential by cluster", message(clusters), tuple(blocks))


def held(one: Cluster) -> float:
    """The whitespace of a cluster, by which clusters are put in order; it is shown nowhere."""
    return sum(sums.whitespace for sums in one.kinds.values())


def message(clusters: Sequence[Cluster]) -> str:
    """What it comes to, in one sentence."""
    open_ = sorted((one.kinds["expansion"].whitespace for one in clusters), reverse=True)
    thin = sum(one.low_support for one in clusters)
    rests = f"; {counted(thin, 'ladder')} of {len(clusters)} lean on borrowed customers" if thin else ""
    if not sum(open_):
        return f"What peers buy sets what an account could buy{rests}."
    return f"Three clusters hold {share(sum(open_[:3]), sum(open_))} of the expansion whitespace{rests}."


def potential_table(clusters: Sequence[Cluster], level: float | None) -> Table:
    """The potential table: steps, interval of the first one, customers behind it, what is open."""
    names = [*clusters[0].steps]
    heads = "|".join(f">{step_name(name)}" for name in names)
    rows = [
        (
            one.cluster,
            one.name,
            f"{one.support:,}",
            basis_of(one),
            *map(money, one.steps.values()),
            interval(one),
            *(money(one.kinds[kind].whitespace) for kind in ("expansion", "acquisition")),
        )
        for one in clusters[:LISTED]
    ]
    sure = f" at {level:.0%}" if level else ""
    left = len(clusters) - len(rows)
    note = f"{counted(left, 'more cluster')} in tables/potential.csv" if left else ""
    heads = f"id|name|>customers|whose|{heads}|>{step_name(names[0])} lies in{sure}|>expansion|>acquisition"
    return table("Potential table: what peers buy, by cluster", heads, rows, note)


def interval(one: Cluster) -> str:
    """Where the true first cut line lies; in brackets where that rests on borrowed customers."""
    text = between(*next(iter(one.intervals.values())))
    return f"({text})" if one.low_support else text


def between(low: float | None, high: float | None) -> str:
    """Two ends of an interval."""
    return "-" if low is None or high is None else f"{money(low)} to {money(high)}"


def intervals(clusters: Sequence[Cluster], level: float) -> Table:
    """Where the true value of every step lies."""
    names = [*clusters[0].steps]
    rows = [(one.cluster, f"{one.support:,}", *(between(*one.intervals[name]) for name in names)) for one in clusters]
    heads = "id|>customers|" + "|".join(f">{step_name(name)}" for name in names)
    return table(f"Intervals of every step, at {level:.0%}", heads, rows[:LISTED], folded=True)


def top_steps(found: Evidence) -> list[str]:
    """What hangs on the rule for the top step, a sentence for each party type."""
    told = []
    for one in found.summary.top_steps:
        if one.in_force and one.expansion and one.shares.get("top"):
            rule = "the largest customer of each cluster" if one.top_step == "max" else one.top_step
            part, whole = share(one.shares["top"] or 0.0, 1), money(one.expansion)
            head = f"{words(one.party_type).capitalize()}: the top step alone ({rule}) holds {part} of the expansion"
            told.append(f"{head} whitespace of {whole}.{capped(found, one)}")
    return told


def capped(found: Evidence, one: TopStep) -> str:
    """What the expansion of a party type would be under a cap, where the largest customer sets the top step."""
    others = (each for each in found.summary.top_steps if each.party_type == one.party_type)
    cap = next((each for each in others if each.top_step == "p99"), one)
    return "" if cap is one else f" Capped at P99 it would be {money(cap.expansion)}."
