"""Columns that no run stores and an export can have: what is said of an account, made of its other columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tamscore.questions.lists import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.stored import StoredRun

_MADE_OF = {
    "why": ("priority", "expected_value", *sentences.OPEN, *sentences.LIKELY, *sentences.ROLES, *sentences.NEXT),
    "alerts": sentences.URGENT,
}
"""The columns of a run that each is made of, those that it has."""


def said_columns(run: StoredRun) -> dict[str, pa.DataType]:
    """Return the columns that can be made for a run, with their types; a column of its own of that name stays."""
    there = {name: parts for name, parts in _MADE_OF.items() if parts[0] in run.columns}
    gone = {*run.left_out} - {"next_offer", *sentences.ROLES}  # a sentence without these is whole
    made = [name for name, parts in there.items() if name not in run.columns and not gone.intersection(parts)]
    return dict.fromkeys(made, pa.string())


def columns_read(run: StoredRun, names: Sequence[str]) -> list[str]:
    """Return the columns of a run that some columns are, or are made of; those that it lacks are left out."""
    record = said_columns(run)
    wanted = [text for name in names for text in (_MADE_OF[name] if name in record else (name,))]
    return [name for name in dict.fromkeys(wanted) if name in run.columns]


def make_column(name: str, accounts: pa.Table) -> pa.Array:
    """Return one of these columns (m,) for accounts, nulls for another name."""
    if name == "why" and "priority" in accounts.column_names:
        return sentences.priority_sentences(accounts)
    if name == "alerts" and "account_state" in accounts.column_names:
        return sentences.urgent(accounts)
    return pa.nulls(accounts.num_rows, pa.string())
