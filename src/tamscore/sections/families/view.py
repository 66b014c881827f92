"""Families as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, Table, table
from tamscore.view.words import count_text, money_text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

_Record = dict[str, Any]
_TITLE = "Families of accounts"
_NAMES = {"families": "families of several accounts", "single": "accounts of their own"}
_MEANINGS = {
    "unknown_parent": "the parent is no account of the market: not joined to it",
    "own_parent": "the account names itself: counts as having no parent",
    "circle": "parents lead in a circle: the first in the alphabet is the top",
    "other_ultimate_parent": "the ultimate parent is not that of the parent: the account leaves its family",
}


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    return Chapter("families", _TITLE, _message(record), tuple(_blocks(record)))


def _message(record: _Record) -> str:
    """Return how many accounts belong together, and what is open there, in one sentence."""
    several = record["families"]
    whole = several["members"] + record["single"]["members"]
    part = f"{several['members']:,} of {count_text(whole, 'account')} belong to {_families(several['count'])}"
    return f"{part}, with {money_text(several['whitespace'], record.get('currency'))} of whitespace."


def _families(count: int) -> str:
    """Return a number of families in words."""
    return f"{count:,} {'family' if count == 1 else 'families'} of several accounts"


def _blocks(record: _Record) -> Iterator[Table]:
    """Yield what families come to, how many are in each tier, and what is wrong with parents."""
    names = ("count", "members", "customers", "sales", "whitespace", "expected_value", "alerts")
    columns = (
        "what|number:count|accounts:count|customers:count/2|sales:money|whitespace:money|expected:money|alerts:count/3"
    )
    rows = [(name, *(record[key][column] for column in names)) for key, name in _NAMES.items()]
    note = f"the largest has {record['largest']:,} accounts, the deepest {record['deepest']:,} levels below its top"
    yield table("Families", columns, rows, note)
    tiers = [(name, count) for name, count in record["tiers"].items()]
    yield table("Families by tier", "tier|families:count", tiers, "by the expected value of all their accounts")
    wrong = [(words(kind), count, _MEANINGS[kind]) for kind, count in record["problems"].items() if count]
    if wrong:
        yield table(
            "Parents that cannot be followed", "what|accounts:count|what follows", wrong, "by id: family_problems"
        )
