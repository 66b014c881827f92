"""The summary of a run as a person reads it on a terminal: which blocks, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages import (
    calling,
    changes,
    choice,
    clusters,
    headline,
    level,
    page_one,
    potential,
    quadrants,
    ranking,
)
from tamscore.questions.summary import Summary, load, to_json
from tamscore.sections import section_chapters
from tamscore.view.blocks import Text
from tamscore.view.terminal import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group

    from tamscore.view.blocks import Block


__all__ = ["Summary", "load", "page", "render", "to_json"]


def render(summary: Summary, width: int | None = 100) -> Group:
    """Return the page for a terminal of that width; None for files and programs: no lines, bars, colours."""
    return stack(page(summary), width)


def page(summary: Summary) -> Iterator[Block]:
    """Yield the blocks of the page; a renderer leaves out a table without rows."""
    if summary.page_one is not None:
        text = page_one.chapter(summary.page_one)
        yield from (Text(text.message), *text.blocks)
    yield headline.about(summary)
    yield headline.totals(summary)
    yield potential.ladders(summary.clusters)
    if summary.interval_level:
        yield potential.certainty(summary.clusters, summary.interval_level)
    yield clusters.sizes(summary.clusters)
    yield from _market(summary) if summary.cluster is None else [clusters.differences(summary.apart)]
    yield changes.suspects(summary.leakage)
    yield from level.blocks(summary.level)
    for party, rows in choice.by_party(summary.choice_of_k).items():
        yield choice.candidates(party, rows)
    yield clusters.trust(summary.stability)
    for chapter in section_chapters(summary.records, summary.currency):
        yield from chapter.blocks
    yield ranking.tiers(summary.priority)
    yield changes.events(summary.events)
    yield from changes.drift(summary.drift)
    if summary.notices:
        yield headline.notices(summary.notices)
    yield ranking.top_accounts(summary.top, summary.cluster)
    yield calling.reasons_to_call(summary.top)


def _market(summary: Summary) -> Iterator[Block]:
    """Yield what there is of the whole market only."""
    yield quadrants.plays(summary)
    yield potential.top_steps(summary.top_steps)
    yield potential.moves(summary.potential_stability)
