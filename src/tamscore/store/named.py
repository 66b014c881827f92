"""A run by the name that people give it: a folder, or the beginning of its key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.store import run_directory

if TYPE_CHECKING:
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

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
        directory = run_directory.find(path)
    else:
        directory = version_like(where or path.parent, path.name)
    manifest = directory.manifest()
    if manifest is None:
        raise UsageError(f"{directory.path}: the run is not complete; run its job again")
    return directory, manifest


def version_like(output: Location, key: str) -> RunDirectory:
    """The complete version of an output whose key begins so; UsageError where there is none, or more than one."""
    complete = run_directory.complete_versions(output)
    found = [run for run in complete if key and run.run_key.startswith(key.lower())]
    if len(found) == 1:
        return found[0]
    there = ", ".join(run.run_key for run in found or complete) or "none"
    problem = "several complete versions begin so" if found else "no complete version begins so"
    raise UsageError(f"{output}: {key!r}: {problem}; there are {there}")
