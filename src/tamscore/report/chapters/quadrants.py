"""The quadrants: how many accounts and how much money lie in each, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.insight.pages.headline import KINDS
from tamscore.insight.pages.quadrants import plays, quadrant_sums
from tamscore.report.figures.quadrants import FIELDS, quadrant_map
from tamscore.view.blocks import Chapter, Text
from tamscore.view.words import money, share, words

if TYPE_CHECKING:
    from tamscore.insight.tables import Sums
    from tamscore.report.evidence import Evidence

ORDER = ("blue", "yellow", "orange", "grey", "teal")


def chapter(found: Evidence) -> Chapter:
    """Return the chapter."""
    fields: dict[str, tuple[str, dict[str, Sums]]] = {}
    for kind in KINDS:
        for (name, play, _), sums in quadrant_sums(found.summary, kind):
            fields.setdefault(name, (play, {}))[1][kind] = sums
    fields = {name: fields[name] for name in (*ORDER, *FIELDS) if name in fields}
    blocks = (quadrant_map(fields), plays(found.summary), Text(thresholds(found)))
    return Chapter("quadrants", "Quadrants and plays", message(found), blocks)


def message(found: Evidence) -> str:
    """Return what it comes to, in one sentence."""
    told = []
    for kind, noun in KINDS.items():
        whole = found.summary.totals[kind].whitespace
        best = max(quadrant_sums(found.summary, kind), key=lambda pair: pair[1].whitespace, default=None)
        if best and whole:
            (_, play, _), sums = best
            told.append(
                f"{share(sums.whitespace, whole)} of the {kind} lies with {sums.accounts:,} {noun}s ({words(play)})"
            )
    return f"{'; '.join(told) or 'Nothing is open'}."


def thresholds(found: Evidence) -> str:
    """Where high begins."""
    told = []
    for party in found.run.model.parties:
        bounds = (money(party.limits.potential), money(party.limits.sales))
        told.append(f"{words(party.name)}: potential from {bounds[0]}, sales from {bounds[1]} on")
    rule = found.run.job.quadrant.threshold
    return f"High begins ({rule}) at: {'; '.join(told)}. At the threshold counts as high."
