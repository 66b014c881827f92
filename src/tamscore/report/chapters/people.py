"""The chapter on people: what each person covers, the accounts to begin with, and the lists to work from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.calling import account_name, anchor_of
from tamscore.view.blocks import Cell, Chapter, group, table, without_empty
from tamscore.view.words import count_text, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Table

MISSING = "People and their lists: nobody covers accounts yet; tamscore coverage says who covers whom."
_WRITES = "tamscore lists --to DIR writes them whole, as files and as pages to print"


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if no person covers accounts."""
    people = data.named.people
    if not people:
        return None
    return Chapter("people", "People and their lists", _message(data), (_persons(data), _lists(data), begin(data)))


def _message(data: ReportData) -> str:
    """Return the message of the chapter, in one sentence."""
    rows = data.sections.get("coverage", {}).get("people", ())
    if not rows:
        return f"{len(data.named.people):,} people cover accounts."
    covered, value = sum(row["accounts"] for row in rows), sum(row["value"] for row in rows)
    return (
        f"{len(rows):,} people cover {count_text(covered, 'account')} worth {money_text(value, data.currency)} a year."
    )


def _persons(data: ReportData) -> Table:
    """Return the accounts, value and planned hours of every person."""
    rows = data.sections.get("coverage", {}).get("people") or [{"person": name} for name in data.named.people]
    most = max((row.get("value") or 0.0 for row in rows), default=0.0) or 1.0
    cells = [
        [
            row["person"],
            *(row.get(name) for name in ("role", "accounts", "hours_used", "hours")),
            Cell(row.get("value"), (row.get("value") or 0.0) / most),
            _first_of(data, row["person"]),
        ]
        for row in rows
    ]
    columns = (
        "person:name|role:code/2|accounts:count|hours planned:count|there:count/2|value a year:money|begins with:name/2"
    )
    return without_empty(table("What each person covers", columns, cells))


def _first_of(data: ReportData, person: str) -> str | None:
    """Return the name of the first account of a person, None if there is none."""
    rows = data.named.people.get(person, ())
    return account_name(rows[0]) if rows else None


def _lists(data: ReportData) -> Table:
    """Return the lists to work from: one of each person, one of each campaign."""
    record = data.sections.get("coverage", {})
    cells: list[tuple[Any, ...]] = [(row["person"], row["role"], row["accounts"]) for row in record.get("people", ())]
    campaigns: dict[tuple[str, str], int] = {}
    for row in data.summary.campaigns:
        key = (row["campaign_id"], row["channel"])
        campaigns[key] = campaigns.get(key, 0) + round(row["accounts"])
    cells += [(*key, count) for key, count in campaigns.items()]
    return table("Lists", "list:name|by:code|accounts:count", cells, _WRITES, folded=True)


def begin(data: ReportData) -> Table:
    """Return the first accounts of every person."""
    columns = "person:name|account:id|name:name|kind:code/3|play:code|whitespace:money/2|expected:money"
    groups = [list(accounts(name, rows)) for name, rows in data.named.people.items()]
    return without_empty(group("Where each person begins", columns, groups, "in the order of priority", folded=True))


def accounts(person: str, rows: tuple[dict[str, Any], ...]) -> Iterator[list[Any]]:
    """Yield the cells of the first accounts of a person."""
    for row in rows:
        amounts = [row.get(name) for name in ("kind", "play", "whitespace", "expected_value")]
        link = f"#{anchor_of(row)}" if "party_type" in row else ""
        yield [person, Cell(str(row["account_id"]), link=link), row.get("name"), *amounts]
