"""A list as a page to read and to print, and the page that leads to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.lists.table import total
from tamscore.store.holdouts import MARK_COLUMN
from tamscore.view.blocks import Cell, Chapter, Text, Tile, Tiles, table, without_empty
from tamscore.view.words import clean, count_text, money, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.lists.gather import RunLists, WorkList
    from tamscore.view.blocks import Block

_SHOWN = 300
"""So many accounts stand on a page; the file beside it has all."""
_ACCOUNTS = (
    "priority:count|account|id:id|party type:code|tier:code|why|potential:money|open:money|likely:permille|"
    "expected:money|next offer|most open product|open there:money|customer job|alerts|last order|changed|hours:count|"
    "holdout"
)
_CELLS = (
    *("priority", "name", "account_id", "party_type", "tier", "why", "potential", "whitespace", "probability"),
    *("expected_value", "next_offer", "open_product", "open_product_whitespace", "customer_job", "alerts"),
    *("last_order", "changed", "hours", MARK_COLUMN),
)


def chapters_of(work_list: WorkList, file: str) -> list[Chapter]:
    """Return the chapters of the page of a list, whose file lies beside it."""
    return [Chapter("summary", "In short", _message(work_list), (_tiles(work_list),)), _accounts(work_list, file)]


def _message(work_list: WorkList) -> str:
    """Return what a list comes to, in one sentence."""
    who = f"{work_list.name} covers" if work_list.kind == "person" else f"{words(work_list.by)} reaches"
    expected = total(work_list, "expected_value")
    promise = f"; {money(expected)} may be expected" if expected else ""
    return clean(f"{who} {count_text(len(work_list), 'account')}{promise}.")


def _tiles(work_list: WorkList) -> Tiles:
    """Return what is open by kind, which is never added up, and the hours that are planned."""
    items = [
        Tile(f"{kind} whitespace", money(total(work_list, "whitespace", kind)), f"open with {who}")
        for kind, who in (("expansion", "customers"), ("acquisition", "prospects"))
    ]
    hours = total(work_list, "hours") if work_list.kind == "person" else None
    if hours is not None:
        there = f"of {work_list.hours:,.0f} a year" if work_list.hours is not None else "a year"
        items.append(Tile("hours planned", f"{hours:,.0f}", there))
    return Tiles(tuple(items))


def _accounts(work_list: WorkList, file: str) -> Chapter:
    """Return the chapter with the first accounts of a list."""
    rows = work_list.accounts(0, _SHOWN).to_pylist()
    several = len({row["party_type"] for row in rows}) > 1
    cells = [[_cell(row, name) for name in _CELLS] for row in rows]
    for row in cells:
        row[_CELLS.index("party_type")] = row[_CELLS.index("party_type")] if several else None
    more = f"the first {_SHOWN:,} of {len(work_list):,}; " if len(work_list) > _SHOWN else ""
    block = without_empty(table("Accounts in order of priority", _ACCOUNTS, cells, f"{more}all of them: {file}"))
    text = "Work from top to bottom." if rows else "There are no accounts in this list."
    blocks: tuple[Block, ...] = (block,) if rows else ()
    return Chapter("accounts", "Accounts", text, blocks)


def _cell(row: dict[str, Any], name: str) -> Any:
    """Return a cell of an account; texts as they are, days as texts."""
    value = row.get(name)
    if name == "probability" and row.get("p_basis") == "win_rate" and value == 1:
        return None
    if name == "tier" and value is not None:
        return Cell(value, mark=row["quadrant"])
    if name == MARK_COLUMN:
        return "control" if value else None
    return str(value) if name in {"account_id", "last_order"} and value is not None else value


def overview(lists: RunLists, rows: Sequence[dict[str, Any]]) -> list[Chapter]:
    """Return the chapters of the page that leads to all lists, given the rows of their summary."""
    people, campaigns = ([row for row in rows if row["list"] == kind] for kind in ("person", "campaign"))
    text = f"{count_text(len(people), 'person')} cover {lists.covered:,} of {count_text(lists.scored, 'account')}."
    chapters = [Chapter("people", "People", text.replace("persons", "people"), (_lists_of(people),))]
    if campaigns:
        reached = sum(row["accounts"] for row in campaigns)
        text = f"{count_text(len(campaigns), 'campaign')} reach {count_text(reached, 'account')}."
        chapters.append(Chapter("campaigns", "Campaigns", text, (_lists_of(campaigns),)))
    note = "Hours planned are those that the coverage gives the accounts, a year. The files hold all columns."
    return [*chapters, Chapter("files", "Files", "summary.csv holds this page as a table.", (Text(note),))]


def _lists_of(rows: Sequence[dict[str, Any]]) -> Block:
    """Return lists, each with a link to its page and one to its file."""
    names = ("accounts", "expansion", "acquisition", "expected_value", "hours_planned", "hours_available")
    cells = [
        [
            Cell(row["name"], link=row["page"]),
            row["role_or_channel"],
            *(row[name] for name in names),
            Cell("CSV", link=row["file"]),
        ]
        for row in rows
    ]
    columns = (
        "list:id|by:code|accounts:count|expansion:money|acquisition:money|expected:money|hours planned:count|"
        "hours there:count|file"
    )
    return without_empty(table("Lists", columns, cells))
