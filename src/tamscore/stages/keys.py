"""Rows in the order of 64-bit keys, and where keys stand among sorted ones: with fast sorts, and near the cache."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

LONGEST = 63
"""Bits that a packed number may take."""


def positions(keys: Any, key: Any, *sides: Literal["left", "right"]) -> list[Any]:
    """Return the result of `numpy.searchsorted` for `key` (m,) in sorted `keys` (a,), an array (m,) for each side.

    The search goes in the order of `key`, so that neighbours stay in the cache. That is several times as fast.
    """
    order = np.argsort(key)
    ordered, items = key[order], []
    for side in sides:
        place = np.empty(len(key), np.int64)
        place[order] = np.searchsorted(keys, ordered, side=side)
        items.append(place)
    return items


def in_order(key: Any, number: Any, amount: Any) -> Any:
    """The order (n,) of rows by key (n,) uint64, then number (n,) int32, then amount (n,); any of those that are equal.

    `numpy.lexsort` to the same end takes four times as long: it sorts three times by a stable sort. Here the places of
    keys and numbers are packed into one, and amounts are looked at only where these are equal.
    """
    if not len(key):
        return np.empty(0, np.int64)
    order = np.argsort(key)
    ordered, run = key[order], np.zeros(len(key), np.int64)
    np.cumsum(ordered[1:] != ordered[:-1], out=run[1:])
    low = int(number.min())
    bits = (int(number.max()) - low).bit_length()
    if int(run[-1]).bit_length() + bits > LONGEST:
        return np.lexsort((amount, number, key))
    packed = (run << bits) | (number[order].astype(np.int64) - low)
    inner = np.argsort(packed)
    return _with_ties(order[inner], packed[inner], amount)


def _with_ties(order: Any, packed: Any, amount: Any) -> Any:
    """An order (n,) by sorted numbers (n,), those of equal numbers by amount (n,)."""
    tied, same = np.zeros(len(order), bool), packed[1:] == packed[:-1]
    tied[1:] = same
    tied[:-1] |= same
    at = np.flatnonzero(tied)
    rows = order[at]
    order[at] = rows[np.lexsort((amount[rows], packed[at]))]
    return order
