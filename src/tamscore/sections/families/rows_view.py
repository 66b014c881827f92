"""Families that were scored as rows, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, Table, table
from tamscore.view.words import count_text, money_text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

_TITLE = "Families as rows"
_NAMES = {"several": "families of several accounts", "single": "accounts of their own"}


def chapter_of_rows(record: dict[str, Any]) -> Chapter:
    """Return the chapter on what a run has recorded of families that are its rows."""
    result = record["as_accounts"]
    return Chapter("families", _TITLE, _message(result, record.get("currency")), tuple(_blocks(result)))


def _message(record: dict[str, Any], currency: str | None) -> str:
    """Return how many accounts became how many families, and both potentials, in one sentence."""
    families, members, own, sum_of_members = (
        record["several"][name] + record["single"][name]
        for name in ("families", "members", "potential", "members_potential")
    )
    whole = f"{families:,} {'family' if families == 1 else 'families'} of {count_text(members, 'account')} are the rows"
    return (
        f"{whole}: their own potential is {money_text(own, currency)}, "
        f"that of their accounts {money_text(sum_of_members, currency)} together."
    )


def _blocks(record: dict[str, Any]) -> Iterator[Table]:
    """Yield what families come to beside their accounts, and what became of the accounts that were read."""
    names = (
        *("families", "members", "members_customers", "sales"),
        *("potential", "members_potential", "whitespace", "members_whitespace"),
    )
    columns = (
        "what|families:count|accounts:count|customers:count/3|sales:money/2|potential:money|of accounts:money"
        "|whitespace:money|of accounts :money"
    )
    rows = [(text, *(record[key][name] for name in names)) for key, text in _NAMES.items()]
    yield table("Families", columns, rows, f"the largest has {record['largest']:,} accounts")
    left = [(f"rejected: {words(reason)}", count) for reason, count in record["rejected"].items()]
    accounts = [("read", record["read"]), *left, ("in families", record["scored"])]
    yield table(
        "Accounts", "accounts|count:count", accounts, f"scored in the output of the accounts, version {record['run']}"
    )
