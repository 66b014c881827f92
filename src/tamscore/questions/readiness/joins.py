"""Matches between the tables that a job joins and its accounts, estimated from a sample of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.errors import InputContractError
from tamscore.questions.readiness.finding import Finding
from tamscore.scoring.joining.lookup import KnownAccounts, sorted_hashes
from tamscore.scoring.joining.market import ids_of, joined_tables, match_named
from tamscore.stages.draw import id_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.scoring.context import Run

_MOST_ACCOUNTS = 20_000_000
"""The ids of larger markets are not read for a first look."""


def from_tables(market: Run, sample: Run) -> Iterator[Finding]:
    """Yield the match of every joined table: its sampled rows looked up among all ids of the market."""
    named = list(joined_tables(sample))
    if not named:
        return
    if market.plan.rows > _MOST_ACCOUNTS:
        yield Finding(f"joined tables are not looked at: the market has more than {_MOST_ACCOUNTS:,} rows")
        return
    known = sorted_hashes(id_hash(ids) for ids in ids_of(market))
    accounts = KnownAccounts(known, market.columns.id_form, lambda: ids_of(market))
    for parts in named:
        try:
            (match,) = match_named(sample, [parts], accounts)
        except InputContractError as error:
            yield Finding(str(error), stops=True)
        else:
            yield Finding(f"{parts[0]}: {match.sentence}")
