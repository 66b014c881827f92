"""The commit protocol on a disk: files written under a temporary name, flushed, moved; a lock of the operating system.

A file is written under a temporary name that Parquet readers skip, flushed to the disk, moved to its name in one step,
and its folder is flushed. A process that is killed in between leaves a temporary file, never a short one. A writer
holds a lock on its temporary file, so that a sweep can separate files being written from files left behind.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from contextlib import contextmanager, suppress
from shutil import rmtree
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from tamscore.errors import RetryableError
from tamscore.store.placed import HashingFile, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEMPORARY, PART = "_tmp-", ".part"
LOCK = "_lock"


def place(path: Path, write: Callable[[HashingFile], None]) -> Placed:
    """Write a file to the path with `write`, and return its size and hash.

    Raise RetryableError if the disk is full or the folder is not writable; an earlier file at the path stays.
    """
    part = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}{PART}")
    try:
        make_folder(path.parent)
        with new_file(part) as file:
            sink = HashingFile(file)
            write(sink)
            flush_file(file)
            move(part, path)
        flush_folder(path.parent)
    except OSError as error:
        raise RetryableError(
            f"{path}: cannot be written ({error.strerror or error}); make room or fix access, then run again"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return sink.place()


def swap(path: Path, data: bytes) -> None:
    """Write these bytes to the pointer of an output, in one move; this process must hold the lock."""

    def write(file: HashingFile) -> None:
        file.write(data)

    place(path, write)


def is_temporary(name: str) -> bool:
    """Return whether a file of this name is being written, or was left by a process that was killed."""
    return name.startswith(TEMPORARY) and name.endswith(PART)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and flush each name to the disk."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush_file(file: IO[bytes]) -> None:
    """Flush a file's bytes to the disk."""
    file.flush()
    os.fsync(file.fileno())


def move(part: Path, path: Path) -> None:
    """Move a file to its name, in one step."""
    part.replace(path)


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def prepare(folder: Path) -> None:
    """Make a folder and check that files can be made in it; raise OSError if not."""
    make_folder(folder)
    with TemporaryFile(dir=folder, prefix="_"):
        pass


@contextmanager
def lock(output: Path, purpose: str) -> Iterator[None]:
    """Hold the lock of an output while the block runs; stale temporary files are swept first.

    The lock belongs to this process and ends with it, however it ends. Raise RetryableError, which names the holder, if
    another process holds the lock.
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


def remove(path: Path, _output: Path) -> None:
    """Remove a file or a link and flush that to the disk; raise RetryableError if access is denied."""
    try:
        unlink(path)
        flush_folder(path.parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise RetryableError(
            f"{path}: cannot be removed ({error.strerror or error}); give access, then run again"
        ) from error


def discard(folder: Path) -> None:
    """Remove a folder with its content as far as possible; a power cut may restore some of it."""
    rmtree(folder, ignore_errors=True)


def unlink(path: Path) -> None:
    """Remove a name from its folder."""
    path.unlink()


def remove_folder(folder: Path) -> None:
    """Remove a folder without files, and the folders in it; raise as `remove` does."""
    if not folder.is_dir() or folder.is_symlink():
        return
    try:
        for inner in [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]:
            remove_folder(inner)
        folder.rmdir()
        flush_folder(folder.parent)
    except OSError as error:
        raise RetryableError(
            f"{folder}: cannot be removed ({error.strerror or error}); give access, then run again"
        ) from error


def require_held(_output: Path) -> None:
    """Do nothing: a lock of the operating system is never lost while its process lives."""


def new_file(part: Path) -> IO[bytes]:
    """Open a new temporary file, locked for as long as it is open; a file system without locks leaves it unlocked.

    If a sweep removes the file between creation and lock, it is created again.
    """
    while True:
        file = part.open("xb")
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def sweep(folder: Path, *, open_too: bool = False) -> None:
    """Remove the temporary files below a folder that no process is writing, or with `open_too` all of them.

    Commands that write beside the versions, such as `coverage`, do not hold the output: their files stay.
    """
    for stale in folder.rglob(f"{TEMPORARY}*{PART}"):
        with suppress(FileNotFoundError):
            if open_too or not is_open(stale):
                stale.unlink()


def sweep_beside(path: Path) -> None:
    """Remove the temporary files that killed processes left in the folder of a file; files being written stay."""
    for stale in path.parent.glob(f"{TEMPORARY}*{PART}"):
        with suppress(OSError):
            if not is_open(stale):
                stale.unlink()


def is_open(part: Path) -> bool:
    """Return whether a process holds the lock on a temporary file or folder; raise FileNotFoundError if it is gone."""
    handle = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
