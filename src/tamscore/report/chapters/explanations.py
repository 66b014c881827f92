"""Why each account that the report names has its place: what the run itself has stored about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.pages.calling import account_name, anchor_of, priority_sentence
from tamscore.questions.pages.quadrants import MEANINGS
from tamscore.questions.pages.ranking import reason
from tamscore.schema import PARTY_TYPES
from tamscore.view.blocks import Chapter, Point, Points
from tamscore.view.words import count_text, money, words

if TYPE_CHECKING:
    from tamscore.questions.tables import Cluster
    from tamscore.report.evidence import ReportData, Row


MISSING = "Why these accounts: nothing is open with any account, so the report names none."


def chapter(data: ReportData) -> Chapter | None:
    """Return the chapter, with an anchor for every account that the first page and the ranking name; None without."""
    if not data.is_anything_open:
        return None
    clusters = {cluster.cluster: cluster for cluster in data.summary.clusters}
    rows = {anchor_of(row): row for row in (*data.ranking, *data.page_one.call)}  # the latter know who covers them
    blocks = []
    for party in PARTY_TYPES:
        mine = [(anchor, row) for anchor, row in rows.items() if row["party_type"] == party]
        mine.sort(key=lambda pair: pair[1].get("priority") or pair[1]["rank"])
        points = tuple(_point(anchor, row, clusters[row["cluster"]]) for anchor, row in mine)
        if points:
            blocks.append(Points(points, f"{words(party)} accounts, in the order of priority".capitalize()))
    text = f"{count_text(len(rows), 'account')} with a reason each; tamscore explain tells more about any account."
    return Chapter("explanations", "Why these accounts", text, tuple(blocks))


def _point(anchor: str, row: Row, cluster: Cluster) -> Point:
    """Return what is known of an account."""
    place = row.get("priority") or row["rank"]
    items = [f"{row['account_id']}, tier {row['tier']}" if row.get("tier") else str(row["account_id"])]
    items += [priority_sentence(row).removesuffix("."), f"{reason(row, cluster)} ({cluster.cluster}, {cluster.name})"]
    if row.get("potential_low") is not None and row.get("potential_high") is not None:
        items.append(f"its potential of {money(row['potential'])} may be {money(row['potential_low'])} to")
        items[-1] += f" {money(row['potential_high'])}"
    items.append(MEANINGS.get(row["quadrant"], words(row["quadrant"])))
    return Point(
        f"{place:,}. {account_name(row)}:", f"{'. '.join(filter(None, map(_sentence, items)))}.", anchor=anchor
    )


def _sentence(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"
