"""`history` and `rollback`: which version of an output counted when, and how an earlier one counts again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Output
from tamscore.view.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Group

    from tamscore.insight.rollback import History, Version
    from tamscore.store.history import Entry

KINDS = ("expansion", "acquisition")


def history(output: Output, as_json: AsJson = False) -> None:
    """Tell which version replaced which, when and by whom.

    And which complete versions there are: each could be made current again.
    """
    from tamscore.insight.rollback import past

    found = past(output)
    if as_json:
        print(json.dumps(asdict(found), indent=1, ensure_ascii=False))
    else:
        terminal.put(lambda width: page(found, width))


def page(found: History, width: int | None) -> Group:
    """The ledger and the versions as tables."""
    from rich.console import Group

    from tamscore.insight.layout import add, new_table, section
    from tamscore.view.words import NOTHING, money

    swaps = new_table("at|what|version|in place of|by|", width)
    for one in found.entries:
        note = note_of(one, found.pruned)
        add(swaps, one.at, one.action, one.version, one.replaced or NOTHING, f"{one.by} on {one.host}", note)
    complete = new_table("version||made by|>accounts|>expansion|>acquisition", width)
    for version in found.versions:
        amounts = [money(version.whitespace[kind]) if version.whitespace else "" for kind in KINDS]
        scored = "" if version.scored is None else f"{version.scored:,}"
        add(complete, version.version, state_of(version), version.made_by, scored, *amounts)
    note = found.output if found.entries else f"{found.output}: no swap was recorded yet"
    ledger = section("history", swaps, note)[1:]
    return Group(*ledger, *section("complete versions", complete, "whitespace by kind"))


def note_of(entry: Entry, pruned: Iterable[str]) -> str:
    """What became of an entry, or what left its version."""
    if not entry.took_effect:
        return "was cut off"
    if entry.version in pruned:
        return "pruned since"
    return f"{counted(len(entry.forgotten['hashes']), 'account')} left it" if entry.forgotten else ""


def state_of(version: Version) -> str:
    """What a person should know of a version: current, pinned, damaged."""
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

    Every byte of it is verified first; nothing is computed, copied or removed, and the ledger tells of it. Asked for
    again without a version, it changes nothing: to go further back, name one.
    """
    from tamscore.insight.rollback import roll_back

    before, run = roll_back(output, version)
    if as_json:
        print(json.dumps({"current": run.run_key, "replaced": before, "changed": before != run.run_key}))
    elif before == run.run_key:
        print(f"{run.run_key} is the current version already; to go further back, name a version")
    else:
        print(f"{run.run_key} is current again, in place of {before or 'none'}; every byte as it was written")
