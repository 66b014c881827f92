"""What a table must have for a first job, with the option to add where it lacks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.first_job import names
from tamscore.first_job.vocabulary import NAMES, ORDERS
from tamscore.store.location import location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.first_job.columns import SampleColumn
    from tamscore.first_job.reading import SampledTable
    from tamscore.first_job.roles import Role
    from tamscore.first_job.vocabulary import Part

_REQUIRED: tuple[tuple[Part, str], ...] = (
    ("account_id", "an id of the account, the same from week to week and none twice"),
    ("sales", "what you sold to the account"),
)
NAMED = 8
"""So many columns are named where a part has none."""


def require_outside(table: str, folder: Path) -> None:
    """Raise UsageError if a job file in a folder would have its scores inside the folder of the table."""
    where = location(table)
    if isinstance(where, Path) and where.is_dir() and folder.absolute().is_relative_to(where.absolute()):
        raise UsageError(
            f"{table}: expected a folder of tables with the job file and its scores outside it; "
            "go to another folder, or name a job file elsewhere with tamscore init --to"
        )


def require_columns(table: str, read: SampledTable, given: Mapping[str, str]) -> None:
    """Raise UsageError if a column that somebody named is not there."""
    there = [column.name for column in read.columns]
    for part, column in given.items():
        if column not in there:
            raise UsageError(f"{table}: columns.{part}: no column {column!r}; there are {column_list(there)}")


def require_parts(table: str, read: SampledTable, roles: Mapping[Part, Role], given: Mapping[str, str]) -> None:
    """Raise UsageError if accounts have no id or no sales; raise InputContractError if a row is an order line.

    A row is one, too, where the only id is that of an order, and that of an account repeats; not if it was `given`.
    """
    key = roles["account_id"].column if "account_id" in roles and "account_id" not in given else ""
    if names.has_word(key, ORDERS) and (lines := _repeated_id(table, read, but=key)):
        raise InputContractError(f"{lines}; if {key!r} is the id of an account, add --set columns.account_id={key!r}")
    for part, what in _REQUIRED:
        if part in roles:
            continue
        if part == "account_id" and (lines := _repeated_id(table, read)):
            raise InputContractError(lines)
        there = column_list([column.name for column in read.columns])
        unfit = "".join(
            f"; {column.name!r} is called so, but {reason}" for column, reason in _unfit_columns(part, read)
        )
        raise UsageError(
            f"{table}: found no column with {what}; add one to the table, or name it with --set columns.{part}=COLUMN; "
            f"there are {there}{unfit}"
        )


def _unfit_columns(part: Part, read: SampledTable) -> Iterator[tuple[SampleColumn, str]]:
    """Yield the columns that are called like a part and can't play it, with the reason."""
    for column in read.columns:
        if names.score(column.name, NAMES[part]) >= 1:
            shape = f"holds {column.distinct:,} different values in {column.filled:,} of {column.rows:,} rows"
            yield column, shape if column.kind in {"number", "text"} else "holds neither numbers nor texts"


def _repeated_id(table: str, read: SampledTable, but: str = "") -> str:
    """Return what to say of a table whose rows seem to be order lines; empty if they do not.

    The column `but` is no sign that they are accounts.
    """
    ids = [
        column
        for column in read.columns
        if names.score(column.name, NAMES["account_id"]) >= 1 and column.repeats > 1.01
    ]
    if not ids or any(column.is_unique for column in read.columns if column.kind == "text" and column.name != but):
        return ""
    first = ids[0]
    return (
        f"{table}: column {first.name!r} holds each id {first.repeats:.1f} times: expected a row for each account; "
        "add up its rows, and give order lines with --orders"
    )


def column_list(columns: list[str]) -> str:
    """Return the names of columns for a message, the first ones if they are many."""
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(map(repr, columns[:NAMED])) + more
