"""Checks of Parquet footers against what the job needs, before a row is decoded.

Widening rule: a column for computation may hold any kind of number, another in each file; it becomes float64. Ids,
names, market segments and kept columns are copied to the output, so that they need one type in all files. Text is never
read as a number, nor a number as an id with a fraction.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tamscore.arrow import holds_text, plain_type
from tamscore.errors import InputContractError
from tamscore.store import contents
from tamscore.store.formats import HEAD_BYTES, PARQUET, format_of, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.schema import InputColumns, Stamp
    from tamscore.store.location import Location

_MAGIC = b"PAR1"
_IMPORT = "convert it with 'tamscore import'"
_LISTED = 12
"""Most columns named in a message about a missing column that resembles none of them."""


def is_parquet(file: Location) -> bool:
    """Return whether a file begins as Parquet does, whatever its name is."""
    return contents.beginning(file, len(_MAGIC)) == _MAGIC


def read_footer(file: Location, stamp: Stamp | None = None) -> tuple[Any, pa.Schema]:
    """Return the footer of a Parquet file and its schema; raise InputContractError if the file is not Parquet.

    For an object, the version of the stamp is read if a stamp is given.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = contents.beginning(file, HEAD_BYTES, stamp)
    if not head.startswith(_MAGIC):
        raise InputContractError(f"{file}: {_other_format(head)}")
    try:
        footer = pq.read_metadata(contents.source(str(file), stamp))
        schema = footer.schema.to_arrow_schema()
        str(schema.names)  # decodes them
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputContractError(
            f"{file}: its footer cannot be read ({str(error).strip()}); write the file again"
        ) from error
    return footer, schema


def _other_format(head: bytes) -> str:
    """Return the actual format of a file with this beginning, and what to do about it."""
    kind = format_of(head)
    what = kind.name if kind else "one"
    remedy = kind.remedy if kind else _IMPORT if is_text(head) else PARQUET
    return f"expected a Parquet file, got {what} that begins with {head[:4]!r}; {remedy}"


def group_rows(file: Location, footer: Any, columns: InputColumns) -> list[int]:
    """Return the rows of every row group.

    Raise InputContractError if they contradict the footer, or a row group would exceed the memory limit.
    """
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if sum(rows) != footer.num_rows or min(rows, default=0) < 0:
        raise InputContractError(
            f"{file}: its row groups and its footer state different numbers of rows; write the file again"
        )
    limit = columns.limits.row_group_bytes
    for number, group in enumerate(groups):
        # Not column by column: PyArrow ends the process if the metadata of a column are damaged or encrypted. And a run
        # of equal numbers takes no space in a file, but eight bytes each in memory.
        size = max(group.total_byte_size, 8 * group.num_rows * len(columns.all))
        if not 0 <= size <= limit:
            raise InputContractError(
                f"{file}: row group {number} takes up {size:,} bytes decoded, allowed are {limit:,}; write the file "
                "with smaller row groups (131,072 rows suit), or raise input.max_row_group_bytes"
            )
    return rows


def require_schema(file: Location, schema: pa.Schema, columns: InputColumns) -> None:
    """Raise InputContractError unless the file holds every column once and in a usable type."""
    problems = [problem for name in columns.all if (problem := _column_problem(file, name, schema, columns))]
    if problems:
        raise InputContractError("\n".join(f"{file}: {problem}" for problem in problems))


def _column_problem(file: Location, name: str, schema: pa.Schema, columns: InputColumns) -> str | None:
    """Return what is wrong with a column of a file, or None."""
    places = schema.get_all_field_indices(name)
    if not places:
        return f"column {name!r} is missing; {_folder_hint(file, name) or hint_at(name, schema.names)}"
    if len(places) > 1:
        return f"column {name!r} stands {len(places)} times; keep one"
    return _type_problem(name, schema.field(places[0]).type, columns)


def _folder_hint(file: Location, name: str) -> str | None:
    """Return what to name in place of a glob or a folder if a folder on the way to a file states the column."""
    for folder in file.parents:
        if folder.name.startswith(f"{name}="):
            return f"the folder {folder.name!r} tells it: name {str(folder.parent)!r}, not what lies below"
    return None


def hint_at(name: str, there: Sequence[str]) -> str:
    """Return the column that may have been meant, else the columns that exist, at most the first of them."""
    lower = {known.lower(): known for known in there}
    if close := get_close_matches(name.lower(), lower, n=1):
        return f"did you mean {lower[close[0]]!r}?"
    others = f" and {len(there) - _LISTED} others" if len(there) > _LISTED else ""
    return f"the file has {', '.join(map(repr, there[:_LISTED]))}{others}"


def _type_problem(name: str, kind: pa.DataType, columns: InputColumns) -> str | None:
    """Return what is wrong with the type of a column, given its use in the job, or None."""
    import pyarrow.types as t

    plain, text = plain_type(kind), holds_text(kind)
    number = t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_boolean(kind)
    if name in {*columns.numbers, *columns.substitution.money} and not number:
        remedy = "cast it" if name not in columns.numeric else "cast it, or list it under features.categorical"
        return f"column {name!r} is {kind}, expected a number; {remedy}"
    if name in columns.texts and not (text or t.is_integer(plain) or t.is_boolean(plain)):
        return f"column {name!r} is {kind}, expected text or whole numbers; cast it"
    if name in {columns.account_id, *columns.parents} and not (text or t.is_integer(plain)):
        return f"column {name!r} is {kind}, expected text or whole numbers, since an id must be exact; cast it"
    return None


def _copy(columns: InputColumns) -> Iterator[str]:
    """Yield the columns that are copied to the output."""
    yield from (name for name in (columns.account_id, columns.name, columns.market_segment) if name)
    yield from columns.keep


def require_same(
    file: Location, schema: pa.Schema, first_file: Location, first: pa.Schema, columns: InputColumns
) -> None:
    """Raise InputContractError unless the columns that are copied to the output have one type in both files."""
    for name in _copy(columns):
        here, there = (plain_type(item.field(name).type) for item in (schema, first))
        if here != there:
            raise InputContractError(
                f"{file}: column {name!r} is {here}, but {there} in {first_file}; write all files with one schema"
            )
