"""A folder that is written aside and put in place as a whole: its readers get the old content or the new one.

Linux swaps two folders in one step (`renameat2`). Where the system or the file system cannot, the old folder is moved
aside first: a reader in between finds no folder, and the next sweep of a killed writer's files brings it back.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import RetryableError, UsageError
from tamscore.store import disk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

STAGED, _ASIDE = ".folder", ".before"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT_SWAP = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}
_IN_PLACE_ONLY = {errno.EBUSY, errno.EXDEV}


@contextmanager
def stage(target: Path) -> Iterator[Path]:
    """Give a new folder beside a target, for what will be put there; in the end it is removed with all it then holds.

    Its name begins with `_`, so that readers of Parquet folders pass over it. Raise RetryableError if the disk is
    full or cannot be written to.
    """
    try:
        disk.make_folder(target.parent)
        folder, lock = _new_folder(target)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        text = error.strerror or error
        raise RetryableError(
            f"{target}: cannot be written ({text}); free space or check rights, then run again"
        ) from error


def _new_folder(target: Path) -> tuple[Path, int]:
    """Return a new folder beside a target, and a handle that holds the lock on it until it is closed."""
    while True:
        folder = _beside(target, STAGED)
        folder.mkdir()
        if target.is_dir():
            _adopt(target, folder)
        if (handle := claim(folder)) is not None:
            return folder, handle


def claim(folder: Path) -> int | None:
    """Return a handle that holds the lock on a new folder until it is closed, None if the folder was swept before."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX)
    if os.fstat(handle).st_nlink:
        return handle
    os.close(handle)
    return None


def _adopt(target: Path, folder: Path) -> None:
    """Give a folder the owner, the group, the rights and the attributes of a target, as far as the user may."""
    owner = target.stat()
    for user, group in ((-1, owner.st_gid), (owner.st_uid, -1)):
        with suppress(OSError):
            os.chown(folder, user, group)
    shutil.copystat(target, folder)


def _beside(target: Path, ending: str) -> Path:
    """Return a new name beside a target that only this module uses."""
    return target.with_name(f"{disk.TEMPORARY}{secrets.token_hex(4)}-{target.name}{ending}")


@contextmanager
def alone(*locked: Path) -> Iterator[None]:
    """Keep others that ask for the same folders away, from a look at them to their change; outer folders come first.

    One that is not there is passed over. Where the file system has no locks, nobody is kept away.
    """
    with ExitStack() as stack:
        for folder in locked:
            with suppress(OSError):
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def put_in_place(folder: Path, target: Path, mine: Collection[str]) -> None:
    """Let a staged folder take the place of a target in one step.

    `mine` names the files of the target that it replaces; all other files of the target are taken along.
    Raise UsageError if the target can only be changed file by file, such as a mount point.
    """
    there = target.is_dir()
    if there:
        _copy_files(target, folder, mine)
    flush(folder)
    try:
        if there:
            _exchange(folder, target)
            _copy_files(folder, target, mine)  # what came in the meantime
        else:
            disk.move(folder, target)
    except OSError as error:
        if error.errno in _IN_PLACE_ONLY:
            raise UsageError(
                f"{target}: cannot be replaced as a whole ({error.strerror}); name a folder that is not there yet"
            ) from error
        raise
    disk.flush_folder(target.parent)


def fixed_by(folder: Path) -> str | None:
    """Return why a folder cannot be swapped for another one, None where nothing speaks against it."""
    if folder.is_mount():
        return "it is a mount point"
    if Path.cwd().is_relative_to(folder):
        return "it is or holds the current folder"
    inner = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(disk.TEMPORARY)
    )
    return f"it holds the folder {inner[0]!r}" if inner else None


def move_in(folder: Path, target: Path) -> None:
    """Move a staged folder to a target that is not there yet, or what it holds into one that is there and empty.

    Each entry is moved in one step, folders before files.
    """
    if target.is_dir():
        for entry in sorted(folder.iterdir(), key=Path.is_file):
            disk.move(entry, target / entry.name)
        disk.flush_folder(target)
    else:
        disk.move(folder, target)
    disk.flush_folder(target.parent)


def _copy_files(source: Path, folder: Path, mine: Collection[str]) -> None:
    """Link or copy the files of a folder into another one, but for those named and those that are there already."""
    there = {entry.name for entry in folder.iterdir()}
    for entry in [entry for entry in source.iterdir() if entry.name not in {*mine, *there}]:
        copy = folder / entry.name
        try:
            os.link(entry, copy, follow_symlinks=False)
        except OSError:  # a file system without links
            shutil.copy2(entry, copy, follow_symlinks=False)


def flush(folder: Path) -> None:
    """Bring the files of a folder and their names to the disk."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                disk.flush_file(file)
    disk.flush_folder(folder)


def _exchange(path: Path, other: Path) -> None:
    """Swap two folders, in one step where the system can; else `other` is missing for a moment."""
    if not swap(path, other):
        aside = _beside(other, _ASIDE)
        disk.move(other, aside)
        disk.move(path, other)
        disk.move(aside, path)


def swap(path: Path, other: Path) -> bool:
    """Return whether two folders were swapped in one step; False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if rename(_AT_FDCWD, os.fsencode(path), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in _CANNOT_SWAP:
        return False
    raise OSError(number, os.strerror(number), str(path), None, str(other))


def sweep(folder: Path) -> None:
    """Remove the staged folders that killed processes have left in a folder; bring back a target they had moved aside.

    Those under way stay.
    """
    for stale in folder.glob(f"{disk.TEMPORARY}*{_ASIDE}"):
        target = folder / stale.name.removeprefix(disk.TEMPORARY).partition("-")[2].removesuffix(_ASIDE)
        if target.exists():
            shutil.rmtree(stale, ignore_errors=True)
        else:
            disk.move(stale, target)
    remove_unlocked(folder.glob(f"{disk.TEMPORARY}*{STAGED}"))


def remove_unlocked(stale: Iterable[Path]) -> None:
    """Remove the folders that no process holds the lock on."""
    for folder in stale:
        with suppress(OSError):
            if not disk.is_open(folder):
                shutil.rmtree(folder, ignore_errors=True)
