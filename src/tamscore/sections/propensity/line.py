"""A logistic regression as arrays: what it says of a row, and what each column adds to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Array
    from tamscore.sections.propensity.design import PropensityDesign


@dataclass(frozen=True)
class Line:
    """A logistic regression on the straight columns: `weights` (d,), and the log-odds `base` at their means (d,)."""

    base: float
    weights: Any
    means: Any

    @property
    def expected(self) -> float:
        """The score of a row at the means."""
        return self.base


def explain(xp: Any, line: Line, design: PropensityDesign, straight: Sequence[Array]) -> tuple[Array, list[Array]]:
    """The score (m,) of a line, column by column in a fixed order, and what each column of the input adds (m,)."""
    added = [xp.zeros_like(straight[0]) for _ in design.columns]
    for column, weight, mean, source in zip(straight, line.weights, line.means, design.straight_sources, strict=True):
        if weight:
            added[source] = added[source] + float(weight) * (column - float(mean))
    total = xp.full(straight[0].shape, line.base, dtype=xp.float64, device=straight[0].device)
    for item in added:
        total = total + item
    return total, added
