"""The centers of a party type: seeded, refined by mini-batches, polished by Lloyd passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.scoring.fit.sample import drawn_blocks
from tamscore.stages import kmeans
from tamscore.stages.blocks import BlockRows
from tamscore.stages.breathing import breathe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tamscore.engine.flow import Flow
    from tamscore.scoring.arguments import Recipe
    from tamscore.scoring.fit.resident_rows import ResidentRows
    from tamscore.stages.blocks import Span
    from tamscore.stages.kmeans import Fit


def fit_centers(rows: ResidentRows, seed_block: Any, recipe: Recipe, spans: Sequence[Span], local: Flow) -> Fit:
    """Return the centers of a party type: seeded on host rows (d, s), refined by mini-batches and Lloyd passes."""
    fit = refine(rows, seed_block, recipe, spans, local, recipe.max_passes)
    return kmeans.by_size(kmeans.without_empty(fit))


def fit_best(
    rows: ResidentRows, turns: Iterable[tuple[Any, Recipe]], spans: Sequence[Span], local: Flow, passes: int
) -> Fit:
    """Return the best of several fits, each with its own seed rows (d, s) and recipe; sorted as by `fit_centers`.

    Every fit gets a few passes over all rows; after four that agree, no further one is made. The best two are
    continued, up to `passes` in all. If there are few centers, those of the better fit are moved by all rows.
    """
    tried: list[Fit] = []
    for block, recipe in turns:
        tried.append(refine(rows, block, recipe, spans, local, min(recipe.max_passes, _FEW_PASSES)))
        if agree([fit.inertia for fit in tried]):
            break
    carried = [_settle(rows, fit, passes) for fit in sorted(tried, key=lambda fit: fit.inertia)[:_SETTLED]]
    best = _move(rows, min(carried, key=lambda fit: fit.inertia), passes)
    return kmeans.by_size(kmeans.without_empty(best))


def agree(inertias: Sequence[int]) -> bool:
    """Return whether the four lowest inertias differ by a negligible share only."""
    lowest = sorted(inertias)[:_AGREEING]
    return len(lowest) == _AGREEING and lowest[-1] - lowest[0] <= _SAME * lowest[0]


def _move(rows: ResidentRows, fit: Fit, passes: int) -> Fit:
    """Return a settled fit after moves of its centers by all rows, if these are few, and settled again."""
    if len(fit.centers) >= _MOVED_BY_ALL or fit.passes >= passes:
        return fit
    result = breathe(rows, fit, fit.passes)
    return fit if result is fit else _settle(rows, replace(result, passes=fit.passes, batches=fit.batches), passes)


def refine(rows: ResidentRows, block: Any, recipe: Recipe, spans: Sequence[Span], local: Flow, passes: int) -> Fit:
    """Return a fit that is seeded on host rows (d, s), refined by mini-batches, polished by at most `passes` passes."""
    seeds = seed(block, recipe, local)
    centers, batches = kmeans.mini_batch(rows, seeds.centers, seeds.counts.astype(np.float64), spans)
    return replace(kmeans.lloyd(rows, centers, passes), batches=batches)


def _settle(rows: ResidentRows, fit: Fit, passes: int) -> Fit:
    """Return a fit after `passes` passes in all, or fewer if it settles."""
    if fit.passes >= passes:
        return fit
    more = kmeans.lloyd(rows, fit.centers, passes - fit.passes)
    return replace(more, passes=fit.passes + more.passes, batches=fit.batches)


_SHORT_PASSES = 5
_FEW_PASSES = 8
_CARRIED_ON = 4
_AGREEING, _SAME = 4, 1e-4
_SETTLED = 2
_MOVED_BY_ALL = 128
"""Number of centers below which passes over all rows are cheap, and moves by all rows find more than by seed rows."""


def seed(block: Any, recipe: Recipe, local: Flow) -> Fit:
    """Return the best start on the seed rows (d, s), computed on the host, so that CPU and GPU begin alike.

    After Bradley & Fayyad (1998). Every start gets a few passes; only the best quarter is continued until it settles.
    """
    host = HostBackend()
    starts = range(0, block.shape[1], host.block_rows)
    blocks = [block[:, start : start + host.block_rows] for start in starts]
    rows = BlockRows(host, drawn_blocks(blocks, np.zeros(block.shape[1], np.uint64), host.block_rows))
    tried: Iterable[Fit] = local.map(_start_on, range(recipe.restarts), rows, block, recipe)
    best = sorted(tried, key=lambda fit: fit.inertia)[: -(-recipe.restarts // _CARRIED_ON)]
    settled: Iterable[Fit] = local.map(_carry_on, best, rows, recipe)
    fit = min(settled, key=lambda fit: fit.inertia)
    return breathe(rows, fit, recipe.seed) if recipe.moves else fit


def _start_on(restart: int, rows: BlockRows, block: Any, recipe: Recipe) -> Fit:
    """Return one start after a few passes."""
    return kmeans.start_centers(rows.anew(), block, recipe.k, recipe.seed, restart, _SHORT_PASSES)


def _carry_on(fit: Fit, rows: BlockRows, recipe: Recipe) -> Fit:
    """Return the start, continued until it settles."""
    return kmeans.lloyd(rows.anew(), fit.centers, recipe.max_passes, kmeans.SEEDING_TOLERANCE)


def polish(rows: ResidentRows, fit: Fit, passes: int) -> Fit:
    """Return the fit after Lloyd passes over the given rows."""
    if passes == 0:
        return fit
    polished = kmeans.lloyd(rows, fit.centers, passes, tolerance=0.0)
    total = replace(polished, passes=fit.passes + polished.passes, batches=fit.batches)
    return kmeans.by_size(kmeans.without_empty(total))
