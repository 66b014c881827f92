"""Changes of the accounts of a list since the run before: new accounts, owner, whitespace and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import float_column
from tamscore.questions.join import AccountIndex
from tamscore.questions.lists.sentences import by_distinct, join
from tamscore.substitution import fold_word
from tamscore.view.words import clean, money, signed_money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.questions.stored import StoredRun

_COMPARED = ("kind", "whitespace", "priority", "person")
CHANGED = "changed"
"""The column of lists with the changes of an account."""
_ID = "account_id"
_FEW = 0.5
"""Share of accounts known from the run before, below which the runs hardly cover one market."""
_PLACES, _FACTOR = 10, 1.25
"""Least change of a place in places and as a factor; small moves happen every week."""


@dataclass(frozen=True)
class RunBefore:
    """The accounts of the run before: their index, and the compared columns (n,)."""

    accounts: AccountIndex
    table: pa.Table

    @classmethod
    def of(cls, run: StoredRun) -> RunBefore:
        """Return all accounts of a run."""
        names = [name for name in _COMPARED if name in run.columns]
        ids, tables = [], []
        for part in run.read([_ID, *names]):
            ids.append(part[_ID])
            tables.append(part.select(names))
        return cls(AccountIndex.of(ids, run.id_form), pa.concat_tables(tables).combine_chunks())

    def known_of(self, run: StoredRun) -> int:
        """Return how many accounts of a later run this run has."""
        return sum(int(np.count_nonzero(self.accounts.rows_of(part[_ID]) >= 0)) for part in run.read([_ID]))

    def change_texts(self, accounts: pa.Table) -> pa.Array:
        """Return the changes of accounts (m,) as texts, '' for none."""
        place = self.accounts.rows_of(accounts["account_id"])
        before = self.table.take(pa.array(place, mask=place < 0))
        new_model = pa.array(["new account"]).take(pa.array(np.zeros(len(place), np.int64), mask=place >= 0))
        parts = [new_model, _became(accounts, before), owner(accounts, before), _opened_whitespace(accounts, before)]
        return join([*parts, _moved_from(accounts, before)])


def doubts_about_runs(run: StoredRun, before: StoredRun, known: int) -> list[str]:
    """Return a notice if few accounts of a run, `known` of them, were in the run before."""
    scored = run.manifest["rows"]["scored"]
    if known >= _FEW * scored:
        return []
    few = f"{known:,} of {scored:,} accounts were in the run {before.name}"
    text = "changes are not reported" if not known else "all others count as new"
    return [f"since: {few}: {text}; name an earlier run of the same market with --since"]


def _together(accounts: pa.Table, before: pa.Table, name: str) -> pa.Table:
    """Return a column of both runs, as `now` and `then`."""
    return pa.table({"now": accounts[name], "then": before[name]})


def _became(accounts: pa.Table, before: pa.Table) -> pa.Array:
    """Return a text for accounts that began to buy or stopped."""

    def describe(item: Mapping[str, Any]) -> str | None:
        if item["then"] is None or item["then"] == item["now"]:
            return None
        return "became a customer" if item["now"] == "expansion" else "buys nothing any more"

    return by_distinct(_together(accounts, before, "kind"), ("now", "then"), describe)


def owner(accounts: pa.Table, before: pa.Table) -> pa.Array:
    """Return the earlier person of accounts that have another one now; null if there was none, or is not known."""

    def describe(item: Mapping[str, Any]) -> str | None:
        is_same = item["then"] is None or (
            item["now"] is not None and fold_word(item["then"]) == fold_word(item["now"])
        )
        return None if is_same else f"was with {clean(item['then'])}"

    if "person" not in accounts.column_names or "person" not in before.column_names:
        return pa.nulls(accounts.num_rows, pa.string())
    return by_distinct(_together(accounts, before, "person"), ("now", "then"), describe)


def _opened_whitespace(accounts: pa.Table, before: pa.Table) -> pa.Array:
    """Return the change of whitespace if it shows in two digits."""

    def describe(item: Mapping[str, Any]) -> str | None:
        if item["then"] is None or item["now"] is None or money(item["then"]) == money(item["now"]):
            return None
        return f"whitespace {signed_money(item['now'] - item['then'])}"

    return by_distinct(_together(accounts, before, "whitespace"), ("now", "then"), describe)


def _moved_from(accounts: pa.Table, before: pa.Table) -> pa.Array:
    """Return the earlier place of accounts that moved far."""
    if "priority" not in accounts.column_names or "priority" not in before.column_names:
        return pa.nulls(accounts.num_rows, pa.string())
    now, then = (float_column(table["priority"]) for table in (accounts, before))
    far = (np.abs(now - then) >= _PLACES) & (np.maximum(now, then) >= _FACTOR * np.minimum(now, then))
    places = pc.if_else(pa.array(far), before["priority"].combine_chunks().cast(pa.string()), None)
    return pc.binary_join_element_wise("place was ", places, "")
