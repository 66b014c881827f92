"""Which versions of an output there are, which of them counted when, and how an earlier one is made to count again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store import history, pins
from tamscore.store.pointer import MANIFEST, current_version, require_manifest
from tamscore.store.pruning import hold
from tamscore.store.verify import problems_of_run, seal
from tamscore.store.versions import complete_versions, output_of, version_like, versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.history import LedgerEntry
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


_COMMANDS = {"fitted": "run", "frozen": "score", "refreshed": "refresh"}
"""What made a version, by where its model comes from."""


@dataclass(frozen=True)
class Version:
    """A complete version: its run key, whether it counts, the command that made it, its rows, whitespace by kind.

    `problem` says what is wrong with its manifest; rows and whitespace are then unknown. `pinned` says that `prune`
    keeps it.
    """

    version: str
    current: bool
    made_by: str
    scored: int | None
    whitespace: dict[str, float]
    pinned: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class History:
    """The ledger of an output, its complete versions, the current one first, and those that were pruned."""

    output: str
    entries: list[LedgerEntry]
    versions: list[Version]
    pruned: tuple[str, ...] = ()


def read_history(output: Location) -> History:
    """What the ledger of an output tells, and which versions could be made current; UsageError where it is none."""
    output_of(output)
    current, pinned = current_version(output), pins.pin(output)
    items = [_version_of(run, current, pinned) for run in versions(output) if seal(run)]
    ordered = sorted(items, key=lambda version: (not version.current, version.version))
    entries = [_entry_with_command(entry, items) for entry in history.entries(output, current)]
    there = {version.version for version in items}
    pruned = dict.fromkeys(entry.version for entry in entries if entry.action == "prune" and entry.version not in there)
    return History(str(output), entries, ordered, tuple(pruned))


def _version_of(run: RunDirectory, current: str | None, pinned: Iterable[str]) -> Version:
    """A complete version as its manifest tells it."""
    known = run.run_key, run.run_key == current
    try:
        manifest = require_manifest(run.output, run.run_key)
        whitespace = {kind: sums["whitespace"] for kind, sums in manifest["totals"].items()}
        made_by = _COMMANDS[manifest.get("model", {}).get("source", "fitted")]
        return Version(*known, made_by, manifest["rows"]["scored"], whitespace, run.run_key in pinned)
    except (InputContractError, UsageError) as error:
        return Version(*known, "unknown", None, {}, run.run_key in pinned, str(error))
    except (KeyError, TypeError, AttributeError):
        problem = f"{run.path / MANIFEST}: is no manifest of a run; run its job again"
        return Version(*known, "unknown", None, {}, run.run_key in pinned, problem)


def _entry_with_command(entry: LedgerEntry, versions: list[Version]) -> LedgerEntry:
    """The entry with the command that made its version, which the ledger does not tell, where the version is there."""
    made_by = {version.version: version.made_by for version in versions}
    return replace(entry, action=made_by.get(entry.version, entry.action)) if entry.action == "run" else entry


def roll_back(output: Location, key: str | None = None) -> tuple[str | None, RunDirectory]:
    """Make an earlier version current again, the one before the current where none is named by its key's beginning.

    The version that counted before, and the one that does now; the same twice where a rollback has taken effect and is
    asked for again. Every byte of it is verified before the swap. Raises UsageError where there is no such version,
    InputContractError where it is damaged (nothing changes then), RetryableError while a run holds the output.
    """
    output_of(output)
    with hold(output, "rollback"):
        before = _replaced_by(output, key)
        run = version_like(output, key if key is not None else _earlier(output, before))
        if problems := list(problems_of_run(run)):
            raise InputContractError("\n".join([*problems, f"{run.path}: is damaged; the current version stays"]))
        run.point_here("rollback")
    return before, run


def _replaced_by(output: Location, key: str | None) -> str | None:
    """The current version; None where nothing says which it is and a version is named to take its place."""
    try:
        return current_version(output)
    except InputContractError:
        if key is None:
            raise
        return None


def _earlier(output: Location, current: str | None) -> str:
    """The version that the current one replaced, or the current one where the last swap was a rollback to it.

    So a rollback that is repeated, as a scheduler does that has lost its answer, changes nothing. UsageError where the
    ledger does not tell, or it is not there.
    """
    entries = history.entries(output, current)
    swaps = [entry for entry in entries if entry.is_swap]
    if current and swaps and swaps[-1].took_effect and (swaps[-1].action, swaps[-1].version) == ("rollback", current):
        return current
    version = None if current is None else history.before(entries, current)
    complete = [run.run_key for run in complete_versions(output)]
    if version is None or version not in complete:
        there = ", ".join(complete) or "none"
        raise UsageError(f"{output}: nothing is known to have counted before {current}; name one of {there}")
    return version
