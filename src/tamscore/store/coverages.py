"""The coverages of a version, in `OUTPUT/coverage/`, and which of them counts: the last one made, unless one is named.

Beside their folders `OUTPUT/coverage/RUN.json` names the last one made of a run; without it the time of change decides.
They outlive their version: `prune` leaves them, so that books are kept from a version that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.store import history, records
from tamscore.store.pointer import RUN_KEY, current_version
from tamscore.store.run_directory import COVERAGE, RECORDS

if TYPE_CHECKING:
    from tamscore.store.location import Location

LAST = "last_coverage"
"""The key of that file under which the name stands."""
OWNERS_FROM = "owners_from"
"""The key of a manifest under which the coverage stands whose owners a run with a coverage has kept, null for none."""


def set_last(folder: Location, run: str) -> None:
    """Let a coverage, whose record is in place, be the one that counts for a run."""
    records.place({"run": run, LAST: folder.name}, {}, note_of(folder.parent, run))


def note_of(coverages: Location, run: str) -> Location:
    """Return where it stands which coverage of a run was made last."""
    return coverages / f"{run}.json"


def coverage_of(output: Location, run: str, name: str | None = None) -> Location | None:
    """Return the folder of the coverage of a run that counts, or of the one whose name begins so; None if none counts.

    Raise UsageError if a name is given and none, or more than one, begins so; InputContractError if a record was
    changed.
    """
    if name is None:
        return _last_made(output, run)
    items = [folder for folder in _coverages(output, run) if name and folder.name.startswith(name.lower())]
    if len(items) == 1:
        return items[0]
    there = ", ".join(folder.name for folder in items or _coverages(output, run)) or "none; tamscore coverage makes one"
    problem = "several coverages of the run begin so" if items else "no coverage of the run begins so"
    raise UsageError(f"--plan: {name!r}: {problem}; there are {there}")


def _last_made(output: Location, run: str) -> Location | None:
    """Return the folder of the coverage of a run that was made last, None if there is none; raise as `coverage_of`."""
    path = note_of(output / COVERAGE, run)
    note = records.read(path, goes=path) if path.is_file() else {}
    folder = output / COVERAGE / str(note.get(LAST))
    if RUN_KEY.fullmatch(folder.name) and (folder / RECORDS[COVERAGE]).is_file() and record_of(folder)["run"] == run:
        return folder
    there = _coverages(output, run)
    return there[-1] if there else None


def coverage_before(output: Location, run: str) -> Location | None:
    """Return the coverage that counts of the newest version before a run that has one, None if there is none.

    That is the version which the run replaced when it was made, or that which this one replaced, and so on. So no
    coverage depends on one of the same or of a later version. Raise InputContractError if a record was changed.
    """
    replaced = history.first_replaced(history.entries(output, current_version(output)))
    while (version := replaced.pop(run, None)) is not None:
        if (folder := _last_made(output, version)) is not None:
            return folder
        run = version
    return None


def newest_coverage(output: Location) -> Location | None:
    """Return the coverage that counts of the current version, or of the newest before; raise as `coverage_before`."""
    version = current_version(output)
    return None if version is None else _last_made(output, version) or coverage_before(output, version)


def folder_of(output: Location, name: str) -> Location:
    """Return the folder of the coverage of that name; raise InputContractError if it is not there."""
    folder = output / COVERAGE / name
    if not (folder / RECORDS[COVERAGE]).is_file():
        raise InputContractError(
            f"{folder}: the coverage whose owners a run has kept is gone; restore it, or set coverage.owners to "
            '"none" or a table'
        )
    return folder


def _coverages(output: Location, run: str) -> list[Location]:
    """Return the folders of all coverages of a run, by time of change."""
    folder = output / COVERAGE
    inside: list[Location] = sorted(folder.iterdir(), key=str) if folder.is_dir() else []
    items = [item for item in inside if RUN_KEY.fullmatch(item.name) and (item / RECORDS[COVERAGE]).is_file()]
    items.sort(key=lambda item: ((item / RECORDS[COVERAGE]).stat().st_mtime_ns, item.name))
    return [item for item in items if record_of(item).get("run") == run]


def record_of(folder: Location) -> dict[str, Any]:
    """Return the record of a coverage; raise InputContractError that names the file if it was changed."""
    return records.read(folder / RECORDS[COVERAGE])
