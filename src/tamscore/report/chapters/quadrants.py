"""The quadrants: how many accounts and how much money lie in each, and what to do about them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tamscore.questions.pages.quadrants import accounts_by_play, plays, portfolio, quadrant_sums
from tamscore.report.figures.portfolio import plays_figure, portfolio_figure
from tamscore.report.figures.quadrants import FIELDS, quadrant_map
from tamscore.view.blocks import Chapter, Text
from tamscore.view.words import HOLDERS, money, share, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.questions.tables import Sums
    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Block, Figure

_ORDER = ("blue", "yellow", "orange", "grey", "teal")


def chapter(data: ReportData) -> Chapter:
    """Return the chapter."""
    fields: dict[str, tuple[str, dict[str, Sums]]] = {}
    for kind in HOLDERS:
        for (name, play, _), sums in quadrant_sums(data.summary, kind):
            fields.setdefault(name, (play, {}))[1][kind] = sums
    fields = {name: fields[name] for name in (*_ORDER, *FIELDS) if name in fields}
    blocks: tuple[Block, ...] = (plays(data.summary), Text(_thresholds(data)), *_to_do(data))
    if len(fields) > 1:
        blocks = (quadrant_map(fields), *blocks)
    elif not data.is_anything_open:
        blocks = (plays(data.summary),)
    return Chapter("quadrants", "Quadrants and plays", _message(data, [*fields]), blocks)


def _to_do(data: ReportData) -> Iterator[Figure]:
    """Yield the figures of accounts by play, and of portfolio segments by cluster, if the run has them."""
    if data.plays:
        by_play: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(HOLDERS, 0))
        for row in data.plays:
            by_play[row["play"]][row["kind"]] += round(row["accounts"])
        order = sorted(by_play, key=lambda play: (-sum(by_play[play].values()), play))
        yield plays_figure({play: by_play[play] for play in order}, accounts_by_play(data.plays))
    if data.portfolio:
        held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in data.portfolio:
            held[row["cluster"]][row["portfolio_segment"]] += round(row["accounts"])
        yield portfolio_figure([*held.items()], portfolio(data.portfolio))


def _message(data: ReportData, quadrants: Sequence[str]) -> str:
    """Return what it comes to, in one sentence, given the quadrants that have accounts."""
    items = []
    for kind, noun in HOLDERS.items():
        whole = data.summary.totals[kind].whitespace
        best = max(quadrant_sums(data.summary, kind), key=lambda pair: pair[1].whitespace, default=None)
        if best and whole:
            (_, play, _), sums = best
            items.append(
                f"{share(sums.whitespace, whole)} of the {kind} lies with {sums.accounts:,} {noun}s ({words(play)})"
            )
    alike = f": all accounts are {words(quadrants[0])}" if len(quadrants) == 1 else ""
    return f"{'; '.join(items) or f'Nothing is open{alike}'}."


def _thresholds(data: ReportData) -> str:
    """Return where high begins."""
    items = []
    for party in data.run.model.parties:
        bounds = (money(party.limits.potential), money(party.limits.sales))
        items.append(f"{words(party.name)}: potential from {bounds[0]}, sales from {bounds[1]} on")
    rule = data.run.job.quadrant.threshold
    return f"High begins ({rule}) at: {'; '.join(items)}. At the threshold counts as high."
