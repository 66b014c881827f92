"""The quadrants: how many accounts and how much money lie in each, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.tables import Sums
from tamscore.view.blocks import Cell, group, without_empty
from tamscore.view.words import HOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.questions.summary import Summary
    from tamscore.view.blocks import Table

MEANINGS = {
    "blue": "high potential, high sales",
    "yellow": "high potential, low sales",
    "orange": "low potential, high sales",
    "grey": "low potential, low sales",
    "teal": "low potential, low sales",
}
_SUGGESTS = "role: what the quadrant suggests; a coverage decides account by account"


def plays(summary: Summary) -> Table:
    """Return accounts and money by kind and quadrant over all party types, what to do about them, and who does."""
    columns = (
        "kind:code|quadrant:code|which means/3|play:code|role:code/2|accounts:count|sales:money/3|potential:money/3|"
        "whitespace:money|share:share/2"
    )
    groups = [list(_plays_of(summary, kind)) for kind in HOLDERS]
    return group("Whitespace by kind and quadrant", columns, groups, _SUGGESTS)


_SHOWN = ("accounts", "sales", "potential", "whitespace", "expected_value")
_EFFORT = ("hours", "cost")


def accounts_by_play(rows: Sequence[dict[str, Any]]) -> Table:
    """Return accounts and money by kind and play over all party types, most accounts first."""
    columns = "kind:code|play:code|accounts:count|sales:money|potential:money/3|whitespace:money|expected:money/2"
    return group("Accounts by play", columns, _by_kind(rows, ("play",)))


def portfolio(rows: Sequence[dict[str, Any]]) -> Table:
    """Return accounts and money by kind and segment of the portfolio, what they need, and who works on them."""
    columns = "kind:code|segment:code|need/2|role:code|service level:code/3|accounts:count|sales:money/3|"
    columns += "potential:money/3|whitespace:money|expected:money/2|hours:count/2|cost:money/2"
    keys = ("portfolio_segment", "need", "role", "service_level")
    note = f"{_SUGGESTS}; hours and cost of a year, as [portfolio] of the job tells them"
    groups = _by_kind(rows, keys, (*_SHOWN, *_EFFORT))
    return without_empty(group("Segments of the portfolio", columns, groups, note))


def _by_kind(
    rows: Sequence[dict[str, Any]], keys: tuple[str, ...], shown: tuple[str, ...] = _SHOWN
) -> list[list[tuple[Any, ...]]]:
    """Return the sums of rows by kind and keys, a group for each kind, most accounts first; None for the unknown."""
    groups = []
    for kind in HOLDERS:
        held: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in (row for row in rows if row["kind"] == kind):
            held.setdefault(tuple(row[key] for key in keys), []).append(row)
        sums = [(key, [_total(items, name) for name in shown]) for key, items in held.items()]
        ordered = sorted(sums, key=lambda item: (-(item[1][0] or 0), item[0]))
        groups.append([(kind, *key, *amounts) for key, amounts in ordered])
    return groups


def _total(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return the sum of a column; None where a row does not know it."""
    values = [row.get(name) for row in rows]
    return None if None in values else float(sum(filter(None, values)))


def _plays_of(summary: Summary, kind: str) -> Iterator[list[object]]:
    """Yield the cells of every quadrant of a kind."""
    whole = summary.totals[kind].whitespace
    for (quadrant, play, role), sums in quadrant_sums(summary, kind):
        part = sums.whitespace / whole if whole else None
        texts = (kind, Cell(quadrant, mark=quadrant), MEANINGS.get(quadrant, ""), play, role)
        yield [*texts, sums.accounts, sums.sales, sums.potential, Cell(sums.whitespace, part), part]


def quadrant_sums(summary: Summary, kind: str) -> list[tuple[tuple[str, str, str], Sums]]:
    """Return the sums of a kind by quadrant, play and role, most whitespace first."""
    record: dict[tuple[str, str, str], Sums] = {}
    for quadrant in summary.quadrants:
        if quadrant.kind == kind:
            key = (quadrant.quadrant, quadrant.play, quadrant.role)
            before, more = record.get(key, Sums(0, 0.0, 0.0, 0.0)), quadrant.sums
            record[key] = Sums(*(getattr(before, name) + getattr(more, name) for name in Sums.__dataclass_fields__))
    return sorted(record.items(), key=lambda item: -item[1].whitespace)
