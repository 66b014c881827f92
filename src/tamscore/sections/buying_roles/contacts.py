"""Contacts of the accounts: which of the wanted roles somebody has, whatever the partitioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary
from tamscore.scoring.census.partition import unusable_ids
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import begins
from tamscore.store import tables
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.schema import Partition
    from tamscore.stages.folding import IdForm


@dataclass(frozen=True)
class ContactColumns:
    """Where a table of contacts has the account and the role."""

    account_id: str
    role: str
    id_form: IdForm = "text"


@dataclass(frozen=True)
class Contacts:
    """Accounts (a,) by order of key: both hashes of their ids, and the roles that somebody has, a bit for each role.

    `other` counts the contacts with another role, `rows` all.
    """

    key: Any
    check: Any
    roles: Any
    other: int = 0
    rows: int = 0

    @classmethod
    def together(cls, parts: Sequence[Contacts]) -> Contacts:
        """Return the contacts of several parts, an account once."""
        empty = (np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))
        columns = ([part.key for part in parts], [part.check for part in parts], [part.roles for part in parts])
        key, check, roles = (np.concatenate([none, *column]) for none, column in zip(empty, columns, strict=True))
        order = np.lexsort((check, key))
        key, check, roles = key[order], check[order], roles[order]
        first = np.flatnonzero(begins(key, check))
        merged = np.bitwise_or.reduceat(roles, first) if len(first) else roles
        return cls(
            key[first], check[first], merged, sum(part.other for part in parts), sum(part.rows for part in parts)
        )


def read_contacts(partition: Partition, columns: ContactColumns, words: Mapping[str, int]) -> Contacts:
    """Return the accounts of a partition of contacts, with the roles that somebody has; ids were matched before."""
    table = tables.read(partition, [columns.account_id, columns.role], dictionary=[columns.role])
    ids = tables.account_ids(table[columns.account_id], columns.id_form)
    encoded = as_dictionary(table[columns.role])
    place = [words.get(fold_word(text or ""), -1) for text in encoded.dictionary.to_pylist()]
    bit = np.array([*(1 << number if number >= 0 else 0 for number in place), 0], np.int64)
    roles = bit[encoded.indices.fill_null(len(place)).to_numpy(zero_copy_only=False)]
    rows = np.flatnonzero(~unusable_ids(ids))
    named = ids.take(rows)
    part = Contacts(id_hash(named), id_hash(named, 1), roles[rows], int(np.count_nonzero(roles == 0)), len(roles))
    return Contacts.together([part])
