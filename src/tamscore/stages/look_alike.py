"""A look-alike: the log odds that an account is a customer, from its features, by a model not fitted on that account.

Customers are compared with prospects by a logistic regression on the features of the space. A numeric feature may
change its slope once, at its median. Fitted rows fall into folds, and each fold has a model of the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.draw import draw_number, mix

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend
    from tamscore.stages.space import RawRows, Space

FOLDS = 5
REST = FOLDS
"""The place of the model for rows outside the fit."""


@dataclass(frozen=True)
class LookAlike:
    """The models of a look-alike, one for each fold and one for all other rows, in units of the space.

    Log odds are `offsets` (f + 1,) + sum of `slopes` (f + 1, d) · feature + sum of `hinges` (f + 1, n) · excess of a
    numeric feature over its bend (`bends` (n,)). Rows with a draw number up to `last` are part of the fit. `means` and
    `spreads` (d,) describe the contribution of each feature. `area` is the area under the ROC curve of held-out rows.
    """

    offsets: Any
    slopes: Any
    hinges: Any
    bends: Any
    means: Any
    spreads: Any
    seed: int
    last: int
    area: float
    customers: int
    prospects: int
    excluded: tuple[str, ...]

    def folds(self, hashes: Any) -> Any:
        """Return the place (m,) int8 of the model of each row, by id hashes (m,) uint64."""
        numbers = draw_number(hashes, self.seed)
        return np.where(numbers <= np.uint64(self.last), fold_of(numbers), REST).astype(np.int8)


def fold_of(numbers: Any) -> Any:
    """Return the fold (n,) of rows by draw number (n,) uint64, independent of the order in which rows are drawn."""
    return (mix(numbers ^ np.uint64(0xA0761D6478BD642F)) % np.uint64(FOLDS)).astype(np.int64)


def contributions(block: Any, bends: Any, slopes: Any, hinges: Any) -> Any:
    """Return the contribution of each feature to the log odds (d, m) of a host block (d, m)."""
    added = block.astype(np.float64) * slopes[:, None]
    beyond = np.maximum(block[: len(bends)].astype(np.float64) - bends[:, None], 0.0)
    added[: len(bends)] += beyond * hinges[:, None]
    return added


def log_odds(backend: Backend, space: Space, model: LookAlike, block: Array, raw: RawRows, folds: Any) -> Any:
    """Return the log odds (m,) float32 of rows on the host, each by the model of its fold (m,).

    `block` (n, m) holds their numbers and flags of missing numbers in units of the space; `raw` holds their categories.
    """
    xp = backend.xp
    result = backend.get(_add_up(xp, space, model, block, raw.codes, None))
    seen = np.flatnonzero(folds != REST)
    if len(seen):
        at, place = backend.put(seen), backend.put(folds[seen].astype(np.int64))
        codes = {name: xp.take(code, at) for name, code in raw.codes.items()}
        result = result.copy()
        result[seen] = backend.get(_add_up(xp, space, model, xp.take(block, at, axis=1), codes, place))
    return result


def _add_up(
    xp: Any, space: Space, model: LookAlike, block: Array, codes: dict[str, Array], place: Array | None
) -> Array:
    """Return the log odds (m,) float32 of rows under the model at each row's `place` (m,); None means REST.

    Features are added one by one, so that no sum depends on the number of rows.
    """
    numeric, levels = len(space.scales), sum(len(vocabulary.all_levels) for vocabulary in space.vocabularies)
    offsets = model.offsets - np.sum(model.hinges * model.bends, axis=1)
    on, start = float(np.rint(space.level_weight / space.fitted_grid.unit)), model.slopes.shape[1] - levels

    def of(coefficients: Any) -> Any:
        if place is None:
            return float(coefficients[REST])
        return xp.take(xp.asarray(coefficients, dtype=xp.float32, device=block.device), place)

    bends = xp.asarray(model.bends, dtype=xp.float32, device=block.device)
    total = xp.zeros(block.shape[1], dtype=xp.float32, device=block.device)
    total += of(offsets)
    for j in range(start):
        if model.slopes[:, j].any():
            total += block[j, :] * of(model.slopes[:, j])
        if j < numeric and model.hinges[:, j].any():
            total += xp.maximum(block[j, :], bends[j]) * of(model.hinges[:, j])
    for item in space.vocabularies:
        size = len(item.all_levels)
        added = model.slopes[:, start : start + size] * on
        if added.any():
            table = xp.asarray(added.reshape(-1), dtype=xp.float32, device=block.device)
            row = REST * size if place is None else place * size
            total += xp.take(table, codes[item.column] + row)
        start += size
    return total
