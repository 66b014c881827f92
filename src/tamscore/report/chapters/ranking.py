"""Who to call first: customers and prospects in the order of priority, and why each stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.ranking import best_of_kind, prospects, tiers
from tamscore.view.blocks import Block, Chapter
from tamscore.view.words import HOLDERS, clean, count_text, money_text, share

if TYPE_CHECKING:
    from tamscore.report.evidence import ReportData, Row

MISSING = (
    "Who to call first: nothing is open with any account, or the run has not stored its best accounts by kind; then "
    "run its job again."
)


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter; None if nothing is open with any account, or the run does not know its best ones."""
    if not data.ranking or not data.is_anything_open:
        return None
    kinds = {kind: [row for row in data.ranking if row["kind"] == kind] for kind in HOLDERS}
    clusters, blocks = data.summary.clusters, list[Block]([tiers(data.summary.priority)])
    if kinds["expansion"]:
        blocks.append(best_of_kind(kinds["expansion"], "customers"))
    if rows := kinds["acquisition"]:
        whole = data.summary.totals["acquisition"].whitespace
        blocks += [prospects(clusters, whole), best_of_kind(rows, "prospects")]
    return Chapter("ranking", "Who to call first", _message(kinds, data), tuple(blocks))


def _message(kinds: dict[str, list[Row]], data: ReportData) -> str:
    """Return what it comes to, in one sentence."""
    items = []
    if rows := kinds["expansion"]:
        whole = data.summary.totals["expansion"].whitespace
        part = share(sum(row["whitespace"] or 0.0 for row in rows), whole)
        items.append(
            f"the first {count_text(len(rows), 'customer')} hold {part} of the expansion, {_name_of(rows[0])} leads"
        )
    if (rows := kinds["acquisition"]) and any(row["whitespace"] for row in rows):
        expected = money_text(sum(row.get("expected_value") or 0.0 for row in rows), data.currency)
        items.append(f"the first {count_text(len(rows), 'prospect')} promise {expected}, {_name_of(rows[0])} leads")
    text = "; ".join(items) or "nothing is open with any account"
    return f"{text[:1].upper()}{text[1:]}."


def _name_of(row: Row) -> str:
    """Return what an account is called."""
    return clean(row.get("name") or row["account_id"])
