"""Campaigns: whom each reaches by which channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.view.blocks import Table


_KINDS = ("expansion", "acquisition")
_LISTS = "lists, by tamscore campaigns --to DIR, may leave out controls and accounts with a person"


def _campaigns(rows: Iterable[dict[str, Any]]) -> Table:
    """Return customers, prospects and whitespace of each campaign."""
    by_id: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["campaign_id"], {})[row["kind"]] = row
    cells = [
        (
            name,
            *(kinds["expansion"][key] for key in ("segments", "channel", "theme")),
            *(kinds[kind][what] for what in ("accounts", "whitespace") for kind in _KINDS),
        )
        for name, kinds in by_id.items()
    ]
    columns = (
        "campaign:id/2|segments|channel/3|theme/3|customers:count|prospects:count|expansion:money|acquisition:money"
    )
    return table("Campaigns", columns, cells, _LISTS)


def chapter(rows: Sequence[dict[str, Any]]) -> Chapter:
    """Return the chapter on the campaigns of a run, given the rows of its table."""
    names, channels = ({row[key] for row in rows} for key in ("campaign_id", "channel"))
    message = f"{count_text(len(names), 'campaign')} by {count_text(len(channels), 'channel')} reach the accounts."
    if held := sum(row.get("controls", 0) for row in rows):
        message += f" {count_text(held, 'control')} of a holdout {'is' if held == 1 else 'are'} not counted."
    return Chapter("campaigns", "Campaigns", message, (_campaigns(rows),))
