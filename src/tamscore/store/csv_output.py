"""The one writer of CSV: an apostrophe guards texts that a spreadsheet would run, numbers stay numbers.

The signs are those that OWASP names under "CSV injection": = + - @, a tab or line end at the start, the signs behind
blanks and invisible characters, and their full-width and small forms. A text that is a plain number (-2, +4930123) or a
single + or - runs nothing, so it stays as it is. A text that would run but for the apostrophes before it gets one more,
so that `unguarded` restores every text. Cells are quoted, so that no separator within a text begins another cell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import truths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

_APOSTROPHE = "'"
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_BLANKS = "\\x00-\\x20\\x7f-\\xa0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_FORMULA = f"^'*(?:[\\t\\n\\r\\v\\f]|[{_BLANKS}]*[{_SIGNS}])"
"""The beginning of a text that a spreadsheet may run; the apostrophes are those of guarded texts."""
_NUMBER = r"^[+-](?:[0-9.,]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?%?)?$"
"""A text that begins with a sign and runs nothing: a whole number, or the sign alone."""
FIRST_BYTES = frozenset(b"'=+-@\x7f\xc2\xe1\xe2\xe3\xef") | frozenset(range(0x21))
"""The first bytes of UTF-8 texts that `_FORMULA` matches, and some others."""
_BOM = b"\xef\xbb\xbf"


def write(
    tables: Iterable[pa.Table], schema: pa.Schema, file: Any, *, is_guarded: bool = True, bom: bool = False
) -> None:
    """Write tables of a schema to a file as CSV in UTF-8 with a header; timestamps in ISO 8601 with a T.

    With `bom` the file begins with a byte-order mark, by which spreadsheets know the encoding.
    """
    from pyarrow import csv

    def text(table: pa.Table) -> pa.Table:
        plain = plain_cells(table)
        return _guard(plain) if is_guarded else plain

    if bom:
        file.write(_BOM)
    with csv.CSVWriter(file, text(schema.empty_table()).schema) as writer:
        for table in tables:
            writer.write_table(text(table.cast(schema)))


def plain_cells(table: pa.Table) -> pa.Table:
    """Return the table with dictionaries decoded and timestamps as texts, in UTC if they have a time zone."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, column.cast(field.type.value_type))
        elif pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, _iso(column))
    return table


def _iso(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return timestamps as ISO 8601 texts: a T before the time, and fractions of a second only if there are any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = moments.type
    texts = moments.cast(pa.timestamp(kind.unit, "UTC") if kind.tz else kind).cast(pa.string())
    with_t = pc.replace_substring(texts, " ", "T", max_replacements=1)
    return pc.replace_substring_regex(with_t, r"\.0+(Z?)$", r"\1")


def _guard(table: pa.Table) -> pa.Table:
    """Return the table with an apostrophe before texts and column names that a spreadsheet may run."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(place, field, guarded_texts(table.column(place)))
    return table.rename_columns(guarded_cells(table.column_names))


def guarded_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts (m,) with an apostrophe before those that a spreadsheet may run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    runs = is_formula(texts)
    if not pc.any(runs).as_py():
        return texts
    marked = pc.binary_join_element_wise(pa.scalar(_APOSTROPHE, texts.type), texts, pa.scalar("", texts.type))
    return pc.if_else(runs, marked, texts)


def is_formula(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return which texts (m,) a spreadsheet may run; only texts with a suspect first byte are examined in full."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = np.concatenate([np.zeros(0, bool), *(_begins_so(chunk) for chunk in texts.chunks)])
    at = np.flatnonzero(values)
    if len(at):
        among = texts.take(pa.array(at))
        runs = pc.and_not(pc.match_substring_regex(among, _FORMULA), pc.match_substring_regex(among, _NUMBER))
        values[at] = truths(runs)
    return pa.chunked_array([pa.array(values)])


def _begins_so(chunk: pa.Array) -> Any:
    """Return which texts (m,) of a chunk begin with one of `FIRST_BYTES`; an empty text begins with none."""
    import pyarrow.types as t

    _, offsets, data = chunk.buffers()
    size = np.int64 if t.is_large_string(chunk.type) else np.int32
    if not len(chunk) or data is None or not data.size:
        return np.zeros(len(chunk), bool)
    bounds: Any = np.frombuffer(offsets, size)[chunk.offset : chunk.offset + len(chunk) + 1]
    first = np.frombuffer(data, np.uint8)[np.minimum(bounds[:-1], data.size - 1)]
    suspect = np.zeros(256, bool)
    suspect[list(FIRST_BYTES)] = True
    return suspect[first] & (bounds[1:] > bounds[:-1])


def guarded_cells(cells: Sequence[object]) -> list[object]:
    """Return the cells of a row with an apostrophe before texts that a spreadsheet may run."""
    return [f"{_APOSTROPHE}{cell}" if isinstance(cell, str) and runs(cell) else cell for cell in cells]


def runs(text: str) -> bool:
    """Return whether a spreadsheet may run a text."""
    return re.search(_FORMULA, text) is not None and re.fullmatch(_NUMBER[1:-1], text) is None


def unguarded(text: str) -> str:
    """Return the text that a guarded cell stands for."""
    return text[1:] if text.startswith(_APOSTROPHE) and re.search(_FORMULA, text) else text
