"""The rows to train and score a propensity: numbers as they are for trees, scaled for a line.

Trees take raw numbers, NaN for missing, and the codes of categories. A logistic regression takes one 0/1 column for
each level; its numbers are centred and scaled, logarithms first where a column is skewed, missing ones at the mean and
marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.backend import Array
    from tamscore.stages.prepare import Vocabulary

_SKEWED = 2.0
"""From this skewness on the logarithm of a number is taken."""
_THIRDS = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class Number:
    """How one numeric column is made straight, and where its values count as low and as high."""

    column: str
    logarithm: bool
    center: float
    spread: float
    low: float
    high: float


@dataclass(frozen=True)
class PropensityDesign:
    """The columns that a propensity is learned from: numbers first, then the levels of each category."""

    numbers: tuple[Number, ...]
    vocabularies: tuple[Vocabulary, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the input, numbers first."""
        return (*(item.column for item in self.numbers), *(vocabulary.column for vocabulary in self.vocabularies))

    @property
    def levels(self) -> tuple[int, ...]:
        """The number of levels of each of `columns`, 0 for numbers."""
        return (*(0 for _ in self.numbers), *(len(vocabulary.all_levels) for vocabulary in self.vocabularies))

    @property
    def straight_sources(self) -> tuple[int, ...]:
        """The place in `columns` that each row of `straight` comes from."""
        of_levels = [place for place, count in enumerate(self.levels) for _ in range(count)]
        numbers = range(len(self.numbers))
        return (*numbers, *of_levels, *numbers)

    def raw(self, xp: Any, numbers: Mapping[str, Array], codes: Mapping[str, Array]) -> list[Array]:
        """The values of each of `columns`: numbers (m,) float64, NaN where not finite, and codes (m,) int64."""
        items = [_finite(xp, numbers[item.column]) for item in self.numbers]
        return items + [codes[vocabulary.column] for vocabulary in self.vocabularies]

    def straight(self, xp: Any, raw: Sequence[Array]) -> list[Array]:
        """The columns (m,) float64 that a line takes: numbers, 0/1 columns of levels and of what is missing."""
        count = len(self.numbers)
        straightened = [straight(xp, column, item) for column, item in zip(raw, self.numbers, strict=False)]
        missing = [xp.astype(xp.isnan(column), xp.float64) for column in raw[:count]]
        return [*straightened, *indicators(xp, raw[count:], self.levels[count:]), *missing]

    def states(self, xp: Any, raw: Sequence[Array]) -> list[Array]:
        """Return what a person would call the value of each of `columns`, as a place (m,) in `state_names`."""
        items = []
        for column, item in zip(raw, self.numbers, strict=False):
            place = xp.astype(column > item.low, xp.uint8) + xp.astype(column > item.high, xp.uint8)
            items.append(xp.where(xp.isnan(column), xp.full_like(place, 3), place))
        return [*items, *raw[len(self.numbers) :]]

    @property
    def state_names(self) -> list[tuple[str, ...]]:
        """Return what the values of each of `columns` are called."""
        of_number = ("low", "middling", "high", "missing")
        return [
            *(tuple(f"{item.column} {name}" for name in of_number) for item in self.numbers),
            *(
                tuple(f"{vocabulary.column} = {level}" for level in vocabulary.all_levels)
                for vocabulary in self.vocabularies
            ),
        ]


def indicators(xp: Any, codes: Sequence[Array], levels: Sequence[int]) -> list[Array]:
    """One 0/1 column (m,) float64 for each level of each category, given codes (m,) and the number of levels."""
    counted = zip(codes, levels, strict=True)
    return [xp.astype(column == level, xp.float64) for column, count in counted for level in range(count)]


def _finite(xp: Any, column: Array) -> Array:
    """The column (m,) with NaN for infinite numbers."""
    return xp.where(xp.isfinite(column), column, xp.asarray(xp.nan, dtype=column.dtype, device=column.device))


def straight(xp: Any, column: Array, item: Number) -> Array:
    """A number centred and scaled, after its logarithm where it is skewed; the mean, 0, where it is missing."""
    value = xp.sign(column) * xp.log1p(xp.abs(column)) if item.logarithm else column
    scaled = (value - item.center) / item.spread
    return xp.where(xp.isnan(scaled), xp.zeros_like(scaled), scaled)


def number(name: str, values: Any) -> Number:
    """Return how a column with the drawn values (n,), NaN for missing, is made straight."""
    present = values[np.isfinite(values)]
    if not len(present):
        return Number(name, logarithm=False, center=0.0, spread=1.0, low=0.0, high=0.0)
    low, high = np.quantile(present, _THIRDS, method="inverted_cdf")
    logarithm = abs(_skewness(present)) > _SKEWED
    value = np.sign(present) * np.log1p(np.abs(present)) if logarithm else present
    spread = float(value.std())
    return Number(name, logarithm, float(value.mean()), spread if spread > 0 else 1.0, float(low), float(high))


def _skewness(values: Any) -> float:
    """The third standardised moment of values (n,); 0 where they do not vary."""
    spread = values.std()
    return float(np.mean(((values - values.mean()) / spread) ** 3)) if spread > 0 else 0.0
