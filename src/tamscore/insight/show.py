"""The summary of a run as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tamscore.insight.campaigns import campaigns
from tamscore.insight.ladders import TOP_STEP_NOTE, by_party, certainty, ladders, top_steps
from tamscore.insight.layout import WIDE, add, is_roomy, new_table, section
from tamscore.insight.origins import input_since, since
from tamscore.insight.show_changes import drift_table, events_table
from tamscore.insight.summary import Summary, load, to_json
from tamscore.insight.tables import Sums
from tamscore.insight.trust import trust
from tamscore.sections import section_chapters
from tamscore.view.terminal import page
from tamscore.view.words import NOTHING, clean, counted, money, share, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType


__all__ = ["Summary", "load", "money", "render", "to_json"]

KINDS = {"expansion": "customer", "acquisition": "prospect"}
"""The kinds of whitespace, never added up, with the accounts that hold them."""
COLOURS = {"blue": "blue", "yellow": "yellow", "orange": "dark_orange", "grey": "bright_black", "teal": "cyan"}
MEANINGS = {
    "blue": "high potential, high sales",
    "yellow": "high potential, low sales",
    "orange": "low potential, high sales",
    "grey": "low potential, low sales",
    "teal": "low potential, low sales",
}
BAR = 10
"""The length in characters of the longest bar of the segment sizes."""
APART = 8
"""So many features say what sets a cluster apart."""


def render(summary: Summary, width: int | None = 100) -> Group:
    """The summary as tables for a terminal of that width; None for files and programs: no lines, bars, colours."""
    parts: list[RenderableType] = [headline(summary)]
    parts += section("potential by cluster", ladders(summary, width), legend(summary))
    parts += [Text(word, "dim") for word in certainty(summary, width)]
    parts += section("segment sizes", sizes(summary, width), "whitespace as expansion and acquisition")
    if summary.cluster is None:
        parts += section("whitespace by kind and quadrant", plays(summary, width))
        parts += section("what the top step makes of expansion", top_steps(summary, width), TOP_STEP_NOTE)
    else:
        parts += section("what sets it apart, in standard deviations", differences(summary, width))
    if summary.campaigns:
        parts += section("campaigns", campaigns(summary.campaigns, width), "tamscore campaigns writes their lists")
    for title, body, note in trust(summary, width):
        parts += section(title, body, note)
    parts.append(page(section_chapters(summary.extras), width))
    if summary.top:
        of = f" of cluster {summary.cluster}" if summary.cluster else ""
        parts += section(
            f"top accounts{of}", accounts(summary, width), "potential against the cluster's median account"
        )
    if summary.events:
        parts += section("life of the clusters", events_table(summary.events, width), "against the run before")
    if summary.drift:
        parts += section(
            "drift", drift_table(summary.drift, width), "stability index: a look from 0.1, a new fit from 0.25"
        )
    if summary.notices:
        parts += section("notices", notices(summary))
    return Group(*parts)


def notices(summary: Summary) -> Table:
    """What the run had to say."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for notice in summary.notices:
        add(grid, "-", notice)
    return grid


def headline(summary: Summary) -> Table:
    """Where the run lies, what became of the rows, and how much whitespace of each kind there is."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in [*about(summary), *whitespace_lines(summary)]:
        grid.add_row(Text(name), Text(clean(text)))
    return grid


def about(summary: Summary) -> Iterable[tuple[str, str]]:
    """The lines about the run itself."""
    rows = summary.rows
    yield "run", summary.path
    yield "device", f"{summary.device['name']}: {summary.device['reason']}"
    if summary.model.get("source", "fitted") != "fitted":
        yield "model", since(summary.model)
    if summary.input_change:
        yield "input", input_since(summary.input_change)
    rejected = sum(rows["rejected"].values())
    forgotten = f", {rows['forgotten']:,} forgotten" if rows.get("forgotten") else ""
    told = f"{rows['read']:,} read, {rows['scored']:,} scored, {rejected:,} rejected{reasons(rows['rejected'])}"
    yield "rows", f"{told}{forgotten}"
    if any(rows["flagged"].values()):
        yield "flagged", reasons(rows["flagged"]).strip(" ()")


def reasons(counts: dict[str, int]) -> str:
    """Counts by reason in brackets, without those that are zero."""
    there = [f"{words(name)} {count:,}" for name, count in counts.items() if count]
    return f" ({', '.join(there)})" if there else ""


def whitespace_lines(summary: Summary) -> Iterable[tuple[str, str]]:
    """One line for each kind of whitespace, of the market or of the one cluster that is looked at."""
    totals = summary.totals if summary.cluster is None else summary.clusters[0].kinds
    if summary.cluster is not None:
        one = summary.clusters[0]
        yield "cluster", f"{one.cluster} {one.name} ({words(one.party_type)}, {counted(one.accounts, 'account')})"
    for kind, noun in KINDS.items():
        sums = totals[kind]
        sells = f"; sales {money(sums.sales)} of potential {money(sums.potential)}" if kind == "expansion" else ""
        name = "whitespace" if kind == "expansion" else ""
        yield name, f"{kind} {money(sums.whitespace)} with {counted(sums.accounts, noun)}{sells}"


def legend(summary: Summary) -> str:
    """What the first letters of the cluster ids mean, where there is more than one."""
    letters = {one.cluster[0]: words(one.party_type) for one in summary.clusters}
    return ", ".join(f"{letter}: {party}" for letter, party in letters.items()) if len(letters) > 1 else ""


def sizes(summary: Summary, width: int | None) -> Table:
    """How large each cluster is within its party type, how much of it buys, and what is open there."""
    bar = "|" if is_roomy(width) else ""
    table = new_table(f"id|>accounts|>share{bar}|>customers|>buying|>sales|>expansion|>acquisition", width)
    for party in by_party(summary.clusters):
        largest = max(one.share for one in party) or 1
        for one in party:
            buys, prospects = one.kinds["expansion"], one.kinds["acquisition"]
            line = ["█" * max(round(BAR * one.share / largest), 1)] if bar else []
            cells = (f"{buys.accounts:,}", share(buys.accounts, one.accounts), money(buys.sales))
            left = (money(buys.whitespace), money(prospects.whitespace))
            add(table, one.cluster, f"{one.accounts:,}", share(one.share, 1), *line, *cells, *left)
        table.add_section()
    return table


def plays(summary: Summary, width: int | None) -> Table:
    """Whitespace by kind and quadrant over all party types, with what to do about it and who does."""
    means = width is None or width >= WIDE
    head = f"kind|quadrant|{'~which means|' if means else ''}play|role|>accounts|>whitespace|>share"
    table = new_table(head, width)
    for kind in KINDS:
        total = summary.totals[kind].whitespace
        for (quadrant, *rest), sums in quadrant_sums(summary, kind):
            texts = [MEANINGS.get(quadrant, ""), *rest] if means else rest
            cells = (f"{sums.accounts:,}", money(sums.whitespace), share(sums.whitespace, total))
            table.add_row(kind, Text(quadrant, COLOURS.get(quadrant, "")), *map(words, texts), *cells)
        table.add_section()
    return table


def quadrant_sums(summary: Summary, kind: str) -> list[tuple[tuple[str, str, str], Sums]]:
    """The sums of a kind by quadrant, play and role, most whitespace first."""
    found: dict[tuple[str, str, str], Sums] = {}
    for one in summary.quadrants:
        if one.kind == kind:
            key = (one.quadrant, one.play, one.role)
            before, more = found.get(key, Sums(0, 0.0, 0.0, 0.0)), one.sums
            found[key] = Sums(*(getattr(before, name) + getattr(more, name) for name in Sums.__dataclass_fields__))
    return sorted(found.items(), key=lambda item: -item[1].whitespace)


def differences(summary: Summary, width: int | None) -> Table:
    """The features in which a cluster differs most from its party type."""
    table = new_table("~feature|>difference", width)
    for feature, difference in summary.apart[:APART]:
        add(table, feature, f"{difference:+.1f}")
    return table


def accounts(summary: Summary, width: int | None) -> Table:
    """The best accounts, one a row; where there is little room without plays, which follow from the quadrants."""
    play = width is None or is_roomy(width)
    head = ">rank|~account|id|>sales|>potential|>whitespace|vs median|quadrant"
    table = new_table(head + "|play" * play, width)
    for row in summary.top:
        name = Text(clean(row.get("name") or row["account_id"]))
        amounts = (money(row["sales"]), money(row["potential"]), money(row["whitespace"]))
        quadrant = Text(row["quadrant"], COLOURS.get(row["quadrant"], ""))
        more = [words(row["play"])] if play else []
        message = against(row["relative_message"])
        table.add_row(f"{row['rank']:,}", name, row["cluster"], *amounts, message, quadrant, *more)
    return table


def against(message: str | None) -> str:
    """The relative message in the width of a column: `3.2x` the potential of the cluster's median account."""
    if not message:
        return NOTHING
    return "about 1x" if message.startswith("about the same") else message.split(" ", 1)[0]
