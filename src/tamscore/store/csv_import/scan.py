"""What the cells of a column look like: their forms counted over all files, with the first examples of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.store.csv_import import forms as form
from tamscore.store.csv_import.types import accepts, empty_tokens

if TYPE_CHECKING:
    from tamscore.store.csv_import.types import ColumnType

EXAMPLES = 5


@dataclass(frozen=True)
class Cell:
    """One cell as the file holds it; `row` as a spreadsheet counts, the header being row 1."""

    file: str
    row: int
    value: str

    def __str__(self) -> str:
        """Return the cell for a message."""
        shown = self.value if len(self.value) <= 40 else f"{self.value[:37]}..."
        return f"row {self.row}: {shown!r}"


@dataclass
class Scan:
    """Count the forms of a column's cells over all files; keep the first examples of each."""

    name: str
    decimal: str
    always_empty: frozenset[str]
    sample_rows: int
    forms: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Cell]] = field(default_factory=dict)
    samples: dict[str, None] = field(default_factory=dict)
    padded: int = 0

    def add(self, column: Any, rows: np.ndarray, file: str) -> None:
        """Count one batch of text cells; `rows` are their row numbers."""
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim_whitespace(column)
        self.padded += pc.sum(pc.not_equal(trimmed, column)).as_py() or 0
        encoded = pc.dictionary_encode(trimmed)
        texts, places = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
        shapes = form.forms(texts, self.decimal, self.always_empty | form.EMPTY_IN_NUMBERS)
        times = np.bincount(places, minlength=len(texts))
        self._sample(texts, shapes)
        for shape in sorted(set(shapes)):
            where = shapes == shape
            self.forms[shape] += int(times[where].sum())
            self._keep(shape, texts, where, times)
            self._example(shape, where, texts, places, rows, file)

    def _sample(self, texts: Any, shapes: np.ndarray) -> None:
        room = self.sample_rows - len(self.samples)
        if room > 0:
            filled = texts.take(np.flatnonzero(shapes != form.EMPTY)[: self.sample_rows])
            self.samples.update(dict.fromkeys([text for text in filled.to_pylist() if text not in self.samples][:room]))

    def _keep(self, shape: str, texts: Any, where: np.ndarray, times: np.ndarray) -> None:
        if shape == form.EMPTY:
            self.tokens.update(dict(zip(texts.filter(where).to_pylist(), times[where].tolist(), strict=True)))
            return
        if shape in {form.GROUPED_INT, form.GROUPED_FLOAT}:
            signs = form.currency(texts.filter(where)).to_pylist()
            self.signs.update(dict.fromkeys(filter(None, signs), 1))

    def _example(
        self, shape: str, where: np.ndarray, texts: Any, places: np.ndarray, rows: np.ndarray, file: str
    ) -> None:
        kept = self.examples.setdefault(shape, [])
        if len(kept) < EXAMPLES:
            found = np.flatnonzero(where[places])[: EXAMPLES - len(kept)]
            kept += [Cell(file, int(rows[one]), texts[int(places[one])].as_py()) for one in found]

    def empty(self, kind: ColumnType) -> int:
        """Return the number of cells without a value under the type."""
        tokens = empty_tokens(kind, self.always_empty)
        return sum(times for token, times in self.tokens.items() if token.lower() in tokens)

    def bad(self, kind: ColumnType) -> tuple[int, tuple[Cell, ...]]:
        """Return how many cells have no value under the type though they hold something, and the first of them."""
        refused = [shape for shape in self.forms if shape != form.EMPTY and not accepts(kind, shape)]
        cells = sorted((cell for shape in refused for cell in self.examples[shape]), key=lambda cell: cell.row)
        return sum(self.forms[shape] for shape in refused), tuple(cells[:EXAMPLES])


def bad_cells(column: Any, rows: np.ndarray, bad: np.ndarray, file: str, limit: int) -> list[Cell]:
    """Return the first bad cells of a batch, `limit` at the most."""
    places = bad.nonzero()[0][: max(limit, 0)]
    return [Cell(file, int(rows[place]), column[int(place)].as_py()) for place in places]
