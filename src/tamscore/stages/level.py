"""The level of an account: what accounts like it buy, by its own features alone.

A ridge regression of log sales on the features of a block, each with two hinges. Features and logarithms are rounded to
grids, so that sums of products are exact: the same for any order of rows, and on every device.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.coded import CodedBlock, numbers_of
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Array
    from tamscore.backend.coded import Block

UNIT, WEIGHT_UNIT = 2.0**-10, 2.0**-20
"""Features and log sales are whole numbers of UNIT, weights whole numbers of WEIGHT_UNIT."""
_ONE, KNOT, REACH = 1024.0, 717.0, 8192.0
"""In units: an indicator that is on, the place of the hinges (0.7), the largest value of a feature (8)."""
MOST_CUSTOMERS, FEWEST_CUSTOMERS = 65_536, 30
FOLDS, ALL = 5, 5
"""Models 0 to 4 leave out the customers of one fold each, model ALL none."""
_PENALTIES = (100.0, 10.0, 1.0)
_CHUNK, _STEEPEST, _LARGEST_LEVEL = 8192, 2.0**30, 40.0


@dataclass(frozen=True)
class LevelColumns:
    """How the rows of a block become columns: the first `numeric` ones are numbers, the others indicators.

    A number is multiplied by `factor` (numeric,), a power of two, rounded, and clipped to `low` and `high` (numeric,).
    """

    factor: Any
    low: Any
    high: Any

    @property
    def numeric(self) -> int:
        """Return how many rows of a block are numbers."""
        return len(self.factor)

    def whole(self, xp: Any, block: Array, j: int) -> Array:
        """A number (m,) of a block (d, m) in whole numbers of UNIT."""
        return xp.clip(xp.round(block[j, :] * float(self.factor[j])), float(self.low[j]), float(self.high[j]))

    def flags(self, xp: Any, block: Array) -> Array:
        """The indicators (i, m) of a block (d, m) as 0 and ONE."""
        return xp.astype(block[self.numeric :, :] > 0, xp.float64) * _ONE

    def of(self, block: Any) -> Any:
        """The columns (c, n) float64 of a host block (d, n) in whole numbers of UNIT, three of a number."""
        items = [_hinge(self.whole(np, block, j).astype(np.float64)) for j in range(self.numeric)]
        return np.concatenate([*items, self.flags(np, block)])


def _hinge(x: Any) -> Any:
    """A number (n,) with its two hinges, as (3, n)."""
    return np.stack([x, np.maximum(x - KNOT, 0.0), np.maximum(-KNOT - x, 0.0)])


@dataclass(frozen=True)
class LevelModel:
    """Six models of the level: without each fold of the customers, and of all of them.

    `weights` (6, columns) are whole numbers of WEIGHT_UNIT, `intercept` (6,) of UNIT * WEIGHT_UNIT. `median` is the
    customers' median sales, `penalty` the chosen one, `customers` how many there were, `seed` that of their folds.
    """

    columns: LevelColumns
    weights: Any
    intercept: Any
    median: float
    penalty: float
    customers: int
    seed: int

    @cached_property
    def steps(self) -> tuple[Any, ...]:
        """What each value of a number from its lowest to its highest (v,) adds to the level, by model: (6, v) each."""
        item = zip(self.columns.low, self.columns.high, strict=True)
        values = (_hinge(np.arange(low, high + 1)) for low, high in item)
        return tuple(self.weights[:, 3 * j : 3 * j + 3] @ x for j, x in enumerate(values))

    def level(self, xp: Any, block: Block, model: Array | None = None) -> Array:
        """The level (m,) float64 of the rows of a block (d, m), exact; `model` (m,) int64 says which one, else ALL."""
        columns, numbers, device = self.columns, numbers_of(block), block.device
        chosen = slice(ALL, ALL + 1) if model is None else slice(None)
        which = xp.zeros(block.shape[1], dtype=xp.int64, device=device) if model is None else model
        total = xp.take(xp.asarray(self.intercept[chosen], device=device), which)
        total = total + self.of_flags(xp, columns.flags(xp, numbers), chosen, which)
        for place, table in chain(self.of_numbers(xp, numbers, chosen), self.of_categories(block, chosen)):
            at = place if model is None else which * table.shape[1] + place
            total = total + xp.take(xp.asarray(np.ravel(table), device=device), at)
        return total * (UNIT * WEIGHT_UNIT)

    def of_numbers(self, xp: Any, numbers: Array, chosen: slice) -> Iterator[tuple[Array, Any]]:
        """Yield the place (m,) int64 of each number of a block among its values, and what these add: (models, v)."""
        for j, steps in enumerate(self.steps):
            whole = self.columns.whole(xp, numbers, j)
            yield xp.astype(whole - float(self.columns.low[j]), xp.int64), steps[chosen]

    def of_flags(self, xp: Any, flags: Array, chosen: slice, which: Array) -> Array:
        """What the indicators (i, m) of a block add to each row (m,) by the chosen models, of which it takes one."""
        first = 3 * self.columns.numeric
        weights = xp.asarray(self.weights[chosen, first : first + flags.shape[0]], device=flags.device)
        rows = xp.arange(flags.shape[1], dtype=xp.int64, device=flags.device)
        return xp.take(xp.reshape(xp.matmul(weights, flags), (-1,)), which * flags.shape[1] + rows)

    def of_categories(self, block: Block, chosen: slice) -> Iterator[tuple[Array, Any]]:
        """Yield the codes (m,) of each category of a block that has any, and what its levels add: (models, levels)."""
        if isinstance(block, CodedBlock):
            yield from block.of_categories(self.weights[chosen, 2 * self.columns.numeric :] * _ONE)

    def typical(self, level: Any) -> Any:
        """The typical sales (m,) float32 of host levels (m,)."""
        return (self.median * np.exp(np.clip(level, -_LARGEST_LEVEL, _LARGEST_LEVEL))).astype(np.float32)


def folds_of(numbers: Any) -> Any:
    """The fold (m,) int64 of customers by their draw numbers (m,) uint64."""
    return (numbers % np.uint64(FOLDS)).astype(np.int64)


def fit_level(block: Any, sales: Any, numbers: Any, numeric: int, unit: float, seed: int) -> LevelModel | None:
    """The level by a host block (d, n) of customers with sales (n,) and draw numbers (n,); None of too few.

    The first `numeric` rows of the block are numbers in units of `unit`. Of the penalties, the one with the least
    squared error over the folds left out; the largest of equals.
    """
    n = len(sales)
    if n < FEWEST_CUSTOMERS:
        return None
    median = float(np.sort(sales)[nearest_rank(n, 0.5)])
    columns, fold = _columns_of(block[:numeric], unit), folds_of(numbers)
    logs = np.rint(np.log(sales / median) / UNIT)
    sums = np.stack([products(columns, block[:, fold == f], logs[fold == f]) for f in range(FOLDS)])
    total = sums.sum(axis=0)
    tried = [[solve(total - sums[f], penalty) for f in range(FOLDS)] for penalty in _PENALTIES]
    errors = [sum(_squared_error(sums[f], models[f]) for f in range(FOLDS)) for models in tried]
    best = next(i for i, error in enumerate(errors) if error <= min(errors) * (1 + 1e-12))
    models = np.stack([*tried[best], solve(total, _PENALTIES[best])])
    weights = np.clip(np.rint(models[:, 1:] / WEIGHT_UNIT), -_STEEPEST, _STEEPEST)
    intercept = np.rint(models[:, 0] / WEIGHT_UNIT * _ONE)
    return LevelModel(columns, weights, intercept, median, _PENALTIES[best], n, seed)


def _columns_of(block: Any, unit: float) -> LevelColumns:
    """How the numbers of a block (numeric, n) become columns: clipped to P1 and P99, halved while they are large."""
    n = block.shape[1]
    ordered = np.sort(block, axis=1).astype(np.float64) * (unit / UNIT)
    low, high = ordered[:, nearest_rank(n, 0.01)], ordered[:, nearest_rank(n, 0.99)]
    largest = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1.0)
    halved = 2.0 ** -np.maximum(np.ceil(np.log2(largest / REACH)), 0.0)
    return LevelColumns(halved * (unit / UNIT), np.rint(low * halved), np.rint(high * halved))


def products(columns: LevelColumns, block: Any, logs: Any) -> Any:
    """The sums of products (c + 2, c + 2) of one, the columns and the logs (n,) of a block (d, n); exact."""
    c = 3 * columns.numeric + block.shape[0] - columns.numeric
    total = np.zeros((c + 2, c + 2))
    for start in range(0, len(logs), _CHUNK):
        here = slice(start, start + _CHUNK)
        part = block[:, here]
        rows = np.concatenate([np.full((1, part.shape[1]), _ONE), columns.of(part), logs[None, here]])
        total += rows @ rows.T
    return total * UNIT**2


def solve(sums: Any, penalty: float) -> Any:
    """The intercept and the weights (c + 1,) of a ridge regression from sums of products; the intercept is free."""
    n = max(float(sums[0, 0]), 1.0)
    means = sums[0, 1:] / n
    spread = sums[1:, 1:] - n * np.outer(means, means)
    weights = np.linalg.solve(spread[:-1, :-1] + penalty * np.eye(len(spread) - 1), spread[:-1, -1])
    return np.concatenate(([means[-1] - means[:-1] @ weights], weights))


def _squared_error(sums: Any, model: Any) -> float:
    """The squared error of a model (c + 1,) over the rows that sums of products were taken of."""
    miss = np.append(-model, 1.0)
    return float(miss @ sums @ miss)
