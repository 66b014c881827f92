"""How the table of sales afterwards meets the accounts, looked at before anything is computed and again with scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tamscore.engine.flow import LocalFlow
from tamscore.schema import InputColumns
from tamscore.scoring.context import copies_of, substitution_of
from tamscore.scoring.joining.lookup import Joined, KnownAccounts, match_table, sorted_hashes
from tamscore.sections.backtest.settings import Backtest
from tamscore.stages.draw import id_hash
from tamscore.store import contents, partitions, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.progress import Progress
    from tamscore.scoring.joining.match import Match
    from tamscore.store.partitions import Plan
    from tamscore.store.run_directory import RunDirectory


def require_early(job: Job, progress: Progress) -> None:
    """Raise an error if the sales afterwards cannot be had: no such path or column, or too few rows meet the market."""
    plan_of(job)
    if job.section(Backtest).table:
        with progress.stage("match"):
            hashes = sorted_hashes(id_hash(ids) for ids in _market_ids(job))
            match_afterwards(job, KnownAccounts(hashes, job.columns.id_form, lambda: _market_ids(job)))


def plan_of(job: Job) -> Plan:
    """The plan of the table that has the sales afterwards, which may be the input; raises as `partitions.plan`."""
    rules = job.section(Backtest)
    columns = InputColumns(account_column(job), str(rules.realised), copies=copies_of(job))
    if rules.table:
        return partitions.plan(rules.table, columns, "backtest.table")
    return _market_plan(job, replace(columns, substitution=substitution_of(job)))


def _market_plan(job: Job, columns: InputColumns) -> Plan:
    """The plan of some columns of the market."""
    return partitions.market(job.input, columns)


def account_column(job: Job) -> str:
    """The column of account ids beside the sales afterwards."""
    rules = job.section(Backtest)
    return (rules.account_id if rules.table else None) or job.columns.account_id


def match_afterwards(job: Job, accounts: KnownAccounts) -> Match | None:
    """The match of the table of sales afterwards; None where the input has them.

    Raise InputContractError if fewer of its rows met an account than backtest.min_match_share.
    """
    rules = job.section(Backtest)
    if rules.table is None:
        return None
    table = Joined(rules.table, plan_of(job), account_column(job), "backtest.account_id")
    with LocalFlow(job.engine.workers) as flow:
        match = match_table(flow, table, accounts)
    return match.require(rules.min_match_share, "backtest.min_match_share", table.setting)


def _market_ids(job: Job) -> Iterator[pa.Array]:
    """The ids of the market, partition by partition, as ids are compared."""
    columns = InputColumns(job.columns.account_id, job.columns.sales)
    for partition in _market_plan(job, columns).partitions:
        column = tables.read(partition, [columns.account_id])[columns.account_id]
        yield tables.account_ids(column, job.columns.id_form)


def scored_ids(job: Job, directory: RunDirectory) -> Iterator[pa.Array]:
    """The ids of the scored accounts of a run, part by part, as ids are compared."""
    for path in directory.parts():
        yield tables.account_ids(contents.whole(path, ["account_id"])["account_id"], job.columns.id_form)
