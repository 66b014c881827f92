"""Delta tables: the files that are live in a version, with the columns in their log."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tamscore.errors import InputContractError, UsageError
from tamscore.schema import Constant
from tamscore.store import footers, tables
from tamscore.store.contents import source
from tamscore.store.location import location, whole_address
from tamscore.store.objects import bucket, credentials
from tamscore.store.sources.copies import identity, keep_copies, written
from tamscore.store.sources.extra import require_package
from tamscore.store.sources.found import FoundFiles, SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from tamscore.schema import Copies
    from tamscore.store.location import Location

_PHYSICAL = b"delta.columnMapping.physicalName"
_PARTITION = "partition."
_UNDERSTOOD = {
    *("appendOnly", "columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "typeWidening-preview"),
    *("v2Checkpoint", "vacuumProtocolCheck", "variantType", "variantType-preview"),
}
"""What tables may ask of their readers and this one does; a column of variants is refused where a job reads it."""


def find(folder: Location, key: str, version: int | None, copies: Copies) -> FoundFiles:
    """Return the live files of a Delta table in order of path.

    Rows that deletion vectors take out, and columns that have another name in the files, are put right in copies.
    Raise UsageError if the package or the version is not there, or the table asks for more than is understood;
    InputContractError if its log or a file cannot be read.
    """
    require_package("deltalake", "lakehouse", key, f"the Delta table {str(folder)!r}")
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        table = _open_delta(folder, key, version)
        vectors = {unquote(row["filepath"]): row["selection_vector"] for row in _rows_of(table.deletion_vectors())}
        actions = sorted(_rows_of(table.get_add_actions(flatten=True)), key=lambda action: str(action["path"]))
        keep = partial(keep_copies, copies, key)
        files = tuple(_live_files(folder, pa.schema(table.schema()), actions, vectors, keep))
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise InputContractError(
            f"{folder}: the Delta table cannot be read ({str(error).strip()}); restore its log, or write it again"
        ) from error
    return FoundFiles("Delta", files, version=str(table.version()))


def _open_delta(folder: Location, key: str, version: int | None) -> Any:
    """Return the table in a folder in the version of that number, else in the newest; raise UsageError as `find`."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    place = whole_address(folder)
    plain = not isinstance(folder, Path) and bucket.is_plain_endpoint(place)
    options = ({"allow_http": "true"} if plain else {}) | credentials.plain_aws(place)
    table = DeltaTable(place, storage_options=options or None)
    if version is not None:
        try:
            table.load_as_version(version)
        except (DeltaError, ValueError) as error:
            raise UsageError(
                f"input.version: the Delta table {str(folder)!r} has no version {version} ({error}); the newest is "
                f"{table.version()}"
            ) from error
    if unknown := sorted({*(table.protocol().reader_features or ())} - _UNDERSTOOD):
        raise UsageError(
            f"{key}: {str(folder)!r} is a Delta table with the feature {unknown[0]!r}, which is not understood; write "
            "it as plain Parquet"
        )
    return table


def _rows_of(result: Any) -> list[dict[str, Any]]:
    """Return the rows of a table of the library as dictionaries."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = pa.table(result).to_pylist()
    return rows


def _live_files(
    folder: Location,
    schema: pa.Schema,
    actions: Iterable[dict[str, Any]],
    vectors: dict[str, list[bool]],
    keep: Callable[..., tuple[Path, ...]],
) -> Iterator[SourceFile]:
    """Yield the file of each action that added one; a vector or another name asks for a copy, which `keep` makes."""
    logical = {field.name: field for field in schema} | {_physical(field): field for field in schema}
    for action in actions:
        name = unquote(action["path"])
        path = location(name) if "://" in name else folder / name
        record = {key.removeprefix(_PARTITION): value for key, value in action.items() if key.startswith(_PARTITION)}
        constants = [Constant(logical[text].name, logical[text].type, value) for text, value in record.items()]
        vector = next((those for uri, those in vectors.items() if uri.endswith(f"/{name}")), None)
        yield _live_file(SourceFile(path, name, None, tuple(constants)), logical, vector, keep)


def _physical(field: pa.Field) -> str:
    """Return the name that a column has in the files of its table."""
    return str((field.metadata or {}).get(_PHYSICAL, field.name.encode()), "utf-8")


def _live_file(
    file: SourceFile, logical: dict[str, pa.Field], vector: list[bool] | None, keep: Callable[..., tuple[Path, ...]]
) -> SourceFile:
    """Return a file of the table whose fields are known by either name; columns that came later are null.

    A column of the file is known by its physical name alone: its own name may be that of a column added since.
    """
    stamp = tables.stamp_of(str(file.path))
    there = footers.read_footer(file.path, stamp)[1].names
    stored = {_physical(field): field.name for field in logical.values()}
    current = {*stored.values()}
    names = [
        stored.get(item, None if item in current else item) for item in there
    ]  # None: dropped, its name given again
    members = {*names, *(constant.name for constant in file.constants)}
    later = {
        field.name: Constant(field.name, field.type, None) for field in logical.values() if field.name not in members
    }
    copy = None
    if vector is not None or names != there:
        what = "Delta", identity(file.path, stamp), names, vector
        (copy,) = keep(what, lambda: [written(*_rename_columns(file.path, names, vector))])
    return replace(file, copy=copy, constants=(*file.constants, *later.values()), stamp=stamp)


def _rename_columns(
    path: Location, names: list[str | None], items: list[bool] | None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema and the rows of a file under other names, without columns of the name None.

    The rows are those that a vector, which may end early, keeps.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source(str(path)), page_checksum_verification=True)
    renamed = {place: name for place, name in enumerate(names) if name is not None}
    schema = pa.schema([file.schema_arrow.field(place).with_name(name) for place, name in renamed.items()])

    def rows() -> Iterator[pa.RecordBatch]:
        stop = 0
        for batch in file.iter_batches(use_threads=False):
            start, stop = stop, stop + len(batch)
            part = (items or [])[start:stop]
            mask = pa.array([*part, *[True] * (len(batch) - len(part))])
            columns = [batch.column(place) for place in renamed]
            yield pa.record_batch(columns, schema=schema).filter(mask)

    return schema, rows()
