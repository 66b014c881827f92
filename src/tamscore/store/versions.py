"""The versions of an output: all of them, the current one, and the one that a person names."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError, unreadable
from tamscore.store import history
from tamscore.store.location import location
from tamscore.store.objects.path import ObjectPath
from tamscore.store.pointer import CURRENT, MANIFEST, current_version, require_manifest, versions_in
from tamscore.store.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.store.location import Location

_KEY = re.compile(r"[0-9a-f]{1,16}")
"""A run key, or its beginning."""


def run_named(path: Location, output: Location | None = None) -> tuple[RunDirectory, dict[str, Any]]:
    """Return the complete run that a path names, and its manifest.

    A path names an output (its current version), a version, or the beginning of a run key. The latter may follow its
    output (`scores/3fa9`), or stand alone if `output` is given. Raise UsageError if there is no such run, or more than
    one. Raise InputContractError if its manifest was edited or is torn, or if a torn pointer leaves the current version
    open.
    """
    where = output if path.parent == Path() else None
    if _is_folder(path) or (where is None and not _KEY.fullmatch(path.name.lower())):
        directory = find(path)
    else:
        directory = version_like(where or path.parent, path.name)
    return directory, require_manifest(directory.output, directory.run_key)


def require_keys(directory: RunDirectory, manifest: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raise InputContractError, with the manifest's name, if it lacks any of the keys."""
    missing = [key for key in keys if key not in manifest]
    if missing:
        raise InputContractError(
            f"{directory.path / MANIFEST}: expected the manifest of a run, got one without {', '.join(missing)}; run "
            "its job again"
        )


def _is_folder(path: Location) -> bool:
    """Return whether there is a folder at a path; raise as `errors.unreadable` if the system cannot say."""
    try:
        return path.is_dir() if isinstance(path, ObjectPath) else stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(path, error) from error


def version_like(output: Location, key: str) -> RunDirectory:
    """Return the version of an output whose key begins so, if it has a manifest, torn or not.

    Raise UsageError if there is none, or more than one.
    """
    sealed = [run for run in versions(output) if (run.path / MANIFEST).is_file()]
    directories = [run for run in sealed if key and run.run_key.startswith(key.lower())]
    if len(directories) == 1:
        return directories[0]
    there = ", ".join(run.run_key for run in directories or complete_versions(output)) or "none"
    problem = "several complete versions begin so" if directories else "no complete version begins so"
    pruned = (
        {entry.version for entry in history.entries(output) if entry.action == "prune"} if not directories else set()
    )
    note = "; it was pruned" if key and any(version.startswith(key.lower()) for version in pruned) else ""
    raise UsageError(f"{output}: {key!r}: {problem}{note}; there are {there}")


def find(path: Location) -> RunDirectory:
    """Return the run at a path: an output folder (its current version) or the folder of one version.

    If the pointer is torn, the ledger decides which version is current. Raise UsageError if there is no complete run.
    """
    version = current_version(path)
    if version is not None:
        return RunDirectory(path, version)
    if path.parent.name == "versions" and (path / MANIFEST).is_file():
        return RunDirectory(path.parent.parent, path.name)
    raise UsageError(f"{path}: no complete run here; expected an output folder with {CURRENT}, or one of its versions")


def holds_runs(named: str, output: Location) -> bool:
    """Return whether there may be a run at a path: False if it is missing, or an output without any current version.

    Raise UsageError if the path is no output, or an output without its pointer: a new fit would hide that. A version,
    or a run key within the output, is assumed to exist.
    """
    path = location(named)
    if not path.is_dir():
        if isinstance(path, Path) and path.exists():
            raise UsageError(f"{path}: expected the output folder of a job, got a file")
        above = path.parent
        is_key = above == Path() or above.name == "versions" or bool(versions(above))
        return path != output and is_key and _KEY.fullmatch(path.name.lower()) is not None
    if (path / CURRENT).exists() or path.parent.name == "versions":
        return True
    if history.raw(path) or complete_versions(path):
        raise UsageError(
            f"{path}: there are versions, but {CURRENT} is missing, which says which one counts; name one with --model "
            f"{path}/KEY, or restore the file"
        )
    names = sorted(entry.name for entry in path.iterdir())
    strange = [name for name in names if name not in {"versions", "lost+found"} and not name.startswith(("_", "."))]
    if strange:
        raise UsageError(f"{path}: expected an output folder of a job, got one with {strange[0]!r} in it")
    return False


def version_before(directory: RunDirectory) -> RunDirectory | None:
    """Return the version that a run replaced when it last became current; None if unknown or not complete."""
    output = directory.output
    name = history.before(history.entries(output, current_version(output)), directory.run_key)
    run_directory = None if name is None else RunDirectory(output, name)
    return run_directory if run_directory is not None and run_directory.manifest() is not None else None


def output_of(path: Location) -> Location:
    """Return the path if it is the output of a job; raise UsageError if no run has ever been written to it."""
    if not _is_folder(path) or (not (path / CURRENT).exists() and not versions(path)):
        raise UsageError(f"{path}: no output of a job; expected a folder with {CURRENT} and versions")
    return path


def complete_versions(output: Location) -> list[RunDirectory]:
    """Return the complete versions of an output, in order of name."""
    return [run for run in versions(output) if run.manifest() is not None]


def versions(output: Location) -> list[RunDirectory]:
    """Return all versions of an output, complete or not, in order of name."""
    return [RunDirectory(output, version) for version in versions_in(output)]
