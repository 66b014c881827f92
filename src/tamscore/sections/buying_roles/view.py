"""Buying roles as people read them: how many accounts lack each."""

from __future__ import annotations

from typing import Any

from tamscore.view.blocks import Chapter, table
from tamscore.view.words import count_text

_COLUMNS = "role|accounts with it:count|without it:count|customers without:count/2|prospects without:count/2"


def chapter(record: dict[str, Any]) -> Chapter:
    """Return the chapter on what a run has recorded."""
    names = ("role", "have", "lack", "customers_lack", "prospects_lack")
    rows = [[row[name] for name in names] for row in record["roles"]]
    other = f"; {record['other']:,} have another role" if record["other"] else ""
    note = f"of {count_text(record['contacts'], 'contact')}{other}"
    message = f"{count_text(record['complete'], 'account')} have a contact in every buying role."
    return Chapter("buying-roles", "Buying roles", message, (table("Buying roles", _COLUMNS, rows, note),))
