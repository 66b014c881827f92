"""Tables, CSV and JSON without some accounts: their rows leave, their ids in texts make way for a word."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tamscore.stages.folding import fold_ids
from tamscore.store import csv_output
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from tamscore.stages.folding import IdForm

_WORD = "(forgotten)"
"""The text that replaces an id."""
_NAME = r"""(?: \((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\))?"""
"""The name behind an id in notices, in quotes and brackets."""


@dataclass(frozen=True)
class Leaving:
    """Accounts that leave, as somebody wrote their ids, and the form in which ids are compared."""

    ids: tuple[str, ...]
    form: IdForm = "text"

    @cached_property
    def asked(self) -> dict[str, str]:
        """The ids as somebody wrote them, by the ids as they are compared."""
        return dict(zip(self.folded(self.ids), self.ids, strict=True))

    def folded(self, texts: Iterable[str]) -> list[str]:
        """Return ids as they are compared."""
        import pyarrow as pa

        items: list[str] = fold_ids(pa.array(list(texts), pa.large_string()), self.form).to_pylist()
        return items

    def among(self, column: pa.ChunkedArray) -> pa.Array:
        """Return which rows (m,) bool of a column of ids are theirs."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.is_in(account_ids(column, self.form), value_set=pa.array(list(self.asked), pa.large_string()))


def without_rows(table: pa.Table, leaves: pa.Array) -> pa.Table:
    """Return the rows (m,) of a table that do not leave; dictionaries hold what these rows have and no more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stays = table.filter(pc.invert(leaves))
    for place, field in enumerate(stays.schema):
        if pa.types.is_dictionary(field.type):
            texts = stays.column(place).cast(field.type.value_type).combine_chunks()
            stays = stays.set_column(place, field, texts.cast(field.type))
    return stays


def csv_without(data: bytes, columns: Sequence[str], leaving: Leaving) -> bytes | None:
    """Return a CSV file without the records of accounts that leave, all else to the byte; None where none leaves.

    Records go that name one in any of the columns; a file without the first of them has none.
    """
    records = [*_csv_records(data.decode())]
    cells = [next(csv.reader(io.StringIO(record))) for record in records]
    if not cells or columns[0] not in cells[0]:
        return None
    named = [
        leaving.folded(csv_output.unguarded(row[place]) for row in cells[1:])
        for place in (cells[0].index(column) for column in columns if column in cells[0])
    ]
    stays = [records[0]]
    stays += [record for record, *ids in zip(records[1:], *named, strict=True) if not leaving.asked.keys() & ids]
    return None if len(stays) == len(records) else "".join(stays).encode()


def _csv_records(text: str) -> Iterator[str]:
    """Yield the records of a CSV text with their line ends, which cells in quotes may hold, too."""
    record = ""
    for line in text.splitlines(keepends=True):
        record += line
        if record.count('"') % 2 == 0 and line.endswith("\n"):
            yield record
            record = ""
    if record:
        yield record


def redact(value: Any, ids: AbstractSet[str]) -> Any:
    """Return a value of JSON with a word in the place of ids: texts that are one, and ids in quotes within texts."""
    if isinstance(value, dict):
        return {name: redact(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [redact(inner, ids) for inner in value]
    if not isinstance(value, str):
        return value
    if value in ids:
        return _WORD
    for text in ids:
        if text in value:
            value = re.sub(re.escape(repr(text)) + _NAME, _WORD, value)
    return value
