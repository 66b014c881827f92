"""The rows that a model is fitted on: a sample that stays in this process, or every row on every worker.

Statistics, levels and passes are folds over either of them; the code that fits does not depend on which.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.scoring.census.partition import level_counts, merged_counts
from tamscore.scoring.features import read_features, read_texts
from tamscore.scoring.fit.resident_rows import ResidentRows
from tamscore.scoring.fit.sample import drawn_blocks, keep_rows
from tamscore.scoring.memory_plan import resident, resident_bytes
from tamscore.stages import drift, prepare, scale
from tamscore.stages.blocks import BlockRows, Span, gather_blocks, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.backend import Backend, Moments
    from tamscore.engine.flow import Flow
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.features import Encoding
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.stages.drift import Histogram
    from tamscore.stages.prepare import OrderStatistics, Vocabulary
    from tamscore.stages.scale import ColumnScale, NumericColumn
    from tamscore.stages.space import RawRows, Space

_HOST = HostBackend()
_MOST_VALUES = 1_000_000
"""Most different values of a categorical column that are counted; the counts meet in one process."""


class RowSource(Protocol):
    """The rows that a model is fitted on."""

    def encode(self, vocabularies: tuple[Vocabulary, ...]) -> RowSource:
        """Return the same rows with their categories encoded; all methods but `levels` need that."""

    def levels(self, column: str) -> dict[str | None, int]:
        """Return how many rows each level of a categorical column has, nulls under None."""

    def spans(self, batch_rows: int) -> list[Span]:
        """Return batches of about `batch_rows` rows, as spans of draw numbers."""

    def order(self, column: NumericColumn) -> OrderStatistics:
        """Return the order statistics of one column."""

    def moments(self, scales: tuple[ColumnScale, ...]) -> Moments:
        """Return the moments of scaled columns."""

    def rows(self, space: Space) -> ResidentRows:
        """Return the rows as blocks of the space, ready for k-means."""


@dataclass(frozen=True)
class SampleSource:
    """A sample that stays on one device; `spreads` caches the histograms of columns that have been sorted."""

    flow: Flow
    backend: Backend
    drawn: SampledRows
    encoding: Encoding
    spreads: dict[str, Histogram] = field(default_factory=dict)

    def encode(self, vocabularies: tuple[Vocabulary, ...]) -> SampleSource:
        """Return the same rows with their categories encoded."""
        return replace(self, encoding=replace(self.encoding, vocabularies=vocabularies))

    @cached_property
    def raw(self) -> RawRows:
        """The sample on the device."""
        numeric = {name: self.backend.put(column) for name, column in self.drawn.numeric.items()}
        return self.encoding.raw(self.backend, numeric, self.drawn.texts, len(self.drawn))

    def levels(self, column: str) -> dict[str | None, int]:
        """Return how many rows of the sample each level of a categorical column has."""
        return level_counts(self.drawn.texts[column])

    def spans(self, batch_rows: int) -> list[Span]:
        """Return the batches of the sample, as spans of draw numbers."""
        return spans_of(len(self.drawn), batch_rows, int(self.drawn.numbers[-1]) + 1)

    def order(self, column: NumericColumn) -> OrderStatistics:
        """Return the order statistics of one column of the sample."""
        ordered = prepare.sort_column(
            self.backend, self.raw.numeric[column.name], self.raw.segment, self.encoding.places
        )
        self.spreads[column.name] = drift.sorted_histogram(_HOST, column.name, ordered.values, ordered.missing)
        return prepare.order_statistics(ordered, column.shares)

    def spread(self, column: str) -> Histogram:
        """Return the histogram of a numeric column of the sample."""
        if column not in self.spreads:
            self.spreads[column] = drift.number_histogram(_HOST, column, self.drawn.numeric[column])
        return self.spreads[column]

    def moments(self, scales: tuple[ColumnScale, ...]) -> Moments:
        """Return the moments of scaled columns over the sample."""
        return scale.bent_moments(self.backend, scales, self.raw.numeric, self.raw.segment)

    def rows(self, space: Space) -> ResidentRows:
        """Return the sample as blocks, one handle a block so that threads share the work."""
        blocks = drawn_blocks(space.blocks(self.backend, self.raw), self.drawn.numbers, self.backend.block_rows)
        return ResidentRows(self.flow, [BlockRows(self.backend, [block]) for block in blocks])


@dataclass(frozen=True)
class EveryRow:
    """Every row of a party type, read on the workers: statistics and passes are folds over partitions.

    Rows stay on the devices between passes while they take at most `capacity` bytes together.
    """

    flow: Flow
    backend: Backend
    parts: tuple[PartRows, ...]
    encoding: Encoding
    seed: int
    capacity: float

    def encode(self, vocabularies: tuple[Vocabulary, ...]) -> EveryRow:
        """Return the same rows with their categories encoded."""
        return replace(self, encoding=replace(self.encoding, vocabularies=vocabularies))

    def levels(self, column: str) -> dict[str | None, int]:
        """Return how many rows each level of a categorical column has."""
        where = f"{self.parts[0].partition.path}: column {column!r}"
        counted = self.flow.map(_count_levels, self.parts, self.encoding, column)
        return merged_counts(counted, where, _MOST_VALUES, "leave it out: it tells accounts apart one by one")

    def spans(self, batch_rows: int) -> list[Span]:
        """Return the batches of all rows, as spans of draw numbers."""
        return spans_of(sum(part.count_of(self.encoding.party) for part in self.parts), batch_rows)

    def order(self, column: NumericColumn) -> OrderStatistics:
        """Return the order statistics of one column; its values meet in this process, one column at a time."""
        values = list(self.flow.map(_column_values, self.parts, self.encoding, column.name, self.backend))
        together, segment = (np.concatenate(arrays) for arrays in zip(*values, strict=True))
        put = self.backend.put
        ordered = prepare.sort_column(self.backend, put(together), put(segment), self.encoding.places)
        return prepare.order_statistics(ordered, column.shares)

    def moments(self, scales: tuple[ColumnScale, ...]) -> Moments:
        """Return the moments of scaled columns, merged in partition order."""
        parts: Iterable[Moments] = self.flow.map(_moments_of_part, self.parts, self.encoding, scales, self.backend)
        return reduce(scale.merge_moments, (part for part in parts if part.rows))

    def rows(self, space: Space) -> ResidentRows:
        """Return every row as blocks, kept by the workers as far as capacity goes, else read again for each pass."""
        counts = [part.count_of(self.encoding.party) for part in self.parts]
        stays = resident([resident_bytes(rows, space.row_bytes(self.backend)) for rows in counts], self.capacity)
        items = list(zip(self.parts, stays, strict=True))
        handles = self.flow.persist(keep_rows, items, self.encoding, space, self.seed, self.backend)
        return ResidentRows(self.flow, self._gathered(handles))

    def _gathered(self, handles: list[Any]) -> list[Any]:
        """Return the rows in as few blocks as suit the device; unchanged if its memory is too small for that."""
        try:
            return gather_blocks(self.backend, handles)
        except MemoryError:
            return handles


def raw_rows(item: PartRows, encoding: Encoding, backend: Backend) -> RawRows:
    """Return the usable rows of a party type in a partition."""
    features = read_features(item.partition, encoding.columns, backend)
    return features.raw(features.rows_of(item, encoding.party), encoding, backend)


def _column_values(item: PartRows, encoding: Encoding, name: str, backend: Backend) -> tuple[Any, Any]:
    """Return the values (m,) of one column and their market segments, on the host."""
    raw = raw_rows(item, replace(encoding, columns=replace(encoding.columns, numeric=(name,))), backend)
    return backend.get(raw.numeric[name]), backend.get(raw.segment)


def _moments_of_part(item: PartRows, encoding: Encoding, scales: tuple[ColumnScale, ...], backend: Backend) -> Moments:
    """Return the moments of scaled columns over the rows of one partition."""
    raw = raw_rows(item, encoding, backend)
    if len(raw) == 0:
        return scale.no_moments(len(scales))
    return scale.bent_moments(backend, scales, raw.numeric, raw.segment)


def _count_levels(item: PartRows, encoding: Encoding, column: str) -> dict[str | None, int]:
    """Return how many rows of a party type each level of a categorical column has in a partition."""
    columns = replace(encoding.columns, categorical=(column,), market_segment=None)
    return level_counts(read_texts(item.partition, columns)[column].take(item.of_party(encoding.party)))
