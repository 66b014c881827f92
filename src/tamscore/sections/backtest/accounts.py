"""Scored accounts beside what they really bought afterwards, joined by account id."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, level_codes, texts_by_code
from tamscore.errors import InputContractError
from tamscore.schema import PARTY_TYPES
from tamscore.sections.backtest.joining import account_column, plan_of
from tamscore.sections.backtest.settings import Backtest
from tamscore.stages.draw import draw_number, id_hash
from tamscore.store import contents, tables
from tamscore.substitution import LARGEST_MONEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config import Job
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_SCORED = ("account_id", "party_type", "cluster", "sales", "whitespace")


@dataclass(frozen=True)
class BacktestAccounts:
    """Accounts (m,) in the order of their ids' hashes: party type and cluster as codes, money, sales afterwards.

    `sales` are those of the score, at least 0; `realised` are NaN where nothing is known; `typical` sales are there at
    level account only. 37 to 45 bytes an account.
    """

    hashes: Any
    party: Any
    cluster: Any
    sales: Any
    whitespace: Any
    realised: Any
    typical: Any = None

    def __len__(self) -> int:
        """The number of accounts m."""
        return len(self.hashes)

    def at(self, rows: Any) -> BacktestAccounts:
        """The accounts at some places."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return BacktestAccounts(**{name: None if values is None else values[rows] for name, values in columns.items()})

    @property
    def growth(self) -> Any:
        """Return what they bought more afterwards (m,)."""
        return self.realised - self.sales

    def drawn(self, seed: int) -> Any:
        """A number (m,) for each account that has nothing to do with what it is."""
        return draw_number(self.hashes, seed)


def read_accounts(job: Job, directory: RunDirectory) -> BacktestAccounts:
    """The scored accounts of a run, with their sales afterwards.

    Raise InputContractError if the table of sales afterwards has an account twice.
    """
    by_account = job.potential.level == "account"
    parts = [_part_of(path, job.columns.id_form, by_account=by_account) for path in directory.parts()]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    hashes, party, cluster, sales, whitespace, *typical = (column[order] for column in columns)
    return BacktestAccounts(hashes, party, cluster, sales, whitespace, _realised_of(job, hashes), *typical)


def _part_of(path: Location, form: IdForm, *, by_account: bool) -> tuple[Any, ...]:
    """One part of the scores as arrays, in the order of `BacktestAccounts`, without sales afterwards."""
    table = contents.whole(path, [*_SCORED, *(("typical_sales",) if by_account else ())])
    typical = (float_column(table["typical_sales"]),) if by_account else ()
    sales, whitespace = (np.nan_to_num(float_column(table[name])) for name in _SCORED[3:])
    party = level_codes(table["party_type"], PARTY_TYPES).astype(np.int8)
    clusters = as_dictionary(table["cluster"])
    cluster = texts_by_code(clusters, [int(name[1:]) for name in clusters.dictionary.to_pylist()], 0).astype(np.int32)
    hashes = id_hash(tables.account_ids(table["account_id"], form))
    return hashes, party, cluster, np.maximum(sales, 0.0), whitespace, *typical


def _realised_of(job: Job, hashes: Any) -> Any:
    """Return the later sales of the accounts with these sorted hashes (m,), NaN if the table does not have them."""
    rules = job.section(Backtest)
    least, most, times = np.full(len(hashes), np.inf), np.full(len(hashes), -np.inf), np.zeros(len(hashes), np.int32)
    for here, values in _read_backtest_tables(job):
        place = np.minimum(np.searchsorted(hashes, here), len(hashes) - 1)
        known = hashes[place] == here
        np.add.at(times, place[known], 1)
        np.fmin.at(least, place[known], values[known])
        np.fmax.at(most, place[known], values[known])
    where = np.where(most >= least, most, np.nan)
    if (np.abs(where) >= LARGEST_MONEY).any():
        raise InputContractError(
            f"{rules.table or job.input.name}: column {rules.realised!r}: "
            f"{np.nanmax(np.abs(where)):.3g} is no amount of money; leave it empty"
        )
    # Of the input the run has counted copies of a row once, and added up rows that differ in sales only.
    repeated = times > 1 if rules.table else (times > 1) & (most > least)
    if repeated.any():
        raise InputContractError(
            f"{rules.table or job.input.name}: {np.count_nonzero(repeated):,} scored accounts stand more than "
            f"once; one row an account is expected for column {rules.realised!r}"
        )
    return np.where(np.isnan(where), 0.0, where) if rules.missing == "zero" else where


def _read_backtest_tables(job: Job) -> Iterator[tuple[Any, Any]]:
    """Hashes of ids and sales afterwards, partition by partition."""
    account_id, realised = account_column(job), str(job.section(Backtest).realised)
    for partition in plan_of(job).partitions:
        table = tables.read(partition, [account_id, realised])
        yield id_hash(tables.account_ids(table[account_id], job.columns.id_form)), float_column(table[realised])
