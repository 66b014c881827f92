"""The versions of an output, their history, and the rollback to an earlier version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store import history, pins
from tamscore.store.pointer import MANIFEST, current_version, require_manifest
from tamscore.store.pruning import lock
from tamscore.store.verify import problems_of_run, seal
from tamscore.store.versions import complete_versions, output_of, version_like, versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.history import LedgerEntry
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


_COMMANDS = {"fitted": "run", "frozen": "score", "refreshed": "refresh"}
"""The command that made a version, by the source of its model."""


@dataclass(frozen=True)
class Version:
    """A complete version: its run key, whether it is current, the command that made it, its rows, whitespace by kind.

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
    """The ledger of an output, its complete versions, the current one first, and the pruned versions."""

    output: str
    entries: list[LedgerEntry]
    versions: list[Version]
    pruned: tuple[str, ...] = ()


def read_history(output: Location) -> History:
    """Return the ledger of an output, and its complete versions; raise UsageError if the path is not an output."""
    output_of(output)
    current, pinned = current_version(output), pins.pin(output)
    items = [_version_of(run, current, pinned) for run in versions(output) if seal(run)]
    ordered = sorted(items, key=lambda version: (not version.current, version.version))
    entries = [_entry_with_command(entry, items) for entry in history.entries(output, current)]
    there = {version.version for version in items}
    pruned = dict.fromkeys(entry.version for entry in entries if entry.action == "prune" and entry.version not in there)
    return History(str(output), entries, ordered, tuple(pruned))


def _version_of(run: RunDirectory, current: str | None, pinned: Iterable[str]) -> Version:
    """Return a complete version with the figures of its manifest."""
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
    """Return the entry with the command that made its version, if it exists; the ledger has no command."""
    made_by = {version.version: version.made_by for version in versions}
    return replace(entry, action=made_by.get(entry.version, entry.action)) if entry.action == "run" else entry


def roll_back(output: Location, key: str | None = None) -> tuple[str | None, RunDirectory]:
    """Make an earlier version current again, by default the one before the current version; keys may be shortened.

    Return the version that was current, and the one that is current now; twice the same for a repeated rollback. Every
    byte of the version is verified before the swap. Raise UsageError if there is no such version, InputContractError if
    it is damaged (nothing changes then), RetryableError while a run holds the output.
    """
    output_of(output)
    with lock(output, "rollback"):
        before = _replaced_by(output, key)
        run = version_like(output, key if key is not None else _earlier(output, before))
        if problems := list(problems_of_run(run)):
            raise InputContractError("\n".join([*problems, f"{run.path}: is damaged; the current version stays"]))
        run.point_here("rollback")
    return before, run


def _replaced_by(output: Location, key: str | None) -> str | None:
    """Return the current version; None if it cannot be determined and a version is named to replace it."""
    try:
        return current_version(output)
    except InputContractError:
        if key is None:
            raise
        return None


def _earlier(output: Location, current: str | None) -> str:
    """Return the version that the current one replaced, or the current one if the last swap was a rollback to it.

    So a rollback that is repeated, for example by a scheduler that has lost the answer, changes nothing. Raise
    UsageError if the ledger does not name the version, or it does not exist.
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
