"""Dependence of the prospects' level on a single feature: a leak that the guard missed moves it far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages.level import ALL, UNIT, WEIGHT_UNIT, products, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.stages.level import LevelModel

WARN, BLOCK = 1.5, 2.0
"""A factor beyond the first deserves a word, beyond the second it stops a run; honest features reach 1.45."""


def shifts(model: LevelModel, customers: Any, sales: Any, prospects: Any, columns: Sequence[str]) -> dict[str, float]:
    """The factor, at least 1, by which the prospects' median level moves without each column of the input.

    `customers` (d, n) is the block that the model was fitted on, with sales (n,); `prospects` (d, m) are a block in the
    same space; `columns` (d,) says which column each row of a block comes from. A model of one column has no other.
    """
    named = list(dict.fromkeys(columns))
    if len(named) < 2 or not prospects.shape[1]:
        return {}
    logs = np.rint(np.log(sales / model.median) / UNIT)
    total = products(model.columns, customers, logs)
    rows = model.columns.of(prospects) * UNIT
    owner = _owners(columns, model.columns.numeric)
    weights = np.append(model.intercept[ALL] * UNIT * WEIGHT_UNIT, model.weights[ALL] * WEIGHT_UNIT)
    whole = _median_level(weights, rows)
    record = {}
    for name in named:
        values = np.flatnonzero(owner != name)
        part = np.concatenate(([0], values + 1, [len(total) - 1]))
        without = solve(total[np.ix_(part, part)], model.penalty)
        record[name] = float(np.exp(abs(_median_level(without, rows[values]) - whole)))
    return record


def _owners(columns: Sequence[str], numeric: int) -> Any:
    """The column of the input (c,) that each column of the regression comes from: a number has three."""
    return np.array([name for at, name in enumerate(columns) for _ in range(3 if at < numeric else 1)])


def _median_level(weights: Any, rows: Any) -> float:
    """The median level of rows (c, m) under an intercept and weights (c + 1,)."""
    return float(np.median(weights[0] + weights[1:] @ rows))
