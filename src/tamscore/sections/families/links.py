"""The accounts that others name as their parents, looked up by the ids that the input has for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.census.partition import unusable_ids
from tamscore.scoring.joining.lookup import KnownAccounts, PartMatch, count, explain, joined_parts
from tamscore.scoring.joining.market import ids_of
from tamscore.stages.draw import id_hash
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.schema import Partition
    from tamscore.scoring.context import Run
    from tamscore.scoring.joining.match import Match
    from tamscore.stages.folding import IdForm
    from tamscore.stages.hash_index import HashIndex

NONE = -1
"""The place of an account that is not there."""


@dataclass(frozen=True)
class PartLinks:
    """What a column of parents says in a partition.

    `place` (m,) int32 is that of the parent among the sorted hashes of all ids, NONE where there is none. `rows` (s,)
    int64 are the rows whose parent is no account, and `hashes` (s,) uint64 those of the ids that they name.
    """

    place: Any
    rows: Any
    hashes: Any
    match: PartMatch


def _read_links(partition: Partition, column: str, form: IdForm, index: HashIndex) -> PartLinks:
    """Return the links of a partition by one column, given the ids of all accounts."""
    return links_in(tables.account_ids(tables.read(partition, [column])[column], form), index)


def links_in(ids: pa.Array, index: HashIndex) -> PartLinks:
    """Return the links of rows that name these ids (m,), folded, as those of their parents."""
    blank, hashes = unusable_ids(ids), id_hash(ids)
    place = np.where(blank, np.int32(NONE), index.places(hashes))
    rows = np.flatnonzero((place == NONE) & ~blank)
    return PartLinks(place, rows, hashes[rows], count(ids, blank, place != NONE, hashes))


def links_by(run: Run, column: str, index: HashIndex) -> list[PartLinks]:
    """Return the links of all partitions by one column."""
    return list(run.flow.map(_read_links, run.plan.partitions, column, run.columns.id_form, run.flow.share(index)))


def match_of(run: Run, column: str, links: Sequence[PartLinks], index: HashIndex) -> Match:
    """Return how the ids in the column of parents met accounts, of those rows that have one."""
    match, sample = joined_parts(run.job.input.name, column, (part.match for part in links))
    accounts = KnownAccounts(index.hashes, run.columns.id_form, lambda: ids_of(run))
    return explain(replace(match, rows=match.rows - match.blank, blank=0), sample, accounts)
