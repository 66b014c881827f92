"""`history` and `rollback`: which version of an output counted when, and how an earlier one counts again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Output
from tamscore.view.blocks import Chapter, Table, table, without_empty
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.questions.rollback import History, Version
    from tamscore.store.history import LedgerEntry

_KINDS = ("expansion", "acquisition")


def history(output: Output, as_json: AsJson = False) -> None:
    """List which version replaced which, when and by whom.

    Also lists the complete versions, each of which can be made current again.
    """
    from tamscore.questions.rollback import read_history

    result = read_history(output)
    if as_json:
        print(json.dumps(asdict(result), indent=1, ensure_ascii=False))
    else:
        terminal.put_chapter(_chapter(result))


def _chapter(result: History) -> Chapter:
    """Return the ledger and the versions as a chapter."""
    missing = "" if result.entries else "no swap was recorded yet"
    return Chapter("history", f"history of {result.output}", missing, (_swaps(result), _versions(result)))


def _swaps(result: History) -> Table:
    """Return which version came in place of which."""
    rows = [
        (
            entry.at,
            entry.action,
            entry.version,
            entry.replaced,
            f"{entry.by} on {entry.host}",
            _note_of(entry, result.pruned),
        )
        for entry in result.entries
    ]
    return without_empty(table("Swaps", "at:id|what|version:id|in place of:id/2|by/3|note/2", rows))


def _versions(result: History) -> Table:
    """Return the complete versions."""
    rows = [
        (
            version.version,
            _state_of(version),
            version.made_by,
            version.scored,
            *(version.whitespace.get(kind) for kind in _KINDS),
        )
        for version in result.versions
    ]
    columns = "version:id|state|made by/3|accounts:count/2|expansion:money/2|acquisition:money/2"
    return without_empty(table("Complete versions", columns, rows, "whitespace by kind"))


def _note_of(entry: LedgerEntry, pruned: Iterable[str]) -> str:
    """Return what became of an entry, or what left its version."""
    if not entry.took_effect:
        return "was cut off"
    if entry.version in pruned:
        return "pruned since"
    return f"{count_text(len(entry.forgotten['hashes']), 'account')} left it" if entry.forgotten else ""


def _state_of(version: Version) -> str:
    """Return what a person should know of a version: current, pinned, damaged."""
    states = {"current": version.current, "pinned": version.pinned, "manifest damaged": version.problem is not None}
    return ", ".join(state for state, holds in states.items() if holds)


def rollback(
    output: Output,
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="A run key or its beginning; absent: what the current one replaced."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier version current again.

    Every byte of it is verified first. Nothing is computed, copied or removed, and the ledger records it. If you ask
    again without a version, nothing changes. To go further back, name a version.
    """
    from tamscore.questions.rollback import roll_back

    before, run = roll_back(output, version)
    if as_json:
        print(json.dumps({"current": run.run_key, "replaced": before, "changed": before != run.run_key}))
    elif before == run.run_key:
        print(f"{run.run_key} is the current version already; to go further back, name a version")
    else:
        print(f"{run.run_key} is current again, in place of {before or 'none'}; every byte as it was written")
