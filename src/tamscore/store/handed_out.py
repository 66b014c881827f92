"""Which files and tables with accounts were written from an output to other places: a record each in `handed_out/`.

Nothing needs these records but a person who is asked to erase an account; see `forgetting`.
"""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import TamscoreError, UsageError
from tamscore.store import commit, history
from tamscore.store.location import files_in
from tamscore.store.pointer import HANDED_OUT
from tamscore.store.run_directory import run_key

if TYPE_CHECKING:
    from tamscore.progress import Progress
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


@dataclass(frozen=True)
class HandedOut:
    """A file, folder or table that a command wrote from a version: when (UTC), by whom and where."""

    version: str
    command: str
    path: str
    at: str
    by: str
    host: str


def note(directory: RunDirectory, command: str, path: Location | str, progress: Progress) -> None:
    """Record that a command wrote a file, a folder or a table; where that is not possible, tell the person at it."""
    there = named(path)
    entry = HandedOut(directory.run_key, command, there, history.now(), history.user(), socket.gethostname())
    place = directory.output / HANDED_OUT / f"{run_key(directory.run_key, command, there, entry.host)}.json"
    try:
        commit.place_json(asdict(entry), place)
    except TamscoreError as error:
        progress.notice(f"tamscore forget will not list {there}: {error}")


def require_free(directory: RunDirectory, command: str, path: Location, *, overwrite: bool) -> None:
    """Raise UsageError if a command would replace a file, or write into a folder with files, that it did not make.

    Within the output itself nothing is replaced, whatever is asked for.
    """
    if isinstance(path, Path) and isinstance(directory.output, Path):
        require_outside(directory.output, path)
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not is_noted(directory, command, path):
        raise UsageError(
            f"{path}: is there already, and no {command} of these scores; add --overwrite, or name another"
        )


def is_noted(directory: RunDirectory, command: str, path: Location | str) -> bool:
    """Return whether it is recorded that a command wrote a file, a folder or a table of this name."""
    return any(entry.command == command and entry.path == named(path) for entry in records(directory.output))


def named(path: Location | str) -> str:
    """Return how a record names a file, a folder or a table."""
    return str(path.absolute()) if isinstance(path, Path) else str(path)


def require_outside(output: Path, path: Path) -> None:
    """Raise UsageError if a path lies in the folder of the versions and records of an output."""
    if path.resolve().is_relative_to(output.resolve()):
        raise UsageError(
            f"{path}: lies in the output {str(output)!r}, which holds the scores alone; name another place"
        )


def records(output: Location) -> list[HandedOut]:
    """Return what was recorded, the oldest first; files that hold no record are passed over."""
    folder = output / HANDED_OUT
    found = [commit.read_json(path) for path in files_in(folder)] if folder.is_dir() else []
    told = [entry for entry in found if entry is not None and entry.keys() == HandedOut.__dataclass_fields__.keys()]
    return sorted((HandedOut(**entry) for entry in told), key=lambda entry: (entry.at, entry.path))
