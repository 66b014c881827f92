"""Drawing rows by a hash of their id, so that a draw depends neither on partitions nor on row order nor on workers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

LAST = 2**64 - 1
"""The largest hash, and the largest draw number."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_COPY = np.uint64(0xD6E8FEB86659FD93)
_AT_ONCE = 2**16
"""Ids hashed at once: what comes up on the way then stays in the cache of a core."""


def mix(value: Any) -> Any:
    """Well-mixed 64-bit numbers, one for one: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX[0]
    value = (value ^ (value >> np.uint64(27))) * _MIX[1]
    return value ^ (value >> np.uint64(31))


def content_hash(block: Any) -> Any:
    """A 64-bit hash (m,) uint64 of each row of a host block (d, m) of whole numbers."""
    state = np.full(block.shape[1], _GOLDEN + np.uint64(len(block)))
    for feature in block:
        state = mix(state * _GOLDEN ^ feature.astype(np.int64).view(np.uint64))
    return state


def copies_apart(hashes: Any) -> Any:
    """Return hashes (m,) uint64 that differ between copies of a row, so that a copy is drawn like any other row.

    The first copy keeps its hash. Which of several equal rows counts as the first makes no difference to a fit.
    """
    order = np.argsort(hashes, kind="stable")
    ordered, place = hashes[order], np.arange(len(hashes))
    is_first = np.append(True, ordered[1:] != ordered[:-1])[: len(hashes)]
    copy = np.empty(len(hashes), np.uint64)
    copy[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    return hashes + copy * _COPY


def id_hash(ids: pa.Array, kind: int = 0) -> Any:
    """A 64-bit hash (m,) uint64 of the bytes of each id of a string array; nulls hash like the empty string.

    Hashes of another kind know nothing of each other: ids that share one do not share the next.
    """
    result = np.empty(len(ids), np.uint64)
    for start in range(0, len(ids), _AT_ONCE):
        result[start : start + _AT_ONCE] = _hashes_of(ids.slice(start, _AT_ONCE), kind)
    return result


def _hashes_of(ids: pa.Array, kind: int) -> Any:
    """The hashes (m,) of a few ids."""
    offsets, padded = _string_buffers(ids)
    start, length = offsets[:-1], np.diff(offsets)
    state = mix(length.astype(np.uint64) + _GOLDEN + np.uint64(kind))
    longest = int(length.max(initial=0))
    if longest and longest == length.min():
        for position in range(0, longest, 8):
            state = mix(state * _GOLDEN ^ _words(padded, position, longest, len(ids)) & _mask(longest - position))
        return state
    words = _words(padded, 0, 1, len(padded) - 7)
    for position in range(0, longest, 8):
        left = length - position
        word = words[np.minimum(start + position, len(words) - 1)] & _mask(np.maximum(left, 1))
        state = np.where(left > 0, mix(state * _GOLDEN ^ word), state)
    return state


def _words(padded: Any, first: int, step: int, count: int) -> Any:
    """The eight bytes that begin at `first` and at every `step` bytes from there on, as (count,) uint64."""
    return np.ndarray(count, "<u8", padded.data, first, (step,))


def _mask(left: Any) -> Any:
    """Return what keeps the bytes of a word that belong to an id of which `left` bytes, one at least, are to come."""
    unused = (8 - np.minimum(left, 8)).astype(np.uint64)
    return np.uint64(0xFFFFFFFFFFFFFFFF) >> (unused << np.uint64(3))


def draw_number(hashes: Any, seed: int) -> Any:
    """The number (m,) uint64 by which rows are drawn under a seed: the rows with the lowest numbers come first."""
    with np.errstate(over="ignore"):
        return mix(hashes + np.uint64(seed) * _GOLDEN + np.uint64(1))


def threshold(numbers: Sequence[Any], wanted: int) -> int:
    """The draw number up to which (inclusive) exactly `wanted` rows lie, or all of them where there are fewer."""
    together = np.concatenate(numbers) if numbers else np.empty(0, np.uint64)
    if wanted >= len(together):
        return LAST
    return int(np.partition(together, wanted - 1)[wanted - 1])


def duplicate(hashes: Sequence[Any], at_once: int = 2**24) -> Any:
    """The hashes that more than one row has, sorted (u,) uint64; about so many are sorted at once."""
    ranges = 1 + sum(map(len, hashes)) // at_once
    items = [np.empty(0, np.uint64)]
    for first, last in pairwise(2**64 * i // ranges for i in range(ranges + 1)):
        together = np.concatenate([items[0], *(_within(part, first, last - 1) for part in hashes)])
        together.sort()
        items.append(np.unique(together[1:][together[1:] == together[:-1]]))
    return np.concatenate(items)


def _within(hashes: Any, first: int, last: int) -> Any:
    """The hashes (m,) from the first to the last, inclusive."""
    if last - first == LAST:
        return hashes
    return hashes[(hashes >= np.uint64(first)) & (hashes <= np.uint64(last))]


def _string_buffers(ids: pa.Array) -> tuple[Any, Any]:
    """Byte offsets (m + 1,) int64, and the bytes of all ids (b,) with eight more."""
    import pyarrow as pa

    ids = ids.cast(pa.large_string())
    if ids.null_count:
        ids = ids.fill_null("")
    _, offsets, data = ids.buffers()
    first = (
        np.frombuffer(offsets, dtype=np.int64)[ids.offset : ids.offset + len(ids) + 1]
        if len(ids)
        else np.zeros(1, np.int64)
    )
    raw = np.frombuffer(data, dtype=np.uint8)[first[0] : first[-1]] if data is not None else np.empty(0, np.uint8)
    return first - first[0], np.concatenate((raw, np.zeros(8, np.uint8)))
