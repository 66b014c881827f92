"""The look of the cells of a column: their forms counted over all files, with the first examples of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.types import accepts, empty_tokens

if TYPE_CHECKING:
    from tamscore.store.csv_import.forms import Forms
    from tamscore.store.csv_import.marks import NumberFormat
    from tamscore.store.csv_import.types import ColumnType

EXAMPLES = 5
_MOST_WORDS = 20
"""The number of different words without a digit that a column counts one by one."""


@dataclass(frozen=True)
class CsvCell:
    """One cell as the file holds it; `row` as a spreadsheet counts, the header being row 1."""

    file: str
    row: int
    value: str

    def __str__(self) -> str:
        """Return the cell for a message."""
        shown = self.value if len(self.value) <= 40 else f"{self.value[:37]}..."
        return f"row {self.row}: {shown!r}"


@dataclass
class _Digits:
    """How many digits stand behind the marks of plain decimals: the fewest, and the most of those that end in 0."""

    fewest: int = 99
    most_with_zero: int = 0

    def add(self, texts: Any, behind: np.ndarray) -> None:
        """Take the decimals of one batch; `behind` is -1 for other texts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        fractions = behind > 0
        if not fractions.any():
            return
        self.fewest = min(self.fewest, int(behind[fractions].min()))
        zero = pc.ends_with(texts.filter(pa.array(fractions)), "0").to_numpy(zero_copy_only=False)
        self.most_with_zero = max(self.most_with_zero, int(behind[fractions][zero].max(initial=0)))

    @property
    def mixed(self) -> bool:
        """Return whether zeros are cut from some decimals and not from others, as in 47.10 beside 47.1."""
        return self.most_with_zero > max(self.fewest, 1)


@dataclass
class Scan:
    """Count the forms of a column's cells over all files; keep the first examples of each.

    `signs` and `units` count distinct texts by currency and unit, `words` cells by word, `distinct` the different texts
    of each batch (an upper bound of those of the column).
    """

    name: str
    always_empty: frozenset[str]
    sample_rows: int
    forms: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    unit_fractions: int = 0
    negatives: int = 0
    digits: _Digits = field(default_factory=_Digits)
    distinct: int = 0
    examples: dict[str, list[CsvCell]] = field(default_factory=dict)
    samples: dict[str, None] = field(default_factory=dict)
    padded: int = 0

    def add(self, column: Any, rows: np.ndarray, file: str) -> None:
        """Count one batch of text cells; `rows` are their row numbers."""
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim_whitespace(column)
        self.padded += pc.sum(pc.not_equal(trimmed, column)).as_py() or 0
        encoded = pc.dictionary_encode(trimmed)
        texts, places = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
        shapes = form.forms(texts, self.always_empty | form.EMPTY_IN_NUMBERS)
        times = np.bincount(places, minlength=len(texts))
        self._sample(texts, shapes)
        self._inspect_numbers(texts, shapes)
        for code in np.unique(shapes.codes):
            where = shapes.codes == code
            shape = shapes.names[code]
            self.forms[shape] += int(times[where].sum())
            self._record_shape(shape, texts, where, times)
            self._example(shape, where, texts, places, rows, file)

    def _sample(self, texts: Any, shapes: Forms) -> None:
        capacity = self.sample_rows - len(self.samples)
        if capacity > 0:
            filled = texts.take(np.flatnonzero(shapes.codes != form.EMPTY_CODE)[: self.sample_rows])
            self.samples.update(
                dict.fromkeys([text for text in filled.to_pylist() if text not in self.samples][:capacity])
            )

    def _inspect_numbers(self, texts: Any, shapes: Forms) -> None:
        import pyarrow.compute as pc

        self.distinct += int((shapes.codes != form.EMPTY_CODE).sum())
        self.digits.add(texts, shapes.behind)
        if shapes.parts is not None:
            read = shapes.parts.styles > 0
            self.signs.update(filter(None, shapes.parts.currency[read]))
            self.units.update(filter(None, shapes.parts.units[read]))
            marked = pc.match_substring_regex(shapes.parts.digits, "[.,]").to_numpy(zero_copy_only=False)
            self.unit_fractions += int((marked & read & (shapes.parts.units != "")).sum())
            self.negatives += int((shapes.parts.negative & read).sum())
        if not self.negatives:
            numbers = texts.take(np.flatnonzero(shapes.codes >= form.FIRST_NUMBER))
            self.negatives += pc.sum(pc.starts_with(numbers, "-")).as_py() or 0

    def _record_shape(self, shape: str, texts: Any, where: np.ndarray, times: np.ndarray) -> None:
        if shape == form.EMPTY:
            self.tokens.update(dict(zip(texts.filter(where).to_pylist(), times[where].tolist(), strict=True)))
        elif shape == form.WORD and len(self.words) < _MOST_WORDS:
            first = np.flatnonzero(where)[:_MOST_WORDS]
            self.words.update(dict(zip(texts.take(first).to_pylist(), times[first].tolist(), strict=True)))

    def _example(
        self, shape: str, where: np.ndarray, texts: Any, places: np.ndarray, rows: np.ndarray, file: str
    ) -> None:
        cells = self.examples.setdefault(shape, [])
        if len(cells) < EXAMPLES:
            values = np.flatnonzero(where[places])[: EXAMPLES - len(cells)]
            cells += [CsvCell(file, int(rows[place]), texts[int(places[place])].as_py()) for place in values]

    def count_styles(self, *styles: str) -> int:
        """Return the number of cells that are numbers in one of the styles."""
        return sum(
            times for shape, times in self.forms.items() if (number := form.number_parts(shape)) and number[0] in styles
        )

    def count_tag(self, tag: str) -> int:
        """Return the number of cells that are numbers with this tag."""
        return sum(
            times for shape, times in self.forms.items() if (number := form.number_parts(shape)) and number[1] == tag
        )

    def first(self, what: str) -> CsvCell | None:
        """Return the first cell whose form, style or tag this is."""
        cells = [
            seen[0]
            for shape, seen in self.examples.items()
            if seen and what in {shape, *(form.number_parts(shape) or ())}
        ]
        return min(cells, key=lambda cell: cell.row, default=None)

    def numbers(self) -> int:
        """Return the number of cells that are numbers in any style."""
        bits = sum(self.forms[f"{form.BIT} {word}"] for word in form.BITS)
        return bits + sum(times for shape, times in self.forms.items() if form.number_parts(shape))

    def whole_numbers(self) -> int:
        """Return the number of cells that are plain whole numbers."""
        return self.count_styles("int", "big", "huge") + sum(self.forms[f"{form.BIT} {word}"] for word in form.BITS)

    @property
    def filled(self) -> int:
        """The number of cells that hold something."""
        return self.forms.total() - self.forms[form.EMPTY]

    def empty(self, kind: ColumnType) -> int:
        """Return the number of cells without a value under the type."""
        tokens = empty_tokens(kind, self.always_empty)
        return sum(times for token, times in self.tokens.items() if token.lower() in tokens)

    def refused(self, kind: ColumnType, layout: NumberFormat) -> list[str]:
        """Return the forms of cells that hold something but have no value under type and format."""
        return [shape for shape in self.forms if shape != form.EMPTY and not accepts(kind, shape, layout)]

    def bad(self, kind: ColumnType, layout: NumberFormat) -> tuple[int, tuple[CsvCell, ...]]:
        """Return how many cells have no value under the type though they hold something, and the first of them."""
        refused = self.refused(kind, layout)
        return sum(self.forms[shape] for shape in refused), self.cells(refused)

    def cells(self, shapes: list[str]) -> tuple[CsvCell, ...]:
        """Return the first cells of these forms."""
        cells = sorted((cell for shape in shapes for cell in self.examples[shape]), key=lambda cell: cell.row)
        return tuple(cells[:EXAMPLES])


def bad_cells(column: Any, rows: np.ndarray, bad: np.ndarray, file: str, limit: int) -> list[CsvCell]:
    """Return the first bad cells of a batch, `limit` at the most."""
    places = bad.nonzero()[0][: max(limit, 0)]
    return [CsvCell(file, int(rows[place]), column[int(place)].as_py()) for place in places]
