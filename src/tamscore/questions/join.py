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
class AccountIndex:
    """Accounts by id: `ids` (n,) in their order, `hashes` (n,) uint64 sorted, and the account of each, `rows` (n,).

    12 bytes an account beside its id; ids are compared in full, since two may share a hash. `form` says how.
    """

    ids: pa.Array
    hashes: Any
    rows: Any
    form: IdForm = "text"

    @classmethod
    def of(cls, ids: Iterable[pa.ChunkedArray], form: IdForm = "text") -> AccountIndex:
        """The index of the accounts with these ids, each of which stands once."""
        import pyarrow as pa

        chunks = [account_ids(column, form) for column in ids]
        hashes = np.concatenate([np.empty(0, np.uint64), *map(id_hash, chunks)])
        rows = order_of(hashes).view(np.uint32)
        together = pa.chunked_array(chunks, pa.large_string()).combine_chunks()
        return cls(together, hashes[rows], rows, form)

    def __len__(self) -> int:
        """The number of accounts."""
        return len(self.ids)

    @cached_property
    def index(self) -> HashIndex:
        """Return what hashes are looked up in."""
        return HashIndex.of(self.hashes)

    def rows_of(self, ids: pa.ChunkedArray) -> Any:
        """The account (m,) int64 of every id, -1 where it is not there."""
        wanted = account_ids(ids, self.form)
        return self.places_of(wanted, id_hash(wanted))

    def places_of(self, wanted: pa.Array, hashes: Any) -> Any:
        """Return the same for ids as they are compared, given their hashes (m,)."""
        import pyarrow.compute as pc

        place, full = self.index.places(hashes).astype(np.int64), np.full(len(wanted), -1)
        left = np.flatnonzero(place >= 0)
        while len(left):  # more than once only where two ids share a hash
            inside = place[left] < len(self)
            left = left[inside]
            left = left[self.hashes[place[left]] == hashes[left]]
            rows = self.rows[place[left]].astype(np.int64)
            same = truths(pc.equal(self.ids.take(rows), wanted.take(left)))
            full[left[same]] = rows[same]
            left = left[~same]
            place[left] += 1
        return full
