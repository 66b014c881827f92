"""Lloyd passes on the host that look again only at rows whose nearest center can have become another.

After Hamerly (2010), "Making k-means even faster": a row keeps the difference between its distances to the second
nearest and to the nearest center. As centers move, it shrinks at most by how far they go; while it is above zero the
label stands. Distances and moves are rounded to whole units to the safe side, so that labels, sums and counts are the
same bytes as those of a pass that looks at every row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import Gaps, Sides, kernels
from tamscore.backend.coded import numbers_of, rows_at
from tamscore.backend.host_scores import least_two

if TYPE_CHECKING:
    from tamscore.backend import Backend
    from tamscore.backend.coded import Block

_WIDEST = 2.0**30
"""Gaps are cut there: no center moves as far."""
_MOSTLY = 0.7
"""If more than this share of the rows is looked at again, all are: to pick them out costs as much."""


def sides(backend: Backend, x: Block, sq_norms: Any, centers: Any, before: Sides | None) -> Sides:
    """The sides that rows take, with the gaps from which the next pass may start."""
    if before is None or before.gaps is None or len(before.gaps.centers) != len(centers):
        label, gap = label_with_gap(x, sq_norms, centers)
        return replace(kernels.sides_of(backend, x, label, len(centers)), gaps=Gaps(centers, gap))
    gap = before.gaps.least - np.take(_drift(before.gaps.centers, centers), before.label)
    (open_rows,) = np.nonzero(gap <= 0)
    if len(open_rows) > _MOSTLY * len(gap):
        label, gap = label_with_gap(x, sq_norms, centers)
        (moved,) = np.nonzero(label != before.label)
    else:
        label, moved = before.label.copy(), open_rows
        label[open_rows], gap[open_rows] = label_with_gap(rows_at(np, x, open_rows), sq_norms[open_rows], centers)
        moved = open_rows[label[open_rows] != before.label[open_rows]]
    return replace(kernels.moved_sides(backend, x, label, moved, before), gaps=Gaps(centers, gap))


def _drift(before: Any, centers: Any) -> Any:
    """By how many units (k,) int32 the gap of a row of each label can have shrunk: rounded up."""
    away = centers - before
    moved = np.ceil(np.sqrt(np.einsum("ij,ij->i", away, away)))
    moved += moved > 0
    first, second = np.sort(np.append(moved, 0.0))[:-3:-1]
    others = np.where(np.arange(len(moved)) == moved.argmax(), second, first)
    return (moved + others).astype(np.int32)


def label_with_gap(x: Block, sq_norms: Any, centers: Any) -> tuple[Any, Any]:
    """The label (m,) of every row, and how many units (m,) int32 nearer than any other its center is at least.

    Labels are found in float32, and found again in float64 where rounding could have decided: a score is off by less
    than `slack`, after the usual bound on a sum of products.
    """
    label, best, second = least_two(centers, x, numbers_of(x))
    longest = float(np.einsum("ij,ij->i", centers, centers).max())
    slack = (x.shape[0] + 4) * 2.0**-23 * (2.0 * np.sqrt(sq_norms * longest) + longest)
    close = np.flatnonzero(second - best <= 2.0 * slack)
    if len(close):
        rows = rows_at(np, x, close)
        label[close] = least_two(centers, rows, numbers_of(rows).astype(np.float64))[0]
    nearest = np.sqrt(np.maximum(sq_norms + best + slack, 0.0))
    following = np.sqrt(np.maximum(sq_norms + second - slack, 0.0))
    return label, np.minimum(np.floor(following - nearest) - 2.0, _WIDEST).astype(np.int32)
