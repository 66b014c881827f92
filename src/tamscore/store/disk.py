"""The commit protocol on a disk: files written under a temporary name, flushed, moved; a lock of the operating system.

A file is written under a temporary name that Parquet readers pass over, flushed to the disk, moved to its name in one
step, and its folder is flushed. Whoever is killed in between leaves a temporary file, never a short one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from tamscore.errors import RetryableError
from tamscore.store.placed import HashingFile, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEMPORARY = "_tmp-"
LOCK = "_lock"


def place(path: Path, write: Callable[[HashingFile], None]) -> Placed:
    """Size and hash of the file that `write` has filled and that now lies at the path.

    Raises RetryableError where the disk is full or the place cannot be written to; what lay there before stays.
    """
    part = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}.part")
    try:
        make_folder(path.parent)
        with create(part) as file:
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


def create(part: Path) -> IO[bytes]:
    """A new file that is claimed by this process as long as it is open.

    Whoever sweeps may have taken it for a leftover before it was claimed: then it is made again.
    """
    while True:
        file = part.open("xb")
        with suppress(OSError):  # a file system may have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists():
            return file
        file.close()


def swap(path: Path, data: bytes) -> None:
    """Let the pointer of an output say this: one move, since the lock is held by this process alone."""

    def write(file: HashingFile) -> None:
        file.write(data)

    place(path, write)


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


def prepare(folder: Path) -> None:
    """Make a folder and see that files can be made in it; OSError else."""
    make_folder(folder)
    with TemporaryFile(dir=folder, prefix="_"):
        pass


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


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed run has left; only for who holds the output."""
    for stale in folder.rglob(f"{TEMPORARY}*.part"):
        stale.unlink(missing_ok=True)


def sweep_beside(path: Path) -> None:
    """Remove the temporary files that killed processes have left in the folder of a file; those under way stay."""
    for part in path.parent.glob(f"{TEMPORARY}*.part"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)
