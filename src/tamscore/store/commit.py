"""Putting files in place: whole, hashed on the way, and durable, or not at all.

A file is written under a temporary name that Parquet readers pass over, flushed to the disk, moved to its name in one
step, and its folder is flushed. Whoever is killed in between leaves a temporary file, never a short one.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Self

from tamscore.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

TEMPORARY = "_tmp-"
LOCK = "_lock"


@dataclass(frozen=True)
class Placed:
    """A file in place: its size in bytes and its XXH3 hash, 32 hexadecimal digits."""

    bytes: int
    xxh3: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Size and hash of a file as it lies there."""
        import xxhash

        digest = xxhash.xxh3_128()
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
        return cls(path.stat().st_size, digest.hexdigest())

    def record(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return asdict(self)


class HashingFile:
    """A file to write to that hashes what passes, so that nothing has to be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        import xxhash

        self._file, self._digest, self._bytes = file, xxhash.xxh3_128(), 0

    closed = False

    def write(self, data: Any) -> int:
        """Write and hash some bytes."""
        self._digest.update(data)
        self._file.write(data)
        size = memoryview(data).nbytes
        self._bytes += size
        return size

    def tell(self) -> int:
        """How many bytes were written so far."""
        return self._bytes

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._file.flush()

    def placed(self) -> Placed:
        """Size and hash of what was written."""
        return Placed(self._bytes, self._digest.hexdigest())


def place(path: Path, write: Callable[[HashingFile], None]) -> Placed:
    """Size and hash of the file that `write` has filled and that now lies at the path.

    Raises RetryableError where the disk is full or the place cannot be written to; what lay there before stays.
    """
    part = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}.part")
    try:
        make_folder(path.parent)
        with part.open("xb") as file:
            sink = HashingFile(file)
            write(sink)
            flush_file(file)
        move(part, path)
        flush_folder(path.parent)
    except OSError as error:
        raise RetryableError(
            f"{path}: cannot be written ({error.strerror or error}); make room or mend access, then run again"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return sink.placed()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each name brought to the disk."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush_file(file: IO[bytes]) -> None:
    """Bring a file's bytes to the disk."""
    file.flush()
    os.fsync(file.fileno())


def move(part: Path, path: Path) -> None:
    """Give a file its name, in one step."""
    part.replace(path)


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def place_bytes(data: bytes, path: Path) -> Placed:
    """Put some bytes in place."""
    return place(path, lambda file: void(file.write(data)))


def place_json(value: dict[str, Any], path: Path) -> Placed:
    """Put an object in place as JSON, its keys in order."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return place_bytes(text.encode(), path)


def place_parquet(table: pa.Table, path: Path, repeating: Sequence[str] | None = None) -> Placed:
    """Put a table in place as Parquet, with page checksums; only the columns named as repeating get a dictionary."""
    import pyarrow.parquet as pq

    dictionary = True if repeating is None else [name for name in repeating if name in table.column_names]
    options = {"compression": "zstd", "write_page_checksum": True, "use_dictionary": dictionary}
    return place(path, lambda file: pq.write_table(table, file, **options))


def place_csv(table: pa.Table, path: Path) -> Placed:
    """Put a table in place as CSV, but for nested columns and bytes, which CSV has no form for."""
    import pyarrow.types as t
    from pyarrow import csv

    formless = (t.is_nested, t.is_binary, t.is_large_binary, t.is_fixed_size_binary)
    flat = table.select([field.name for field in table.schema if not any(has(field.type) for has in formless)])
    return place(path, lambda file: csv.write_csv(flat, file))


def void(_: object) -> None:
    """Nothing: for calls whose answer does not matter."""


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None where there is no such file or it is torn."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return dict(found) if isinstance(found, dict) else None


@contextmanager
def held(output: Path, purpose: str) -> Iterator[None]:
    """Hold an output alone while what is inside runs; stale temporary files are swept first.

    The lock belongs to this process and ends with it, however it ends. Raises RetryableError that names the holder.
    """
    make_folder(output)
    with (output / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise RetryableError(f"{output}: held by {file.read().strip() or 'another run'}; wait for it") from error
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}, {purpose}\n")
        file.flush()
        sweep(output)
        yield


def sweep(output: Path) -> None:
    """Remove the temporary files that a killed run has left; only for who holds the output."""
    for stale in output.rglob(f"{TEMPORARY}*.part"):
        stale.unlink(missing_ok=True)
