"""Scores `|c|^2 - 2 c.x` of rows on the host, and the least two of each row: the nearest and the second nearest center.

A score is the squared distance less the squared norm of the row, which is the same for every center.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.coded import CodedBlock, host_products

if TYPE_CHECKING:
    from tamscore.backend.coded import Block

_MANY = 128
"""From so many centers on, the scores of a row lie side by side, where NumPy finds the least of them at once."""
_SCORES = 2**17
"""So many scores are in memory at once there: they stay in a core's second-level cache."""


def least_two(centers: Any, x: Block, numbers: Any) -> tuple[Any, Any, Any]:
    """The place (m,) of the least score of each row of a block, the first of equals, that score, and the next one (m,).

    `numbers` (n, m) are those of the block in the type of the arithmetic: in float64 scores are exact.
    """
    own = np.einsum("ij,ij->i", centers, centers).astype(numbers.dtype)
    if len(centers) >= _MANY:
        return _least_by_row(centers, own, x, numbers)
    score = host_products(-2.0 * centers, x, numbers)
    score += own[:, None]
    return _least(score)


def _least(score: Any) -> tuple[Any, Any, Any]:
    """For scores (k, m), the place (m,) of the least, the first of equals, the least itself and the next one (m,)."""
    best, second = score[0].copy(), np.full(score.shape[1], np.inf, score.dtype)
    # A later place is a larger number, so that the last to have been the least is a maximum, which needs no branch.
    place = np.zeros(score.shape[1], np.min_scalar_type(len(score)))
    closer, mine, larger = np.empty(score.shape[1], bool), np.empty_like(place), np.empty_like(best)
    for j in range(1, len(score)):
        np.less(score[j], best, out=closer)
        np.maximum(place, np.multiply(closer, place.dtype.type(j), out=mine), out=place)
        np.minimum(second, np.maximum(best, score[j], out=larger), out=second)
        np.minimum(best, score[j], out=best)
    return place.astype(np.int64), best, second


def _least_by_row(centers: Any, own: Any, x: Block, numbers: Any) -> tuple[Any, Any, Any]:
    """Return the same for many centers (k, d) with squared norms `own` (k,), a few rows at a time."""
    k, (n, m) = len(centers), numbers.shape
    scaled = (-2.0 * centers).astype(numbers.dtype)
    tables = [(code, np.ascontiguousarray(table.T * x.on)) for code, table in _categories(x, scaled)]
    weights, at_once = np.ascontiguousarray(scaled[:, :n].T), max(1, _SCORES // k)
    place, best, second = np.empty(m, np.int64), np.empty(m, numbers.dtype), np.empty(m, numbers.dtype)
    capacity, rows = np.empty((at_once, k), numbers.dtype), np.arange(at_once)
    for start in range(0, m, at_once):
        here = slice(start, min(start + at_once, m))
        score, row = capacity[: here.stop - start], rows[: here.stop - start]
        np.matmul(numbers[:, here].T, weights, out=score)
        score += own
        for code, table in tables:
            score += table[code[here]]
        place[here] = score.argmin(axis=1)
        best[here] = score[row, place[here]]
        score[row, place[here]] = np.inf
        score.min(axis=1, out=second[here])
    return place, best, second


def _categories(x: Block, values: Any) -> Any:
    """The codes (m,) of each category of a block, and the part of values (k, d) that belongs to it."""
    return x.of_categories(values) if isinstance(x, CodedBlock) else ()
