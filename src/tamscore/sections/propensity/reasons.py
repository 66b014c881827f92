"""The reasons of an account's propensity in words: what adds most to its score, or takes most from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array

REASONS = 3
FAINT = 0.05
"""Log-odds below which a column is no reason: it changes a probability of a half by one in a hundred."""


def strongest(xp: Any, added: Sequence[Array], states: Sequence[Array], offsets: Sequence[int]) -> list[Array]:
    """The strongest reasons (m,) int64 of every row, one array for each place, -1 where there is none.

    A reason is twice the place of a state among all states, one more where it speaks for buying. Of equal ones the
    first column comes first.
    """
    size = xp.stack([xp.round(xp.abs(one) * 1e6) for one in added])
    column = xp.arange(size.shape[0], dtype=xp.int64, device=size.device)
    every = zip(added, states, offsets, strict=True)
    codes = xp.stack([2 * (state + offset) + xp.astype(one > 0, xp.int64) for one, state, offset in every])
    nothing = xp.asarray(-1, dtype=xp.int64, device=size.device)
    found = []
    for _ in range(min(REASONS, size.shape[0])):
        here = column[:, None] == xp.argmax(size, axis=0)[None, :]
        code = xp.sum(xp.where(here, codes, xp.zeros_like(codes)), axis=0)
        found.append(xp.where(xp.max(size, axis=0) >= FAINT * 1e6, code, nothing))
        size = xp.where(here, xp.full_like(size, -1.0), size)
    return found


def offsets_of(names: Sequence[Sequence[str]]) -> list[int]:
    """Where the states of each column begin among all states."""
    return [0, *np.cumsum([len(one) for one in names]).tolist()][:-1]


def texts(found: Sequence[Any], names: Sequence[Sequence[str]]) -> tuple[Any, list[str]]:
    """Reasons on the host in words, as codes (m,) and texts: `+ employees high; - country = DE`."""
    every = [name for one in names for name in one]
    base = 2 * len(every) + 1
    combined = np.zeros(len(found[0]), np.int64)
    for one in found:
        combined = combined * base + (one + 1)
    distinct, code = np.unique(combined, return_inverse=True)
    return code, ["; ".join(words(int(value), base, len(found), every)) for value in distinct]


def words(value: int, base: int, places: int, every: Sequence[str]) -> list[str]:
    """The words of the reasons that a number stands for."""
    digits = [value // base ** (places - 1 - place) % base for place in range(places)]
    return [f"{'+' if (one - 1) % 2 else '-'} {every[(one - 1) // 2]}" for one in digits if one]
