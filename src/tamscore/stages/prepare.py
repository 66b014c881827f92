"""Filling what is missing and bounding what is extreme, before anything is scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.backend import Array, Backend

_OTHER, UNKNOWN = "other", "unknown"


@dataclass(frozen=True)
class Vocabulary:
    """The levels of one categorical column that stand for themselves; the rest is `other`, nulls are `unknown`."""

    column: str
    levels: tuple[str, ...]

    @property
    def all_levels(self) -> tuple[str, ...]:
        """Every level by code: the column's own, then `other`, then `unknown`."""
        return (*self.levels, _OTHER, UNKNOWN)

    def encode(self, column: pa.ChunkedArray | pa.Array) -> Any:
        """The code (m,) int64 of every value; a value never seen before is `other`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        encoded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if not pa.types.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        values = encoded.dictionary.cast(pa.string())
        known = pc.index_in(values, value_set=pa.array(self.all_levels, pa.string()))
        of_level = np.append(pc.fill_null(known, len(self.levels)).to_numpy(zero_copy_only=False), len(self.levels) + 1)
        unknown = pc.is_null(values).to_numpy(zero_copy_only=False)
        of_level[:-1][unknown] = len(self.levels) + 1
        return of_level[pc.fill_null(encoded.indices, len(values)).to_numpy(zero_copy_only=False)].astype(np.int64)


def vocabulary(column: str, counts: dict[str | None, int], floor: float) -> Vocabulary:
    """The levels of a column that at least the share `floor` of rows have, most frequent first, then by name.

    Values that read `other` or `unknown` join the level of that name, which every vocabulary has.
    """
    rows = sum(counts.values())
    built_in = (None, _OTHER, UNKNOWN)
    frequent = [level for level, count in counts.items() if level not in built_in and count >= floor * rows]
    return Vocabulary(column, tuple(sorted(frequent, key=lambda level: (-counts[level], level))))


@dataclass(frozen=True)
class OrderStatistics:
    """The order statistics of one column: medians by market segment, values at given shares, extremes."""

    median: Any
    at: dict[float, float]
    missing: int


@dataclass(frozen=True)
class _SortedColumn:
    """The values of a column in order: by market segment on the device, with host `offsets`, and all (n,) on the host.

    `missing` counts those that are not there.
    """

    by_segment: Array
    offsets: Any
    values: Any
    missing: int


def sort_column(backend: Backend, column: Array, segment: Array, segments: int) -> _SortedColumn:
    """A column (m,) with NaN for missing in order, as a whole and by market segment."""
    xp = backend.xp
    missing = xp.isnan(column)
    count = int(xp.sum(xp.astype(missing, xp.int64)))
    group = xp.where(missing, xp.asarray(segments, dtype=segment.dtype, device=segment.device), segment)
    by_segment, offsets = backend.segment_order(column, group, segments + 1)
    present = by_segment[: int(offsets[segments])]
    return _SortedColumn(by_segment, offsets, backend.get(present if segments == 1 else xp.sort(present)), count)


def order_statistics(column: _SortedColumn, shares: tuple[float, ...]) -> OrderStatistics:
    """Exact nearest-rank statistics of a column and of its parts by market segment.

    The median (segments,) float64 is that of the whole column where a segment has no value, and 0 where nothing has.
    `at` maps each of the shares (and 0 and 1) to an observed value.
    """
    whole, offsets, segments = column.values, column.offsets, len(column.offsets) - 2
    if not len(whole):
        return OrderStatistics(np.zeros(segments), dict.fromkeys((0.0, *shares, 1.0), 0.0), column.missing)
    median = np.full(segments, whole[nearest_rank(len(whole), 0.5)])
    for s in range(segments):
        here = int(offsets[s + 1]) - int(offsets[s])
        if here:
            median[s] = float(column.by_segment[int(offsets[s]) + nearest_rank(here, 0.5)])
    at = {share: float(whole[nearest_rank(len(whole), share)]) for share in (0.0, *shares, 1.0)}
    return OrderStatistics(median, at, column.missing)


def nearest_rank(n: int, share: float) -> int:
    """The position, from 0, of the order statistic at a share of n values: `numpy.quantile(method="inverted_cdf")`."""
    position = np.float64(n) * np.float64(share) - 1.0
    return int(min(max(np.ceil(position), 0), n - 1))
