"""Slow and obvious definitions that fast code is held against: Python numbers, loops and sorts, nothing clever."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def nearest_rank(values: Sequence[float], share: float) -> float:
    """s(ceil(share * n)) of the sorted values, the first of them at share 0."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share), 1) - 1]


def ladder(sales: Sequence[float], lines: Sequence[float]) -> list[float]:
    """The cut values of a cluster's customers and their high-water mark."""
    return [*(nearest_rank(sales, line) for line in lines), max(sales)]


def potential(sales: float, steps: Sequence[float]) -> float:
    """The smallest step at or above the sales; the sales themselves above a capped top."""
    counted = 0.0 if math.isnan(sales) else sales
    return min((step for step in steps if step >= counted), default=counted)


def potential_strictly_below(sales: float, steps: Sequence[float]) -> float:
    """The smallest step above the sales; the top step, or the sales, where there is none. Prospects: the first."""
    if math.isnan(sales) or sales <= 0:
        return steps[0]
    return min((step for step in steps if step > sales), default=max(steps[-1], sales))


def ranks(keys: Sequence[tuple[float, ...]]) -> list[int]:
    """Competition ranks, the largest key first: one more than the number of strictly larger keys."""
    first: dict[tuple[float, ...], int] = {}
    for place, key in enumerate(sorted(keys, reverse=True), start=1):
        first.setdefault(key, place)
    return [first[key] for key in keys]


def median_by_segment(values: Sequence[float], segment: Sequence[int], segments: int) -> list[float]:
    """The nearest-rank median of the values present in each segment, that of all where a segment has none."""
    present = [(v, s) for v, s in zip(values, segment, strict=True) if not math.isnan(v)]
    if not present:
        return [0.0] * segments
    whole = nearest_rank([v for v, _ in present], 0.5)
    of = [[v for v, s in present if s == wanted] for wanted in range(segments)]
    return [nearest_rank(here, 0.5) if here else whole for here in of]


def nearest(rows: Sequence[Sequence[int]], centers: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[Any]]:
    """Label and the two smallest squared distances of rows of whole numbers, in Python integers of any size."""
    labels, best, second = [], [], []
    for row in rows:
        distances = [sum((a - b) ** 2 for a, b in zip(row, center, strict=True)) for center in centers]
        labels.append(distances.index(min(distances)))
        ordered = sorted(distances)
        best.append(ordered[0])
        second.append(ordered[1] if len(ordered) > 1 else math.inf)
    return labels, best, second


def segment_sums(rows: Sequence[Sequence[int]], label: Sequence[int], segments: int) -> list[list[int]]:
    """The sum of the rows of each label in Python integers."""
    d = len(rows[0]) if rows else 0
    sums = [[0] * d for _ in range(segments)]
    for row, here in zip(rows, label, strict=True):
        sums[here] = [a + b for a, b in zip(sums[here], row, strict=True)]
    return sums


def sorted_within(value: Sequence[float], label: Sequence[int], segments: int) -> tuple[list[float], list[int]]:
    """Values sorted within their labels, label by label, and where each label begins."""
    counts = Counter(label)
    offsets = [sum(counts[s] for s in range(end)) for end in range(segments + 1)]
    return [v for _, v in sorted(zip(label, value, strict=True))], offsets
