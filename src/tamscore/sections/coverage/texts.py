"""Columns of few texts, as codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.by_kind import crossed_all, first_of
from tamscore.substitution import fold_word, plain_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa


@dataclass(frozen=True)
class Texts:
    """A column of few texts: its levels, and the level of every kind (k,) of accounts; no text is ''.

    `kind` (m,) is the kind of every account, by which several columns go; without it each account is its own kind.
    """

    levels: tuple[str, ...]
    of_kind: Any
    kind: Any = None

    @property
    def code(self) -> Any:
        """The level (m,) of every account."""
        return self.codes(slice(None))

    def codes(self, rows: Any) -> Any:
        """The level of some accounts."""
        return self.spread(self.of_kind, rows)

    def spread(self, numbers: Any, rows: Any) -> Any:
        """Numbers (k,) by kind as those of some accounts."""
        return numbers[rows] if self.kind is None else numbers[self.kind[rows]]

    def equal(self, text: str) -> Any:
        """Return where (m,) the column holds a text, compared as a name."""
        return self.among([text])

    def among(self, texts: Iterable[str], rows: Any = slice(None)) -> Any:
        """Return where the column holds one of several texts, compared as names; of all accounts (m,) or of some."""
        asked = {fold_word(text) for text in texts}
        return self.spread(np.array([fold_word(level) in asked for level in self.levels], bool)[self.of_kind], rows)

    def alike(self, word: str, rows: Any) -> Any:
        """Return where some accounts (n,) hold a word of a closed list, such as a role."""
        return self.among([level for level in self.levels if plain_word(level) == plain_word(word)], rows)


def crossed_texts(columns: Sequence[Texts]) -> Any:
    """The kind (m,) of each account by the levels of all columns together, numbered without gaps."""
    by_kind = columns[0].kind is not None and all(column.kind is columns[0].kind for column in columns)
    codes = ((len(column.levels), column.of_kind if by_kind else column.code) for column in columns)
    result = crossed_all(codes, len(columns[0].of_kind if by_kind else columns[0].code))
    return result[columns[0].kind] if by_kind else result


def by_kind(columns: Mapping[str, Texts]) -> dict[str, Texts]:
    """The columns by the kinds that they make together, which take a few bytes an account however many they are."""
    kind = crossed_texts([*columns.values()])
    first = first_of(kind)
    return {name: Texts(column.levels, column.code[first], kind) for name, column in columns.items()}


class Collected:
    """A column of texts that comes part by part, as codes of its levels."""

    def __init__(self, rows: int) -> None:
        self.place: dict[str, int] = {}
        self.code = np.zeros(rows, np.uint8)

    def fill(self, rows: Any, column: pa.ChunkedArray) -> None:
        """Take the texts of some rows, by number (n,) or as a slice, from a column."""
        levels, code = _coded_texts(column)
        place = [self.place.setdefault(level, len(self.place)) for level in levels]
        least = np.min_scalar_type(len(self.place))
        if least.itemsize > self.code.itemsize:
            self.code = self.code.astype(least)
        self.code[rows] = np.array(place, least)[code]

    def texts(self) -> Texts:
        """Return the column; its levels are those it has, in order of name, whatever the parts."""
        used = np.bincount(self.code, minlength=len(self.place)) > 0
        levels = sorted(level for level, at in self.place.items() if used[at])
        place = np.zeros(len(self.place), self.code.dtype)
        place[[self.place[level] for level in levels]] = np.arange(len(levels))
        return Texts(tuple(levels), place[self.code] if len(place) else self.code)


def _coded_texts(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    """Return the levels of a column written as texts, '' for null, and the place (n,) of each text among them."""
    import pyarrow as pa
    import pyarrow.types as t

    whole = column.combine_chunks()
    coded = whole if t.is_dictionary(whole.type) else whole.dictionary_encode()
    levels = [level or "" for level in coded.dictionary.cast(pa.string()).to_pylist()]
    codes = coded.indices.fill_null(len(levels)) if coded.indices.null_count else coded.indices
    return [*levels, ""] if coded.indices.null_count else levels, codes.to_numpy()
