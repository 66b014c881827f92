"""Columns of few texts, as codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa


@dataclass(frozen=True)
class Texts:
    """A column of few texts: its levels, and the level (m,) of every account; no text is ''."""

    levels: tuple[str, ...]
    code: Any

    def equal(self, text: str) -> Any:
        """Where (m,) the column holds a text, compared as a name."""
        return self.among([text])

    def among(self, texts: Iterable[str], rows: Any = slice(None)) -> Any:
        """Where the column holds one of several texts, compared as names; of all accounts (m,) or of some."""
        asked = {fold_word(text) for text in texts}
        return np.array([fold_word(level) in asked for level in self.levels], bool)[self.code[rows]]


def texts_of(column: pa.ChunkedArray) -> Texts:
    """A column as codes of its distinct values, written as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.fill_null(column.combine_chunks().cast(pa.string()), "").dictionary_encode()
    least = np.min_scalar_type(len(coded.dictionary))
    return Texts(tuple(coded.dictionary.to_pylist()), coded.indices.to_numpy().astype(least))


def together(parts: Sequence[Texts], rows: Any) -> Texts:
    """The texts of all parts, brought to an order; levels in order of name, whatever the parts."""
    levels = sorted({level for part in parts for level in part.levels})
    place = {level: i for i, level in enumerate(levels)}
    least = np.min_scalar_type(len(levels))
    codes = [np.array([place[level] for level in part.levels], least)[part.code] for part in parts]
    return Texts(tuple(levels), np.concatenate(codes)[rows])
