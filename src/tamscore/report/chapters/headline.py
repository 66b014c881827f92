"""The headline: a few large numbers, and why they are not those of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.headline import totals
from tamscore.report.figures.changes import bridge, sign
from tamscore.view.blocks import Block, Chapter, Text
from tamscore.view.words import HOLDERS, change, count_text, share

if TYPE_CHECKING:
    from tamscore.report.changes import Changed
    from tamscore.report.evidence import ReportData

_NOBODY = "nobody buys yet"
_STILL = {"+0.0%", "-0.0%", "0%"}


def chapter(data: ReportData) -> Chapter:
    """Return the chapter."""
    changed = data.changed
    blocks: list[Block] = [
        totals(data.summary, {kind: _change_sentence(changed, kind) for kind in HOLDERS} if changed else None)
    ]
    if changed:
        blocks.append(Text(" ".join(_why(changed, kind) for kind in HOLDERS)))
        kinds = {kind: (changed.before[kind], changed.steps(kind), changed.after[kind]) for kind in HOLDERS}
        moved = {kind: bars for kind, bars in kinds.items() if bars[1]}
        if moved:
            blocks.append(bridge(moved, changed.against))
    return Chapter("headline", "Headline", _message(data), tuple(blocks))


def _message(data: ReportData) -> str:
    """Return what it comes to, in one sentence."""
    sold = data.summary.totals["expansion"]
    buys = f"customers buy {share(sold.sales, sold.potential)} of their potential" if sold.potential else _NOBODY
    clusters = len(data.summary.clusters)
    return (
        f"{count_text(data.summary.rows['scored'], 'account')} in {count_text(clusters, 'cluster')} of peers: {buys}."
    )


def _change_sentence(changed: Changed, kind: str) -> str:
    """Return how the whitespace of a kind changed."""
    now = change(changed.before[kind], changed.after[kind])
    return f"{'unchanged' if now in _STILL else now} since {changed.against}"


def _why(changed: Changed, kind: str) -> str:
    """Return what changed the whitespace of a kind most, in a sentence."""
    steps = sorted(changed.steps(kind), key=lambda step: -abs(step[1]))[:2]
    total = changed.after[kind] - changed.before[kind]
    if not steps:
        return f"{kind.capitalize()} whitespace is what it was."
    most = ", ".join(f"{name} ({sign(value)})" for name, value in steps)
    since = f"since {changed.against}"
    return f"{kind.capitalize()} whitespace changed by {sign(total)} {since}; most of all: {most}."
