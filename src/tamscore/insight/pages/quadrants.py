"""The quadrants: how many accounts and how much money lie in each, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.insight.pages.headline import KINDS
from tamscore.insight.tables import Sums
from tamscore.view.blocks import Cell, grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.insight.summary import Summary
    from tamscore.view.blocks import Table

MEANINGS = {
    "blue": "high potential, high sales",
    "yellow": "high potential, low sales",
    "orange": "low potential, high sales",
    "grey": "low potential, low sales",
    "teal": "low potential, low sales",
}
SUGGESTS = "role: what the quadrant suggests; a coverage decides account by account"


def plays(summary: Summary) -> Table:
    """Return accounts and money by kind and quadrant over all party types, what to do about them, and who does."""
    columns = (
        "kind:code|quadrant:code|which means/3|play:code|role:code/2|accounts:count|sales:money/3|potential:money/3|"
        "whitespace:money|share:share/2"
    )
    groups = [list(plays_of(summary, kind)) for kind in KINDS]
    return grouped("Whitespace by kind and quadrant", columns, groups, SUGGESTS)


SHOWN = ("accounts", "sales", "potential", "whitespace", "expected_value")


def accounts_by_play(rows: Sequence[dict[str, Any]]) -> Table:
    """Return accounts and money by kind and play over all party types, most accounts first."""
    columns = "kind:code|play:code|accounts:count|sales:money|potential:money/3|whitespace:money|expected:money/2"
    return grouped("Accounts by play", columns, by_kind(rows, ("play",)))


def portfolio(rows: Sequence[dict[str, Any]]) -> Table:
    """Return accounts and money by kind and segment of the portfolio, what they need, and who works on them."""
    columns = "kind:code|segment:code|need/2|role:code|service level:code/3|accounts:count|sales:money/3|"
    columns += "potential:money/3|whitespace:money|expected:money/2"
    keys = ("portfolio_segment", "need", "role", "service_level")
    return grouped("Segments of the portfolio", columns, by_kind(rows, keys), SUGGESTS)


def by_kind(rows: Sequence[dict[str, Any]], keys: tuple[str, ...]) -> list[list[tuple[Any, ...]]]:
    """Return the sums of rows by kind and keys, a group for each kind, most accounts first."""
    groups = []
    for kind in KINDS:
        sums: dict[tuple[Any, ...], list[float]] = {}
        for row in (row for row in rows if row["kind"] == kind):
            held = sums.setdefault(tuple(row[key] for key in keys), [0.0] * len(SHOWN))
            sums[tuple(row[key] for key in keys)] = [a + row[name] for a, name in zip(held, SHOWN, strict=True)]
        ordered = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
        groups.append([(kind, *key, *amounts) for key, amounts in ordered])
    return groups


def plays_of(summary: Summary, kind: str) -> Iterator[list[object]]:
    """Yield the cells of every quadrant of a kind."""
    whole = summary.totals[kind].whitespace
    for (quadrant, play, role), sums in quadrant_sums(summary, kind):
        part = sums.whitespace / whole if whole else None
        texts = (kind, Cell(quadrant, mark=quadrant), MEANINGS.get(quadrant, ""), play, role)
        yield [*texts, sums.accounts, sums.sales, sums.potential, Cell(sums.whitespace, part), part]


def quadrant_sums(summary: Summary, kind: str) -> list[tuple[tuple[str, str, str], Sums]]:
    """Return the sums of a kind by quadrant, play and role, most whitespace first."""
    found: dict[tuple[str, str, str], Sums] = {}
    for one in summary.quadrants:
        if one.kind == kind:
            key = (one.quadrant, one.play, one.role)
            before, more = found.get(key, Sums(0, 0.0, 0.0, 0.0)), one.sums
            found[key] = Sums(*(getattr(before, name) + getattr(more, name) for name in Sums.__dataclass_fields__))
    return sorted(found.items(), key=lambda item: -item[1].whitespace)
