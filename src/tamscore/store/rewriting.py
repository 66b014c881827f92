"""Files that accounts are erased from: the rows that go, and the content that replaces the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from tamscore.arrow import holds_text
from tamscore.errors import InputContractError
from tamscore.schema import REASON_COLUMN
from tamscore.store import commit
from tamscore.store.redaction import csv_without, redact, without_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow.parquet as pq

    from tamscore.store.location import Location
    from tamscore.store.placed import Placed
    from tamscore.store.redaction import Leaving

_TEXTS = ("notices", "joins", "joined", "unknown", "doubts", "extras", "outcomes")
"""The parts of manifests and JSON results whose texts may contain account ids."""


@dataclass(frozen=True)
class Rewrite:
    """A file that accounts are erased from: `write` writes the remaining content to a path.

    `left` maps normalised ids of accounts to the ids as written in the file. `rows` counts the erased rows, by reason
    for rejected rows, else under "".
    """

    name: str
    write: Callable[[Location], Placed]
    left: Mapping[str, str]
    rows: Counter[str]


def rewrite_of(name: str, data: bytes, leaving: Leaving, *columns: str) -> Rewrite | None:
    """Return the rewrite of a table in Parquet or CSV; None if none of the accounts is in it.

    Its ids are in the first of the columns; rows that name an account in one of the others are erased, too. Raise
    InputContractError, with the file's name, if it cannot be read.
    """
    import pyarrow as pa

    columns = columns or ("account_id",)
    try:
        if name.endswith(".parquet"):
            return _parquet_rewrite(name, data, leaving, columns)
        left = csv_without(data, columns, leaving) if name.endswith(".csv") else None
    except (pa.ArrowException, OSError, ValueError, IndexError) as error:
        raise InputContractError(f"{name}: cannot be read ({error}); write it again, or remove it") from error
    return None if left is None else Rewrite(name, partial(commit.place_bytes, left), {}, Counter())


def _parquet_rewrite(name: str, data: bytes, leaving: Leaving, columns: Sequence[str]) -> Rewrite | None:
    """Return the rewrite of a Parquet file; None if it has no such column, or none of the accounts is in it."""
    column = columns[0]
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    if column not in file.schema_arrow.names:
        return None
    there = file.read([name for name in columns if name in file.schema_arrow.names])
    leaves = reduce(pc.or_, map(leaving.among, there.columns))
    if not pc.any(leaves).as_py():
        return None
    table = file.read()
    gone = table.filter(leaves)
    written = gone[column].cast(pa.large_string()).to_pylist()
    reasons = gone[REASON_COLUMN].to_pylist() if REASON_COLUMN in gone.column_names else [""] * len(gone)
    write = partial(commit.place_parquet, without_rows(table, leaves), repeating=_repeating(file))
    return Rewrite(name, write, dict(zip(leaving.folded(written), written, strict=True)), Counter(reasons))


def naming_rows(data: bytes, columns: Iterable[str] | None, column: str, leaving: Leaving) -> Counter[str]:
    """Return how many rows of other accounts name an erased one, by text column; of all columns if None is given.

    Columns of numbers are not searched: a number is rarely an id.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    asked = [field.name for field in file.schema_arrow if holds_text(field.type) and field.name != column]
    asked = [name for name in asked if columns is None or name in columns]
    table = file.read([column, *asked]) if asked else None
    if table is None:
        return Counter()
    stays = pc.invert(leaving.among(table[column]))
    return Counter({name: pc.sum(pc.and_(leaving.among(table[name]), stays)).as_py() or 0 for name in asked})


def _repeating(file: pq.ParquetFile) -> list[str] | None:
    """Return the columns that were written with a dictionary and without statistics, None if there are none."""
    group = file.metadata.row_group(0)
    places = map(group.column, range(group.num_columns))
    return [place.path_in_schema for place in places if not place.is_stats_set] or None


def redacted_record(record: Mapping[str, Any], ids: AbstractSet[str]) -> dict[str, Any]:
    """Return a manifest or a JSON result with a placeholder for ids in its texts."""
    return {name: redact(value, ids) if name in _TEXTS else value for name, value in record.items()}
