"""The headline: a few large numbers, and why they are not those of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.report.figures.changes import bridge, signed
from tamscore.view.blocks import Block, Chapter, Text, Tile, Tiles
from tamscore.view.words import change, counted, money, share

if TYPE_CHECKING:
    from tamscore.report.changes import Changed
    from tamscore.report.evidence import Evidence

NOUNS = {"expansion": "customer", "acquisition": "prospect"}
STILL = {"+0.0%", "-0.0%", "0%"}


def chapter(found: Evidence) -> Chapter:
    """The chapter."""
    blocks: list[Block] = [Tiles((accounts(found), *(whitespace(found, kind) for kind in NOUNS)))]
    if found.changed:
        blocks.append(Text(" ".join(why(found.changed, kind) for kind in NOUNS)))
        kinds = {
            kind: (found.changed.before[kind], found.changed.steps(kind), found.changed.after[kind]) for kind in NOUNS
        }
        blocks.append(bridge(kinds, found.changed.against))
    return Chapter("headline", "Headline", message(found), tuple(blocks))


def message(found: Evidence) -> str:
    """What it comes to, in one sentence."""
    sold = found.summary.totals["expansion"]
    buys = f"customers buy {share(sold.sales, sold.potential)} of their potential"
    clusters = len(found.summary.clusters)
    return f"{counted(found.summary.rows['scored'], 'account')} in {counted(clusters, 'cluster')} of peers: {buys}."


def accounts(found: Evidence) -> Tile:
    """How many accounts were scored."""
    rows, totals = found.summary.rows, found.summary.totals
    rejected = sum(rows["rejected"].values())
    buying = f"{totals['expansion'].accounts:,} customers, {totals['acquisition'].accounts:,} prospects"
    return Tile("accounts scored", f"{rows['scored']:,}", f"{buying}; {rejected:,} rejected")


def whitespace(found: Evidence, kind: str) -> Tile:
    """The whitespace of a kind, and how it changed."""
    sums = found.summary.totals[kind]
    detail = f"open with {counted(sums.accounts, NOUNS[kind])}"
    if found.changed:
        now = change(found.changed.before[kind], found.changed.after[kind])
        detail += f"; {'unchanged' if now in STILL else now} since {found.changed.against}"
    return Tile(f"{kind} whitespace", money(sums.whitespace), detail)


def why(changed: Changed, kind: str) -> str:
    """What changed the whitespace of a kind most, in a sentence."""
    steps = sorted(changed.steps(kind), key=lambda step: -abs(step[1]))[:2]
    total = changed.after[kind] - changed.before[kind]
    if not steps:
        return f"{kind.capitalize()} whitespace is what it was."
    most = ", ".join(f"{name} ({signed(value)})" for name, value in steps)
    since = f"since {changed.against}"
    return f"{kind.capitalize()} whitespace changed by {signed(total)} {since}; most of all: {most}."
