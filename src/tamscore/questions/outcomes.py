"""Outcomes of the accounts of a holdout: who bought, for how much, and who was contacted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, truths
from tamscore.errors import InputContractError
from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.lookup import KnownAccounts, count, explain, joined_parts, match_ids, sorted_hashes
from tamscore.stages.draw import id_hash
from tamscore.store.sources.whole import whole_table
from tamscore.store.tables import account_ids
from tamscore.substitution import LARGEST_MONEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.questions.join import AccountIndex
    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.joining.match import Match

ID, _BOUGHT, _AMOUNT, _CONTACTED = "account_id", "bought", "amount", "contacted"
_TYPES = {_BOUGHT: "bool", _AMOUNT: "float", _CONTACTED: "bool"}
_FOR_ID = "an account of the holdout"
_SETTING = "--min-match-share"
"""The option of the share of rows that must meet an account of the run or of the holdout."""


@dataclass(frozen=True)
class Outcomes:
    """What became of the accounts (m,) of a holdout: who bought, for how much, and who was contacted.

    Money and contacts are None where the table does not tell them. `warnings` say what looks wrong in the table.
    """

    bought: Any
    amount: Any
    contacted: Any
    match: Match
    warnings: tuple[str, ...] = ()


def read_outcomes(path: str, accounts: AccountIndex, run: StoredRun, share: float) -> Outcomes:
    """Return the outcomes of the accounts of a holdout; those that the table does not name bought nothing.

    Raise InputContractError if the table lacks a column, names an account twice or none of the holdout, or if a
    smaller share of its rows is of accounts of the run or the holdout.
    """
    table = whole_table(path, _TYPES)
    _require_columns(path, table)
    rows = accounts.rows_of(table[ID])
    match, of_run = _matches(path, table, rows, accounts, run)
    if of_run is not None:
        of_run.require(share, _SETTING)
    _require_met(match)
    _require_once(path, table, rows)
    here = rows >= 0
    amount = None
    if _AMOUNT in table.column_names:
        amount = _place_by_account(_amounts(path, table), rows, here, len(accounts))
    bought = paid = amount > 0 if amount is not None else None
    if _BOUGHT in table.column_names:
        bought = _place_by_account(_answers(path, table, _BOUGHT), rows, here, len(accounts))
    contacted = None
    if _CONTACTED in table.column_names:
        contacted = _place_by_account(_answers(path, table, _CONTACTED), rows, here, len(accounts))
    return Outcomes(bought, amount, contacted, match, (*_doubts_about_ids(of_run), *_doubts_about_buyers(bought, paid)))


def _doubts_about_ids(of_run: Match | None) -> Iterator[str]:
    """Yield how many rows are of accounts that neither the run nor the holdout has, if these are many."""
    if of_run is not None and of_run.is_noticed:
        yield f"{of_run.notice}; the others count for nobody"


def _doubts_about_buyers(bought: Any, paid: Any) -> Iterator[str]:
    """Yield how many accounts (m,) did not buy but paid; `paid` is None where outcomes hold no money."""
    if paid is not None and (strange := int(np.count_nonzero(paid & ~bought))):
        yield f"{strange:,} accounts have an amount above 0 and {_BOUGHT!r} is false or empty: they count as no buyers"


def _place_by_account(values: Any, rows: Any, here: Any, size: int) -> Any:
    """Return values (n,) of the rows of a table as those of accounts (m,), 0 for an account without a row."""
    array = np.zeros(size, values.dtype)
    array[rows[here]] = values[here]
    return array


def _require_columns(path: str, table: pa.Table) -> None:
    """Raise InputContractError if the table of outcomes lacks a column."""
    there = {*table.column_names}
    if ID not in there or not {_BOUGHT, _AMOUNT} & there:
        raise InputContractError(
            f"{path}: expected the columns {ID!r} and {_BOUGHT!r} (true or false) or {_AMOUNT!r}, got "
            f"{', '.join(map(repr, table.column_names))}; rename them"
        )


def _matches(
    path: str, table: pa.Table, rows: Any, accounts: AccountIndex, run: StoredRun
) -> tuple[Match, Match | None]:
    """Return how the rows of outcomes, given their accounts (n,), met the holdout, and if many did not, the run too.

    The second match counts accounts of the run and of the holdout, and says what may be wrong with the others.
    """
    ids = account_ids(table[ID], accounts.form)
    match, _ = joined_parts(path, ID, [count(ids, unusable_ids(ids), rows >= 0, id_hash(ids))])
    match = replace(match, known=accounts.ids[0].as_py() if len(accounts) else None, what=_FOR_ID)
    if not match.is_noticed:
        return match, None
    hashes = sorted_hashes([id_hash(accounts.ids), *map(id_hash, _ids_of_run(run))])
    of_run, sample = joined_parts(path, ID, [match_ids(ids, hashes)])
    return match, explain(of_run, sample, KnownAccounts(hashes, accounts.form, lambda: _ids_of_run(run)))


def _ids_of_run(run: StoredRun) -> Iterator[pa.Array]:
    """Yield the ids of the accounts of a run, part by part, as ids are compared."""
    return (account_ids(part[ID], run.id_form) for part in run.read((ID,)))


def _require_met(match: Match) -> None:
    """Raise InputContractError if no row of the outcomes met an account of the holdout."""
    if not match.met:
        raise InputContractError(
            f"{match.sentence}; expected ids of the holdout such as {match.known!r}; give the outcomes of its accounts"
        )


def _require_once(path: str, table: pa.Table, rows: Any) -> None:
    """Raise InputContractError if an account stands in several rows."""
    met = np.flatnonzero(rows >= 0)
    _, first, times = np.unique(rows[met], return_index=True, return_counts=True)
    if (times > 1).any():
        name = table[ID][int(met[first[times > 1][0]])].as_py()
        raise InputContractError(
            f"{path}: {np.count_nonzero(times > 1):,} accounts stand more than once, such as {name!r}; expected one "
            "row an account: add up its purchases"
        )


def _answers(path: str, table: pa.Table, column: str) -> Any:
    """Return a column (n,) of true and false, null for false; raise InputContractError if it holds anything else."""
    import pyarrow as pa

    kind = table[column].type
    if pa.types.is_boolean(kind):
        return truths(table[column])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = np.nan_to_num(float_column(table[column]))
        if np.isin(values, (0.0, 1.0)).all():
            return values > 0
    raise InputContractError(f"{path}: column {column!r}: expected true or false, got {kind}")


def _amounts(path: str, table: pa.Table) -> Any:
    """Return the amounts (n,), 0 for none; raise InputContractError if the column holds no money."""
    import pyarrow as pa

    kind = table[_AMOUNT].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InputContractError(f"{path}: column {_AMOUNT!r}: expected amounts of money, got {kind}")
    values = np.nan_to_num(float_column(table[_AMOUNT]), posinf=LARGEST_MONEY, neginf=-LARGEST_MONEY)
    if (np.abs(values) >= LARGEST_MONEY).any():
        raise InputContractError(f"{path}: column {_AMOUNT!r}: {np.abs(values).max():.3g} is no amount of money")
    return values
