"""The versions of an output: which there are, which counts, and the one that a person names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.store.history import raw
from tamscore.store.location import location
from tamscore.store.run_directory import CURRENT, MANIFEST, RUN_KEY, RunDirectory, current_version

if TYPE_CHECKING:
    from tamscore.store.location import Location

KEY = re.compile(r"[0-9a-f]{1,16}")
"""A run key, or its beginning."""


def run_named(path: Location, output: Location | None = None) -> tuple[RunDirectory, dict[str, Any]]:
    """The complete run that a path names, and its manifest.

    A path names an output (its current version), a version, or the beginning of a run key; that may stand behind its
    output (`scores/3fa9`), or alone where it is to be sought in the `output` given.
    Raises UsageError where there is none, or more than one.
    """
    where = output if path.parent == Path() else None
    if path.is_dir() or (where is None and not KEY.fullmatch(path.name.lower())):
        directory = find(path)
    else:
        directory = version_like(where or path.parent, path.name)
    manifest = directory.manifest()
    if manifest is None:
        raise UsageError(f"{directory.path}: the run is not complete; run its job again")
    return directory, manifest


def version_like(output: Location, key: str) -> RunDirectory:
    """The complete version of an output whose key begins so; UsageError where there is none, or more than one."""
    complete = complete_versions(output)
    found = [run for run in complete if key and run.run_key.startswith(key.lower())]
    if len(found) == 1:
        return found[0]
    there = ", ".join(run.run_key for run in found or complete) or "none"
    problem = "several complete versions begin so" if found else "no complete version begins so"
    raise UsageError(f"{output}: {key!r}: {problem}; there are {there}")


def find(path: Location) -> RunDirectory:
    """The run at a path: an output folder (its current version) or the folder of one version.

    Where the pointer is torn, the complete version written last stands in for it. Raises UsageError where there is no
    complete run.
    """
    version = current_version(path)
    if version is not None and RunDirectory(path, version).manifest() is not None:
        return RunDirectory(path, version)
    if (path / MANIFEST).is_file() and path.parent.name == "versions":
        return RunDirectory(path.parent.parent, path.name)
    complete = complete_versions(path)
    if (path / CURRENT).exists() and complete:
        return max(complete, key=lambda run: (run.path / MANIFEST).stat().st_mtime_ns)
    raise UsageError(f"{path}: no complete run here; expected an output folder with {CURRENT}, or one of its versions")


def holds_runs(named: str, output: Location) -> bool:
    """Whether there may be a run at a path: False where it is missing, or an output in which no version ever counted.

    Raises UsageError where the path is no output, or one whose pointer is gone: a new fit would hide that. What names
    a version, or a run of the output by its key, is taken to be there.
    """
    path = location(named)
    if not path.is_dir():
        if isinstance(path, Path) and path.exists():
            raise UsageError(f"{path}: expected the output folder of a job, got a file")
        above = path.parent
        is_key = above == Path() or above.name == "versions" or bool(versions(above))
        return path != output and is_key and KEY.fullmatch(path.name.lower()) is not None
    if (path / CURRENT).exists() or path.parent.name == "versions":
        return True
    if raw(path) or complete_versions(path):
        raise UsageError(
            f"{path}: there are versions, but {CURRENT} is missing, which says which one counts; name one with --model "
            f"{path}/KEY, or restore the file"
        )
    names = sorted(entry.name for entry in path.iterdir())
    strange = [name for name in names if name not in {"versions", "lost+found"} and not name.startswith(("_", "."))]
    if strange:
        raise UsageError(f"{path}: expected an output folder of a job, got one with {strange[0]!r} in it")
    return False


def output_of(path: Location) -> Location:
    """The path, where it is the output of a job; UsageError where no run has ever been written to it."""
    if not (path / CURRENT).exists() and not versions(path):
        raise UsageError(f"{path}: no output of a job; expected a folder with {CURRENT} and versions")
    return path


def complete_versions(output: Location) -> list[RunDirectory]:
    """The complete versions of an output, in order of name."""
    return [run for run in versions(output) if run.manifest() is not None]


def versions(output: Location) -> list[RunDirectory]:
    """All versions of an output, complete or not, in order of name."""
    folder = output / "versions"
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [RunDirectory(output, name) for name in names if RUN_KEY.fullmatch(name)]
