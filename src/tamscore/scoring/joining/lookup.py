"""How a joined table meets the accounts: looked up by hashes of ids, part by part; see `match` for what is said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.causes import SAMPLE, best_column, likely_cause
from tamscore.scoring.joining.match import Match
from tamscore.stages.draw import id_hash
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from tamscore.engine.flow import Flow
    from tamscore.schema import Partition
    from tamscore.stages.folding import IdForm
    from tamscore.store.partitions import Plan

_FEWEST = 10
"""A column with fewer different values is a code rather than an id."""


@dataclass(frozen=True)
class KnownAccounts:
    """The accounts that tables join: sorted hashes (n,) uint64 of their ids, the form of ids, and all ids in parts."""

    hashes: Any
    form: IdForm
    ids: Callable[[], Iterable[pa.Array]]


@dataclass(frozen=True)
class Joined:
    """A table that joins by id: its path and plan, its column of ids, and the setting that names this column."""

    path: str
    plan: Plan
    key: str
    setting: str


@dataclass(frozen=True)
class PartMatch:
    """The match of some rows in a row: hashes (s,) of different strangers, a few of them as texts.

    `first` is the first stranger and its place, counted from 0.
    """

    rows: int
    met: int
    blank: int
    strangers: Any
    first: tuple[str, int] | None
    sample: tuple[str, ...]


def sorted_hashes(parts: Iterable[Any]) -> Any:
    """The hashes of all parts, sorted (n,) uint64: what ids are looked up in."""
    together = np.concatenate([np.empty(0, np.uint64), *parts])
    together.sort()
    return together


def match_ids(ids: pa.Array, known: Any) -> PartMatch:
    """The match of ids (m,), folded, with accounts by their sorted hashes (n,)."""
    hashes = id_hash(ids)
    distinct, where = np.unique(hashes, return_inverse=True)
    place = np.minimum(np.searchsorted(known, distinct), max(len(known) - 1, 0))
    has = known[place] == distinct if len(known) else np.zeros(len(distinct), bool)
    return count(ids, unusable_ids(ids), has[where], hashes)


def count(texts: pa.Array, blank: Any, met: Any, hashes: Any) -> PartMatch:
    """The match of texts (m,), given which are blank and which met."""
    met = met & ~blank
    rows = np.flatnonzero(~met & ~blank)
    different, places = np.unique(hashes[rows], return_index=True)
    first = (str(texts[int(rows[0])]), int(rows[0])) if len(rows) else None
    few = texts.take(rows[np.sort(places)[:SAMPLE]]).to_pylist()
    return PartMatch(len(texts), int(met.sum()), int(blank.sum()), different, first, tuple(few))


def joined_parts(table: str, key: str, parts: Iterable[PartMatch]) -> tuple[Match, list[str]]:
    """The match of a whole table from those of its parts in order, and a sample of its strangers."""
    rows = met = blank = 0
    first: tuple[str, int] | None = None
    sample: list[str] = []
    strangers = []
    for part in parts:
        if first is None and part.first is not None:
            first = part.first[0], rows + part.first[1] + 1
        rows, met, blank = rows + part.rows, met + part.met, blank + part.blank
        sample += part.sample[: max(SAMPLE - len(sample), 0)]
        strangers.append(part.strangers)
    different = len(np.unique(np.concatenate(strangers))) if strangers else 0
    return Match(table, key, rows, met, different, blank, *(first or (None, None))), sample


def _match_part(partition: Partition, key: str, form: IdForm, known: Any) -> PartMatch:
    """The match of a partition of a table that joins by the ids in its column `key`."""
    return match_ids(tables.account_ids(tables.read(partition, [key])[key], form), known)


def match_table(flow: Flow, table: Joined, accounts: KnownAccounts) -> Match:
    """The match of a table with the accounts; with what may be wrong where many of its rows met none."""
    shared = table.key, accounts.form, flow.share(accounts.hashes)
    parts = flow.map(_match_part, table.plan.partitions, *shared)
    match, sample = joined_parts(table.path, table.key, parts)
    return explain(match, sample, accounts, lambda: _other_columns(table, accounts), table.setting)


def explain(
    match: Match,
    sample: Sequence[str],
    accounts: KnownAccounts,
    others: Callable[[], Iterable[tuple[str, float]]] = tuple,
    setting: str = "",
) -> Match:
    """The match with an id that rows could have met and the likely cause, where many rows met nothing.

    `others` are further columns of the table, each with the share of its rows that met; `setting` names the column.
    """
    if not match.is_noticed or not sample:
        return match
    parts = likely_cause(sample, accounts.ids())
    return replace(match, known=parts.known, cause=parts.cause or best_column(others(), 1.0 - match.missed, setting))


def _other_columns(table: Joined, accounts: KnownAccounts) -> Iterator[tuple[str, float]]:
    """The other columns of the first rows of a table that could hold ids, each with the share of rows that met."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    for field in table.plan.schema:
        kind = field.type.value_type if t.is_dictionary(field.type) else field.type
        once = len(table.plan.schema.get_all_field_indices(field.name)) == 1
        if once and field.name != table.key and (t.is_string(kind) or t.is_large_string(kind) or t.is_integer(kind)):
            column = tables.read(table.plan.partitions[0], [field.name])[field.name]
            ids = tables.account_ids(column, accounts.form)
            if pc.count_distinct(ids).as_py() >= _FEWEST:
                yield field.name, match_ids(ids, accounts.hashes).met / max(len(ids), 1)
