"""The tables that optional sections join to the market, matched before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tamscore.scoring.joining.line_currencies import currency_notices
from tamscore.scoring.joining.lookup import Joined, KnownAccounts, match_table, sorted_hashes
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.config.section import SideTable
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.joining.match import Match
    from tamscore.scoring.model_source import ModelSource

    _Named: TypeAlias = tuple[str, SideTable, Joined]
    """A table that is joined, with the name of the section that reads it, and what this says of the table."""


def match_tables(run: Run, model_source: ModelSource, parts: Sequence[PartRows]) -> list[Match]:
    """The match of every joined table with the accounts of the market; a notice where many rows met none.

    Raises InputContractError where fewer rows of a table met one than its section asks for.
    """
    frozen = model_source.record["source"] == "frozen"
    named = list(joined_tables(run, fitting=not frozen))
    if not named:
        return []
    return match_named(run, named, accounts_of(run, parts))


def accounts_of(run: Run, parts: Sequence[PartRows]) -> KnownAccounts:
    """The accounts of the market as tables join them."""
    known = sorted_hashes(part.hashes_of_ids for part in parts)
    return KnownAccounts(known, run.columns.id_form, lambda: ids_of(run))


def match_named(run: Run, named: Sequence[_Named], accounts: KnownAccounts) -> list[Match]:
    """The match of tables, each with the name of its section; notices and errors as `match_tables` has them."""
    matches: list[Match] = []
    with run.progress.stage("match", sum(table.plan.rows for _, _, table in named)) as done:
        for name, side, table in named:
            same = [match for (_, _, other), match in zip(named, matches, strict=False) if _is_same(other, table)]
            match = same[0] if same else match_table(run.flow, table, accounts)
            done(match.rows)
            matches.append(match.require(side.min_match_share, f"{name}.min_match_share", table.setting))
    for (name, side, _), match in zip(named, matches, strict=True):
        if match.is_noticed:
            run.progress.notice(f"{name}: {match.notice}{side.unmatched}")
    for text in _mixed_currencies(run):
        run.progress.notice(text)
    return matches


def _mixed_currencies(run: Run) -> Iterator[str]:
    """Yield what is to be said about joined tables whose amounts are in several currencies."""
    for name, key, side in _side_tables(run):
        if side.has_amounts:
            yield from currency_notices(run.flow, side.path, run.plan.tables[f"{name}.{key}"], side.columns)


def _is_same(joined: Joined, other: Joined) -> bool:
    """Return whether two sections join the same table by the same column."""
    return (joined.plan.digest, joined.key, joined.path) == (other.plan.digest, other.key, other.path)


def _side_tables(run: Run) -> Iterator[tuple[str, str, SideTable]]:
    """The tables that optional sections read, each with the name of its section and its key there."""
    for name, section in run.job.sections.items():
        for key, side in section.tables(run.columns.account_id).items():
            yield name, key, side


def joined_tables(run: Run, *, fitting: bool = True) -> Iterator[_Named]:
    """The tables that the job joins by account id.

    Without `fitting`, those that only a new model learns from are left out.
    """
    for name, key, side in _side_tables(run):
        if fitting or not side.for_fitting:
            plan = run.plan.tables[f"{name}.{key}"]
            yield name, side, Joined(side.path, plan, side.columns.account_id, f"{name}.{side.account_key}")


def ids_of(run: Run) -> Iterator[pa.Array]:
    """The ids of the market, partition by partition, as ids are compared."""
    account_id = run.columns.account_id
    for partition in run.plan.partitions:
        yield tables.account_ids(tables.read(partition, [account_id])[account_id], run.columns.id_form)
