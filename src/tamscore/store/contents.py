"""What a file holds, wherever it lies: on a disk, or in an object store from which it is read in ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.store.location import location
from tamscore.store.objects.path import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.schema import Stamp
    from tamscore.store.location import Location


def whole(path: Location, columns: Sequence[str] | None = None) -> pa.Table:
    """A table of a run, wherever it lies."""
    import pyarrow.parquet as pq

    return pq.read_table(source(str(path)), columns=None if columns is None else list(columns))


def plain_texts(table: pa.Table) -> pa.Table:
    """The table with dictionaries of texts as texts."""
    import pyarrow as pa

    fields = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def source(path: str, stamp: Stamp | None = None) -> Any:
    """What PyArrow reads a file from: its path, or an object as a file; of the version of the stamp where one is given.

    An object is read in ranges, each refused by the store itself where the version is another by then.
    """
    where = location(path)
    return where.open(buffering=0, stamp=stamp) if isinstance(where, ObjectPath) else path


def beginning(path: Location, size: int, stamp: Stamp | None = None) -> bytes:
    """The first bytes of a file; of an object, of the version of the stamp."""
    opened = path.open(buffering=0, stamp=stamp) if isinstance(path, ObjectPath) else path.open("rb")
    with opened as stream:
        return bytes(stream.read(size))
