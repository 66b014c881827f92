"""Parquet copies of tables in other formats, beside the output that they are for, else temporary.

OUTPUT/_sources/<hash>.parquet   a copy, named after the hash of its bytes
OUTPUT/_sources/<hash>.json      the copies of a table, named after the hash of the table's content and settings

A copy is read again while its bytes have the hash in its name; a changed copy is made again. `prune` removes copies
that no version names any more; `forget` removes all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import RetryableError, UsageError
from tamscore.package_digest import package_digest
from tamscore.store import commit
from tamscore.store.location import location
from tamscore.store.objects.path import ObjectPath
from tamscore.store.placed import Placed
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import pyarrow as pa

    from tamscore.schema import Copies, Stamp
    from tamscore.store.location import Location

COPIES = "_sources"
"""The folder of an output for copies of tables."""
ROW_GROUP = 131_072
_UNNAMED_S = 86_400
"""Seconds that an unnamed copy stays: a run may be about to read it."""
_numbers = count()
_code = cache(package_digest)


def written(schema: pa.Schema, batches: Iterable[pa.RecordBatch], metadata: Mapping[str, str] | None = None) -> Path:
    """Return a temporary Parquet file with the batches, large strings as strings, and the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in schema]
    schema = pa.schema(fields, dict(metadata) if metadata else None)
    path = temporary_folder() / f"source-{next(_numbers)}.parquet"
    with pq.ParquetWriter(path, schema, compression="lz4", write_page_checksum=True) as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema), row_group_size=ROW_GROUP)
    return path


def keep_copies(
    copies: Copies, key: str, what: Sequence[object], make: Callable[[], Sequence[Path]]
) -> tuple[Path, ...]:
    """Return the copies of a table: stored copies of `what`, else those that `make` writes to temporary files.

    `what` holds everything that the copies depend on besides this program. `key` names the table in the job file. Raise
    UsageError if workers on other machines could not read the copies.
    """
    folder = folder_of(copies, key)
    if folder is None:
        return tuple(make())
    index = folder / f"{hashlib.sha256(repr((_code(), *what)).encode()).hexdigest()[:32]}.json"
    there = [folder / str(name) for name in (commit.read_json(index) or {}).get("copies", ())]
    if there and all(map(_is_whole, there)):
        return tuple(there)
    made = tuple(make())
    try:
        there = [keep_copy(path, folder) for path in made]
        commit.place_json({"copies": [path.name for path in there]}, index)
    except RetryableError:  # a run reports this when it writes scores; `check` continues without
        return made
    return tuple(there)


def folder_of(copies: Copies, key: str) -> Path | None:
    """Return the folder for copies, None if they are temporary; raise as `keep_copies` does."""
    output = None if copies.output is None else location(copies.output)
    if isinstance(output, Path) and (copies.make or output.is_dir()):
        return output / COPIES
    if copies.far and not isinstance(output, Path):
        raise UsageError(
            f"{key}: is read from a copy beside the output, but with engine.kind = 'remote' and an output in an object "
            "store workers cannot read it; set output.path to a folder that all machines share, or write the table as "
            "Parquet"
        )
    return None


def keep_copy(path: Path, folder: Path) -> Path:
    """Move a temporary file to the folder for copies, return its path; raise RetryableError if not writable."""
    target = folder / f"{Placed.of(path).xxh3}.parquet"
    if not _is_whole(target):
        with path.open("rb") as file:
            commit.place_free(target, lambda there: shutil.copyfileobj(file, there))
    return target


def named_by_content(path: Path) -> Path:
    """Rename a temporary file to the name that `keep` would give it; an existing file of that name stays."""
    target = path.with_name(f"{Placed.of(path).xxh3}.parquet")
    if _is_whole(target):
        path.unlink()
        return target
    return path.rename(target)


def _is_whole(path: Path) -> bool:
    """Return whether a copy exists with the bytes that its name states; such a copy is marked as used now.

    Only the time of access changes: a run that reads the copy checks the time of change.
    """
    try:
        flag = Placed.of(path).xxh3 == path.stem
        if flag:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except OSError:
        return False
    return flag


def content_digest(file: Path) -> bytes:
    """Return the 128-bit XXH3 of all bytes of a file: footer and date do not change with every value."""
    return bytes.fromhex(Placed.of(file).xxh3)


def identity(file: Location, stamp: Stamp) -> bytes:
    """Return bytes that identify the content of a file; for an object its address, size and entity tag.

    A store gives every content of an object its own tag, so that nothing has to be fetched.
    """
    return f"{file}\0{stamp}".encode() if isinstance(file, ObjectPath) else content_digest(file)


def sweep(output: Location, manifests: Iterable[dict[str, Any]]) -> None:
    """Remove the copies that none of the manifests names, and index files without their copies.

    The caller must hold the output. Copies used within a day stay: a run may be about to read them.
    """
    folder = output / COPIES
    if not isinstance(folder, Path) or not folder.is_dir():
        return
    named = {name for manifest in manifests for name in _names_in(manifest["inputs"])}
    for path in sorted(folder.glob("*.parquet")):
        if path.name not in named and time.time() - _last_used(path) > _UNNAMED_S:
            commit.remove(path, output)
    for index in sorted(folder.glob("*.json")):
        if not _leads_to_all(index, {path.name for path in folder.glob("*.parquet")}):
            commit.remove(index, output)
    with suppress(OSError):
        folder.rmdir()


def _last_used(path: Path) -> float:
    """Return the time of the last write or read of a copy, in seconds since 1970."""
    stat = path.stat()
    return max(stat.st_mtime, stat.st_atime)


def _leads_to_all(index: Path, there: Collection[str]) -> bool:
    """Return whether all copies that an index names exist."""
    names = (commit.read_json(index) or {}).get("copies", ())
    return bool(names) and {*names} <= {*there}


def _names_in(inputs: dict[str, Any]) -> Iterable[str]:
    """Yield the names of the copies that the inputs of a manifest were read from."""
    yield from inputs.get("copies", ())
    for table in inputs.get("tables", {}).values():
        yield from _names_in(table)
