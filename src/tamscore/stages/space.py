"""The space in which accounts are compared: how a raw row becomes a block of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend import PreparesColumns
from tamscore.backend.coded import CodedBlock
from tamscore.stages.grid import Grid, fit_grid
from tamscore.stages.scale import before_moments, is_constant, with_moments
from tamscore.stages.scaling import MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.backend import Array, Backend, Moments
    from tamscore.backend.coded import Block
    from tamscore.stages.prepare import OrderStatistics, Vocabulary
    from tamscore.stages.scale import ColumnScale, NumericColumn


@dataclass(frozen=True)
class RawRows:
    """Rows as read: numeric columns (m,) float64 with NaN on the device, codes (m,) int64 of categories and segment."""

    numeric: dict[str, Array]
    codes: dict[str, Array]
    segment: Array

    def __len__(self) -> int:
        """The number of rows m."""
        return int(self.segment.shape[0])

    def part(self, start: int, stop: int) -> RawRows:
        """The rows from `start` up to `stop`, or to the last."""
        stop = min(stop, len(self))
        return RawRows(
            {name: column[start:stop] for name, column in self.numeric.items()},
            {name: column[start:stop] for name, column in self.codes.items()},
            self.segment[start:stop],
        )

    def taken(self, xp: Any, rows: Array) -> RawRows:
        """The rows at the places given."""
        return RawRows(
            {name: xp.take(column, rows) for name, column in self.numeric.items()},
            {name: xp.take(column, rows) for name, column in self.codes.items()},
            xp.take(self.segment, rows),
        )


@dataclass(frozen=True)
class Feature:
    """One row of a block: a numeric column, the indicator that it is missing, or one level of a category."""

    column: str
    kind: str
    level: str | None = None

    @property
    def name(self) -> str:
        """Return how the feature is called in tables: `employees`, `employees missing`, `industry = retail`."""
        return {"numeric": self.column, "missing": f"{self.column} missing"}.get(
            self.kind, f"{self.column} = {self.level}"
        )


@dataclass(frozen=True)
class Space:
    """The fitted way from raw rows to blocks `(d, m)`: column scales, vocabularies, weights, grid.

    `level_weight` is the value of an indicator that is on, so that one mismatch in a category counts as the configured
    number of standard deviations. `grid` is None only while the space is being fitted.
    """

    scales: tuple[ColumnScale, ...]
    vocabularies: tuple[Vocabulary, ...]
    level_weight: float
    grid: Grid | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features in the order of a block's rows."""
        numeric = [Feature(scale.name, "numeric") for scale in self.scales]
        missing = [Feature(scale.name, "missing") for scale in self.scales if scale.missing_indicator]
        levels = [Feature(v.column, "level", level) for v in self.vocabularies for level in v.all_levels]
        return (*numeric, *missing, *levels)

    @property
    def fitted_grid(self) -> Grid:
        """The grid; ValueError while the space is being fitted."""
        if self.grid is None:
            raise ValueError("the space has no grid yet: fit it first")
        return self.grid

    @property
    def number_rows(self) -> int:
        """The rows of a block that are numbers, or say that one is missing; the others are levels of categories."""
        return len(self.scales) + sum(scale.missing_indicator for scale in self.scales)

    def row_bytes(self, backend: Backend) -> int:
        """The bytes that a row of a block takes."""
        if not backend.takes_codes:
            return 4 * len(self.features)
        return 4 * self.number_rows + 8 * len(self.vocabularies)

    def missing(self, xp: Any, raw: RawRows) -> list[Array]:
        """Return which numbers of the rows are missing, (m,) bool for each column that has an indicator of it."""
        return [xp.isnan(raw.numeric[scale.name]) for scale in self.scales if scale.missing_indicator]

    def block(self, backend: Backend, raw: RawRows) -> Array:
        """The rows as a block (d, m) of whole numbers in float32."""
        xp, numbers = backend.xp, self.numbers(backend, raw)
        return CodedBlock(numbers, *self.categories(raw)).dense(xp) if self.vocabularies else numbers

    def coded_block(self, backend: Backend, raw: RawRows) -> Block:
        """The rows as a block (d, m) whose categories, where there are any and the backend takes codes, are codes."""
        if not backend.takes_codes or not self.vocabularies:
            return self.block(backend, raw)
        return CodedBlock(self.numbers(backend, raw), *self.categories(raw))

    def numbers(self, backend: Backend, raw: RawRows) -> Array:
        """The rows of a block (n, m) that are no levels of a category: numbers, and indicators of missing ones."""
        xp, grid, flags = backend.xp, self.fitted_grid, self.missing(backend.xp, raw)
        numbers = xp.empty((self.number_rows, len(raw)), dtype=xp.float32, device=raw.segment.device)
        for j, scale in enumerate(self.scales):
            column = raw.numeric[scale.name]
            if isinstance(backend, PreparesColumns) and scale.is_one_pass:
                backend.prepare(column, raw.segment, scale.treatment(*grid.of(j)), numbers[j, :])
            else:
                numbers[j, :] = grid.whole(xp, scale.apply(xp, column, raw.segment), j)
        for j, flag in enumerate(flags, start=len(self.scales)):
            numbers[j, :] = xp.astype(flag, xp.float32) * self.on
        return numbers

    def categories(self, raw: RawRows) -> tuple[tuple[Array, ...], tuple[int, ...], float]:
        """The codes (m,) of each category, how many levels each has, the whole number of an indicator that is on."""
        codes = tuple(raw.codes[vocabulary.column] for vocabulary in self.vocabularies)
        return codes, tuple(len(vocabulary.all_levels) for vocabulary in self.vocabularies), self.on

    @property
    def on(self) -> float:
        """The whole number of an indicator that is on."""
        return float(np.rint(self.level_weight / self.fitted_grid.unit))

    def blocks(self, backend: Backend, raw: RawRows) -> list[Block]:
        """The rows as blocks of at most `backend.block_rows` rows each, in order; categories are codes."""
        starts = range(0, len(raw), backend.block_rows)
        return [self.coded_block(backend, raw.part(start, start + backend.block_rows)) for start in starts]


def level_weight(standard_deviations: float) -> float:
    """The value of an indicator so that two rows of different levels lie `standard_deviations` apart."""
    return float(np.float32(standard_deviations / np.sqrt(2.0)))


def fit_space(
    columns: Sequence[NumericColumn],
    vocabularies: Sequence[Vocabulary],
    category_weight: float,
    order_of: Callable[[NumericColumn], OrderStatistics],
    moments_of: Callable[[tuple[ColumnScale, ...]], Moments],
) -> tuple[Space, tuple[str, ...]]:
    """Return the space fitted from order statistics and moments, and the names of dropped constant columns.

    `order_of` returns the order statistics of one column, `moments_of` the moments of transformed columns over the fit
    rows. The caller decides whether these are a sample or all rows.
    """
    order = {column.name: order_of(column) for column in columns}
    first = [(column, before_moments(column, order[column.name])) for column in columns]
    items = [(column, scale) for column, scale in first if not is_constant(scale, order[column.name])]
    standard = tuple(scale for _, scale in items if MODES[scale.scaling].standard)
    moments = moments_of(standard) if standard else None
    place = {scale.name: i for i, scale in enumerate(standard)}
    scales = []
    for column, scale in items:
        if moments is not None and scale.name in place:
            i = place[scale.name]
            scales.append(with_moments(scale, column.weight, float(moments.mean[i]), float(moments.variance[i])))
        else:
            scales.append(scale)
    scales = [scale for scale in scales if scale.factor != 0.0]
    if not scales and not vocabularies:
        # A space needs a feature: with one that is 0 for everyone, all accounts are peers.
        scales = [replace(first[0][1], center=0.0, factor=0.0)]
    dropped = tuple(column.name for column in columns if column.name not in {scale.name for scale in scales})
    space = Space(tuple(scales), tuple(vocabularies), level_weight(category_weight))
    return Space(space.scales, space.vocabularies, space.level_weight, fit_grid(_largest(space, order))), dropped


def _largest(space: Space, order: dict[str, OrderStatistics]) -> Any:
    """Return the largest magnitude (d,) of each feature over the fit rows; scaling is monotone, so extremes suffice."""
    numeric = []
    for scale in space.scales:
        ends = np.array([order[scale.name].at[0.0], order[scale.name].at[1.0]])
        numeric.append(float(np.max(np.abs(scale.apply(np, ends, np.zeros(2, np.int64))))))
    indicators = [space.level_weight] * (len(space.features) - len(numeric))
    return np.array(numeric + indicators)
