"""The tables that optional sections join to the market, matched before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.passes.joins import Accounts, Joined, match_table, sorted_hashes
from tamscore.passes.line_currencies import currency_notices
from tamscore.settings import extras_of
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.config.extras import Extra
    from tamscore.origin import Origin
    from tamscore.passes.census import PartRows
    from tamscore.passes.match import Match
    from tamscore.settings import Run

LABELS = "propensity"


def match_tables(this: Run, origin: Origin, parts: Sequence[PartRows]) -> list[Match]:
    """The match of every joined table with the accounts of the market; a notice where many rows met none.

    Raises InputContractError where fewer rows of a table met one than its section asks for.
    """
    named = [pair for pair in tables_of(this) if pair[0] != LABELS or origin.record["source"] != "frozen"]
    if not named:
        return []
    known = sorted_hashes(part.hashes_of_ids for part in parts)
    return match_named(this, named, Accounts(known, this.columns.id_form, lambda: ids_of(this)))


def match_named(this: Run, named: Sequence[tuple[str, Joined]], accounts: Accounts) -> list[Match]:
    """The match of tables, each with the name of its section; notices and errors as `match_tables` has them."""
    found: list[Match] = []
    with this.progress.stage("match", sum(table.plan.rows for _, table in named)) as done:
        for name, table in named:
            same = [one for (_, other), one in zip(named, found, strict=False) if is_same(other, table)]
            match = same[0] if same else match_table(this.flow, table, accounts)
            done(match.rows)
            share = getattr(this.job, name).min_match_share
            found.append(match.require(share, f"{name}.min_match_share", table.setting))
    for (name, _), match in zip(named, found, strict=True):
        if match.is_noticed:
            this.progress.notice(f"{name}: {match.notice}{consequence(name, getattr(this.job, name))}")
    for text in mixed_currencies(this):
        this.progress.notice(text)
    return found


def mixed_currencies(this: Run) -> Iterator[str]:
    """What is to be said about joined tables whose amounts are in several currencies."""
    for name, section in extras_of(this.job).items():
        if name != LABELS:
            for key, (path, columns) in section.tables(this.columns.account_id).items():
                yield from currency_notices(this.flow, path, this.plan.tables[f"{name}.{key}"], columns)


def is_same(one: Joined, other: Joined) -> bool:
    """Whether two sections join the same table by the same column."""
    return (one.plan.digest, one.key, one.path) == (other.plan.digest, other.key, other.path)


def tables_of(this: Run) -> Iterator[tuple[str, Joined]]:
    """The tables that the job joins by account id, each with the name of its section."""
    for name, section in extras_of(this.job).items():
        for key, (path, columns) in section.tables(this.columns.account_id).items():
            plan = this.plan.tables[f"{name}.{key}"]
            yield name, Joined(path, plan, columns.account_id, f"{name}.{section.account_key}")


def ids_of(this: Run) -> Iterator[pa.Array]:
    """The ids of the market, partition by partition, as ids are compared."""
    account_id = this.columns.account_id
    for partition in this.plan.partitions:
        yield tables.account_ids(tables.read(partition, [account_id])[account_id], this.columns.id_form)


def consequence(name: str, section: Extra) -> str:
    """What it means that rows met no account, where that is easily overlooked."""
    if name == LABELS and getattr(section, "missing", None) == "zero":
        return "; accounts without a label count as not having bought (propensity.missing = 'zero')"
    return ""
