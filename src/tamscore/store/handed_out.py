"""Records of files and tables with accounts that were written from an output to other places, in `handed_out/`.

A person who is asked to erase an account needs these records (see `forgetting`). A command that writes a file again
needs them, too: it does not replace a file that was changed since.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import TamscoreError, UsageError
from tamscore.store import commit, history
from tamscore.store.location import files_in
from tamscore.store.pointer import HANDED_OUT
from tamscore.store.run_directory import run_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.progress import Progress
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


@dataclass(frozen=True)
class HandedOut:
    """A file, folder or table that a command wrote from a version: when (UTC), by whom and where.

    `stamp` holds the size and the time of a local file as it was written. It is empty for folders and tables, and while
    the file is being written.
    """

    version: str
    command: str
    path: str
    at: str
    by: str
    host: str
    stamp: str = ""


_REQUIRED = {field.name for field in fields(HandedOut) if field.default is MISSING}


def note(directory: RunDirectory, command: str, path: Location | str, progress: Progress) -> HandedOut:
    """Record that a command wrote a file, a folder or a table; if the record cannot be written, a notice says so."""
    there, host = _file_name(path), socket.gethostname()
    entry = HandedOut(directory.run_key, command, there, history.now(), history.user(), host)
    _store(directory, entry, progress)
    return entry


@contextmanager
def not_handed_out(directory: RunDirectory, command: str, path: Location, progress: Progress) -> Iterator[None]:
    """Record what a command writes during the block: first without a stamp, so that it may be replaced after a kill."""
    entry = note(directory, command, path, progress)
    yield
    _store(directory, replace(entry, stamp=_stamp_of(path)), progress)


def _store(directory: RunDirectory, entry: HandedOut, progress: Progress) -> None:
    """Write a record; if that fails, give a notice."""
    name = run_key(directory.run_key, entry.command, entry.path, entry.host)
    try:
        commit.place_json(asdict(entry), directory.output / HANDED_OUT / f"{name}.json")
    except TamscoreError as error:
        progress.notice(f"tamscore forget will not list {entry.path}: {error}")


def _stamp_of(path: Location) -> str:
    """Return size and time of change of a local file as text; empty for anything else."""
    if not isinstance(path, Path) or not path.is_file():
        return ""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def require_free(directory: RunDirectory, command: str, path: Location, *, overwrite: bool) -> None:
    """Raise UsageError if a command would replace a file, or write into a folder with files, that it did not write.

    The same holds for a file that was changed after the command wrote it. Inside the output itself nothing is replaced,
    not even with `overwrite`.
    """
    if isinstance(path, Path) and isinstance(directory.output, Path):
        require_outside(directory.output, path)
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    stamps = {entry.stamp for entry in notes(directory, command, path)}
    if not stamps:
        raise UsageError(
            f"{path}: is there already, and no {command} of these scores; add --overwrite, or name another"
        )
    if not stamps & {"", _stamp_of(path)}:
        raise UsageError(f"{path}: was changed after {command} wrote it; add --overwrite, or name another")


def require_free_files(
    directory: RunDirectory, command: str, folder: Location, files: Sequence[Location], *, overwrite: bool
) -> None:
    """Raise UsageError if a command would replace its folder, or one of its files in there; see `require_free`.

    Earlier releases recorded the folder alone: its files are replaced as they are.
    """
    require_free(directory, command, folder, overwrite=overwrite)
    if any(notes(directory, command, file) for file in files):
        for file in files:
            require_free(directory, command, file, overwrite=overwrite)


def notes(directory: RunDirectory, command: str, path: Location | str) -> list[HandedOut]:
    """Return the records of a command for a file, a folder or a table of this name."""
    return [
        record for record in records(directory.output) if record.command == command and record.path == _file_name(path)
    ]


def _file_name(path: Location | str) -> str:
    """Return the name of a file, a folder or a table in its record."""
    return str(path.absolute()) if isinstance(path, Path) else str(path)


def require_outside(output: Path, path: Path) -> None:
    """Raise UsageError if a path lies in the folder of the versions and records of an output."""
    if path.resolve().is_relative_to(output.resolve()):
        raise UsageError(
            f"{path}: lies in the output {str(output)!r}, which holds the scores alone; name another place"
        )


def records(output: Location) -> list[HandedOut]:
    """Return all records, the oldest first; files that hold no record are skipped.

    Records of earlier releases have no stamp.
    """
    folder = output / HANDED_OUT
    items = [commit.read_json(path) for path in files_in(folder)] if folder.is_dir() else []
    rows = [entry for entry in items if entry is not None and entry.keys() - {"stamp"} == _REQUIRED]
    return sorted((HandedOut(**entry) for entry in rows), key=lambda entry: (entry.at, entry.path))
