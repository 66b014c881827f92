"""Parents of synthetic accounts: families of about five, a few levels deep, with the errors that such columns have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LINKED = 0.88
"""So many of the accounts that could have a parent have one."""
_BLOCK = 7
"""Accounts stand in blocks of so many rows, of which each may belong to one that stands before it."""
_OWN, _UNKNOWN = 0.002, 0.002
"""Shares of accounts that name themselves, and that name an account of no table."""


def with_parents(market: pa.Table, seed: int, chunk: int) -> pa.Table:
    """Return the market table of a chunk with a column `parent_id`.

    Parents stand before their accounts, so that the beginning of a market has the parents that its accounts name.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(7, chunk))))
    row, chance = np.arange(market.num_rows), random.random((2, market.num_rows))
    place = row % _BLOCK
    parent = row - place + np.floor(chance[0] * place).astype(np.int64)
    has_none = (place == 0) | (chance[1] >= _LINKED)
    parent[chance[1] < _OWN] = row[chance[1] < _OWN]
    ids = market["account_id"].combine_chunks()
    named = ids.take(pa.array(parent, mask=has_none & (chance[1] >= _OWN)))
    is_unknown = pa.array((chance[1] >= _OWN) & (chance[1] < _OWN + _UNKNOWN) & (place > 0))
    strange = pa.array([f"GONE-{chunk}-{at % 97}" for at in range(market.num_rows)], ids.type)
    return market.append_column("parent_id", pc.if_else(is_unknown, strange, named))
