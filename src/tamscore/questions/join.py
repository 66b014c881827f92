"""Accounts of two runs brought together by id, in a few bytes a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import truths
from tamscore.stages.draw import id_hash
from tamscore.stages.hash_index import HashIndex, order_of
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from tamscore.stages.folding import IdForm


@dataclass(frozen=True)
class SoughtAccounts:
    """Accounts to be found: their `ids` (m,) as they are compared, and the `form` that says how."""

    ids: pa.Array
    form: IdForm = "text"

    @classmethod
    def of(cls, ids: pa.ChunkedArray, form: IdForm) -> SoughtAccounts:
        """Return the accounts of a table, given its ids and how they are compared."""
        return cls(account_ids(ids, form), form)

    @cached_property
    def hashes(self) -> Any:
        """Return the hashes (m,) uint64 of the ids."""
        return id_hash(self.ids)


@dataclass(frozen=True)
class AccountIndex:
    """Accounts by id: `ids` (n,) in their order; `form` says how they are compared.

    Accounts that stand in another order are found by hashes: 12 bytes an account more, from the first such look-up on.
    """

    ids: pa.Array
    form: IdForm = "text"

    @classmethod
    def of(cls, ids: Iterable[pa.ChunkedArray], form: IdForm = "text") -> AccountIndex:
        """The index of the accounts with these ids, each of which stands once."""
        import pyarrow as pa

        chunks = [account_ids(column, form) for column in ids]
        return cls(pa.chunked_array(chunks, pa.large_string()).combine_chunks(), form)

    def __len__(self) -> int:
        """The number of accounts."""
        return len(self.ids)

    @cached_property
    def _by_hash(self) -> tuple[HashIndex, Any]:
        """Return the sorted hashes of all ids, and the account (n,) uint32 of each."""
        hashes = id_hash(self.ids)
        rows = order_of(hashes).view(np.uint32)
        return HashIndex.of(hashes[rows]), rows

    def rows_of(self, ids: pa.ChunkedArray) -> Any:
        """The account (m,) int64 of every id, -1 where it is not there."""
        return self.places_of(SoughtAccounts.of(ids, self.form))

    def has_from(self, start: int, wanted: SoughtAccounts) -> bool:
        """Return whether exactly the wanted accounts stand from a position on, in their order."""
        return start <= len(self) and self.ids.slice(start, len(wanted.ids)).equals(wanted.ids)

    def places_of(self, wanted: SoughtAccounts) -> Any:
        """Return the account (m,) int64 of all that are wanted, -1 where it is not there.

        Ids are compared in full, since two may share a hash.
        """
        import pyarrow.compute as pc

        index, order = self._by_hash
        place, full = index.places(wanted.hashes).astype(np.int64), np.full(len(wanted.ids), -1)
        left = np.flatnonzero(place >= 0)
        while len(left):  # more than once only where two ids share a hash
            inside = place[left] < len(self)
            left = left[inside]
            left = left[index.hashes[place[left]] == wanted.hashes[left]]
            rows = order[place[left]].astype(np.int64)
            same = truths(pc.equal(self.ids.take(rows), wanted.ids.take(left)))
            full[left[same]] = rows[same]
            left = left[~same]
            place[left] += 1
        return full


@dataclass(frozen=True)
class MatchedPart:
    """A part of the second run: the accounts (m,) that are in both runs, those that are `new`, and where they stand.

    `here` and `rows` are the positions of the former in the part and in the first run: slices where all stand there in
    the same order, from `start` on, as in most runs on one table. `stop` is where the next part may go on.
    """

    both: pa.Table
    new: pa.Table
    here: Any
    rows: Any
    stop: int

    @classmethod
    def of(cls, before: AccountIndex, accounts: SoughtAccounts, table: pa.Table, start: int) -> MatchedPart:
        """Return where the accounts of a table are in the first run."""
        same_form = before.form == accounts.form
        if same_form and before.has_from(start, accounts):
            stop = start + table.num_rows
            return cls(table, table.slice(0, 0), slice(None), slice(start, stop), stop)
        rows = before.places_of(accounts) if same_form else before.rows_of(table["account_id"])
        here = np.flatnonzero(rows >= 0)
        both, new = table.take(here), table.take(np.flatnonzero(rows < 0))
        return cls(both, new, here, rows[here], int(rows[here[-1]]) + 1 if len(here) else start)
