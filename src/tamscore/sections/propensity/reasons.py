"""The reasons of an account's propensity in words: what adds most to its score, or takes most from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.backend import Array

REASONS = 3
_BETWEEN = "; "
_FAINT = 0.05
"""Log-odds below which a column is no reason: it changes a probability of a half by one in a hundred."""
_MILLION, _LARGEST = 1e6, 2.0**52
"""What a column adds is compared in millionths; sizes and codes together are whole numbers up to the largest."""


def strongest(
    xp: Any, added: Sequence[Array], states: Sequence[Array], offsets: Sequence[int], block_rows: int
) -> list[Array]:
    """The strongest reasons (m,) int64 of every row, one array for each place, -1 where there is none.

    A reason is twice the place of a state among all states, one more where it speaks for buying. Of equal ones the
    first column comes first: states of `added` columns (m,) begin at `offsets`, which the last one is beyond. So many
    rows are looked at together.
    """
    count = added[0].shape[0]
    blocks = [slice(start, min(start + block_rows, count)) for start in range(0, max(count, 1), block_rows)]
    parts = [_strongest_of(xp, [[c[rows] for c in each] for each in (added, states)], offsets) for rows in blocks]
    return [xp.concat(place) for place in zip(*parts, strict=True)]


def _strongest_of(xp: Any, columns: Sequence[Sequence[Array]], offsets: Sequence[int]) -> list[Array]:
    """Return the same of a few rows, given what each column adds, and its states."""
    codes = 2 * offsets[-1]
    parts = zip(columns[0], columns[1], offsets, strict=False)
    best = _leading(xp, (_keys_of(xp, *part, codes) for part in parts), REASONS)
    items = []
    for item in best[: len(columns[0])]:
        key = xp.astype(item, xp.int64)
        here = codes - 1 - key % codes
        items.append(xp.where(key >= int(_FAINT * _MILLION) * codes, here, xp.full_like(here, -1)))
    return items


def _keys_of(xp: Any, added: Array, state: Array, offset: int, codes: int) -> Array:
    """The key (m,) of a column's reason among so many codes: the larger, the stronger, then the smaller its code."""
    size = xp.round(xp.abs(added) * _MILLION)
    size = xp.minimum(size, xp.full_like(size, _LARGEST // codes))
    code = 2 * xp.astype(state, xp.int32) + xp.astype(added > 0, xp.int32)
    return size * codes + xp.astype(codes - 1 - 2 * offset - code, xp.float64)


def _leading(xp: Any, keys: Iterable[Array], count: int) -> list[Array]:
    """The largest keys (m,) of every row, so many of them, the largest first; -1 where there are fewer."""
    best: list[Array] = []
    for key in keys:
        best = best or [xp.full_like(key, -1.0) for _ in range(count)]
        rest = key
        for place, item in enumerate(best):
            best[place], rest = xp.maximum(item, rest), xp.minimum(item, rest)
    return best


def offsets_of(names: Sequence[Sequence[str]]) -> list[int]:
    """Return where the states of each column begin among all states, and how many there are."""
    return [0, *np.cumsum([len(name) for name in names]).tolist()]


def texts(result: Sequence[Any], names: Sequence[Sequence[str]]) -> tuple[Any, list[str]]:
    """Reasons on the host in words, as codes (m,) and texts: `+ employees high; - country = DE`."""
    import pyarrow as pa

    every = [name for item in names for name in item]
    base = 2 * len(every) + 1
    combined = np.zeros(len(result[0]), np.int64)
    for entry in result:
        combined = combined * base + (entry + 1)
    encoded = pa.array(combined).dictionary_encode()
    distinct = encoded.dictionary.to_numpy()
    order = np.argsort(distinct)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[encoded.indices.to_numpy()], _words(distinct[order], base, len(result), every)


def _words(combined: Any, base: int, places: int, every: Sequence[str]) -> list[str]:
    """The words of the reasons (n,) that numbers (n,) stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array([None, *(f"{sign} {name}" for name in every for sign in "-+")], pa.string())
    digits = [combined // base ** (places - 1 - place) % base for place in range(places)]
    led = pc.binary_join_element_wise("", *map(text.take, digits), _BETWEEN, null_handling="skip")
    items: list[str] = pc.utf8_slice_codeunits(led, len(_BETWEEN)).to_pylist()
    return items
