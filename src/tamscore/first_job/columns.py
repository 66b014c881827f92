"""What a sample of rows says of each column: its kind, its values, how many there are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.arrow import holds_text

if TYPE_CHECKING:
    import pyarrow as pa

_Kind = Literal["number", "text", "flag", "date", "other"]
_LARGEST = float(np.finfo(np.float32).max)
"""Features are scaled as float32: larger values, such as infinity, are rejected with their rows."""
_MOST_LEVELS = 2_000
"""Values of a column of text that are kept."""
_NUMBER = re.compile(r"[-+]?\d[\d.,' \u00a0\u202f]*%?")


@dataclass(frozen=True)
class SampleColumn:
    """A column of a sample of `rows` rows, of which `filled` hold a value and `distinct` are different.

    Blank texts, NaN and infinity are no values. `numbers` (filled,) float64 are the values of a column of numbers,
    `levels` its most frequent texts with their counts where it is one of text or flags. `whole` says that its type
    has no fractions.
    """

    name: str
    kind: _Kind
    rows: int
    filled: int
    distinct: int
    whole: bool = False
    excessive: int = 0
    numbers: Any = field(default=None, repr=False)
    levels: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def missing_share(self) -> float:
        """The share of the rows without a value."""
        return 1 - self.filled / self.rows if self.rows else 0.0

    @property
    def is_unique(self) -> bool:
        """Return whether hardly any value stands twice, and hardly any is missing."""
        return self.filled >= 0.99 * self.rows and self.distinct >= 0.99 * self.filled > 0

    @property
    def words(self) -> dict[str, int]:
        """The frequent texts that are not numbers, with their counts, the most frequent first."""
        return {text: count for text, count in self.levels.items() if not _NUMBER.fullmatch(text)}

    @property
    def repeats(self) -> float:
        """Return how many rows share a value on average."""
        return self.filled / self.distinct if self.distinct else 0.0


def columns_of(sample: pa.Table) -> list[SampleColumn]:
    """Return what a sample says of each of its columns."""
    return [column_of(name, values) for name, values in zip(sample.column_names, sample.columns, strict=True)]


def column_of(name: str, values: pa.ChunkedArray) -> SampleColumn:
    """Return what the values of a column say."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, rows = _kind_of(values.type), len(values)
    filled = rows - values.null_count
    if kind == "other":
        return SampleColumn(name, kind, rows, filled, 0)
    if kind == "number":
        return _column_of_numbers(name, values)
    if kind == "text":
        values = values.drop_null()
        texts = values.filter(pc.not_equal(pc.utf8_trim_whitespace(values.cast(pa.string())), ""))
        return SampleColumn(name, kind, rows, len(texts), pc.count_distinct(texts).as_py(), levels=_levels_of(texts))
    levels = _levels_of(values) if kind == "flag" else {}
    return SampleColumn(name, kind, rows, filled, pc.count_distinct(values).as_py(), levels=levels)


def _column_of_numbers(name: str, values: pa.ChunkedArray) -> SampleColumn:
    """Return what numbers say; whole ones are counted as they are, since floats are too coarse for long ids."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    every = values.drop_null().to_numpy().astype(np.float64)
    numbers = every[np.isfinite(every)]
    exact = t.is_integer(values.type) or t.is_decimal(values.type)
    distinct = pc.count_distinct(values).as_py() if exact else len(np.unique(numbers))
    whole = bool(np.all(numbers == np.rint(numbers)))
    excessive = int((np.abs(every) > _LARGEST).sum())
    return SampleColumn(name, "number", len(values), len(numbers), distinct, whole, excessive, numbers)


def _kind_of(kind: pa.DataType) -> _Kind:
    """Return what a type holds."""
    import pyarrow.types as t

    if t.is_boolean(kind):
        return "flag"
    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind):
        return "number"
    if holds_text(kind):
        return "text"
    return "date" if t.is_temporal(kind) else "other"


def _levels_of(values: pa.ChunkedArray) -> dict[str, int]:
    """Return the most frequent values with their counts, the most frequent first."""
    import pyarrow as pa

    counted = values.drop_null().cast(pa.string()).value_counts()
    pairs = ((item["values"].strip(), item["counts"]) for item in counted.to_pylist())
    levels: dict[str, int] = {}
    for text, count in pairs:
        levels[text] = levels.get(text, 0) + count
    levels.pop("", None)
    return dict(sorted(levels.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_LEVELS])
