"""Which versions of an output there are, which of them counted when, and how an earlier one is made to count again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError, UsageError
from tamscore.store import commit, history
from tamscore.store.run_directory import current_version
from tamscore.store.verify import problems_of_run
from tamscore.store.versions import complete_versions, output_of, version_like, versions

if TYPE_CHECKING:
    from tamscore.store.history import Entry
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


COMMANDS = {"fitted": "run", "frozen": "score", "refreshed": "refresh"}
"""What made a version, by where its model comes from."""


@dataclass(frozen=True)
class Version:
    """A complete version: its run key, whether it counts, the command that made it, its rows, whitespace by kind."""

    version: str
    current: bool
    made_by: str
    scored: int
    whitespace: dict[str, float]


@dataclass(frozen=True)
class History:
    """The ledger of an output, and its complete versions, the current one first."""

    output: str
    entries: list[Entry]
    versions: list[Version]


def past(output: Location) -> History:
    """What the ledger of an output tells, and which versions could be made current; UsageError where it is none."""
    output_of(output)
    current = current_version(output)
    complete = [(run, manifest) for run in versions(output) if (manifest := run.manifest()) is not None]
    found = [version_of(run, manifest, current) for run, manifest in complete]
    ordered = sorted(found, key=lambda one: (not one.current, one.version))
    entries = [called(entry, found) for entry in history.entries(output, current)]
    return History(str(output), entries, ordered)


def version_of(run: RunDirectory, manifest: dict[str, Any], current: str | None) -> Version:
    """A complete version as its manifest tells it."""
    whitespace = {kind: sums["whitespace"] for kind, sums in manifest["totals"].items()}
    made_by = COMMANDS[manifest.get("model", {}).get("source", "fitted")]
    return Version(run.run_key, run.run_key == current, made_by, manifest["rows"]["scored"], whitespace)


def called(entry: Entry, versions: list[Version]) -> Entry:
    """The entry with the command that made its version, which the ledger does not tell, where the version is there."""
    made_by = {one.version: one.made_by for one in versions}
    return replace(entry, action=made_by.get(entry.version, entry.action)) if entry.action == "run" else entry


def roll_back(output: Location, key: str | None = None) -> tuple[str | None, RunDirectory]:
    """Make an earlier version current again, the one before the current where none is named by its key's beginning.

    The version that counted before, and the one that does now. Every byte of it is verified before the swap.
    Raises UsageError where there is no such version, InputContractError where it is damaged (nothing changes then),
    RetryableError while a run holds the output.
    """
    output_of(output)
    with commit.held(output, "rollback"):
        before = current_version(output)
        run = version_like(output, key if key is not None else earlier(output, before))
        if problems := list(problems_of_run(run)):
            raise InputContractError("\n".join([*problems, f"{run.path}: is damaged; the current version stays"]))
        run.point_here("rollback")
    return before, run


def earlier(output: Location, current: str | None) -> str:
    """The version that the current one replaced; UsageError where the ledger does not tell, or it is not there."""
    entries = history.entries(output, current)
    version = None if current is None else history.before(entries, current)
    complete = [run.run_key for run in complete_versions(output)]
    if version is None or version not in complete:
        there = ", ".join(complete) or "none"
        raise UsageError(f"{output}: nothing is known to have counted before {current}; name one of {there}")
    return version
